using SQLitePCL;

namespace Metering.Engine;

/// <summary>What a database file holds: enough to tell it from others and to bring it up to this build's schema.</summary>
/// <param name="ApplicationId">Marks the file as ours, and as this kind.</param>
/// <param name="Migrations">SQL, the first one making an empty file version 1. Never changed once released; only added to.</param>
/// <param name="PageBytes">
/// SQLite's pages in a new file; a file keeps what it was made with. A page costs two system calls in the log and two more when it is moved into the
/// file, so larger ones save time where much is written at once; small writes write a whole page.
/// </param>
internal sealed record SqliteFormat(int ApplicationId, IReadOnlyList<string> Migrations, int PageBytes = 4_096);

/// <summary>
/// A database file that this process owns: locked, checked, in WAL mode, at this build's schema. Everything that can be wrong with a file
/// at a start ends in one sentence that says what to do.
/// </summary>
internal sealed class SqliteFile : IDisposable
{
    // A backup or a shell may hold the file for a moment; more than that is for the caller to know.
    private const int BusyMilliseconds = 2_000;

    // A whole check reads the whole file: 0.1 s for this much, which a start can afford. Damage in larger files shows when it is read.
    private const long CheckedWholeBytes = 32L << 20;

    private static readonly byte[] Magic = "SQLite format 3\0"u8.ToArray();

    // Less than the logs may grow by between checkpoints (128 MB the journal's, 256 MB the ledger's); time enough for an operator to be told.
    private const long RoomNeeded = 64L << 20;

    private readonly SqliteLock? fileLock;

    private SqliteFile(string path, SqliteLock? fileLock, SqliteDatabase writer)
    {
        Path = path;
        this.fileLock = fileLock;
        Writer = writer;
    }

    /// <summary>The full path.</summary>
    public string Path { get; }

    /// <summary>The file's name, for sentences.</summary>
    public string Name => System.IO.Path.GetFileName(Path);

    /// <summary>The only connection that writes.</summary>
    public SqliteDatabase Writer { get; }

    /// <summary>True where the disk has room for what the log may take.</summary>
    public bool HasRoom
    {
        get
        {
            try
            {
                return new DriveInfo(OperatingSystem.IsWindows() ? System.IO.Path.GetPathRoot(Path)! : Folder(Path)).AvailableFreeSpace >= RoomNeeded;
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                return false;
            }
        }
    }

    /// <summary>Opens a file, making it and its folder where they are missing.</summary>
    /// <param name="path">Its path.</param>
    /// <param name="format">What it is to be.</param>
    /// <param name="takesLock">False where the lock of another file of the same owner holds this one too.</param>
    /// <exception cref="MeteringStartupException">It cannot be used; the message says why and what to do.</exception>
    public static SqliteFile Open(string path, SqliteFormat format, bool takesLock = true)
    {
        var full = Locate(path);
        var fileLock = takesLock ? SqliteLock.Take(full) : null;
        SqliteDatabase? writer = null;
        try
        {
            CheckHeader(full);
            writer = SqliteDatabase.Open(full, writable: true, BusyMilliseconds);
            CheckOwner(writer, full, format);
            writer.Execute($"PRAGMA page_size = {format.PageBytes}");
            Configure(writer, full);
            MakeDurable(writer, full);
            Migrate(writer, format);
            CheckWhole(writer, full);
            return new(full, fileLock, writer);
        }
        catch (Exception error)
        {
            writer?.Dispose();
            fileLock?.Dispose();
            throw error is SqliteFailure failure ? StartupSentence(failure, full) : error;
        }
    }

    /// <summary>Opens a further connection, which only reads. Safe beside the writer.</summary>
    public SqliteDatabase OpenReader() => SqliteDatabase.Open(Path, writable: false, BusyMilliseconds);

