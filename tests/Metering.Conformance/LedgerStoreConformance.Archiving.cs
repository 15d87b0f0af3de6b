using Metering.Engine;
using Xunit;

namespace Metering.Conformance;

/// <summary>The promises that concern ledgers whose first entries are archived.</summary>
public abstract partial class LedgerStoreConformance
{
    [Fact]
    public async Task A_ledger_without_archived_entries_has_no_base()
    {
        var ledger = new LedgerWriting("whole");
        Assert.Null(await Store.ReadBaseAsync(ledger.Account));
        await AppendAsync(ledger.Next(3));
        Assert.Null(await Store.ReadBaseAsync(ledger.Account));
    }

    [Fact]
    public async Task A_cut_removes_the_first_entries_and_nothing_else()
    {
        var (ledger, neighbour) = (new LedgerWriting("cut"), new LedgerWriting("cut.", 2));
        await AppendAsync(ledger.Next([true, false, true]), neighbour.Next(5));
        await AppendAsync(ledger.Next([true, true]));
        var cut = CutOf(ledger);
        await AppendAsync(ledger.Next([false, true, true]));
        await CutAsync(cut);

        await AssertBeginsAfterAsync(ledger, cut.Base);
        AssertRows(neighbour.Rows, await Store.ReadAsync(neighbour.Account, 1, 100));
        Assert.Null(await Store.ReadBaseAsync(neighbour.Account));
        Assert.Equal(["cut", "cut."], (await Store.ListAccountsAsync(null, 10)).Select(account => account.Value));

        var rival = ledger.Rival(seed: 3);
        await AppendAsync(ledger.Next(2));
        await AppendAsync(AppendResult.HeadMismatch, rival.Next());
        await AssertBeginsAfterAsync(ledger, cut.Base);
    }

    [Fact]
    public async Task A_ledger_of_many_entries_is_cut_anywhere_and_again()
    {
        var ledger = new LedgerWriting("long.cut");
        var points = new List<LedgerCut>();
        for (var commit = 0; commit < 40; commit++)
        {
            await AppendAsync(ledger.Next([.. Enumerable.Range(0, 37).Select(number => number % 5 != 0)]));
            points.Add(CutOf(ledger));
        }

        foreach (var at in new[] { 0, 7, 8, 30, 38 })
        {
            await CutAsync(points[at]);
            await AssertBeginsAfterAsync(ledger, points[at].Base);
            await AppendAsync(ledger.Next(3));
        }

        await AssertBeginsAfterAsync(ledger, points[38].Base);
    }

    [Fact]
    public async Task Keys_of_removed_entries_are_not_found()
    {
        var ledger = new LedgerWriting("cut.keys");
        var (once, twice) = (new UInt128(1, 1), new UInt128(2, 2));
        await AppendAsync(ledger.Next([true], once));
        await AppendAsync(ledger.Next([true], twice));
        var cut = CutOf(ledger);
        await AppendAsync(ledger.Next([true], twice));
        await AppendAsync(ledger.Next(2));
        await CutAsync(cut);

        Assert.Equal(0, await Store.FindKeyAsync(ledger.Account, once));
        Assert.Equal(3, await Store.FindKeyAsync(ledger.Account, twice));
        Assert.Equal(5, await Store.FindKeyAsync(ledger.Account, ledger.Rows[^1].Key!.Value));
    }

    [Fact]
    public async Task Snapshots_that_are_not_after_the_base_go_with_the_entries()
    {
        var ledger = new LedgerWriting("cut.snapshots");
        await AppendAsync(ledger.Next(2));
        var cut = CutOf(ledger);
        await Store.SaveSnapshotAsync(ledger.Account, new(ledger.Head, 1, new byte[] { 1, 0, 255 }));
        await AppendAsync(ledger.Next(2));
        await Store.SaveSnapshotAsync(ledger.Account, new(ledger.Head, 2, new byte[] { 2, 0, 255 }));
        await CutAsync(cut);
        await AssertSnapshotsAsync(ledger, (4, 2));

        var other = new LedgerWriting("cut.all.snapshots");
        await AppendAsync(other.Next(2));
        var otherCut = CutOf(other);
        await Store.SaveSnapshotAsync(other.Account, new(other.Head, 1, new byte[] { 1, 0, 255 }));
        await AppendAsync(other.Next(2));
        await CutAsync(otherCut);
        await AssertSnapshotsAsync(other);

        // One that was on its way when the entries went.
        await Store.SaveSnapshotAsync(other.Account, new(otherCut.Base.Head, 1, new byte[] { 1, 0, 255 }));
        await AssertSnapshotsAsync(other);
        await Store.SaveSnapshotAsync(other.Account, new(other.Head, 3, new byte[] { 3, 0, 255 }));
        await AssertSnapshotsAsync(other, (4, 3));
        await AssertBeginsAfterAsync(other, otherCut.Base);
    }

