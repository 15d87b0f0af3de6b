using Metering.Core;
using Metering.Engine;

namespace Metering.Conformance;

/// <summary>
/// An account's ledger as a writer keeps it: it makes groups with realistic rows and knows what the store should hold. Stores do not look
/// into facts, so the facts here are random bytes of the usual lengths.
/// </summary>
public sealed class LedgerWriting
{
    private readonly Random random;
    private readonly ChainHasher hasher = new();

    public LedgerWriting(string account, int seed = 1)
    {
        Account = new(account);
        Head = LedgerHead.Empty(Account);
        random = new(seed);
    }

    public AccountId Account { get; }

    /// <summary>Where the ledger stands once everything that was made here is appended.</summary>
    public LedgerHead Head { get; set; }

    /// <summary>The rows as they should be read, links included.</summary>
    public List<LedgerRow> Rows { get; } = [];

    /// <summary>Transactions so far.</summary>
    public long Transactions { get; set; }

    /// <summary>The rows that are transactions, newest first.</summary>
    public IEnumerable<LedgerRow> TransactionsNewestFirst => Enumerable.Reverse(Rows).Where(row => row.IsTransaction);

    /// <summary>A group of transactions that follows the head, and moves it.</summary>
    public AppendGroup Next(int rows = 1) => Next([.. Enumerable.Repeat(true, rows)]);

    /// <summary>A group that follows the head, and moves it.</summary>
    /// <param name="areTransactions">One a row: whether it is a transaction.</param>
    /// <param name="key">The idempotency key of the last row; null for a random one on each.</param>
    public AppendGroup Next(bool[] areTransactions, UInt128? key = null)
    {
        var group = new List<LedgerRow>();
        foreach (var isTransaction in areTransactions)
        {
            Transactions += isTransaction ? 1 : 0;
            group.Add(RowAfter(Head.Sequence + group.Count, isTransaction));
        }

        if (key is not null)
        {
            group[^1] = group[^1] with { Key = key };
        }

        return Follow(group);
    }

    /// <summary>A group of given rows that follows the head, and moves it.</summary>
    public AppendGroup Follow(List<LedgerRow> group)
    {
        var expected = Head;
        hasher.Begin(expected.Link);
        foreach (var row in group)
        {
            hasher.Add(row.Facts.Span, row.Texts.Span);
        }

        Head = new(group[^1].Sequence, hasher.End());
        Rows.AddRange(group);
        Rows[^1] = Rows[^1] with { Link = Head.Link };
        return new() { Account = Account, Expected = expected, Next = Head, Rows = group };
    }

    /// <summary>Another writer of the same account, standing where this one stands, about to write other rows.</summary>
    public LedgerWriting Rival(int seed)
    {
        var rival = new LedgerWriting(Account.Value, seed) { Head = Head, Transactions = Transactions };
        rival.Rows.AddRange(Rows);
        return rival;
    }

    private LedgerRow RowAfter(long sequence, bool isTransaction) => new()
    {
        Sequence = sequence + 1,
        TransactionNumber = Transactions,
        IsTransaction = isTransaction,
        Key = isTransaction ? new UInt128((ulong)random.NextInt64(), (ulong)random.NextInt64()) : null,
        Facts = RandomBytes(random.Next(70, 121)),
        Texts = isTransaction ? RandomBytes(40) : default,
    };

    private byte[] RandomBytes(int count)
    {
        var bytes = new byte[count];
        random.NextBytes(bytes);
        return bytes;
    }
}
