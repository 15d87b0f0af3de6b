using Metering.Core;
using Metering.Engine;
using Xunit;

namespace Metering.Conformance;

/// <summary>The promises that concern reading.</summary>
public abstract partial class LedgerStoreConformance
{
    [Fact]
    public async Task Rows_are_read_in_pages_from_any_sequence()
    {
        var ledger = new LedgerWriting("pages");
        await AppendAsync(ledger.Next(7));
        await AppendAsync(ledger.Next(5));
        AssertRows(ledger.Rows.Take(5), await Store.ReadAsync(ledger.Account, 1, 5));
        AssertRows(ledger.Rows.Skip(5).Take(5), await Store.ReadAsync(ledger.Account, 6, 5));
        AssertRows(ledger.Rows.Skip(10), await Store.ReadAsync(ledger.Account, 11, 5));
        AssertRows(ledger.Rows.Skip(11), await Store.ReadAsync(ledger.Account, 12, 1));
        Assert.Empty(await Store.ReadAsync(ledger.Account, 13, 5));
        AssertRows(ledger.Rows, await Store.ReadAsync(ledger.Account, 1, int.MaxValue));
    }

    [Fact]
    public async Task Transactions_come_newest_first_with_other_entries_left_out()
    {
        var ledger = new LedgerWriting("mixed");
        var random = new Random(5);
        for (var commit = 0; commit < 60; commit++)
        {
            await AppendAsync(ledger.Next([.. Enumerable.Range(0, random.Next(1, 6)).Select(_ => random.Next(4) > 0)]));
        }

        await AssertTransactionPagesAsync(ledger, limit: 7);
        await AssertTransactionPagesAsync(ledger, limit: 1);
        AssertRows(ledger.TransactionsNewestFirst, await Store.ReadTransactionsAsync(ledger.Account, long.MaxValue, 10_000));
    }

    [Fact]
    public async Task Transactions_are_found_across_long_runs_of_other_entries()
    {
        var ledger = new LedgerWriting("runs");
        var others = new bool[200];
        await AppendAsync(ledger.Next(others));
        Assert.Empty(await Store.ReadTransactionsAsync(ledger.Account, long.MaxValue, 10));
        foreach (var transactions in new[] { 1, 3, 40 })
        {
            await AppendAsync(ledger.Next(transactions));
            await AppendAsync(ledger.Next(others));
        }

        await AssertTransactionPagesAsync(ledger, limit: 5);
        await AssertTransactionPagesAsync(ledger, limit: 100);
    }

    [Fact]
    public async Task A_page_of_transactions_deep_in_the_past_is_found_by_its_number()
    {
        var ledger = new LedgerWriting("deep");
        for (var commit = 0; commit < 20; commit++)
        {
            await AppendAsync(ledger.Next([.. Enumerable.Range(0, 250).Select(number => number % 50 != 0)]));
        }

        foreach (var before in new long[] { 1, 2, 3, 1_000, ledger.Transactions, ledger.Transactions + 1, ledger.Transactions + 2 })
        {
            AssertRows(
                ledger.TransactionsNewestFirst.Where(row => row.TransactionNumber < before).Take(3),
                await Store.ReadTransactionsAsync(ledger.Account, before, 3));
        }

        Assert.Equal(ledger.Transactions, (await Store.ReadHeadAsync(ledger.Account)).Transactions);
    }

    [Fact]
    public async Task The_last_entry_with_a_key_is_found_in_its_own_account_only()
    {
        var (ledger, other) = (new LedgerWriting("keys", 1), new LedgerWriting("others", 2));
        UInt128 key = new(7, 9);
        await AppendAsync(ledger.Next([true, false], key), other.Next([true]));
        await AppendAsync(ledger.Next(3));
        Assert.Equal(2, await Store.FindKeyAsync(ledger.Account, key));

        await AppendAsync(ledger.Next([true], key));
        Assert.Equal(6, await Store.FindKeyAsync(ledger.Account, key));
        Assert.Equal(0, await Store.FindKeyAsync(other.Account, key));
        Assert.Equal(0, await Store.FindKeyAsync(ledger.Account, new UInt128(9, 7)));
    }