    [Fact]
    public async Task A_cut_at_what_the_ledger_does_not_hold_is_not_done_while_others_are()
    {
        var (ledger, other) = (new LedgerWriting("refused"), new LedgerWriting("done"));
        await AppendAsync(ledger.Next(2), other.Next(2));
        var (inside, end) = (CutOf(ledger), CutOf(ledger));
        var otherCut = CutOf(other);
        await AppendAsync(ledger.Next(3), other.Next());
        var last = CutOf(ledger);
        var rival = new LedgerWriting("refused", 9);
        _ = rival.Next(2);

        LedgerCut[] bad =
        [
            At(inside, new(1, inside.Base.Head.Link)), At(inside, new(4, last.Base.Head.Link)), last, At(inside, new(9, last.Base.Head.Link)),
            At(inside, new(2, rival.Head.Link)), At(inside, new(0, LedgerHead.Empty(ledger.Account).Link)),
        ];
        foreach (var cut in bad)
        {
            await Store.CutAsync([cut]);
            Assert.False(cut.IsDone);
        }

        AssertRows(ledger.Rows, await Store.ReadAsync(ledger.Account, 1, 100));
        Assert.Null(await Store.ReadBaseAsync(ledger.Account));
        await Store.CutAsync([bad[0], otherCut]);
        Assert.Equal([false, true], [bad[0].IsDone, otherCut.IsDone]);
        await AssertBeginsAfterAsync(other, otherCut.Base);
        await CutAsync(end);
        await AssertBeginsAfterAsync(ledger, end.Base);
    }

    [Fact]
    public async Task A_cut_that_was_done_is_done_and_none_goes_back()
    {
        var ledger = new LedgerWriting("again.cut");
        await AppendAsync(ledger.Next(2));
        var first = CutOf(ledger);
        await AppendAsync(ledger.Next(2));
        var second = CutOf(ledger);
        await AppendAsync(ledger.Next());
        await CutAsync(second);
        await CutAsync(new LedgerCut { Account = second.Account, Base = second.Base });
        await Store.CutAsync([first]);
        Assert.False(first.IsDone);
        await AssertBeginsAfterAsync(ledger, second.Base);
    }

    [Fact]
    public async Task An_account_without_entries_can_begin_with_a_base()
    {
        var ledger = new LedgerWriting("planted");
        _ = ledger.Next([true, false, true]);
        var cut = CutOf(ledger);
        await CutAsync(cut);

        Assert.Equal((ledger.Head, 2L), await Store.ReadHeadAsync(ledger.Account));
        Assert.Empty(await Store.ReadAsync(ledger.Account, 1, 10));
        Assert.Empty(await Store.ReadTransactionsAsync(ledger.Account, long.MaxValue, 10));
        Assert.Equal(["planted"], (await Store.ListAccountsAsync(null, 10)).Select(account => account.Value));
        await AppendAsync(AppendResult.HeadMismatch, new LedgerWriting("planted").Next());
        await AppendAsync(ledger.Next([true, true]));
        await AppendAsync(ledger.Next());
        await AssertBeginsAfterAsync(ledger, cut.Base);
    }

