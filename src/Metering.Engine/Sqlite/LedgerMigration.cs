using System.Buffers.Binary;
using Metering.Core;

namespace Metering.Engine;

/// <summary>
/// Moves the rows of schema 1, an entry each, into pages: account by account, in commits of thousands of rows, so that a killed
/// migration goes on where its last commit ended. The rows stay until all of them are in pages and counted; then their table goes, and what it took
/// of the file is used again by what comes. Until then the file takes about twice its room.
/// </summary>
internal sealed class LedgerMigration : IDisposable
{
    private const int RowsACommit = 20_000;
    private const int AccountsAtOnce = 1_000;

    private readonly SqliteFile file;
    private readonly SqliteDatabase reader;
    private readonly SqliteStatement selectAccounts;
    private readonly SqliteStatement selectMoved;
    private readonly SqliteStatement selectRows;
    private readonly SqlitePageCommit commit;
    private readonly PageBuilder page = new();
    private readonly KeyPacker keys = new();
    private readonly long total;
    private readonly Action<LedgerMigrationProgress>? migrating;
    private byte[] packed = new byte[1_024];
    private long done;
    private int uncommitted;

    private LedgerMigration(SqliteFile file, Action<LedgerMigrationProgress>? migrating)
    {
        (this.file, this.migrating) = (file, migrating);
        commit = new(file);
        reader = file.OpenReader();
        total = reader.Scalar("SELECT count(*) FROM entries");
        done = CountMoved();
        selectAccounts = reader.Prepare("SELECT account, id FROM accounts WHERE account > ?1 ORDER BY account LIMIT ?2");
        selectMoved = file.Writer.Prepare(
            "SELECT last_sequence, last_number FROM pages INDEXED BY pages_by_sequence WHERE account = ?1 ORDER BY first_sequence DESC LIMIT 1");
        selectRows = reader.Prepare(
            """
            SELECT sequence, transaction_number, is_transaction, key, facts, texts, link, texts_digest FROM entries INDEXED BY entries_by_sequence
            WHERE account = ?1 AND sequence > ?2 ORDER BY sequence LIMIT ?3
            """);
    }

    /// <summary>Migrates where rows of schema 1 are left.</summary>
    /// <param name="file">The ledger's file, at this build's schema.</param>
    /// <param name="migrating">Told how far it is; null for nobody.</param>
    /// <exception cref="LedgerUnavailableException">The file cannot be written now; what was committed stays.</exception>
    /// <exception cref="LedgerFormatException">The rows have a gap or are not what they should be; they stay as they are.</exception>
    public static void Run(SqliteFile file, Action<LedgerMigrationProgress>? migrating)
    {
        if (file.Writer.Scalar("SELECT count(*) FROM sqlite_master WHERE name = 'entries'") == 0)
        {
            return;
        }

        if (file.Writer.Scalar("SELECT EXISTS (SELECT 1 FROM entries)") == 1)
        {
            using var migration = new LedgerMigration(file, migrating);
            migration.MoveAll();
        }

        file.Writer.Execute("DROP TABLE entries");
    }

    public void Dispose()
    {
        commit.Dispose();
        reader.Dispose();
    }

    private void MoveAll()
    {
        migrating?.Invoke(new(done, total));
        commit.Begin();
        for (var after = 0L; ReadAccounts(after) is { Count: > 0 } accounts; after = accounts[^1].Number)
        {
            foreach (var (number, account) in accounts)
            {
                while (!Move(number, account))
                {
                    Commit();
                    commit.Begin();
                }
            }
        }

        Commit();
        if (CountMoved() != total)
        {
            throw new LedgerFormatException($"{CountMoved()} of its {total} rows belong to an account");
        }
    }

    private List<(long Number, AccountId Account)> ReadAccounts(long after)
    {
        var result = new List<(long, AccountId)>();
        using var rows = selectAccounts.Bind(1, after).Bind(2, AccountsAtOnce).Rows();
        while (rows.Next())
        {
            result.Add((rows.Integer(0), new(rows.Text(1))));
        }

        return result;
    }

    /// <summary>Moves what is left of an account, as far as a commit goes. Its pages say how far that came before.</summary>
    /// <returns>True where the account is done. The reading ends with the call, because a view that stays open would keep the log from ending.</returns>
    private bool Move(long number, AccountId account)
    {
        var (sequence, transactions) = LastMoved(number);
        var (salt, limit, moved) = (KeyRuns.Salt(account), RowsACommit - uncommitted, 0);
        page.Begin(commit, number, sequence, transactions);
        using var rows = selectRows.Bind(1, number).Bind(2, sequence).Bind(3, limit).Rows();
        for (; rows.Next(); moved++)
        {
            var row = RowOf(rows);
            transactions += row.IsTransaction ? 1 : 0;
            if (row.Sequence != ++sequence || row.TransactionNumber != transactions || !rows.IsNull(7))
            {
                throw new LedgerFormatException(
                    $"entry {row.Sequence} of account {account}, transaction {row.TransactionNumber}, stands where entry {sequence}, transaction {transactions} is due");
            }

            if (row.Key is { } key)
            {
                keys.Add([KeyRuns.Fingerprint(salt, key)], [sequence]);
            }

            Add(row);
        }

        page.Write();
        done += moved;
        uncommitted += moved;
        return moved < limit;
    }

    private void Add(in LedgerRow row)
    {
        var most = StoredRows.MaxOverhead + row.Facts.Length + row.Texts.Length;
        if (packed.Length < most)
        {
            packed = new byte[most];
        }

        page.Add(packed.AsSpan(0, StoredRows.Write(packed, row, row.Link)), count: 1);
    }

    private void Commit()
    {
        // Runs of a migration come before all that a journal's positions will number.
        keys.Write(done - total - 1, commit, view: null);
        commit.Commit(watermark: 0);
        uncommitted = 0;
        migrating?.Invoke(new(done, total));
    }

    private (long Sequence, long Transactions) LastMoved(long account)
    {
        using var rows = selectMoved.Bind(1, account).Rows();
        return rows.Next() ? (rows.Integer(0), rows.Integer(1)) : (0, 0);
    }

    private long CountMoved() => file.Writer.Scalar("SELECT ifnull(sum(last_sequence - first_sequence + 1), 0) FROM pages");

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
