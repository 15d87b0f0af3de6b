using Metering.Core;
using Metering.Engine;
using Xunit;

namespace Metering.Conformance;

/// <summary>Every promise of <see cref="ILedgerStore"/> that concerns writing. A store joins by deriving from it.</summary>
public abstract partial class LedgerStoreConformance : IAsyncLifetime
{
    /// <summary>The store under test, empty at first.</summary>
    protected ILedgerStore Store { get; private set; } = null!;

    /// <summary>Opens an empty store.</summary>
    protected abstract ValueTask<ILedgerStore> OpenAsync();

    /// <inheritdoc />
    public virtual async Task InitializeAsync() => Store = await OpenAsync();

    /// <inheritdoc />
    public virtual async Task DisposeAsync() => await Store.DisposeAsync();

    /// <summary>Closes the store and opens what it left.</summary>
    protected async Task ReopenWithAsync(Func<ValueTask<ILedgerStore>> open)
    {
        await Store.DisposeAsync();
        Store = await open();
    }

    [Fact]
    public async Task An_account_without_entries_stands_at_its_genesis()
    {
        var account = new AccountId("nobody");
        Assert.Equal((LedgerHead.Empty(account), 0L), await Store.ReadHeadAsync(account));
        Assert.Empty(await Store.ReadAsync(account, 1, 10));
        Assert.Empty(await Store.ReadTransactionsAsync(account, long.MaxValue, 10));
        Assert.Empty(await Store.ReadSnapshotsAsync(account));
        Assert.Equal(0, await Store.FindKeyAsync(account, 1));
        Assert.Empty(await Store.ListAccountsAsync(null, 10));
    }

    [Fact]
    public async Task Rows_come_back_byte_for_byte_with_links_only_at_the_ends_of_groups()
    {
        var ledger = new LedgerWriting("a.B_c:d-1");
        await AppendAsync(ledger.Next(3));
        await AppendAsync(ledger.Next([false, true]));
        await AppendAsync(ledger.Next());

        AssertRows(ledger.Rows, await Store.ReadAsync(ledger.Account, 1, 100));
        Assert.Equal((ledger.Head, ledger.Transactions), await Store.ReadHeadAsync(ledger.Account));
    }

    [Fact]
    public async Task Unusual_rows_come_back_too()
    {
        var ledger = new LedgerWriting("unusual");
        await AppendAsync(ledger.Follow(
        [
            new() { Sequence = 1, TransactionNumber = 1, IsTransaction = true, Key = 0, Facts = new byte[] { 0 } },
            new() { Sequence = 2, TransactionNumber = 2, IsTransaction = true, Key = UInt128.MaxValue, Facts = Array.Empty<byte>(), Texts = new byte[] { 0, 0 } },
            new() { Sequence = 3, TransactionNumber = 2, IsTransaction = false, Facts = new byte[300_000], Texts = new byte[70_000] },
        ]));
        AssertRows(ledger.Rows, await Store.ReadAsync(ledger.Account, 1, 100));
        Assert.Equal(1, await Store.FindKeyAsync(ledger.Account, 0));
        Assert.Equal(2, await Store.FindKeyAsync(ledger.Account, UInt128.MaxValue));
    }

    [Fact]
    public async Task The_buffers_belong_to_the_caller_again_after_the_append()
    {
        var ledger = new LedgerWriting("buffers");
        var (facts, texts) = (new byte[] { 1, 2, 3 }, new byte[] { 4, 5 });
        await AppendAsync(ledger.Follow([new() { Sequence = 1, TransactionNumber = 1, IsTransaction = true, Facts = facts, Texts = texts }]));
        Array.Clear(facts);
        Array.Clear(texts);

        var row = Assert.Single(await Store.ReadAsync(ledger.Account, 1, 1));
        Assert.Equal([1, 2, 3], row.Facts.ToArray());
        Assert.Equal([4, 5], row.Texts.ToArray());
    }

    [Fact]
    public async Task Links_inside_a_group_are_kept_so_that_a_copy_brings_many_commits_in_one_append()
    {
        var ledger = new LedgerWriting("copied");
        await AppendAsync(ledger.Next(2));
        var first = ledger.Head;
        AppendGroup[] commits = [ledger.Next(3), ledger.Next(), ledger.Next(2)];
        await AppendAsync(new AppendGroup { Account = ledger.Account, Expected = first, Next = ledger.Head, Rows = ledger.Rows[2..] });

        AssertRows(ledger.Rows, await Store.ReadAsync(ledger.Account, 1, 100));
        Assert.Equal((ledger.Head, ledger.Transactions), await Store.ReadHeadAsync(ledger.Account));
        foreach (var commit in commits)
        {
            await AppendAsync(AppendResult.HeadMismatch, commit);
        }

        await AppendAsync(ledger.Next());
        AssertRows(ledger.Rows, await Store.ReadAsync(ledger.Account, 1, 100));
    }

    [Fact]
    public async Task A_stale_writer_with_later_sequences_is_refused()
    {
        var ledger = new LedgerWriting("fenced");
        await AppendAsync(ledger.Next(2));
        var stale = ledger.Rival(seed: 2);
        var lost = stale.Next();
        var after = stale.Next();
        await AppendAsync(ledger.Next());

        // "after" begins where the stored ledger ends: same sequence, another history.
        await AppendAsync(AppendResult.HeadMismatch, after);
        await AppendAsync(AppendResult.HeadMismatch, lost);

        // And one that begins beyond it would leave a gap.
        await AppendAsync(AppendResult.HeadMismatch, stale.Next());
        AssertRows(ledger.Rows, await Store.ReadAsync(ledger.Account, 1, 100));
        await AppendAsync(ledger.Next());
        AssertRows(ledger.Rows, await Store.ReadAsync(ledger.Account, 1, 100));
    }

