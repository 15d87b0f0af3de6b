using System.Buffers.Binary;
using Metering.Core;

namespace Metering.Engine;

/// <summary>
/// Reads the ledger's file on a connection of its own, one thread at a time, each call within one view of the file
/// (<see cref="BeginView"/>).
/// </summary>
internal sealed class SqliteLedgerReader : IDisposable
{
    // A page of transactions reads past so many other entries in a row; over longer runs it jumps.
    private const int PassedOver = 32;

    private const string Columns = "sequence, transaction_number, is_transaction, key, facts, texts, link";

    private readonly SqliteDatabase database;
    private readonly SqliteStatement begin;
    private readonly SqliteStatement fix;
    private readonly SqliteStatement selectHead;
    private readonly SqliteStatement selectUp;
    private readonly SqliteStatement selectDown;
    private readonly SqliteStatement selectNumber;
    private readonly SqliteStatement selectKey;
    private readonly SqliteStatement selectSnapshots;
    private readonly SqliteStatement selectAccounts;

    public SqliteLedgerReader(SqliteDatabase database)
    {
        this.database = database;
        begin = database.Prepare("BEGIN");
        fix = database.Prepare("SELECT 1 FROM accounts WHERE account = -1");
        selectHead = database.Prepare(LedgerSql.SelectHead);
        selectUp = database.Prepare(
            $"SELECT {Columns} FROM entries INDEXED BY entries_by_sequence WHERE account = ?1 AND sequence >= ?2 ORDER BY sequence LIMIT ?3");
        selectDown = database.Prepare(
            $"SELECT {Columns} FROM entries INDEXED BY entries_by_sequence WHERE account = ?1 AND sequence <= ?2 ORDER BY sequence DESC");
        selectNumber = database.Prepare("SELECT transaction_number FROM entries INDEXED BY entries_by_sequence WHERE account = ?1 AND sequence = ?2");
        selectKey = database.Prepare(
            $"SELECT max(sequence) FROM entries INDEXED BY entries_by_key WHERE account = ?1 AND sequence >> {LedgerSchema.SegmentBits} = ?2 AND key = ?3");
        selectSnapshots = database.Prepare(
            """
            SELECT sequence, link, format, state FROM snapshots INDEXED BY snapshots_by_sequence
            WHERE account = (SELECT account FROM accounts WHERE id = ?1) ORDER BY sequence DESC LIMIT 2
            """);
        selectAccounts = database.Prepare("SELECT id FROM accounts WHERE id > ?1 ORDER BY id LIMIT ?2");
    }

    /// <summary>
    /// Fixes the state of the file that the following statements see. Beside being consistent it is quicker: a view of its own for each
    /// statement costs two file locks, which is most of a look-up.
    /// </summary>
    public void BeginView()
    {
        begin.Run();
        fix.Run();
    }

    /// <summary>Lets go of the view.</summary>
    public void EndView() => database.TryRollBack();

    public (LedgerHead Head, long Transactions) ReadHead(AccountId account) =>
        Find(account) is { } found ? (found.Head, found.Transactions) : (LedgerHead.Empty(account), 0);

    public IReadOnlyList<LedgerRow> Read(AccountId account, long fromSequence, int limit)
    {
        var result = new List<LedgerRow>();
        if (Find(account) is not { } found || found.Head.Sequence < fromSequence)
        {
            return result;
        }

        result.EnsureCapacity((int)Math.Min(limit, found.Head.Sequence - Math.Max(fromSequence, 1) + 1));
        using var rows = selectUp.Bind(1, found.Account).Bind(2, fromSequence).Bind(3, limit).Rows();
        while (rows.Next())
        {
            result.Add(RowOf(rows));
        }

        return result;
    }

    public IReadOnlyList<LedgerRow> ReadTransactions(AccountId account, long beforeNumber, int limit)
    {
        var result = new List<LedgerRow>();
        if (Find(account) is not { } found || beforeNumber <= 1)
        {
            return result;
        }

        var number = Math.Min(beforeNumber - 1, found.Transactions);
        while (number >= 1 && result.Count < limit)
        {
            number = AddTransactions(found, number, limit, result);
        }

        return result;
    }

