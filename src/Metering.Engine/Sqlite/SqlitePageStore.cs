using System.Buffers.Binary;
using System.Collections.Concurrent;
using Metering.Core;
using SQLitePCL;

namespace Metering.Engine;

/// <summary>The pages in a SQLite file: one connection that writes, and one a view, which is kept for the next one.</summary>
internal sealed class SqlitePageStore : IPageStore
{
    // Beyond it, a connection that a burst of readers opened is closed after use.
    private static readonly int KeptViews = Math.Max(4, Environment.ProcessorCount);

    private readonly SqliteFile file;
    private readonly SqliteDatabase database;
    private readonly SqlitePageCommit commit;
    private readonly ConcurrentBag<SqlitePageView> views = [];
    private bool disposed;

    private SqlitePageStore(SqliteFile file)
    {
        this.file = file;
        database = file.Writer;

        // What is replaced within a page is overwritten; it costs no write of its own.
        database.Execute("PRAGMA secure_delete = FAST");
        commit = new(file);
        views.Add(new(this, file.OpenReader(), file.Name));
        State = ReadState();
    }

    /// <inheritdoc />
    public string Name => file.Name;

    /// <summary>The full path, links followed.</summary>
    public string Path => file.Path;

    /// <inheritdoc />
    public PageStoreState State { get; private set; }

    /// <summary>
    /// Bytes up to which a file is written anew to be rid of what was erased. With a larger one it would take seconds in which no pages are written,
    /// and twice its room.
    /// </summary>
    public long WrittenAnewBytes { get; set; } = 256L << 20;

    // A file that was deleted under the process takes commits that nobody will ever find.
    /// <inheritdoc />
    public bool IsHealthy => !Volatile.Read(ref disposed) && File.Exists(file.Path) && file.HasRoom;

    /// <summary>Opens a ledger's file, making it and its folder where they are missing, and brings it to this build's schema.</summary>
    /// <param name="path">The file.</param>
    /// <param name="migrating">Told how many of how many rows of an older schema are in pages; null for nobody.</param>
    /// <exception cref="MeteringStartupException">The file cannot be used; one sentence says why and what to do.</exception>
    public static SqlitePageStore Open(string path, Action<LedgerMigrationProgress>? migrating)
    {
        var file = SqliteFile.Open(path, LedgerSchema.Format);
        try
        {
            LedgerMigration.Run(file, migrating);
            return new(file);
        }
        catch (Exception error)
        {
            file.Dispose();
            throw error switch
            {
                SqliteFailure failure => SqliteFile.StartupSentence(failure, file.Path),
                LedgerUnavailableException or LedgerFatalException => new MeteringStartupException(
                    $"{error.Message} Mend that in {System.IO.Path.GetDirectoryName(file.Path)}, then start again: it goes on where it ended.", error),
                LedgerFormatException damage => new MeteringStartupException(
                    $"The database {file.Name} is damaged ({damage.Message}). Restore a backup, or choose another path.", damage),
                _ => error,
            };
        }
    }

    /// <inheritdoc />
    public void SetNeedsJournal(bool needsJournal)
    {
        if (State.NeedsJournal == needsJournal)
        {
            return;
        }

        try
        {
            database.Execute($"UPDATE ledger SET needs_journal = {(needsJournal ? 1 : 0)}");
            State = State with { NeedsJournal = needsJournal };
        }
        catch (SqliteFailure failure)
        {
            throw needsJournal ? SqliteFile.StartupSentence(failure, file.Path) : failure.AfterRollback(file.Name, committing: true);
        }
    }

    /// <inheritdoc />
    public IPageCommit Begin()
    {
        commit.Begin();
        return commit;
    }

    /// <inheritdoc />
    public IPageView OpenView()
    {
        ObjectDisposedException.ThrowIf(Volatile.Read(ref disposed), this);
        SqlitePageView? view = null;
        try
        {
            if (!views.TryTake(out view))
            {
                view = new(this, file.OpenReader(), file.Name);
            }

            view.Begin();
            return view;
        }
        catch (SqliteFailure failure)
        {
            view?.Close();
            throw failure.AfterRead(file.Name);
        }
    }

    /// <summary>Takes a view's connection back.</summary>
    public void Return(SqlitePageView view)
    {
        if (views.Count < KeptViews)
        {
            views.Add(view);
        }
        else
        {
            view.Close();
        }

        // The store may have closed its views while this one was out.
        if (Volatile.Read(ref disposed))
        {
            CloseViews();
        }
    }

    /// <inheritdoc />
    public void Scrub()
    {
        try
        {
            if (new FileInfo(file.Path).Length > WrittenAnewBytes || !TryWriteAnew())
            {
                OverwriteFreePages();
            }

            if (database.Scalar("PRAGMA wal_checkpoint(TRUNCATE)") != 0)
            {
                throw new LedgerUnavailableException($"The log of {file.Name} is being read and may hold what was erased; erase again.");
            }
        }
        catch (SqliteFailure failure)
        {
            throw !database.TryRollBack() ? failure.Fatal(file.Name) : failure.AfterRollback(file.Name, committing: true);
        }
    }

    /// <returns>False where there is no room for a second copy of the file, or nowhere to put it meanwhile.</returns>
    private bool TryWriteAnew()
    {
        try
        {
            database.Execute("VACUUM");
            return true;
        }
        catch (SqliteFailure failure) when (failure.Primary is raw.SQLITE_FULL or raw.SQLITE_CANTOPEN && database.TryRollBack())
        {
            return false;
        }
    }

    /// <summary>Takes the free pages into use, filled with zeros, and gives them back. What becomes free within it is overwritten, too.</summary>
    private void OverwriteFreePages()
    {
        var pageBytes = database.Scalar("PRAGMA page_size");
        database.Execute("PRAGMA secure_delete = ON");
        try
        {
            database.Execute("BEGIN IMMEDIATE; CREATE TABLE zeros (piece BLOB)");
            while (database.Scalar("PRAGMA freelist_count") is var free and > 0)
            {
                database.Execute($"INSERT INTO zeros (piece) VALUES (zeroblob({Math.Min(free, 1_024) * pageBytes}))");
            }

            database.Execute("DROP TABLE zeros; COMMIT");
        }
        finally
        {
            database.TryRollBack();
            database.Execute("PRAGMA secure_delete = FAST");
        }
    }

    /// <inheritdoc />
    public void Dispose()
    {
        if (!disposed)
        {
            Volatile.Write(ref disposed, true);
            CloseViews();

            // The last connection to close moves the log into the file.
            file.Dispose();
        }
    }

    /// <summary>Lets the file grow by a number of pages only, as a full disk would; for tests.</summary>
    public void LimitGrowth(long pages)
    {
        using var other = SqliteDatabase.Open(file.Path, writable: false, busyMilliseconds: 0);
        database.Execute($"PRAGMA max_page_count = {other.Scalar("PRAGMA page_count") + pages}");
    }

    private PageStoreState ReadState()
    {
        using var rows = database.Prepare("SELECT identity, watermark, needs_journal, ifnull((SELECT max(account) FROM accounts), 0) FROM ledger").Rows();
        return rows.Next()
            ? new(BinaryPrimitives.ReadUInt128LittleEndian(rows.Blob(0)), rows.Integer(1), rows.Integer(2) != 0, rows.Integer(3))
            : throw new LedgerFormatException("its identity is missing");
    }

    private void CloseViews()
    {
        while (views.TryTake(out var view))
        {
            view.Close();
        }
    }
}
