using System.Runtime.InteropServices;
using SQLitePCL;

namespace Metering.Engine;

/// <summary>
/// A connection to one SQLite file, used by one thread at a time; its owner sees to that, so SQLite's own mutexes are off. It speaks to
/// the native binding without ADO.NET in between, which would cost an allocation for every parameter of every row.
/// </summary>
internal sealed class SqliteDatabase : IDisposable
{
    private const uint Persistent = 1;
    private readonly sqlite3 handle;
    private readonly List<SqliteStatement> statements = [];

    static SqliteDatabase() => Batteries_V2.Init();

    private SqliteDatabase(sqlite3 handle) => this.handle = handle;

    /// <summary>True while a transaction is open.</summary>
    public bool InTransaction => raw.sqlite3_get_autocommit(handle) == 0;

    /// <summary>True where SQLite could open the file for reading only, although writing was asked for.</summary>
    public bool IsReadOnly => raw.sqlite3_db_readonly(handle, "main") == 1;

    /// <summary>Opens a file.</summary>
    /// <param name="path">Its full path.</param>
    /// <param name="writable">Writing too; makes the file where it is missing.</param>
    /// <param name="busyMilliseconds">How long a lock of another process (a backup, a shell) is waited for.</param>
    /// <exception cref="SqliteFailure">It cannot be opened.</exception>
    public static SqliteDatabase Open(string path, bool writable, int busyMilliseconds)
    {
        var access = writable ? raw.SQLITE_OPEN_READWRITE | raw.SQLITE_OPEN_CREATE : raw.SQLITE_OPEN_READONLY;
        var code = raw.sqlite3_open_v2(path, out var handle, access | raw.SQLITE_OPEN_NOMUTEX, null);
        var database = new SqliteDatabase(handle);
        try
        {
            database.Check(code);
            database.Check(raw.sqlite3_extended_result_codes(handle, 1));
            database.Check(raw.sqlite3_busy_timeout(handle, busyMilliseconds));
            return database;
        }
        catch
        {
            database.Dispose();
            throw;
        }
    }

    /// <summary>Runs SQL that is not worth preparing.</summary>
    public void Execute(string sql) => Check(raw.sqlite3_exec(handle, sql));

    /// <summary>The first column of the first row, as a number; 0 where there is no row.</summary>
    public long Scalar(string sql) => First(sql, static row => row.Integer(0));

    /// <summary>The first column of the first row, as a text; null where there is no row.</summary>
    public string? ScalarText(string sql) => First(sql, static row => row.Text(0));

    /// <summary>Prepares a statement, which lives as long as the connection.</summary>
    public SqliteStatement Prepare(string sql)
    {
        Check(raw.sqlite3_prepare_v3(handle, sql, Persistent, out var native));
        var statement = new SqliteStatement(this, native);
        statements.Add(statement);
        return statement;
    }

    /// <summary>Ends an open transaction without its changes.</summary>
    /// <returns>True where it is certain that none is open any more. SQLite has ended it by itself after some errors.</returns>
    public bool TryRollBack()
    {
        if (InTransaction)
        {
            _ = raw.sqlite3_exec(handle, "ROLLBACK");
        }

        return !InTransaction;
    }

    /// <summary>Fixes the state of the file that this connection sees until <see cref="TryRollBack"/>. Commits go on beside it.</summary>
    public void BeginView()
    {
        Execute("BEGIN");
        _ = Scalar("SELECT count(*) FROM sqlite_master");
    }

    /// <summary>
    /// Copies the whole database over whatever the target holds; synced when it returns. Within a view: without one, every commit of
    /// another connection would make the copy begin again.
    /// </summary>
    /// <param name="target">A connection to another file.</param>
    /// <param name="pagesAtOnce">Pages between two calls of <paramref name="progress"/>.</param>
    /// <param name="progress">Told the bytes copied so far.</param>
    /// <param name="cancellationToken">Ends the copy; what the target holds then is nothing whole.</param>
    /// <exception cref="SqliteFailure">The source cannot be read or the target not be written.</exception>
    public void CopyTo(SqliteDatabase target, int pagesAtOnce, Action<long> progress, CancellationToken cancellationToken)
    {
        var pageBytes = Scalar("PRAGMA page_size");
        using var backup = raw.sqlite3_backup_init(target.handle, "main", handle, "main");
        if (backup.IsInvalid)
        {
            throw target.Failure(raw.sqlite3_errcode(target.handle));
        }

        int code;
        do
        {
            cancellationToken.ThrowIfCancellationRequested();
            code = raw.sqlite3_backup_step(backup, pagesAtOnce);
            progress((raw.sqlite3_backup_pagecount(backup) - raw.sqlite3_backup_remaining(backup)) * pageBytes);
        }
        while (code == raw.SQLITE_OK);

        if (code != raw.SQLITE_DONE)
        {
            // Not the message of either connection: it stands with the one to which it happened, and the other says that all is well.
            throw new SqliteFailure(code, raw.sqlite3_errstr(code).utf8_to_string(), systemError: 0);
        }
    }

    public void Check(int code)
    {
        if (code != raw.SQLITE_OK)
        {
            throw Failure(code);
        }
    }

    /// <summary>The failure of the call before this one.</summary>
    public SqliteFailure Failure(int code)
    {
        // First of all, before another call of this thread changes it. SQLite itself keeps it only where a commit is not what failed.
        var systemError = Marshal.GetLastSystemError();
        return new(code, raw.sqlite3_errmsg(handle).utf8_to_string() ?? raw.sqlite3_errstr(code).utf8_to_string(), systemError);
    }

    public void Dispose()
    {
        foreach (var statement in statements)
        {
            statement.Dispose();
        }

        statements.Clear();
        handle.Dispose();
    }

    private T? First<T>(string sql, Func<SqliteStatement.Query, T> read)
    {
        Check(raw.sqlite3_prepare_v3(handle, sql, 0, out var native));
        using var statement = new SqliteStatement(this, native);
        using var rows = statement.Rows();
        return rows.Next() ? read(rows) : default;
    }
}
