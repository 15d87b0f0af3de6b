using Metering.Conformance;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Metering.Engine.Tests;

/// <summary>A ledger of schema 1 becomes one of pages, whole, however often that is interrupted.</summary>
public sealed class LedgerMigrationTests : IDisposable
{
    private readonly TempFolder folder = new();

    private string Database => folder.File("metering.db");

    public void Dispose() => folder.Remove();

    [Fact]
    public async Task A_real_ledger_is_migrated_with_its_chains_and_goes_on()
    {
        // What the engine writes: real entries, real chains.
        await using var memory = new MemoryLedgerStore();
        var options = new CreditMeteringOptions().UseMemory();
        AccountId[] accounts = [new("b"), new("a"), new("c")];
        await using (var meter = new EmbeddedCreditMeter(memory, options, TimeProvider.System, NullLogger<EmbeddedCreditMeter>.Instance))
        {
            foreach (var account in accounts)
            {
                Assert.True((await meter.OpenAccountAsync(account, new() { Plan = "starter" })).IsSuccess);
                for (var call = 0; call < 300; call++)
                {
                    Assert.True((await meter.GrantAsync(account, new() { Source = GrantSource.Bonus, Amount = Credits.Of(1), IdempotencyKey = $"{call}" })).IsSuccess);
                }
            }
        }

        StageOneLedger.Write(Database, await StageOneLedger.ReadAsync(memory));
        var progress = new List<LedgerMigrationProgress>();
        await using var store = SqliteLedgerStore.Open(Database, new() { Migrating = progress.Add });
        Assert.Equal(progress[^1].Total, progress[^1].Done);
        var report = await LedgerVerifier.VerifyAsync(store);
        Assert.Null(report.Fault);
        Assert.Equal((3, progress[^1].Total), (report.Accounts, report.Entries));
        await AssertSameAsync(memory, store);

        await using var after = new EmbeddedCreditMeter(store, options, TimeProvider.System, NullLogger<EmbeddedCreditMeter>.Instance);
        var replay = await after.GrantAsync(accounts[0], new() { Source = GrantSource.Bonus, Amount = Credits.Of(1), IdempotencyKey = "7" });
        Assert.True(replay.IsSuccess);
        Assert.Equal((await memory.ReadHeadAsync(accounts[0])).Head, (await store.ReadHeadAsync(accounts[0])).Head);
    }

    [Fact]
    public async Task A_migration_that_is_killed_again_and_again_goes_on_where_it_ended()
    {
        await using var memory = new MemoryLedgerStore();
        LedgerWriting[] ledgers = [new("one"), new("two", 2), new("three", 3)];
        for (var commit = 0; commit < 20; commit++)
        {
            await memory.AppendAsync([ledgers[0].Next(3_000), ledgers[1].Next(700), ledgers[2].Next([true, false, true])]);
        }

        StageOneLedger.Write(Database, await StageOneLedger.ReadAsync(memory));
        var seen = new List<long>();
        for (var attempt = 0; ; attempt++)
        {
            try
            {
                await SqliteLedgerStore.Open(Database, new() { Migrating = DieAfterOneCommit }).DisposeAsync();
                break;
            }
            catch (KilledException)
            {
                Assert.InRange(attempt, 0, 10);
            }
        }

        Assert.True(seen.Count >= 2);
        Assert.Equal(seen.Order(), seen);
        await using (var store = SqliteLedgerStore.Open(Database, new() { Migrating = _ => Assert.Fail("It was done.") }))
        {
            await AssertSameAsync(memory, store);
            foreach (var row in ledgers[0].Rows.Where((_, index) => index % 5_000 == 0))
            {
                Assert.Equal(row.Sequence, await store.FindKeyAsync(ledgers[0].Account, row.Key!.Value));
            }

            await store.AppendAsync([ledgers[1].Next()]);
        }

        // What the rows took is free for what comes.
        using var database = SqliteDatabase.Open(Database, writable: false, busyMilliseconds: 0);
        Assert.True(database.Scalar("PRAGMA freelist_count") > 1_000);
        Assert.Equal(0, database.Scalar("SELECT count(*) FROM sqlite_master WHERE name LIKE 'entries%'"));

        void DieAfterOneCommit(LedgerMigrationProgress progress)
        {
            if (progress.Done > 0 && progress.Done < progress.Total && !seen.Contains(progress.Done))
            {
                seen.Add(progress.Done);
                throw new KilledException();
            }
        }
    }

    [Fact]
    public async Task Rows_that_are_damaged_stop_the_start_and_stay()
    {
        await using var memory = new MemoryLedgerStore();
        await memory.AppendAsync([new LedgerWriting("gap").Next(10)]);
        StageOneLedger.Write(Database, await StageOneLedger.ReadAsync(memory));
        using (var database = SqliteDatabase.Open(Database, writable: true, busyMilliseconds: 0))
        {
            database.Execute("DELETE FROM entries WHERE sequence = 5");
        }

        var refused = Assert.Throws<MeteringStartupException>(() => SqliteLedgerStore.Open(Database));
        Assert.Contains("entry 6 of account gap, transaction 6, stands where entry 5, transaction 5 is due", refused.Message, StringComparison.Ordinal);
        using var left = SqliteDatabase.Open(Database, writable: false, busyMilliseconds: 0);
        Assert.Equal(9, left.Scalar("SELECT count(*) FROM entries"));
    }

    private static async Task AssertSameAsync(MemoryLedgerStore expected, SqliteLedgerStore actual)
    {
        var (left, right) = (await StageOneLedger.ReadAsync(expected), await StageOneLedger.ReadAsync(actual));
        Assert.Equal(left.Select(account => account.Account), right.Select(account => account.Account));
        foreach (var ((account, rows), (_, found)) in left.Zip(right))
        {
            Assert.Equal(rows.Count, found.Count);
            Assert.Equal(await expected.ReadHeadAsync(account), await actual.ReadHeadAsync(account));
            Assert.All(rows.Zip(found), pair => Assert.True(
                pair.First.Sequence == pair.Second.Sequence && pair.First.TransactionNumber == pair.Second.TransactionNumber
                && pair.First.IsTransaction == pair.Second.IsTransaction && pair.First.Key == pair.Second.Key && pair.First.Link == pair.Second.Link
                && pair.First.Facts.Span.SequenceEqual(pair.Second.Facts.Span) && pair.First.Texts.Span.SequenceEqual(pair.Second.Texts.Span)));
        }
    }

    private sealed class KilledException : Exception;
}