    public long FindKey(AccountId account, UInt128 key)
    {
        if (Find(account) is not { } found)
        {
            return 0;
        }

        Span<byte> bytes = stackalloc byte[16];
        selectKey.Bind(1, found.Account).Bind(3, LedgerSql.KeyBytes(key, bytes));
        for (var segment = found.Head.Sequence >> LedgerSchema.SegmentBits; segment >= 0; segment--)
        {
            using var rows = selectKey.Bind(2, segment).Rows();
            if (rows.Next() && !rows.IsNull(0))
            {
                return rows.Integer(0);
            }
        }

        return 0;
    }

    public IReadOnlyList<LedgerSnapshot> ReadSnapshots(AccountId account)
    {
        var result = new List<LedgerSnapshot>(2);
        using var rows = selectSnapshots.Bind(1, account.Value).Rows();
        while (rows.Next())
        {
            result.Add(new(new(rows.Integer(0), ChainLink.Read(rows.Blob(1))), (int)rows.Integer(2), rows.Blob(3).ToArray()));
        }

        return result;
    }

    public IReadOnlyList<AccountId> ListAccounts(AccountId? after, int limit)
    {
        var result = new List<AccountId>();
        using var rows = selectAccounts.Bind(1, after?.Value ?? string.Empty).Bind(2, limit).Rows();
        while (rows.Next())
        {
            result.Add(new(rows.Text(0)));
        }

        return result;
    }

    public void Dispose() => database.Dispose();

    private (long Account, LedgerHead Head, long Transactions)? Find(AccountId account)
    {
        using var rows = selectHead.Bind(1, account.Value).Rows();
        return rows.Next() ? (rows.Integer(0), new(rows.Integer(1), ChainLink.Read(rows.Blob(3))), rows.Integer(2)) : null;
    }

    /// <summary>Adds transactions downwards from a number, until the page is full, the ledger begins, or a long run of other entries comes.</summary>
    /// <returns>The number of the next transaction to add.</returns>
    private long AddTransactions((long Account, LedgerHead Head, long Transactions) found, long number, int limit, List<LedgerRow> result)
    {
        var passed = 0;
        using var rows = selectDown.Bind(1, found.Account).Bind(2, SequenceOf(found, number)).Rows();
        while (result.Count < limit && passed < PassedOver && rows.Next())
        {
            if (rows.Integer(2) == 0)
            {
                passed++;
                continue;
            }

            passed = 0;
            number = rows.Integer(1) - 1;
            result.Add(RowOf(rows));
        }

        return number;
    }

    /// <summary>
    /// The first entry at which the account has so many transactions. Numbers never fall along the ledger, and entry s has at least
    /// s minus all other entries and at most s: so a search between the two takes a handful of look-ups and no index of its own.
    /// </summary>
    private long SequenceOf((long Account, LedgerHead Head, long Transactions) found, long number)
    {
        var (low, high) = (number, number + found.Head.Sequence - found.Transactions);
        while (low < high)
        {
            var middle = low + ((high - low) / 2);
            using var rows = selectNumber.Bind(1, found.Account).Bind(2, middle).Rows();
            if (!rows.Next())
            {
                throw new LedgerFormatException($"Entry {middle} is missing in the ledger of an account with {found.Head.Sequence} entries.");
            }

            (low, high) = rows.Integer(0) >= number ? (low, middle) : (middle + 1, high);
        }

        return low;
    }

    private static LedgerRow RowOf(SqliteStatement.Query rows) => new()
    {
        Sequence = rows.Integer(0),
        TransactionNumber = rows.Integer(1),
        IsTransaction = rows.Integer(2) != 0,
        Key = rows.IsNull(3) ? null : BinaryPrimitives.ReadUInt128BigEndian(rows.Blob(3)),
        Facts = rows.Blob(4).ToArray(),
        Texts = rows.Blob(5).ToArray(),
        Link = rows.IsNull(6) ? null : ChainLink.Read(rows.Blob(6)),
    };
}
