using System.Diagnostics;
using Metering.Engine;
using Microsoft.Extensions.Logging.Abstractions;

namespace Metering.Benchmarks;

/// <summary>What one large account costs.</summary>
/// <param name="Name">For finding it.</param>
/// <param name="What">For people.</param>
/// <param name="Value">The figure.</param>
/// <param name="Unit">Its unit.</param>
internal sealed record LargeResult(string Name, string What, double Value, string Unit);

/// <summary>One account with very many record subscriptions, and one with very many transactions, on SQLite.</summary>
internal sealed class LargeCommand(ResultStore results)
{
    public const string Usage = """
        large     one account with a million record subscriptions, another with a million transactions, on SQLite
          --records N             subscriptions, 20000 to 2000000, default 1000000
          --transactions N        transactions, 1000 to 2000000, default 1000000
        """;

    private const int Times = 21;
    private const int WarmUp = 10;

    private static readonly AccountId Owner = new("large-records");
    private static readonly AccountId Spender = new("large-transactions");

    public async Task RunAsync(Arguments arguments)
    {
        var records = arguments.Number("--records", 1_000_000, 20_000, 2_000_000);
        var transactions = arguments.Number("--transactions", 1_000_000, 1_000, 2_000_000);
        arguments.RefuseOthers();
        using var folder = new ScratchFolder("large");
        var path = Path.Combine(folder.Path, "large.db");
        await BuildAsync(path, records, transactions);
        await MeasureRecordsAsync(path, records);
        await MeasureTransactionsAsync(path, transactions);
    }

    private static async Task BuildAsync(string path, int records, int transactions)
    {
        await using var store = SqliteLedgerStore.Open(path);
        await using var meter = Meter(store);
        foreach (var account in new[] { Owner, Spender })
        {
            _ = (await meter.OpenAccountAsync(account, new() { Plan = "starter" })).Value;
            _ = (await meter.GrantAsync(account, new() { Source = GrantSource.Purchase, Amount = Credits.Of(10_000_000) })).Value;
        }

        for (var from = 0; from < records; from += RecordAccessRequest.MaxRecords)
        {
            _ = (await meter.AccessRecordsAsync(Owner, new() { Records = Records(from, Math.Min(RecordAccessRequest.MaxRecords, records - from)) })).Value;
        }

        foreach (var chunk in Enumerable.Range(0, transactions).Chunk(1_024))
        {
            await Task.WhenAll(chunk.Select(number => meter.DeductAsync(Spender, new() { Amount = new Credits(1), Description = $"Search {number}" }).AsTask()));
        }
    }

    private async Task MeasureRecordsAsync(string path, int records)
    {
        await using var store = SqliteLedgerStore.Open(path);
        await using var meter = Meter(store);

        // Once on a small account, so that no compiling is measured.
        _ = (await meter.AccessRecordsAsync(Spender, new() { Records = Records(0, 10), MaxCredits = Credits.Zero, Mode = AccessMode.UpTo })).Value;
        var before = Heap();
        var clock = Stopwatch.StartNew();
        _ = (await meter.GetBalanceAsync(Owner)).Value;
        Report("activation", $"activating an account with {records:N0} record subscriptions", clock.Elapsed.TotalMilliseconds, "ms");
        Report("records-memory", "what it takes in memory", (Heap() - before) / 1e6, "MB");

        var subscribed = new RecordAccessRequest { Records = Records(records - RecordAccessRequest.MaxRecords, RecordAccessRequest.MaxRecords) };
        await ReportAsync("check", "checking 10,000 subscribed records in one call, nothing to commit", async () => _ = (await meter.AccessRecordsAsync(Owner, subscribed)).Value);
        var beyond = records;
        await ReportAsync(
            "subscribe",
            "subscribing 10,000 new records in one call, its commit included",
            async () => _ = (await meter.AccessRecordsAsync(Owner, new() { Records = Records(beyond += RecordAccessRequest.MaxRecords, RecordAccessRequest.MaxRecords) })).Value);
    }

    private async Task MeasureTransactionsAsync(string path, int transactions)
    {
        await using var store = SqliteLedgerStore.Open(path);
        await using var meter = Meter(store);
        _ = (await meter.GetBalanceAsync(Spender)).Value;
        foreach (var limit in new[] { 50, 100 })
        {
            var offset = transactions / 10 * 9;
            await ReportAsync(
                $"offset-{limit}",
                $"{limit} transactions from offset {offset:N0} of {transactions:N0}",
                async () =>
                {
                    var page = (await meter.ListTransactionsAsync(Spender, new() { Offset = offset, Limit = limit })).Value;
                    _ = page.Items.Count == limit ? true : throw new InvalidOperationException($"The page has {page.Items.Count} transactions.");
                });
        }
    }

    private static EmbeddedCreditMeter Meter(SqliteLedgerStore store) => new(store, new(), TimeProvider.System, NullLogger<EmbeddedCreditMeter>.Instance);

    private static RecordRequest[] Records(int from, int count) => [.. Enumerable.Range(from, count).Select(number => new RecordRequest("company", $"company-{number}"))];

    private async Task ReportAsync(string name, string what, Func<Task> call)
    {
        for (var time = 0; time < WarmUp; time++)
        {
            await call();
        }

        var (times, processor) = (new double[Times], Environment.CpuUsage.TotalTime);
        for (var time = 0; time < Times; time++)
        {
            var clock = Stopwatch.StartNew();
            await call();
            times[time] = clock.Elapsed.TotalMilliseconds;
        }

        processor = Environment.CpuUsage.TotalTime - processor;
        Array.Sort(times);
        Report(name, $"{what}, median ({processor.TotalMilliseconds / Times:N2} ms of processor)", times[Times / 2], "ms");
    }

    private static long Heap()
    {
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        GC.WaitForPendingFinalizers();
        return GC.GetTotalMemory(forceFullCollection: true);
    }

    private void Report(string name, string what, double value, string unit)
    {
        results.Save($"large-{name}", new LargeResult(name, what, value, unit));
        Console.WriteLine($"{value,14:N2} {unit}  {what}");
    }
}
