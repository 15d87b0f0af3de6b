using System.Collections.Concurrent;

namespace Metering.Engine;

/// <summary>
/// The ledger in a SQLite file that this process owns: one row an entry, one synced commit an append, reads on connections beside it.
/// All calls complete synchronously, on the caller's thread: SQLite does not wait for anything but the disk.
/// </summary>
public sealed class SqliteLedgerStore : ILedgerStore
{
    // Beyond it, a connection that a burst of readers opened is closed after use.
    private static readonly int KeptReaders = Math.Max(4, Environment.ProcessorCount);

    // The log may grow by so much between checkpoints.
    private const long RoomNeeded = 64L << 20;

    private readonly Lock writing = new();
    private readonly SqliteFile file;
    private readonly SqliteLedgerWriter writer;
    private readonly ConcurrentBag<SqliteLedgerReader> readers = [];
    private LedgerFatalException? failed;
    private bool disposed;

    private SqliteLedgerStore(SqliteFile file)
    {
        this.file = file;
        writer = new(file);
        readers.Add(new(file.OpenReader()));
    }

    /// <summary>Opens a ledger, making the file and its folder where they are missing, and brings it to this build's schema.</summary>
    /// <param name="path">The file, for example <c>metering.db</c>; relative paths count from the current folder.</param>
    /// <exception cref="MeteringStartupException">The file is damaged, newer, read-only or in use, or the disk is full.</exception>
    public static SqliteLedgerStore Open(string path)
    {
        var file = SqliteFile.Open(path, LedgerSchema.Format);
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
    public ValueTask AppendAsync(IReadOnlyList<AppendGroup> groups, CancellationToken cancellationToken = default) =>
        Write(groups, static (writer, groups) => writer.Append(groups), cancellationToken);

    /// <inheritdoc />
    public ValueTask SaveSnapshotAsync(AccountId account, LedgerSnapshot snapshot, CancellationToken cancellationToken = default) =>
        Write((account, snapshot), static (writer, saved) => writer.SaveSnapshot(saved.account, saved.snapshot), cancellationToken);

    /// <inheritdoc />
    public ValueTask<(LedgerHead Head, long Transactions)> ReadHeadAsync(AccountId account, CancellationToken cancellationToken = default) =>
        Read(reader => reader.ReadHead(account), cancellationToken);

    /// <inheritdoc />
    public ValueTask<IReadOnlyList<LedgerRow>> ReadAsync(
        AccountId account, long fromSequence, int limit, CancellationToken cancellationToken = default) =>
        Read(reader => reader.Read(account, fromSequence, limit), cancellationToken);

    /// <inheritdoc />
    public ValueTask<IReadOnlyList<LedgerRow>> ReadTransactionsAsync(
        AccountId account, long beforeNumber, int limit, CancellationToken cancellationToken = default) =>
        Read(reader => reader.ReadTransactions(account, beforeNumber, limit), cancellationToken);

    /// <inheritdoc />
    public ValueTask<long> FindKeyAsync(AccountId account, UInt128 key, CancellationToken cancellationToken = default) =>
        Read(reader => reader.FindKey(account, key), cancellationToken);

    /// <inheritdoc />
    public ValueTask<IReadOnlyList<LedgerSnapshot>> ReadSnapshotsAsync(AccountId account, CancellationToken cancellationToken = default) =>
        Read(reader => reader.ReadSnapshots(account), cancellationToken);

    /// <inheritdoc />
    public ValueTask<LedgerBase?> ReadBaseAsync(AccountId account, CancellationToken cancellationToken = default) => new((LedgerBase?)null);

    /// <inheritdoc />
    public ValueTask CutAsync(IReadOnlyList<LedgerCut> cuts, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    /// <inheritdoc />
    public ValueTask<IReadOnlyList<AccountId>> ListAccountsAsync(AccountId? after, int limit, CancellationToken cancellationToken = default) =>
        Read(reader => reader.ListAccounts(after, limit), cancellationToken);

    /// <inheritdoc />
    public ValueTask<bool> IsHealthyAsync(CancellationToken cancellationToken = default)
    {
        // A file that was deleted under the process takes commits that nobody will ever find.
        var healthy = File.Exists(file.Path) && HasRoom();
        lock (writing)
        {
            return ValueTask.FromResult(healthy && !disposed && failed is null && writer.CanBegin());
        }
    }

    /// <inheritdoc />
    public ValueTask DisposeAsync()
    {
        lock (writing)
        {
            if (!disposed)
            {
                Volatile.Write(ref disposed, true);
                CloseReaders();

                // The last connection to close moves the log into the file.
                file.Dispose();
            }
        }

        return ValueTask.CompletedTask;
    }

    /// <summary>How commits are synced now, as SQLite numbers it: 1 NORMAL, 2 FULL; for tests.</summary>
    internal long SynchronousLevel
    {
        get
        {
            lock (writing)
            {
                return file.Writer.Scalar("PRAGMA synchronous");
            }
        }
    }

    /// <summary>Lets commits return before they are on the disk, as a wrong setting would; for tests, which must catch it.</summary>
    internal void LeaveCommitsUnsynced()
    {
        lock (writing)
        {
            file.Writer.Execute("PRAGMA synchronous = NORMAL");
        }
    }

    /// <summary>Lets the file grow by a number of pages only, as a full disk would; for tests.</summary>
    /// <param name="pages">Pages of 4,096 bytes.</param>
    internal void LimitGrowth(long pages)
    {
        lock (writing)
        {
            writer.LimitPages(writer.PageCount + pages);
        }
    }

    private ValueTask Write<T>(T argument, Action<SqliteLedgerWriter, T> write, CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled(cancellationToken);
        }

        lock (writing)
        {
            try
            {
                ObjectDisposedException.ThrowIf(disposed, this);
                if (failed is not null)
                {
                    throw new LedgerFatalException(failed.Message, failed);
                }

                write(writer, argument);
                return ValueTask.CompletedTask;
            }
            catch (Exception error)
            {
                failed ??= error as LedgerFatalException;
                return ValueTask.FromException(error);
            }
        }
    }

    private ValueTask<T> Read<T>(Func<SqliteLedgerReader, T> read, CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled<T>(cancellationToken);
        }

        SqliteLedgerReader? reader = null;
        try
        {
            ObjectDisposedException.ThrowIf(Volatile.Read(ref disposed), this);
            if (!readers.TryTake(out reader))
            {
                reader = new(file.OpenReader());
            }

            // SQLite retries a view that a commit overtakes, and after a few retries sleeps, for a whole second where its build knows no
            // shorter sleep. A view that begins between two commits is not overtaken.
            lock (writing)
            {
                reader.BeginView();
            }

            return ValueTask.FromResult(read(reader));
        }
        catch (SqliteFailure failure)
        {
            return ValueTask.FromException<T>(failure.AfterRead(file.Name));
        }
        catch (Exception error)
        {
            return ValueTask.FromException<T>(error);
        }
        finally
        {
            reader?.EndView();
            Return(reader);
        }
    }

    private void Return(SqliteLedgerReader? reader)
    {
        if (reader is null)
        {
            return;
        }

        if (readers.Count < KeptReaders)
        {
            readers.Add(reader);
        }
        else
        {
            reader.Dispose();
        }

        // The store may have closed its readers while this one was out.
        if (Volatile.Read(ref disposed))
        {
            CloseReaders();
        }
    }

    private void CloseReaders()
    {
        while (readers.TryTake(out var reader))
        {
            reader.Dispose();
        }
    }

    private bool HasRoom()
    {
        try
        {
            return new DriveInfo(OperatingSystem.IsWindows() ? Path.GetPathRoot(file.Path)! : Path.GetDirectoryName(file.Path)!).AvailableFreeSpace
                >= RoomNeeded;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }
}