    /// <summary>What a failure while opening means to the person who starts the process.</summary>
    public static MeteringStartupException StartupSentence(SqliteFailure failure, string path)
    {
        var name = System.IO.Path.GetFileName(path);
        return failure.Primary switch
        {
            raw.SQLITE_FULL => new($"The disk of the database {name} is full. Make room in {Folder(path)}, then start again.", failure),
            raw.SQLITE_READONLY or raw.SQLITE_CANTOPEN or raw.SQLITE_PERM => new(
                $"The database {name} cannot be written ({failure.Message}). Give this user the right to write in {Folder(path)}, or choose another path.",
                failure),
            raw.SQLITE_BUSY or raw.SQLITE_LOCKED => new(
                $"The database {name} is in use by another program ({failure.Message}). Close it, then start again.", failure),
            raw.SQLITE_IOERR => new(
                $"The disk failed while the database {name} was opened ({failure.Message}). Check the disk of {Folder(path)}, then start again.", failure),
            _ => Damaged(path, failure.Message, failure),
        };
    }

    /// <summary>Moves what the log holds into the file, closes it and gives the lock back. Nothing is lost where the first fails: the log stays.</summary>
    public void Dispose()
    {
        Writer.TryRollBack();
        Writer.Dispose();
        fileLock?.Dispose();
    }

    private static string Locate(string path)
    {
        if (string.IsNullOrWhiteSpace(path) || path.Contains('\0', StringComparison.Ordinal))
        {
            throw new MeteringStartupException("The path of the database is empty or not a path; name a file, for example metering.db.");
        }

        var full = System.IO.Path.GetFullPath(path);
        if (Directory.Exists(full))
        {
            throw new MeteringStartupException($"The database's path {full} is a folder; name a file in it, for example {System.IO.Path.Combine(full, "metering.db")}.");
        }

        try
        {
            MakeFolder(Folder(full));

            // Two names of one file must meet at one lock.
            return new FileInfo(full).LinkTarget is null ? full : File.ResolveLinkTarget(full, returnFinalTarget: true)!.FullName;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new MeteringStartupException(
                $"The folder {Folder(full)} of the database {System.IO.Path.GetFileName(full)} cannot be made ({error.Message}). Choose another path.", error);
        }
    }

