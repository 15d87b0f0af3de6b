using System.Buffers.Binary;
using SQLitePCL;

namespace Metering.Engine;

/// <summary>
/// The journal in a SQLite file of its own: a row a record, a synced commit an append. Deleting does not sync. The log is moved into the file
/// between the projector's steps (<see cref="Maintain"/>), never within an append.
/// </summary>
internal sealed class SqliteJournal : IJournal
{
    // Bytes of log after which it is moved into the file. Most of what it holds was deleted by then and its space used again, so the
    // longer it may grow the less is moved; a start after a crash reads and rewrites it.
    private const long LogBytes = 128L << 20;

    // What an append adds to the log beside its record: the last page of the table, the list of free pages, parts of pages.
    private const int AppendOverhead = 12 << 10;

    private readonly Lock writing = new();
    private readonly Lock reading = new();
    private readonly SqliteFile file;
    private readonly SqliteDatabase database;
    private readonly SqliteDatabase reader;
    private readonly SqliteStatement insert;
    private readonly SqliteStatement begin;
    private readonly SqliteStatement commit;
    private readonly SqliteStatement delete;
    private readonly SqliteStatement setDeleted;
    private readonly SqliteStatement select;
    private long logBytes;
    private bool leavesUnsynced;
    private bool disposed;

    private SqliteJournal(SqliteFile file)
    {
        this.file = file;
        database = file.Writer;
        database.Execute("PRAGMA wal_autocheckpoint = 0");
        insert = database.Prepare("INSERT INTO records (position, record) VALUES (?1, ?2)");
        begin = database.Prepare("BEGIN IMMEDIATE");
        commit = database.Prepare("COMMIT");
        delete = database.Prepare("DELETE FROM records WHERE position <= ?1");
        setDeleted = database.Prepare("UPDATE journal SET deleted_through = max(deleted_through, ?1)");
        reader = file.OpenReader();
        select = reader.Prepare("SELECT position, record FROM records WHERE position >= ?1 ORDER BY position");
    }

    /// <inheritdoc />
    public string Name => file.Name;

    /// <inheritdoc />
    public JournalState? State
    {
        get
        {
            lock (writing)
            {
                using var rows = database.Prepare(
                    """
                    SELECT identity, deleted_through, ifnull((SELECT min(position) FROM records), 0), ifnull((SELECT max(position) FROM records), 0) FROM journal
                    """).Rows();
                return rows.Next()
                    ? new(BinaryPrimitives.ReadUInt128LittleEndian(rows.Blob(0)), rows.Integer(2), Math.Max(rows.Integer(1), rows.Integer(3)), rows.Integer(1))
                    : null;
            }
        }
    }

    /// <inheritdoc />
    public bool IsHealthy
    {
        get
        {
            // A file that was deleted under the process takes commits that nobody will ever find.
            if (!File.Exists(file.Path) || !file.HasRoom)
            {
                return false;
            }

            lock (writing)
            {
                return !disposed && CanBegin();
            }
        }
    }

    /// <summary>How appends are synced now, as SQLite numbers it: 1 NORMAL, 2 FULL; for tests.</summary>
    public long SynchronousLevel
    {
        get
        {
            lock (writing)
            {
                return database.Scalar("PRAGMA synchronous");
            }
        }
    }

    /// <summary>Opens a journal, making the file where it is missing.</summary>
    /// <param name="path">The full path, beside the ledger, whose lock holds this file too.</param>
    /// <exception cref="MeteringStartupException">The file cannot be used; one sentence says why and what to do.</exception>
    public static SqliteJournal Open(string path)
    {
        var file = SqliteFile.Open(path, JournalSchema.Format, takesLock: false);
        try
        {
            return new(file);
        }
        catch (SqliteFailure failure)
        {
            file.Dispose();
            throw SqliteFile.StartupSentence(failure, file.Path);
        }
    }

    /// <inheritdoc />
    public void Create(UInt128 identity, long deletedThrough)
    {
        var bytes = new byte[16];
        BinaryPrimitives.WriteUInt128LittleEndian(bytes, identity);
        lock (writing)
        {
            try
            {
                database.Execute("BEGIN IMMEDIATE; DELETE FROM records; DELETE FROM journal");
                database.Prepare("INSERT INTO journal (one, identity, deleted_through) VALUES (1, ?1, ?2)").Bind(1, bytes).Bind(2, deletedThrough).Run();
                database.Execute("COMMIT");
            }
            catch (SqliteFailure failure)
            {
                database.TryRollBack();
                throw SqliteFile.StartupSentence(failure, file.Path);
            }
        }
    }