    [Fact]
    public async Task A_key_is_found_however_many_entries_came_after_it()
    {
        var ledger = new LedgerWriting("long");
        UInt128 key = new(1, 2);
        await AppendAsync(ledger.Next([true], key));
        for (var commit = 0; commit < 10; commit++)
        {
            await AppendAsync(ledger.Next(7_000));
        }

        Assert.Equal(1, await Store.FindKeyAsync(ledger.Account, key));
        foreach (var row in new[] { ledger.Rows[32_766], ledger.Rows[32_767], ledger.Rows[32_768], ledger.Rows[^1] })
        {
            Assert.Equal(row.Sequence, await Store.FindKeyAsync(ledger.Account, row.Key!.Value));
        }
    }

    [Fact]
    public async Task The_two_newest_snapshots_are_kept_newest_first()
    {
        var ledger = new LedgerWriting("snapshots");
        for (var version = 1; version <= 3; version++)
        {
            await AppendAsync(ledger.Next());
            await Store.SaveSnapshotAsync(ledger.Account, new(ledger.Head, version, new byte[] { (byte)version, 0, 255 }));
        }

        await AssertSnapshotsAsync(ledger, (3, 3), (2, 2));

        // Another account's are its own.
        Assert.Empty(await Store.ReadSnapshotsAsync(new("nobody")));
    }

    [Fact]
    public async Task An_older_snapshot_is_passed_over_and_one_at_the_same_sequence_takes_its_place()
    {
        var ledger = new LedgerWriting("older");
        await AppendAsync(ledger.Next());
        var early = ledger.Head;
        await AppendAsync(ledger.Next());
        await Store.SaveSnapshotAsync(ledger.Account, new(ledger.Head, 1, new byte[] { 1, 0, 255 }));
        await Store.SaveSnapshotAsync(ledger.Account, new(early, 9, new byte[] { 9, 0, 255 }));
        await AssertSnapshotsAsync(ledger, (2, 1));

        await Store.SaveSnapshotAsync(ledger.Account, new(ledger.Head, 2, new byte[] { 2, 0, 255 }));
        await AssertSnapshotsAsync(ledger, (2, 2));
        Assert.Equal(ledger.Head, (await Store.ReadSnapshotsAsync(ledger.Account))[0].Head);
    }

    [Fact]
    public async Task A_snapshot_of_an_account_without_entries_is_passed_over()
    {
        var account = new AccountId("nobody");
        await Store.SaveSnapshotAsync(account, new(LedgerHead.Empty(account), 1, new byte[] { 1 }));
        Assert.Empty(await Store.ReadSnapshotsAsync(account));
        Assert.Empty(await Store.ListAccountsAsync(null, 10));
    }

    [Fact]
    public async Task Appends_go_on_after_a_snapshot()
    {
        var ledger = new LedgerWriting("both");
        for (var round = 0; round < 5; round++)
        {
            await AppendAsync(ledger.Next(2));
            await Store.SaveSnapshotAsync(ledger.Account, new(ledger.Head, 1, new byte[20_000]));
        }

        AssertRows(ledger.Rows, await Store.ReadAsync(ledger.Account, 1, 100));
    }

    [Fact]
    public async Task Accounts_are_listed_in_pages_in_ordinal_order()
    {
        string[] ids = ["b", "a", "B", "a-1", "a.1", "a1", "_", "0", "Z", "aa"];
        await AppendAsync([.. ids.Select(id => new LedgerWriting(id).Next())]);
        var expected = ids.Order(StringComparer.Ordinal).Select(id => new AccountId(id)).ToArray();

        var listed = new List<AccountId>();
        while (await Store.ListAccountsAsync(listed.Count == 0 ? null : listed[^1], 3) is { Count: > 0 } page)
        {
            Assert.InRange(page.Count, 1, 3);
            listed.AddRange(page);
        }

        Assert.Equal(expected, listed);
        Assert.Equal(expected.Skip(5), await Store.ListAccountsAsync(new AccountId(expected[4].Value), 100));
    }

