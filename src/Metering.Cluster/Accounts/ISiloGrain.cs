namespace Metering.Cluster;

/// <summary>
/// The accounts of one silo, for callers elsewhere that know where they live: calls to many of them travel as one message. The key is the
/// silo's address and a lane's number.
/// </summary>
[Alias("metering.silo")]
internal interface ISiloGrain : IGrainWithStringKey
{
    /// <summary>Runs calls side by side, like <see cref="IAccountGrain.RunAsync"/>. Those to accounts that don't live here are answered with <see cref="Moved"/>.</summary>
    /// <param name="calls">One or more calls.</param>
    /// <returns>An answer for each, in the same order.</returns>
    [Alias("run")]
    ValueTask<AccountAnswers> RunAsync(SiloCalls calls);
}

/// <summary>The calls of one process to accounts of one silo that were waiting together.</summary>
[GenerateSerializer, Immutable, Alias("metering.silo-calls")]
internal sealed class SiloCalls
{
    /// <summary>The account of each call.</summary>
    [Id(0)]
    public required string[] Accounts { get; init; }

    [Id(1)]
    public required AccountCall[] Items { get; init; }
}
