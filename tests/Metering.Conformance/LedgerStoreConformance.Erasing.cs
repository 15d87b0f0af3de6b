using Metering.Core;
using Metering.Engine;
using Xunit;

namespace Metering.Conformance;

/// <summary>The promises of <see cref="IPersonalTexts"/>.</summary>
public abstract partial class LedgerStoreConformance
{
    private IPersonalTexts Texts => (IPersonalTexts)Store;

    [Fact]
    public async Task Erased_texts_are_gone_and_everything_else_stays()
    {
        var (ledger, neighbour) = (new LedgerWriting("erased"), new LedgerWriting("erased.", 2));
        await AppendAsync(ledger.Next([true, false, true]), neighbour.Next(5));
        await AppendAsync(ledger.Next([false, false]));
        await AppendAsync(ledger.Next());
        Assert.Equal(3, await Texts.EraseTextsAsync(ledger.Account));

        await AssertErasedAsync(ledger, through: 6);
        AssertRows(neighbour.Rows, await Store.ReadAsync(neighbour.Account, 1, 100));
        var digests = (await Store.ReadAsync(ledger.Account, 1, 100)).Select(row => row.TextsDigest is not null);
        Assert.Equal([false, false, true, false, false, true], digests);
    }

    [Fact]
    public async Task Erasing_again_finds_nothing_and_what_comes_afterwards_is_kept()
    {
        var ledger = new LedgerWriting("erased.again");
        await AppendAsync(ledger.Next(3));
        Assert.Equal(3, await Texts.EraseTextsAsync(ledger.Account));
        Assert.Equal(0, await Texts.EraseTextsAsync(ledger.Account));
        await AppendAsync(ledger.Next(2));
        await AssertErasedAsync(ledger, through: 3);
        Assert.Equal(2, await Texts.EraseTextsAsync(ledger.Account));
        await AssertErasedAsync(ledger, through: 5);
        Assert.Equal(0, await Texts.EraseTextsAsync(new("nobody")));
    }

    [Fact]
    public async Task Texts_of_many_commits_and_of_large_ones_are_erased()
    {
        var ledger = new LedgerWriting("erased.long");
        for (var commit = 0; commit < 30; commit++)
        {
            await AppendAsync(ledger.Next([.. Enumerable.Range(0, commit % 7 == 6 ? 700 : 37).Select(number => number % 5 != 0)]));
        }

        var texts = ledger.Rows.Count(row => !row.Texts.IsEmpty);
        Assert.Equal(texts, await Texts.EraseTextsAsync(ledger.Account));
        var erased = ledger.Head.Sequence;
        await AppendAsync(ledger.Next(300));
        await AssertErasedAsync(ledger, erased);
        AssertRows(
            ledger.TransactionsNewestFirst.Take(7).ToList(), await Store.ReadTransactionsAsync(ledger.Account, long.MaxValue, 7));
        Assert.Equal(ledger.Rows[40].Sequence, ledger.Rows[40].Key is { } key ? await Store.FindKeyAsync(ledger.Account, key) : ledger.Rows[40].Sequence);
    }

    [Fact]
    public async Task A_copy_of_erased_entries_brings_their_digests()
    {
        var (ledger, digest) = (new LedgerWriting("erased.copy"), new ChainLink(1, 2, 3, 4));
        var first = ledger.Next(2);
        var second = ledger.Next(3);
        var rows = first.Rows.Concat(second.Rows).ToList();
        rows[1] = rows[1] with { Link = first.Next.Link, Texts = default, TextsDigest = digest };
        rows[4] = rows[4] with { Texts = default, TextsDigest = digest };
        await AppendAsync(new AppendGroup { Account = ledger.Account, Expected = first.Expected, Next = second.Next, Rows = rows });

        var stored = await Store.ReadAsync(ledger.Account, 1, 100);
        Assert.Equal([null, digest, null, null, digest], stored.Select(row => row.TextsDigest));
        Assert.Equal(rows.Select(row => row.Facts.ToArray()), stored.Select(row => row.Facts.ToArray()));
        Assert.Equal((first.Next.Link, second.Next.Link), (stored[1].Link, stored[4].Link));
        Assert.True(stored[1].Texts.IsEmpty && stored[4].Texts.IsEmpty);
    }

    [Fact]
    public async Task Erased_entries_can_be_cut()
    {
        var ledger = new LedgerWriting("erased.cut");
        await AppendAsync(ledger.Next(2));
        var cut = CutOf(ledger);
        await AppendAsync(ledger.Next(4));
        await Texts.EraseTextsAsync(ledger.Account);
        await CutAsync(cut);
        await AppendAsync(ledger.Next(2));
        Assert.Equal(2, await Texts.EraseTextsAsync(ledger.Account));
        Assert.Equal([3, 4, 5, 6, 7, 8], (await Store.ReadAsync(ledger.Account, 1, 100)).Select(row => row.Sequence));
        Assert.All(await Store.ReadAsync(ledger.Account, 1, 100), row => Assert.True(row.Texts.IsEmpty));
        Assert.Equal((ledger.Head, ledger.Transactions), await Store.ReadHeadAsync(ledger.Account));
    }

    /// <summary>Checks that rows through one have no texts, that the chain can be proved without them, and that all else is as it was.</summary>
    protected async Task AssertErasedAsync(LedgerWriting ledger, long through)
    {
        var (stored, hasher) = (await Store.ReadAsync(ledger.Account, 1, int.MaxValue), new ChainHasher());
        Assert.Equal(ledger.Rows.Count, stored.Count);
        hasher.Begin(LedgerHead.Empty(ledger.Account).Link);
        for (var index = 0; index < stored.Count; index++)
        {
            var (row, written) = (stored[index], ledger.Rows[index]);
            Assert.Equal((written.Sequence, written.TransactionNumber, written.Key, written.Link), (row.Sequence, row.TransactionNumber, row.Key, row.Link));
            Assert.Equal(written.Facts.ToArray(), row.Facts.ToArray());
            Assert.Equal(row.Sequence <= through ? [] : written.Texts.ToArray(), row.Texts.ToArray());
            hasher.Add(row.Facts.Span, row.Texts.Span);
            if (row.Link is { } link)
            {
                Assert.Equal(link, hasher.End(row.TextsDigest));
                hasher.Begin(link);
            }
        }
    }
}

/// <summary>What erased texts promise besides where the ledger outlives its process.</summary>
public abstract partial class DurableLedgerStoreConformance
{
    [Fact]
    public async Task Erased_texts_are_gone_when_the_store_is_opened_again()
    {
        var ledger = new LedgerWriting("erased.lasting");
        for (var commit = 0; commit < 12; commit++)
        {
            await AppendAsync(ledger.Next(50));
        }

        Assert.Equal(600, await ((IPersonalTexts)Store).EraseTextsAsync(ledger.Account));
        await AppendAsync(ledger.Next(5));
        await ReopenWithAsync(ReopenAsync);
        await AssertErasedAsync(ledger, through: 600);
        await AppendAsync(ledger.Next(5));
        await AssertErasedAsync(ledger, through: 600);
    }
}