    [Fact]
    public async Task A_large_state_is_kept_as_it_is()
    {
        var ledger = new LedgerWriting("large");
        await AppendAsync(ledger.Next());
        var state = new byte[3_000_000];
        new Random(4).NextBytes(state);
        var cut = new LedgerCut { Account = ledger.Account, Base = new(ledger.Head, ledger.Transactions, 7, state) };
        await AppendAsync(ledger.Next());
        await CutAsync(cut);
        Array.Clear(state, 0, 100);
        var stored = await Store.ReadBaseAsync(ledger.Account);
        Assert.Equal((cut.Base.Head, 1L, 7), (stored!.Head, stored.Transactions, stored.FormatVersion));
        new Random(4).NextBytes(state);
        Assert.True(stored.State.Span.SequenceEqual(state));
    }

    /// <summary>A cut after everything that was made so far.</summary>
    protected static LedgerCut CutOf(LedgerWriting ledger) =>
        new() { Account = ledger.Account, Base = new(ledger.Head, ledger.Transactions, 2, new byte[] { (byte)ledger.Head.Sequence, 0, 255 }) };

    /// <summary>Cuts, which must be done.</summary>
    protected async Task CutAsync(params LedgerCut[] cuts)
    {
        await Store.CutAsync(cuts);
        Assert.All(cuts, cut => Assert.True(cut.IsDone));
    }

    /// <summary>Checks everything that can be read of a ledger that begins with a base.</summary>
    protected async Task AssertBeginsAfterAsync(LedgerWriting ledger, LedgerBase expected)
    {
        var begin = expected.Head.Sequence;
        var left = ledger.Rows.Where(row => row.Sequence > begin).ToArray();
        var stored = await Store.ReadBaseAsync(ledger.Account);
        Assert.Equal((expected.Head, expected.Transactions, expected.FormatVersion), (stored!.Head, stored.Transactions, stored.FormatVersion));
        Assert.Equal(expected.State.ToArray(), stored.State.ToArray());
        Assert.Equal((ledger.Head, ledger.Transactions), await Store.ReadHeadAsync(ledger.Account));
        foreach (var from in new[] { 0, 1, begin - 1, begin, begin + 1 })
        {
            AssertRows(left, await Store.ReadAsync(ledger.Account, from, int.MaxValue));
            AssertRows(left.Take(1), await Store.ReadAsync(ledger.Account, from, 1));
        }

        AssertRows(left.Skip(1).Take(2), await Store.ReadAsync(ledger.Account, begin + 2, 2));
        AssertRows(left.Reverse().Where(row => row.IsTransaction), await Store.ReadTransactionsAsync(ledger.Account, long.MaxValue, 10_000));
        foreach (var number in new[] { 1, expected.Transactions, expected.Transactions + 1, expected.Transactions + 2, expected.Transactions + 3 })
        {
            AssertRows(
                left.Reverse().Where(row => row.IsTransaction && row.TransactionNumber < number).Take(2),
                await Store.ReadTransactionsAsync(ledger.Account, number, 2));
        }
    }

    private static LedgerCut At(LedgerCut cut, LedgerHead head) => new() { Account = cut.Account, Base = cut.Base with { Head = head } };
}

/// <summary>What a ledger with a base promises besides where it outlives its process.</summary>
public abstract partial class DurableLedgerStoreConformance
{
    [Fact]
    public async Task A_cut_is_there_when_the_store_is_opened_again()
    {
        var (ledger, planted) = (new LedgerWriting("lasting.cut"), new LedgerWriting("lasting.planted"));
        for (var commit = 0; commit < 12; commit++)
        {
            await AppendAsync(ledger.Next(50));
        }

        var cut = CutOf(ledger);
        await AppendAsync(ledger.Next(5));
        _ = planted.Next(2);
        var plant = CutOf(planted);
        await CutAsync(cut, plant);
        await AppendAsync(ledger.Next(2));
        await ReopenWithAsync(ReopenAsync);
        await AssertBeginsAfterAsync(ledger, cut.Base);
        Assert.Equal(planted.Head, (await Store.ReadHeadAsync(planted.Account)).Head);

        await AppendAsync(ledger.Next(3), planted.Next(4));
        await ReopenWithAsync(ReopenAsync);
        await AssertBeginsAfterAsync(ledger, cut.Base);
        await AssertBeginsAfterAsync(planted, plant.Base);
    }
}
