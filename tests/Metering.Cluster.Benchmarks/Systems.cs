using Microsoft.Extensions.DependencyInjection;
using Orleans.Concurrency;

namespace Metering.Cluster.Benchmarks;

/// <summary>A host of accounts, and of grains where it has a cluster.</summary>
internal interface IMeterHost
{
    IServiceProvider Services { get; }

    /// <inheritdoc cref="ICalls.ProcessorTime"/>
    TimeSpan ProcessorTime => Environment.CpuUsage.TotalTime;

    Task StartAsync();

    Task StopAsync();
}

/// <summary>What Orleans itself takes: a call without argument and answer to a grain that does nothing.</summary>
[Alias("metering.benchmarks.empty")]
internal interface IEmptyGrain : IGrainWithIntegerKey
{
    [Alias("call")]
    ValueTask CallAsync();
}

[Reentrant]
internal sealed class EmptyGrain : Grain, IEmptyGrain
{
    public ValueTask CallAsync() => ValueTask.CompletedTask;
}

/// <summary>Calls to empty grains.</summary>
internal sealed class EmptyCalls(IMeterHost host) : ICalls
{
    private IEmptyGrain[] grains = [];

    public string Name => "empty call";

    public TimeSpan ProcessorTime => host.ProcessorTime;

    public async Task StartAsync(int accounts)
    {
        await host.StartAsync();
        var factory = host.Services.GetRequiredService<IGrainFactory>();
        grains = [.. Enumerable.Range(0, accounts).Select(index => factory.GetGrain<IEmptyGrain>(index))];
        await Parallel.ForEachAsync(grains, async (grain, _) => await grain.CallAsync());
    }

    public ValueTask CallAsync(int account) => grains[account].CallAsync();

    public Task StopAsync() => host.StopAsync();
}

/// <summary>Deductions of a product's price, each with an idempotency key of its own.</summary>
internal sealed class Deductions(string name, IMeterHost host) : ICalls
{
    private AccountId[] ids = [];
    private ICreditMeter? meter;
    private long calls;

    public string Name => name;

    public TimeSpan ProcessorTime => host.ProcessorTime;

    public async Task StartAsync(int accounts)
    {
        await host.StartAsync();
        calls = 0;
        meter = host.Services.GetRequiredService<ICreditMeter>();
        ids = [.. Enumerable.Range(0, accounts).Select(index => new AccountId($"acct_{index}"))];
        await Parallel.ForEachAsync(ids, new ParallelOptions { MaxDegreeOfParallelism = 256 }, async (id, cancellation) =>
        {
            _ = (await meter.OpenAccountAsync(id, new() { Plan = "starter" }, cancellation)).Value;
            _ = (await meter.GrantAsync(id, new() { Source = GrantSource.Purchase, Amount = Credits.Of(1_000_000_000) }, cancellation)).Value;
        });
    }

    public async ValueTask CallAsync(int account)
    {
        var outcome = await meter!.DeductAsync(ids[account], new()
        {
            Product = "lead.search",
            Quantity = 97,
            Description = "Lead search: Restaurants in US (97 results)",
            IdempotencyKey = $"k-{Interlocked.Increment(ref calls)}",
        });
        _ = outcome.Value;
    }

    public async Task StopAsync()
    {
        var (transactions, expected) = (0L, calls);
        foreach (var id in ids)
        {
            // Two grants opened each account.
            transactions += (await meter!.ListTransactionsAsync(id, new() { Limit = 1 })).Value.Total - 2;
        }

        await host.StopAsync();
        if (transactions != expected)
        {
            throw new InvalidOperationException($"{name}: {expected} deductions were answered and {transactions} are there: a fast wrong answer is no figure.");
        }
    }
}
