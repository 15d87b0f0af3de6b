using Metering.Conformance;
using Metering.Core;
using Xunit;

namespace Metering.Engine.Tests;

/// <summary>What can go wrong with a file in use.</summary>
public sealed class SqliteFaultTests : IAsyncLifetime
{
    private readonly TempFolder folder = new();
    private SqliteLedgerStore store = null!;

    private string Database => folder.File("metering.db");

    private string Journal => SqliteLedgerStore.JournalPath(Database);

    public Task InitializeAsync()
    {
        store = SqliteLedgerStore.Open(Database);
        return Task.CompletedTask;
    }

    public async Task DisposeAsync()
    {
        await store.DisposeAsync();
        folder.Remove();
    }

    [Fact]
    public async Task A_full_disk_refuses_the_whole_batch_and_recovers_by_itself()
    {
        var (known, added) = (new LedgerWriting("known"), new LedgerWriting("added"));
        await store.AppendAsync([known.Next()]);
        var before = known.Rows.Count;
        AppendGroup[] batch = [known.Next(2_000), added.Next(5)];

        store.Journal.LimitGrowth(pages: 10);
        for (var attempt = 0; attempt < 2; attempt++)
        {
            var refused = await Assert.ThrowsAsync<LedgerUnavailableException>(async () => await store.AppendAsync(batch));
            Assert.Contains("metering.journal.db cannot be written now", refused.Message, StringComparison.Ordinal);
            Assert.All(batch, group => Assert.Equal(AppendResult.Pending, group.Result));
            Assert.Equal(before, (await store.ReadHeadAsync(known.Account)).Head.Sequence);
            Assert.Equal([known.Account], await store.ListAccountsAsync(null, 10));
        }

        store.Journal.LimitGrowth(pages: 1_000_000);
        await store.AppendAsync(batch);
        Assert.All(batch, group => Assert.Equal(AppendResult.Appended, group.Result));
        Assert.Equal(known.Head, (await store.ReadHeadAsync(known.Account)).Head);
        Assert.Equal(added.Head, (await store.ReadHeadAsync(added.Account)).Head);
    }

    [Fact]
    public async Task Deleting_journal_records_leaves_appends_synced()
    {
        var ledger = new LedgerWriting("synced");
        await store.AppendAsync([ledger.Next()]);
        store.Journal.Delete(through: 0);
        Assert.Equal(2, store.Journal.SynchronousLevel);
    }

    [Fact]
    public async Task A_file_held_by_another_program_refuses_appends_and_recovers_by_itself()
    {
        var ledger = new LedgerWriting("held");
        await store.AppendAsync([ledger.Next()]);
        var group = ledger.Next();
        using (var other = SqliteDatabase.Open(Journal, writable: true, busyMilliseconds: 0))
        {
            other.Execute("BEGIN IMMEDIATE");
            Assert.False(await store.IsHealthyAsync());
            await Assert.ThrowsAsync<LedgerUnavailableException>(async () => await store.AppendAsync([group]));
            Assert.Equal(1, (await store.ReadHeadAsync(ledger.Account)).Head.Sequence);
            other.Execute("ROLLBACK");
        }

        Assert.True(await store.IsHealthyAsync());
        await store.AppendAsync([group]);
        Assert.Equal(AppendResult.Appended, group.Result);
    }

    [Fact]
    public async Task A_record_that_somebody_else_put_into_the_journal_stops_all_further_writing()
    {
        var (good, other) = (new LedgerWriting("good"), new LedgerWriting("other"));
        await store.AppendAsync([good.Next()]);
        using (var stranger = SqliteDatabase.Open(Journal, writable: true, busyMilliseconds: 1_000))
        {
            stranger.Execute("INSERT INTO records VALUES (2, x'00')");
        }

        await Assert.ThrowsAsync<LedgerFatalException>(async () => await store.AppendAsync([other.Next()]));
        await Assert.ThrowsAsync<LedgerFatalException>(async () => await store.AppendAsync([good.Next()]));
        Assert.Equal(1, (await store.ReadHeadAsync(good.Account)).Head.Sequence);
    }