    /// <inheritdoc />
    public void Append(long position, ReadOnlySpan<byte> record)
    {
        lock (writing)
        {
            try
            {
                // One statement, one commit: SQLite begins and ends the transaction by itself.
                insert.Bind(1, position).Bind(2, record).Run();
                logBytes += record.Length + AppendOverhead;
            }
            catch (SqliteFailure failure)
            {
                throw !database.TryRollBack() || failure.Primary == raw.SQLITE_CONSTRAINT ? failure.Fatal(file.Name) : failure.AfterRollback(file.Name, committing: true);
            }
        }
    }

    /// <inheritdoc />
    public void Read(long position, RecordVisitor visit)
    {
        lock (reading)
        {
            try
            {
                using var rows = select.Bind(1, position).Rows();
                while (rows.Next() && visit(rows.Integer(0), rows.Blob(1)))
                {
                }
            }
            catch (SqliteFailure failure)
            {
                throw failure.AfterRead(file.Name);
            }
        }
    }

    /// <inheritdoc />
    public void Delete(long through)
    {
        lock (writing)
        {
            try
            {
                // What is deleted may come back after a loss of power: it is deleted again then.
                SetSynced(false);
                begin.Run();
                delete.Bind(1, through).Run();
                setDeleted.Bind(1, through).Run();
                commit.Run();
            }
            catch (SqliteFailure failure)
            {
                if (!database.TryRollBack())
                {
                    // Still within the transaction, and without syncs: whatever came next would be lost with it.
                    throw failure.Fatal(file.Name);
                }

                SyncAgain();
                throw failure.AfterRollback(file.Name, committing: false);
            }

            SyncAgain();
        }
    }

    private void SyncAgain()
    {
        try
        {
            SetSynced(true);
        }
        catch (SqliteFailure failure)
        {
            // No record may be called durable that is not synced.
            throw failure.Fatal(file.Name);
        }
    }

    /// <inheritdoc />
    public void Maintain()
    {
        lock (writing)
        {
            if (logBytes < LogBytes)
            {
                return;
            }
        }

        try
        {
            // Appends go on beside the long piece of it. The short rest is moved while they wait, so that the log ends somewhere and begins anew.
            using var mover = SqliteDatabase.Open(file.Path, writable: true, busyMilliseconds: 0);
            mover.Execute("PRAGMA wal_checkpoint(PASSIVE)");
            lock (writing)
            {
                mover.Execute("PRAGMA wal_checkpoint(PASSIVE)");
                logBytes = 0;
            }
        }
        catch (SqliteFailure failure)
        {
            throw failure.AfterRollback(file.Name, committing: true);
        }
    }

    /// <inheritdoc />
    /// <remarks>
    /// The file is written anew, with the records that are left: few, where the projector keeps up. That is quicker than overwriting its free
    /// pages, of which it has as many as it ever held at once.
    /// </remarks>
    public void Scrub()
    {
        lock (writing)
        {
            lock (reading)
            {
                try
                {
                    database.Execute("VACUUM");
                    if (database.Scalar("PRAGMA wal_checkpoint(TRUNCATE)") != 0)
                    {
                        throw new LedgerUnavailableException($"The log of {file.Name} is read by another program and may hold what was erased; erase again.");
                    }

                    logBytes = 0;
                }
                catch (SqliteFailure failure)
                {
                    throw !database.TryRollBack() ? failure.Fatal(file.Name) : failure.AfterRollback(file.Name, committing: true);
                }
            }
        }
    }

    /// <summary>Lets appends return before they are on the disk, as a wrong setting would; for tests, which must catch it.</summary>
    public void LeaveCommitsUnsynced()
    {
        lock (writing)
        {
            leavesUnsynced = true;
            SetSynced(false);
        }
    }

    /// <summary>Lets the file grow by a number of pages only, as a full disk would; for tests.</summary>
    public void LimitGrowth(long pages)
    {
        lock (writing)
        {
            database.Execute($"PRAGMA max_page_count = {database.Scalar("PRAGMA page_count") + pages}");
        }
    }

    /// <inheritdoc />
    public void Dispose()
    {
        lock (writing)
        {
            lock (reading)
            {
                if (!disposed)
                {
                    disposed = true;
                    reader.Dispose();
                    file.Dispose();
                }
            }
        }
    }

    private void SetSynced(bool synced) => database.Execute(synced && !leavesUnsynced ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL");

    private bool CanBegin()
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
}
