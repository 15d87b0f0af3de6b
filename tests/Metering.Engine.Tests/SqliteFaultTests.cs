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

        store.LimitGrowth(pages: 10);
        for (var attempt = 0; attempt < 2; attempt++)
        {
            var refused = await Assert.ThrowsAsync<LedgerUnavailableException>(async () => await store.AppendAsync(batch));
            Assert.Contains("metering.db cannot be written now", refused.Message, StringComparison.Ordinal);
            Assert.All(batch, group => Assert.Equal(AppendResult.Pending, group.Result));
            Assert.Equal(before, (await store.ReadHeadAsync(known.Account)).Head.Sequence);
            Assert.Equal([known.Account], await store.ListAccountsAsync(null, 10));
        }

        store.LimitGrowth(pages: 1_000_000);
        await store.AppendAsync(batch);
        Assert.All(batch, group => Assert.Equal(AppendResult.Appended, group.Result));
        Assert.Equal(known.Head, (await store.ReadHeadAsync(known.Account)).Head);
        Assert.Equal(added.Head, (await store.ReadHeadAsync(added.Account)).Head);
    }

    [Fact]
    public async Task A_full_disk_refuses_a_snapshot_and_appends_stay_synced_afterwards()
    {
        var ledger = new LedgerWriting("snapshot");
        await store.AppendAsync([ledger.Next()]);
        store.LimitGrowth(pages: 10);
        await Assert.ThrowsAsync<LedgerUnavailableException>(
            async () => await store.SaveSnapshotAsync(ledger.Account, new(ledger.Head, 1, new byte[1_000_000])));
        Assert.Empty(await store.ReadSnapshotsAsync(ledger.Account));

        store.LimitGrowth(pages: 1_000_000);
        await store.AppendAsync([ledger.Next()]);
        Assert.Equal(2, store.SynchronousLevel);
        Assert.Equal(ledger.Head, (await store.ReadHeadAsync(ledger.Account)).Head);
    }

    [Fact]
    public async Task A_file_held_by_another_program_refuses_appends_and_recovers_by_itself()
    {
        var ledger = new LedgerWriting("held");
        await store.AppendAsync([ledger.Next()]);
        var group = ledger.Next();
        using (var other = SqliteDatabase.Open(Database, writable: true, busyMilliseconds: 0))
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
    public async Task Content_that_the_file_refuses_changes_nothing_and_heads_in_memory_stay_true()
    {
        var (good, bad) = (new LedgerWriting("good"), new LedgerWriting("bad"));
        await store.AppendAsync([good.Next(), bad.Next()]);

        // A row that is in the way, as no writer of this process could have made it.
        Execute("INSERT INTO entries (account, sequence, transaction_number, is_transaction, facts) SELECT account, 3, 3, 1, x'00' FROM accounts WHERE id = 'bad'");
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
        Execute("PRAGMA user_version = 1");
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
    public async Task Heads_that_left_memory_are_read_from_the_file()
    {
        var cache = new HeadCache(capacity: 4);
        for (var number = 1; number <= 5; number++)
        {
            cache.Set(new($"a{number}"), new(number, LedgerHead.Empty(new($"a{number}"))));
        }

        Assert.False(cache.TryGet(new("a1"), out _));
        Assert.True(cache.TryGet(new("a5"), out var head));
        Assert.Equal(5, head.Account);

        // And a store that has no head in memory compares with the file's.
        var ledger = new LedgerWriting("reopened");
        await store.AppendAsync([ledger.Next(2)]);
        await store.DisposeAsync();
        store = SqliteLedgerStore.Open(Database);
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
