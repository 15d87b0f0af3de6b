using System.Text;

namespace Metering.Core.Tests;

public class ChainTests
{
    private static readonly (string Facts, string Texts)[] Group = [("facts of one", "a name"), ("facts of two", ""), ("facts of three", "another")];

    [Fact]
    public void The_same_entries_give_the_same_link()
    {
        var genesis = ChainLink.Genesis(new("acme"));
        var hasher = new ChainHasher();
        Assert.Equal(Link(new ChainHasher(), genesis, Group), Link(hasher, genesis, Group));
        Assert.Equal(Link(hasher, genesis, Group), Link(hasher, genesis, Group));
    }

    [Fact]
    public void Any_change_gives_another_link()
    {
        var genesis = ChainLink.Genesis(new("acme"));
        (string, string)[][] changed =
        [
            [("facts of One", "a name"), Group[1], Group[2]],
            [("facts of one", "b name"), Group[1], Group[2]],
            [Group[1], Group[0], Group[2]],
            [Group[0], Group[1]],
            [Group[0], Group[1], Group[2], ("", "")],
            [("facts of one", ""), ("facts of two", "a name"), Group[2]],
            [("facts of onefacts of two", "a name"), Group[2]],
            [("facts of onef", "a name"), ("acts of two", ""), Group[2]],
            [("facts of one", "a nam"), ("facts of two", "e"), Group[2]],
            [("facts of one", ""), ("facts of two", ""), ("facts of three", "")],
            [],
        ];
        var links = changed.Select(group => Link(new(), genesis, group)).Append(Link(new(), genesis, Group)).ToList();
        Assert.Equal(links.Count, links.Distinct().Count());
    }

    [Fact]
    public void Every_bit_of_the_previous_link_counts()
    {
        var bytes = ChainLink.Genesis(new("acme")).ToArray();
        var links = new HashSet<ChainLink> { Link(new(), ChainLink.Read(bytes), Group) };
        for (var bit = 0; bit < bytes.Length * 8; bit++)
        {
            bytes[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.True(links.Add(Link(new(), ChainLink.Read(bytes), Group)));
            bytes[bit / 8] ^= (byte)(1 << (bit % 8));
        }
    }

    [Fact]
    public void The_kept_digest_stands_for_erased_texts_and_no_other_does()
    {
        var genesis = ChainLink.Genesis(new("acme"));
        var whole = new ChainHasher();
        var link = Link(whole, genesis, Group);
        var kept = whole.TextsDigest;
        var erased = new ChainHasher();
        erased.Begin(genesis);
        foreach (var (facts, _) in Group)
        {
            erased.Add(Encoding.UTF8.GetBytes(facts), default);
        }

        Assert.Equal(default, erased.TextsDigest);
        Assert.Equal(link, erased.End(kept));
        Assert.NotEqual(link, Link(new(), genesis, [.. Group.Select(entry => (entry.Facts, string.Empty))]));
    }

    [Fact]
    public void A_chain_is_bound_to_its_account_and_its_format()
    {
        Assert.NotEqual(ChainLink.Genesis(new("acme")), ChainLink.Genesis(new("acme2")));

        // Written down, so that a change of the format is noticed: every ledger that was ever written depends on it.
        Assert.Equal("5e19e2b3c3a6c02c84822385959e0b1e335d3137f7b3cb5ccdebae92e0873c67", ChainLink.Genesis(new("acme")).ToString());
        Assert.Equal("fad78ce3ed0d43a507dea041b9fdacd6548564af2e1857c9e5e991f97d3f2afb", Link(new(), ChainLink.Genesis(new("acme")), Group).ToString());
    }

    [Fact]
    public void A_link_is_read_back_and_has_32_bytes()
    {
        var link = ChainLink.Genesis(new("acme"));
        Assert.Equal(link, ChainLink.Read(link.ToArray()));
        Assert.Throws<LedgerFormatException>(() => ChainLink.Read(new byte[31]));
        Assert.Throws<LedgerFormatException>(() => ChainLink.Read(new byte[33]));
    }

    private static ChainLink Link(ChainHasher hasher, ChainLink previous, (string Facts, string Texts)[] group)
    {
        hasher.Begin(previous);
        foreach (var (facts, texts) in group)
        {
            hasher.Add(Encoding.UTF8.GetBytes(facts), Encoding.UTF8.GetBytes(texts));
        }

        return hasher.End();
    }
}
