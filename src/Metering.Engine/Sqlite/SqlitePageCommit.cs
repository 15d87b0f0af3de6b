using Metering.Core;

namespace Metering.Engine;

/// <summary>A commit of pages in the ledger's file: one synced transaction. The one object is used again and again.</summary>
internal sealed class SqlitePageCommit : IPageCommit
{
    private readonly SqliteFile file;
    private readonly SqliteDatabase database;
    private readonly SqliteStatement begin;
    private readonly SqliteStatement commit;
    private readonly SqliteStatement insertAccount;
    private readonly SqliteStatement insertPage;
    private readonly SqliteStatement updatePage;
    private readonly SqliteStatement insertKeys;
    private readonly SqliteStatement updateKeys;
    private readonly SqliteStatement selectSnapshot;
    private readonly SqliteStatement insertSnapshot;
    private readonly SqliteStatement deleteSnapshots;
    private readonly SqliteStatement setWatermark;
    private readonly SqliteStatement deletePages;
    private readonly SqliteStatement deleteSnapshotsThrough;
    private readonly SqliteStatement setBase;
    private readonly SqliteStatement selectNumber;
    private readonly SqliteStatement setDue;

    public SqlitePageCommit(SqliteFile file)
    {
        this.file = file;
        database = file.Writer;
        begin = database.Prepare("BEGIN IMMEDIATE");
        commit = database.Prepare("COMMIT");
        insertAccount = database.Prepare("INSERT INTO accounts (account, id) VALUES (?1, ?2)");
        insertPage = database.Prepare(
            """
            INSERT INTO pages (account, first_sequence, last_sequence, number_before, last_number, last_link, checksum, body)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
            """);
        updatePage = database.Prepare(
            """
            UPDATE pages SET last_sequence = ?3, number_before = ?4, last_number = ?5, last_link = ?6, checksum = ?7, body = ?8
            WHERE account = ?1 AND first_sequence = ?2
            """);
        insertKeys = database.Prepare("INSERT INTO key_runs (bucket, run, body) VALUES (?1, ?2, ?3)");
        updateKeys = database.Prepare("UPDATE key_runs SET body = ?3 WHERE bucket = ?1 AND run = ?2");
        selectSnapshot = database.Prepare(
            """
            SELECT account, (SELECT max(sequence) FROM snapshots s WHERE s.account = a.account), (SELECT sequence FROM bases b WHERE b.account = a.account)
            FROM accounts a WHERE id = ?1
            """);
        insertSnapshot = database.Prepare("INSERT OR REPLACE INTO snapshots (account, sequence, link, format, state) VALUES (?1, ?2, ?3, ?4, ?5)");
        deleteSnapshots = database.Prepare(
            """
            DELETE FROM snapshots WHERE account = ?1 AND sequence NOT IN
                (SELECT sequence FROM snapshots WHERE account = ?1 ORDER BY sequence DESC LIMIT 2)
            """);
        setWatermark = database.Prepare("UPDATE ledger SET watermark = ?1");
        deletePages = database.Prepare("DELETE FROM pages WHERE account = ?1 AND first_sequence <= ?2");
        deleteSnapshotsThrough = database.Prepare("DELETE FROM snapshots WHERE account = ?1 AND sequence <= ?2");
        selectNumber = database.Prepare("SELECT account FROM accounts WHERE id = ?1");
        setDue = database.Prepare("INSERT INTO dues (account, wake_at) VALUES (?1, ?2) ON CONFLICT (account) DO UPDATE SET wake_at = excluded.wake_at");
        setBase = database.Prepare("INSERT OR REPLACE INTO bases (account, sequence, transactions, link, format, state) VALUES (?1, ?2, ?3, ?4, ?5, ?6)");
    }

    /// <summary>Begins. The commit before was disposed.</summary>
    public void Begin() => Write(static self => self.begin.Run());

    /// <inheritdoc />
    public void AddAccount(long number, AccountId account) => Write(self => self.insertAccount.Bind(1, number).Bind(2, account.Value).Run());

