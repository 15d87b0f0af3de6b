using System.Diagnostics;
using System.Globalization;
using Metering.Conformance;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;
using Xunit.Abstractions;

namespace Metering.Engine.Tests;

/// <summary>
/// A start that finds far more in the journal than the pages have. <c>METERING_LAG</c> says how many entries; the full size is 5,000,000.
/// </summary>
[Collection(RunsAlone.Name)]
public sealed class JournalLagTests(ITestOutputHelper output) : IDisposable
{
    private const int Accounts = 500;
    private const int GroupRows = 20;

    private static readonly CreditMeteringOptions Options = new CreditMeteringOptions().UseMemory();
    private static readonly AccountId Called = new("called");

    private readonly JournaledFiles files = new();
    private readonly Stopwatch clock = Stopwatch.StartNew();

    private static long Lag => long.Parse(Environment.GetEnvironmentVariable("METERING_LAG") ?? "100000", CultureInfo.InvariantCulture);

    public void Dispose() => files.Remove();

    [Fact]
    public async Task A_start_serves_before_its_lag_is_in_the_pages_and_ends_with_everything_there_once()
    {
        var heads = await WriteAsync();
        var before = GC.GetTotalMemory(forceFullCollection: true);
        var store = files.Open();
        Tell($"opened; the lag of {store.BacklogEntries} entries takes {(GC.GetTotalMemory(forceFullCollection: true) - before) >> 20} MB");
        Assert.True(store.BacklogEntries >= Lag);
        await ServeAsync(store);
        Assert.Equal(0, store.Watermark);
        Tell("served: a balance, a deduction and a replay, none of it from the pages");

        for (var steps = 1; store.Step(); steps++)
        {
            Tell($"step {steps}: watermark {store.Watermark}, {store.BacklogEntries} entries to go", isDetail: true);
        }

        Assert.Equal((0, 0), (store.BacklogEntries, store.BacklogBytes));
        Tell("projected");
        foreach (var (account, head) in heads)
        {
            Assert.Equal(head, (await store.ReadHeadAsync(account)).Head);
        }

        await store.DisposeAsync();
        await CheckPagesAsync(heads);
    }

    /// <summary>Writes the lag, as if the process had ended before its projector took a step.</summary>
    private async Task<Dictionary<AccountId, LedgerHead>> WriteAsync()
    {
        var store = files.Open(new() { MaxBacklogBytes = long.MaxValue, MaxBacklogEntries = long.MaxValue });
        await using (var meter = new EmbeddedCreditMeter(store, Options, TimeProvider.System, NullLogger<EmbeddedCreditMeter>.Instance))
        {
            Assert.True((await meter.OpenAccountAsync(Called, new() { Plan = "starter" })).IsSuccess);
            for (var call = 0; call < 100; call++)
            {
                Assert.True((await meter.GrantAsync(Called, new() { Source = GrantSource.Bonus, Amount = Credits.Of(2), IdempotencyKey = $"{call}" })).IsSuccess);
            }
        }

        LedgerWriting[] ledgers = [.. Enumerable.Range(0, Accounts).Select(index => new LedgerWriting($"lag-{index:D4}", index))];
        for (long written = 0; written < Lag; written += Accounts * GroupRows)
        {
            AppendGroup[] groups = [.. ledgers.Select(ledger => ledger.Next(GroupRows))];
            await store.AppendAsync(groups);
            Assert.All(groups, static group => Assert.Equal(AppendResult.Appended, group.Result));
            Array.ForEach(ledgers, static ledger => ledger.Rows.Clear());
        }

        Tell($"wrote {store.BacklogEntries} entries, {store.BacklogBytes >> 20} MB of journal");
        store.Abandon();
        return ledgers.ToDictionary(ledger => ledger.Account, ledger => ledger.Head);
    }

    private static async Task ServeAsync(JournaledLedgerStore store)
    {
        await using var meter = new EmbeddedCreditMeter(store, Options, TimeProvider.System, NullLogger<EmbeddedCreditMeter>.Instance);
        var balance = await meter.GetBalanceAsync(Called);
        Assert.True(balance.IsSuccess);
        Assert.Equal(Credits.Of(200), balance.Value.Bonus);
        var replay = await meter.GrantAsync(Called, new() { Source = GrantSource.Bonus, Amount = Credits.Of(2), IdempotencyKey = "99" });
        Assert.True(replay.IsReplay);

        // Where the lag is beyond the backlog's limit, an append goes on by the credit that a start has.
        var deduction = await meter.DeductAsync(Called, new() { Amount = Credits.Of(1), Description = "first", IdempotencyKey = "first" });
        Assert.True(deduction.IsSuccess);
        Assert.Equal(balance.Value.Available - Credits.Of(1), deduction.Value.Credits);
    }

    /// <summary>Opens the pages again and counts: every account whole, in order, each entry once.</summary>
    private async Task CheckPagesAsync(Dictionary<AccountId, LedgerHead> heads)
    {
        var store = files.Open();
        Assert.Equal(0, store.BacklogEntries);
        var entries = 0L;
        foreach (var (account, head) in heads)
        {
            var next = 1L;
            for (IReadOnlyList<LedgerRow> rows; (rows = await store.ReadAsync(account, next, 10_000)).Count > 0; next += rows.Count)
            {
                for (var index = 0; index < rows.Count; index++)
                {
                    Assert.True(rows[index].Sequence == next + index && rows[index].TransactionNumber == next + index);
                }
            }

            Assert.Equal(head.Sequence + 1, next);
            entries += head.Sequence;
        }

        Assert.True(entries >= Lag);
        await store.DisposeAsync();
        Tell($"read {entries} entries again");
    }

    private void Tell(string what, bool isDetail = false)
    {
        if (!isDetail || Lag > 1_000_000)
        {
            output.WriteLine($"{clock.Elapsed.TotalSeconds,6:F1} s, {Environment.WorkingSet >> 20,5} MB: {what}");
        }
    }
}
