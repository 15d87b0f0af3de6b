using Orleans.Concurrency;

namespace Metering.Cluster.Benchmarks;

/// <summary>What Orleans itself takes for a call: a grain that does nothing.</summary>
[Alias("metering.benchmarks.empty")]
internal interface IEmptyGrain : IGrainWithStringKey
{
    /// <summary>Takes what a deduction takes, and answers what it answers.</summary>
    [Alias("call")]
    ValueTask<CallAnswer?> CallAsync(CallRequest request);

    /// <summary>Takes and answers nothing.</summary>
    [Alias("bare")]
    ValueTask<CallAnswer?> CallBareAsync();
}

[Reentrant]
internal sealed class EmptyGrain : Grain, IEmptyGrain
{
    private static readonly CallAnswer Answer = new() { Number = 123_456, Tag = ulong.MaxValue, Charged = 9_700_000, Credits = 1_000_000_000, Bonus = 0, Monthly = 0, Permanent = 9_700_000 };

    public ValueTask<CallAnswer?> CallAsync(CallRequest request) => new(Answer);

    public ValueTask<CallAnswer?> CallBareAsync() => default;
}