    private static void CheckHeader(string path)
    {
        try
        {
            if (!File.Exists(path))
            {
                return;
            }

            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            var start = new byte[Magic.Length];
            var read = stream.ReadAtLeast(start, start.Length, throwOnEndOfStream: false);
            if (read > 0 && !start.AsSpan().SequenceEqual(Magic))
            {
                throw Damaged(path, "it does not begin as a database does");
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new MeteringStartupException(
                $"The database {System.IO.Path.GetFileName(path)} cannot be read ({error.Message}). Give this user the right to read and write it.", error);
        }
    }

    private static void CheckOwner(SqliteDatabase writer, string path, SqliteFormat format)
    {
        var (name, version) = (System.IO.Path.GetFileName(path), writer.Scalar("PRAGMA user_version"));
        if (writer.IsReadOnly)
        {
            throw new MeteringStartupException($"The database {name} is read-only. Give this user the right to write it, or choose another path.");
        }

        var isNew = version == 0 && writer.Scalar("SELECT count(*) FROM sqlite_master") == 0;
        if (!isNew && writer.Scalar("PRAGMA application_id") != format.ApplicationId)
        {
            throw new MeteringStartupException($"The file {name} is a database of something else. Choose another path.");
        }

        if (version > format.Migrations.Count)
        {
            throw new MeteringStartupException(
                $"The database {name} was written by a newer version (schema {version}; this build knows {format.Migrations.Count}). "
                + "Start the newer version, or restore a backup.");
        }
    }

    /// <remarks>
    /// Measured on two cores with 256 rows a commit (120 bytes of facts, 40 of texts, a key), rows a second spread over 10,000 accounts /
    /// on one: checkpoints each 4,000 pages 34,000 / 61,000, each 16,000 pages 40,000 / 75,000, because a page that is written often is
    /// copied once. A start reads the log that is left: of the ledger, whose pages have 16 KB, about 256 MB at most. Pages of 1, 2 and 8 KB, a larger cache and a memory map
    /// changed nothing beyond noise, and a map turns a disk error into the end of the process.
    /// </remarks>
    private static void Configure(SqliteDatabase writer, string path)
    {
        var mode = writer.ScalarText("PRAGMA journal_mode = WAL");
        if (mode != "wal")
        {
            throw new MeteringStartupException(
                $"The file system of {Folder(path)} cannot hold the database {System.IO.Path.GetFileName(path)} (journal mode {mode}; wal is needed). Choose a local disk.");
        }

        writer.Execute(
            """
            PRAGMA synchronous = FULL;
            PRAGMA wal_autocheckpoint = 16000;
            PRAGMA journal_size_limit = 268435456;
            PRAGMA cache_size = -65536;
            PRAGMA mmap_size = 0;
            """);
    }

    /// <summary>A new folder is its owner's alone: it holds e-mail addresses, hashes of keys and what customers searched for.</summary>
    public static void MakeFolder(string folder)
    {
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(folder);
        }
        else if (!Directory.Exists(folder))
        {
            Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
    }

    /// <summary>
    /// Puts what a process left in the log when it died on the disk, before anybody is told of it. SQLite takes the log's whole commits as
    /// made, but they may stand in the page cache only, and a loss of power would take back what this process has told meanwhile.
    /// </summary>
    private static void MakeDurable(SqliteDatabase writer, string path)
    {
        // The lock keeps every other program from changing the log.
        writer.Execute("BEGIN IMMEDIATE");
        try
        {
            RewriteLog(path + "-wal");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new MeteringStartupException(
                $"The log of the database {System.IO.Path.GetFileName(path)} cannot be written ({error.Message}). Check the disk of {Folder(path)}, then start again.", error);
        }
        finally
        {
            writer.TryRollBack();
        }

        if (writer.Scalar("PRAGMA wal_checkpoint(TRUNCATE)") != 0)
        {
            throw new MeteringStartupException(
                $"The database {System.IO.Path.GetFileName(path)} is in use by another program, so that its log cannot be moved into it. Close it, then start again.");
        }
    }

    /// <remarks>
    /// Syncing alone is not enough: after a sync that failed, Linux holds what was not written as clean, and the next sync says that all is
    /// well. A checkpoint over a log of which the disk has the beginning only would, after a loss of power, bring back pages of the past.
    /// </remarks>
    private static void RewriteLog(string path)
    {
        if (!File.Exists(path))
        {
            return;
        }

        using var log = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
        var piece = new byte[1 << 20];
        for (int read; (read = log.ReadAtLeast(piece, piece.Length, throwOnEndOfStream: false)) > 0;)
        {
            log.Seek(-read, SeekOrigin.Current);
            log.Write(piece, 0, read);
        }

        log.Flush(flushToDisk: true);
    }

    private static void Migrate(SqliteDatabase writer, SqliteFormat format)
    {
        var version = (int)writer.Scalar("PRAGMA user_version");
        if (version == format.Migrations.Count)
        {
            return;
        }

        writer.Execute("BEGIN IMMEDIATE");
        for (; version < format.Migrations.Count; version++)
        {
            writer.Execute(format.Migrations[version]);
        }

        writer.Execute($"PRAGMA application_id = {format.ApplicationId}; PRAGMA user_version = {version}; COMMIT");
    }

    private static void CheckWhole(SqliteDatabase writer, string path)
    {
        if (new FileInfo(path).Length <= CheckedWholeBytes && writer.ScalarText("PRAGMA quick_check(1)") is var found and not "ok")
        {
            throw Damaged(path, found ?? "its check gave no answer");
        }
    }

    private static MeteringStartupException Damaged(string path, string reason, Exception? cause = null) => new(
        $"The database {System.IO.Path.GetFileName(path)} is damaged, or is no database ({reason.ReplaceLineEndings(" ")}). Restore a backup, or choose another path.",
        cause)
    {
        IsDamage = true,
    };

    private static string Folder(string path) => System.IO.Path.GetDirectoryName(path) ?? path;
}
