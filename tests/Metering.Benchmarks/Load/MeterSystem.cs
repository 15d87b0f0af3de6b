using System.Diagnostics;
using Metering.Engine;
using Microsoft.Extensions.Logging.Abstractions;

namespace Metering.Benchmarks;

/// <summary>The whole meter in this process over one of its stores, everything on: decision, hash chain, idempotency keys, durable answer.</summary>
internal sealed class MeterSystem(IMeterStore store) : ILoadSystem
{
    private static readonly TimeSpan RetryAfter = TimeSpan.FromMilliseconds(5);

    public string Name => store.Name;

    public string Description => $"the meter in process on its {store.Name} store: a product's price, a description of 40 characters, hash chain, durable answer";

    public string? Missing => store.Missing;

    public int MaxCallers => 100_000;

    public async Task<LoadFigure> MeasureAsync(LoadShape shape)
    {
        using var folder = new ScratchFolder("load");
        var options = new CreditMeteringOptions();
        await store.ConfigureAsync(options, folder.Path);
        options.QueueCapacity = Math.Max(options.QueueCapacity, shape.Callers);
        var ledger = options.LedgerStoreFactory!(NoServices.Instance);
        var meter = new EmbeddedCreditMeter(ledger, options, TimeProvider.System, NullLogger<EmbeddedCreditMeter>.Instance);
        try
        {
            var accounts = await MeterCallers.OpenAccountsAsync(meter, shape.Accounts);
            var callers = new MeterCallers(meter, accounts, shape, new($"{Name}, {shape}", shape, () => store.Backlog(ledger)));
            var (calls, seconds, latency) = await callers.RunAsync();
            var drain = Stopwatch.StartNew();
            await callers.CheckBooksAsync();
            await meter.DisposeAsync();
            await WaitForBacklogAsync(ledger);
            await ledger.DisposeAsync();
            return new(calls, seconds, drain.Elapsed.TotalSeconds, callers.Refused, latency, $"{(shape.Keys ? "idempotency keys" : "no idempotency keys")}; {callers.Cost}") { ProcessorMicroseconds = callers.ProcessorMicroseconds };
        }
        catch
        {
            await CloseAsync(meter, ledger);
            throw;
        }
    }

    public ValueTask DisposeAsync() => store.DisposeAsync();

    /// <summary>Waits until everything durable is in its final place, watching every few milliseconds.</summary>
    private async Task WaitForBacklogAsync(ILedgerStore ledger)
    {
        var line = new ProgressLine();
        while (store.Backlog(ledger) is > 0 and var waiting)
        {
            line.Write($"{Name}, drain  backlog {waiting:N0}");
            await Task.Delay(RetryAfter, TimeProvider.System);
        }

        line.End();
    }

    private static async Task CloseAsync(EmbeddedCreditMeter meter, ILedgerStore ledger)
    {
        await meter.DisposeAsync();
        await ledger.DisposeAsync();
    }

    private sealed class NoServices : IServiceProvider
    {
        public static readonly NoServices Instance = new();

        public object? GetService(Type serviceType) => null;
    }
}
