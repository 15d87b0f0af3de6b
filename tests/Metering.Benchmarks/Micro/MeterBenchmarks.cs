using BenchmarkDotNet.Attributes;
using Metering.Engine;
using Microsoft.Extensions.Logging.Abstractions;

namespace Metering.Benchmarks;

/// <summary>A whole deduction on the store in memory, one caller.</summary>
[MemoryDiagnoser]
public class MeterBenchmarks : IAsyncDisposable
{
    private static readonly AccountId Account = new("acct_micro");

    private EmbeddedCreditMeter meter = null!;
    private ILedgerStore store = null!;
    private long number;

    /// <summary>Opens the account.</summary>
    [GlobalSetup]
    public async Task SetUp()
    {
        var options = new CreditMeteringOptions().UseMemory();
        store = options.LedgerStoreFactory!(null!);
        meter = new(store, options, TimeProvider.System, NullLogger<EmbeddedCreditMeter>.Instance);
        _ = (await meter.OpenAccountAsync(Account, new() { Plan = "starter" })).Value;
        _ = (await meter.GrantAsync(Account, new() { Source = GrantSource.Purchase, Amount = Credits.MaxAmount })).Value;
    }

    /// <summary>Closes it.</summary>
    [GlobalCleanup]
    public async Task CleanUp() => await DisposeAsync();

    /// <inheritdoc />
    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        await meter.DisposeAsync();
        await store.DisposeAsync();
    }

    /// <summary>A deduction without a key.</summary>
    [Benchmark]
    public async Task<Credits> Deduct() => (await meter.DeductAsync(Account, Request(null))).Value.Charged;

    /// <summary>A deduction with a key of its own.</summary>
    [Benchmark]
    public async Task<Credits> DeductWithKey() => (await meter.DeductAsync(Account, Request($"key-{++number}"))).Value.Charged;

    private static DeductRequest Request(string? key) =>
        new() { Product = "lead.search", Quantity = 97, Description = "Lead search: Restaurants in US (97 results)", IdempotencyKey = key };
}