    [Fact]
    public async Task A_writer_of_an_empty_account_must_know_its_genesis()
    {
        var (ledger, other) = (new LedgerWriting("mine"), new LedgerWriting("other"));
        ledger.Head = other.Head;
        await AppendAsync(AppendResult.HeadMismatch, ledger.Next());
        Assert.Empty(await Store.ListAccountsAsync(null, 10));
        Assert.Equal(0, (await Store.ReadHeadAsync(ledger.Account)).Head.Sequence);
    }

    [Fact]
    public async Task A_group_that_was_appended_is_refused_when_it_comes_again()
    {
        var ledger = new LedgerWriting("again");
        var group = ledger.Next(2);
        await AppendAsync(group);
        await AppendAsync(AppendResult.HeadMismatch, group);
        AssertRows(ledger.Rows, await Store.ReadAsync(ledger.Account, 1, 100));
    }

    [Fact]
    public async Task All_rows_of_a_group_are_written_or_none_while_other_groups_go_through()
    {
        var (first, raced, last) = (new LedgerWriting("first"), new LedgerWriting("raced"), new LedgerWriting("last"));
        await AppendAsync(first.Next(), raced.Next(), last.Next());
        var stale = raced.Rival(seed: 2);
        await AppendAsync(raced.Next());

        var (good, bad, fine) = (first.Next(2), stale.Next(3), last.Next(2));
        await Store.AppendAsync([good, bad, fine]);

        Assert.Equal([AppendResult.Appended, AppendResult.HeadMismatch, AppendResult.Appended], [good.Result, bad.Result, fine.Result]);
        foreach (var ledger in new[] { first, raced, last })
        {
            AssertRows(ledger.Rows, await Store.ReadAsync(ledger.Account, 1, 100));
            Assert.Equal(ledger.Head, (await Store.ReadHeadAsync(ledger.Account)).Head);
        }
    }

    [Fact]
    public async Task Content_that_does_not_follow_its_head_is_refused_with_the_whole_batch()
    {
        var (good, gap) = (new LedgerWriting("good"), new LedgerWriting("gap"));
        var fine = good.Next();
        var broken = gap.Next(2);
        var missing = new AppendGroup { Account = gap.Account, Expected = broken.Expected, Next = broken.Next, Rows = [broken.Rows[1]] };
        var early = new AppendGroup { Account = gap.Account, Expected = broken.Expected, Next = broken.Next, Rows = [broken.Rows[0]] };
        var empty = new AppendGroup { Account = gap.Account, Expected = broken.Expected, Next = broken.Expected, Rows = [] };

        foreach (var bad in new[] { missing, early, empty })
        {
            await Assert.ThrowsAsync<LedgerContentException>(async () => await Store.AppendAsync([fine, bad]));
            Assert.Equal(AppendResult.Pending, fine.Result);
            Assert.Equal(AppendResult.Pending, bad.Result);
        }

        Assert.Empty(await Store.ListAccountsAsync(null, 10));
        await AppendAsync(fine, broken);
    }

    [Fact]
    public async Task A_cancelled_append_writes_nothing()
    {
        var ledger = new LedgerWriting("cancelled");
        var group = ledger.Next();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await Store.AppendAsync([group], new CancellationToken(canceled: true)));
        Assert.Equal(AppendResult.Pending, group.Result);
        Assert.Empty(await Store.ReadAsync(ledger.Account, 1, 1));
        await AppendAsync(group);
    }

    [Fact]
    public async Task Many_accounts_in_one_commit_keep_their_own_ledgers()
    {
        var ledgers = Enumerable.Range(0, 300).Select(number => new LedgerWriting($"account-{number}", number)).ToArray();
        for (var round = 0; round < 3; round++)
        {
            await AppendAsync([.. ledgers.Select((ledger, number) => ledger.Next(1 + ((number + round) % 3)))]);
        }

        foreach (var ledger in ledgers)
        {
            AssertRows(ledger.Rows, await Store.ReadAsync(ledger.Account, 1, 100));
        }
    }

    [Fact]
    public async Task A_store_with_room_is_healthy() => Assert.True(await Store.IsHealthyAsync());

    /// <summary>Appends groups that must go through.</summary>
    protected Task AppendAsync(params AppendGroup[] groups) => AppendAsync(AppendResult.Appended, groups);

    /// <summary>Appends groups that must all have one result.</summary>
    protected async Task AppendAsync(AppendResult expected, params AppendGroup[] groups)
    {
        await Store.AppendAsync(groups);
        Assert.All(groups, group => Assert.Equal(expected, group.Result));
    }

    /// <summary>Compares rows in everything that they hold.</summary>
    protected static void AssertRows(IEnumerable<LedgerRow> expected, IReadOnlyList<LedgerRow> actual)
    {
        static object Comparable(LedgerRow row) => (
            row.Sequence, row.TransactionNumber, row.IsTransaction, row.Key, row.Link,
            Convert.ToHexString(row.Facts.Span), Convert.ToHexString(row.Texts.Span));
        Assert.Equal(expected.Select(Comparable), actual.Select(Comparable));
    }
}