    /// <inheritdoc />
    public void WritePage(long account, in PageHeader header, ReadOnlySpan<byte> body, bool replaces)
    {
        try
        {
            var statement = replaces ? updatePage : insertPage;
            statement.Bind(1, account).Bind(2, header.First).Bind(3, header.Last).Bind(4, header.NumberBefore).Bind(5, header.LastNumber);
            if (header.Link == default)
            {
                statement.BindNull(6);
            }
            else
            {
                Span<byte> link = stackalloc byte[ChainLink.Bytes];
                header.Link.CopyTo(link);
                statement.Bind(6, link);
            }

            statement.Bind(7, SqlitePageView.Checksum(account, header, body)).Bind(8, body).Run();
        }
        catch (SqliteFailure failure)
        {
            throw TakeBack(failure, committing: false);
        }
    }

    /// <inheritdoc />
    public void WriteKeys(int bucket, long run, ReadOnlySpan<byte> body, bool replaces)
    {
        try
        {
            (replaces ? updateKeys : insertKeys).Bind(1, bucket).Bind(2, run).Bind(3, body).Run();
        }
        catch (SqliteFailure failure)
        {
            throw TakeBack(failure, committing: false);
        }
    }

    /// <inheritdoc />
    public bool SaveSnapshot(AccountId account, LedgerSnapshot snapshot)
    {
        try
        {
            long number;
            using (var rows = selectSnapshot.Bind(1, account.Value).Rows())
            {
                if (!rows.Next())
                {
                    return false;
                }

                if ((!rows.IsNull(1) && rows.Integer(1) > snapshot.Head.Sequence) || (!rows.IsNull(2) && rows.Integer(2) >= snapshot.Head.Sequence))
                {
                    return true;
                }

                number = rows.Integer(0);
            }

            insertSnapshot.Bind(1, number).Bind(2, snapshot.Head.Sequence).Bind(3, snapshot.Head.Link.ToArray()).Bind(4, snapshot.FormatVersion)
                .Bind(5, snapshot.State.Span).Run();
            deleteSnapshots.Bind(1, number).Run();
            return true;
        }
        catch (SqliteFailure failure)
        {
            throw TakeBack(failure, committing: false);
        }
    }

    /// <inheritdoc />
    public void RemovePages(long account, long through) => Write(self =>
    {
        self.deletePages.Bind(1, account).Bind(2, through).Run();
        self.deleteSnapshotsThrough.Bind(1, account).Bind(2, through).Run();
    });

    /// <inheritdoc />
    public void SetBase(long account, LedgerBase ledgerBase) => Write(self => self.setBase
        .Bind(1, account).Bind(2, ledgerBase.Head.Sequence).Bind(3, ledgerBase.Transactions).Bind(4, ledgerBase.Head.Link.ToArray())
        .Bind(5, ledgerBase.FormatVersion).Bind(6, ledgerBase.State.Span).Run());

    /// <inheritdoc />
    public bool NoteDue(in DueNote note)
    {
        try
        {
            long number;
            using (var rows = selectNumber.Bind(1, note.Account.Value).Rows())
            {
                if (!rows.Next())
                {
                    return false;
                }

                number = rows.Integer(0);
            }

            setDue.Bind(1, number).Bind(2, note.WakeAt.ToUnixTimeMilliseconds()).Run();
            return true;
        }
        catch (SqliteFailure failure)
        {
            throw TakeBack(failure, committing: false);
        }
    }

    /// <inheritdoc />
    public void Commit(long watermark)
    {
        Write(self => self.setWatermark.Bind(1, watermark).Run());
        try
        {
            commit.Run();
        }
        catch (SqliteFailure failure)
        {
            throw TakeBack(failure, committing: true);
        }
    }

    /// <inheritdoc />
    public void Dispose() => database.TryRollBack();

    private void Write(Action<SqlitePageCommit> write)
    {
        try
        {
            write(this);
        }
        catch (SqliteFailure failure)
        {
            throw TakeBack(failure, committing: false);
        }
    }

    private Exception TakeBack(SqliteFailure failure, bool committing) =>
        database.TryRollBack() ? failure.AfterRollback(file.Name, committing) : failure.Fatal(file.Name);
}