    [Fact]
    public async Task Reads_beside_appends_see_whole_commits_and_everything_that_returned()
    {
        var ledger = new LedgerWriting("beside");
        await AppendAsync(ledger.Next(2));
        var returned = 2L;
        using var stop = new CancellationTokenSource();
        var readers = Enumerable.Range(0, 3).Select(_ => Task.Run(async () =>
        {
            var reads = 0;
            do
            {
                var atLeast = Volatile.Read(ref returned);
                var rows = await Store.ReadAsync(ledger.Account, 1, int.MaxValue);
                Assert.True(rows.Count >= atLeast);
                Assert.NotNull(rows[^1].Link);
                Assert.Equal(Enumerable.Range(1, rows.Count).Select(number => (long)number), rows.Select(row => row.Sequence));
                Assert.True((await Store.ReadTransactionsAsync(ledger.Account, long.MaxValue, 1))[0].TransactionNumber >= atLeast);
                reads++;
            }
            while (!stop.IsCancellationRequested);
            return reads;
        })).ToArray();

        for (var commit = 0; commit < 100; commit++)
        {
            await AppendAsync(ledger.Next(2));
            Volatile.Write(ref returned, ledger.Head.Sequence);
        }

        await stop.CancelAsync();
        Assert.All(await Task.WhenAll(readers), reads => Assert.True(reads > 0));
    }

    /// <summary>Writes a ledger of every kind of thing, for stores that last: see <see cref="AssertHoldsAsync"/>.</summary>
    protected async Task<LedgerWriting> FillAsync()
    {
        var ledger = new LedgerWriting("lasting");
        await AppendAsync(ledger.Next([false, true, true]), new LedgerWriting("neighbour").Next());
        await Store.SaveSnapshotAsync(ledger.Account, new(ledger.Head, 1, new byte[] { 1, 0, 255 }));
        await AppendAsync(ledger.Next(4));
        return ledger;
    }

    /// <summary>Checks that everything is still there, and that the fence still stands.</summary>
    protected async Task AssertHoldsAsync(LedgerWriting ledger)
    {
        Assert.Equal((ledger.Head, ledger.Transactions), await Store.ReadHeadAsync(ledger.Account));
        AssertRows(ledger.Rows, await Store.ReadAsync(ledger.Account, 1, 1_000));
        await AssertSnapshotsAsync(ledger, (3, 1));
        Assert.Equal(ledger.Head.Sequence, await Store.FindKeyAsync(ledger.Account, ledger.Rows[^1].Key!.Value));
        Assert.Equal(["lasting", "neighbour"], (await Store.ListAccountsAsync(null, 10)).Select(account => account.Value));

        var rival = ledger.Rival(seed: 3);
        _ = rival.Next();
        await AppendAsync(AppendResult.HeadMismatch, rival.Next());
        await AppendAsync(ledger.Next(2));
        AssertRows(ledger.Rows, await Store.ReadAsync(ledger.Account, 1, 1_000));
    }

    private async Task AssertTransactionPagesAsync(LedgerWriting ledger, int limit)
    {
        var (before, read) = (long.MaxValue, new List<LedgerRow>());
        while (await Store.ReadTransactionsAsync(ledger.Account, before, limit) is { Count: > 0 } page)
        {
            Assert.True(page.Count == limit || page[^1].TransactionNumber == 1);
            read.AddRange(page);
            before = page[^1].TransactionNumber;
        }

        AssertRows(ledger.TransactionsNewestFirst, read);
    }

    private async Task AssertSnapshotsAsync(LedgerWriting ledger, params (long Sequence, int Version)[] expected)
    {
        var stored = await Store.ReadSnapshotsAsync(ledger.Account);
        Assert.Equal(expected, stored.Select(snapshot => (snapshot.Head.Sequence, snapshot.FormatVersion)));
        Assert.All(stored, snapshot => Assert.Equal([(byte)snapshot.FormatVersion, 0, 255], snapshot.State.ToArray()));
    }
}

/// <summary>What stores promise besides where they outlive their process.</summary>
public abstract partial class DurableLedgerStoreConformance : LedgerStoreConformance
{
    /// <summary>Opens what the closed store left.</summary>
    protected abstract ValueTask<ILedgerStore> ReopenAsync();

    [Fact]
    public async Task Everything_is_there_when_the_store_is_opened_again()
    {
        var ledger = await FillAsync();
        await ReopenWithAsync(ReopenAsync);
        await AssertHoldsAsync(ledger);
    }

    [Fact]
    public async Task A_disposed_store_says_so()
    {
        await Store.DisposeAsync();
        Assert.False(await Store.IsHealthyAsync());
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await Store.AppendAsync([new LedgerWriting("late").Next()]));
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await Store.ReadHeadAsync(new("late")));
    }
}
