using Metering.Core;

namespace Metering.Engine;

/// <summary>Writes the ledger's file: one thread at a time, one transaction a call.</summary>
internal sealed class SqliteLedgerWriter
{
    private const int CachedHeads = 131_072;

    private readonly SqliteFile file;
    private readonly SqliteDatabase database;
    private readonly SqliteStatement begin;
    private readonly SqliteStatement commit;
    private readonly SqliteStatement selectHead;
    private readonly SqliteStatement insertAccount;
    private readonly SqliteStatement insertEntry;
    private readonly SqliteStatement selectSnapshot;
    private readonly SqliteStatement insertSnapshot;
    private readonly SqliteStatement deleteSnapshots;
    private readonly HeadCache heads = new(CachedHeads);
    private readonly List<(AppendGroup Group, StoredHead Next)> written = [];
    private bool commitsAreSynced = true;

    /// <summary>Prepares everything that it will ever run.</summary>
    /// <exception cref="SqliteFailure">The file does not have the schema that it says.</exception>
    public SqliteLedgerWriter(SqliteFile file)
    {
        this.file = file;
        database = file.Writer;
        begin = database.Prepare("BEGIN IMMEDIATE");
        commit = database.Prepare("COMMIT");
        selectHead = database.Prepare(LedgerSql.SelectHead);
        insertAccount = database.Prepare("INSERT INTO accounts (id) VALUES (?1) RETURNING account");
        insertEntry = database.Prepare(
            """
            INSERT INTO entries (account, sequence, transaction_number, is_transaction, key, facts, texts, link)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
            """);
        selectSnapshot = database.Prepare(
            """
            SELECT account, (SELECT max(sequence) FROM snapshots s WHERE s.account = a.account) FROM accounts a WHERE id = ?1
            """);
        insertSnapshot = database.Prepare("INSERT OR REPLACE INTO snapshots (account, sequence, link, format, state) VALUES (?1, ?2, ?3, ?4, ?5)");
        deleteSnapshots = database.Prepare(
            """
            DELETE FROM snapshots WHERE account = ?1 AND sequence NOT IN
                (SELECT sequence FROM snapshots WHERE account = ?1 ORDER BY sequence DESC LIMIT 2)
            """);
    }

    /// <summary>Appends as <see cref="ILedgerStore.AppendAsync"/> promises.</summary>
    public void Append(IReadOnlyList<AppendGroup> groups)
    {
        AppendGroupRules.Check(groups);
        written.Clear();
        Transact(synced: true, groups, static (writer, groups) =>
        {
            for (var index = 0; index < groups.Count; index++)
            {
                writer.AppendGroup(groups[index]);
            }
        });

        // Durable from here on: only now may results and heads say so.
        for (var index = 0; index < groups.Count; index++)
        {
            groups[index].Result = AppendResult.HeadMismatch;
        }

        foreach (var (group, next) in written)
        {
            group.Result = AppendResult.Appended;
            heads.Set(group.Account, next);
        }
    }

    /// <summary>Stores a snapshot as <see cref="ILedgerStore.SaveSnapshotAsync"/> promises.</summary>
    public void SaveSnapshot(AccountId account, LedgerSnapshot snapshot) =>
        Transact(synced: false, (account, snapshot), static (writer, saved) => writer.ReplaceSnapshots(saved.account, saved.snapshot));

    /// <summary>True where a transaction could begin now.</summary>
    public bool CanBegin()
    {
        try
        {
            begin.Run();
            return true;
        }
        catch (SqliteFailure)
        {
            return false;
        }
        finally
        {
            database.TryRollBack();
        }
    }

    /// <summary>Lets the file grow to a number of pages only, as a full disk would.</summary>
    public void LimitPages(long pages) => database.Execute($"PRAGMA max_page_count = {pages}");

    public long PageCount => database.Scalar("PRAGMA page_count");

    // An unsynced commit does not wait for the disk: a loss of power may take it back (never one before it), and the next synced commit
    // makes it durable too.
    private void Transact<T>(bool synced, T argument, Action<SqliteLedgerWriter, T> write)
    {
        var committing = false;
        try
        {
            if (synced != commitsAreSynced)
            {
                database.Execute(synced ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL");
                commitsAreSynced = synced;
            }

            begin.Run();
            write(this, argument);
            committing = true;
            commit.Run();
        }
        catch (Exception error)
        {
            var rolledBack = database.TryRollBack();
            throw error switch
            {
                SqliteFailure failure when rolledBack => failure.AfterRollback(file.Name, committing),
                SqliteFailure failure => failure.Fatal(file.Name),
                _ when !rolledBack => new LedgerFatalException($"{file.Name} could not take back an unfinished write.", error),
                _ => error,
            };
        }
    }

    private void AppendGroup(AppendGroup group)
    {
        var stored = FindHead(group.Account);
        var head = stored?.Head ?? LedgerHead.Empty(group.Account);
        if (head != group.Expected)
        {
            return;
        }

        var account = stored?.Account ?? InsertAccount(group.Account);
        for (var index = 0; index < group.Rows.Count; index++)
        {
            InsertEntry(account, group.Rows[index], index == group.Rows.Count - 1 ? group.Next.Link : group.Rows[index].Link);
        }

        written.Add((group, new(account, group.Next)));
    }

    private StoredHead? FindHead(AccountId account)
    {
        if (heads.TryGet(account, out var cached))
        {
            return cached;
        }

        using var rows = selectHead.Bind(1, account.Value).Rows();
        return rows.Next() ? new(rows.Integer(0), new(rows.Integer(1), ChainLink.Read(rows.Blob(3)))) : null;
    }

    private long InsertAccount(AccountId account)
    {
        using var rows = insertAccount.Bind(1, account.Value).Rows();
        rows.Next();
        return rows.Integer(0);
    }

    private void InsertEntry(long account, in LedgerRow row, ChainLink? link)
    {
        Span<byte> bytes = stackalloc byte[ChainLink.Bytes];
        insertEntry.Bind(1, account).Bind(2, row.Sequence).Bind(3, row.TransactionNumber).Bind(4, row.IsTransaction ? 1 : 0).Bind(6, row.Facts.Span);
        if (row.Key is { } key)
        {
            insertEntry.Bind(5, LedgerSql.KeyBytes(key, bytes));
        }
        else
        {
            insertEntry.BindNull(5);
        }

        if (row.Texts.IsEmpty)
        {
            insertEntry.BindNull(7);
        }
        else
        {
            insertEntry.Bind(7, row.Texts.Span);
        }

        if (link is { } last)
        {
            last.CopyTo(bytes);
            insertEntry.Bind(8, bytes);
        }
        else
        {
            insertEntry.BindNull(8);
        }

        insertEntry.Run();
    }

    private void ReplaceSnapshots(AccountId account, LedgerSnapshot snapshot)
    {
        long number;
        using (var rows = selectSnapshot.Bind(1, account.Value).Rows())
        {
            if (!rows.Next() || (!rows.IsNull(1) && rows.Integer(1) > snapshot.Head.Sequence))
            {
                return;
            }

            number = rows.Integer(0);
        }

        insertSnapshot.Bind(1, number).Bind(2, snapshot.Head.Sequence).Bind(3, snapshot.Head.Link.ToArray()).Bind(4, snapshot.FormatVersion)
            .Bind(5, snapshot.State.Span).Run();
        deleteSnapshots.Bind(1, number).Run();
    }
}
