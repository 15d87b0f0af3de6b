namespace Metering.Cluster.Benchmarks;

/// <summary>An account as one would write it with Orleans alone: a grain that writes its state with each deduction.</summary>
[Alias("metering.benchmarks.state")]
internal interface IStateGrain : IGrainWithStringKey
{
    /// <summary>Deducts, durably.</summary>
    [Alias("deduct")]
    ValueTask<CallAnswer?> DeductAsync(CallRequest request);
}

/// <summary>A balance and a number: what such a grain keeps at least.</summary>
[GenerateSerializer, Alias("metering.benchmarks.stored")]
internal sealed class StoredAccount
{
    [Id(0)]
    public long Credits { get; set; } = long.MaxValue;

    [Id(1)]
    public long Number { get; set; }
}

/// <summary>Not reentrant: a second write before the first is answered would be refused by its version.</summary>
internal sealed class StateGrain([PersistentState("account", StateGrain.Storage)] IPersistentState<StoredAccount> account) : Grain, IStateGrain
{
    /// <summary>The storage's name.</summary>
    public const string Storage = "benchmark";

    public async ValueTask<CallAnswer?> DeductAsync(CallRequest request)
    {
        var charged = request.Quantity * Credits.Scale;
        account.State.Credits -= charged;
        account.State.Number++;
        await account.WriteStateAsync();
        return new() { Number = account.State.Number, Tag = 0, Charged = charged, Credits = account.State.Credits, Bonus = 0, Monthly = 0, Permanent = charged };
    }
}