    [Fact]
    public async Task Numbers_that_do_not_follow_change_nothing_and_heads_in_memory_stay_true()
    {
        var (good, bad) = (new LedgerWriting("good"), new LedgerWriting("bad"));
        await store.AppendAsync([good.Next(), bad.Next()]);
        bad.Transactions++;
        AppendGroup[] batch = [good.Next(2), bad.Next(2)];
        await Assert.ThrowsAsync<LedgerContentException>(async () => await store.AppendAsync(batch));
        Assert.All(batch, group => Assert.Equal(AppendResult.Pending, group.Result));
        Assert.Equal(1, (await store.ReadHeadAsync(good.Account)).Head.Sequence);

        await store.AppendAsync([batch[0]]);
        Assert.Equal(good.Head, (await store.ReadHeadAsync(good.Account)).Head);
    }

    [Fact]
    public async Task A_group_of_an_account_that_is_twice_in_a_batch_is_not_written_over_the_first()
    {
        var ledger = new LedgerWriting("twice");
        await store.AppendAsync([ledger.Next()]);
        var (first, rival) = (ledger.Rival(2).Next(), ledger.Next());
        await Assert.ThrowsAsync<LedgerContentException>(async () => await store.AppendAsync([first, rival]));
        Assert.Equal(1, (await store.ReadHeadAsync(ledger.Account)).Head.Sequence);
    }

    [Fact]
    public async Task Damage_that_an_append_meets_stops_all_further_writing()
    {
        var ledger = new LedgerWriting("damaged");
        for (var commit = 0; commit < 10; commit++)
        {
            await store.AppendAsync([ledger.Next(100)]);
        }

        await store.DisposeAsync();
        store = SqliteLedgerStore.Open(Database);

        // Another connection's commit makes this store forget the pages that it holds in memory.
        Execute("PRAGMA user_version = 2");
        Overwrite(Database);

        await Assert.ThrowsAsync<LedgerFormatException>(async () => await store.ReadAsync(ledger.Account, 1, 10));
        await Assert.ThrowsAsync<LedgerFatalException>(async () => await store.AppendAsync([ledger.Next()]));
        await Assert.ThrowsAsync<LedgerFatalException>(async () => await store.AppendAsync([new LedgerWriting("other").Next()]));
        Assert.False(await store.IsHealthyAsync());
    }

    [Fact]
    public async Task A_file_that_was_removed_is_not_healthy()
    {
        File.Delete(Database);
        Assert.False(await store.IsHealthyAsync());
    }

    [Fact]
    public async Task Heads_that_are_not_in_memory_are_read_from_the_pages()
    {
        var ledger = new LedgerWriting("reopened");
        await store.AppendAsync([ledger.Next(2)]);
        await store.DisposeAsync();
        store = SqliteLedgerStore.Open(Database);
        Assert.Equal(0, store.BacklogEntries);
        var (stale, next) = (ledger.Rival(2), ledger.Next());
        _ = stale.Next(1);
        var refused = stale.Next();
        await store.AppendAsync([refused]);
        Assert.Equal(AppendResult.HeadMismatch, refused.Result);
        await store.AppendAsync([next]);
        Assert.Equal(AppendResult.Appended, next.Result);
    }

    /// <summary>Everything but the first page, which the store has read already.</summary>
    private static void Overwrite(string path)
    {
        using var stream = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
        var rest = new byte[stream.Length - 4096];
        Array.Fill(rest, (byte)0xAB);
        stream.Seek(4096, SeekOrigin.Begin);
        stream.Write(rest);
    }

    private void Execute(string sql)
    {
        using var database = SqliteDatabase.Open(Database, writable: true, busyMilliseconds: 0);
        database.Execute(sql);
    }
}
