using SQLitePCL;

namespace Metering.Engine;

/// <summary>
/// A prepared statement, made once and used again. Parameters count from 1, columns from 0, as SQLite has it. One thread at a time.
/// </summary>
internal sealed class SqliteStatement : IDisposable
{
    private readonly SqliteDatabase database;
    private readonly sqlite3_stmt statement;

    public SqliteStatement(SqliteDatabase database, sqlite3_stmt statement)
    {
        this.database = database;
        this.statement = statement;
    }

    public SqliteStatement Bind(int parameter, long value)
    {
        database.Check(raw.sqlite3_bind_int64(statement, parameter, value));
        return this;
    }

    public SqliteStatement Bind(int parameter, ReadOnlySpan<byte> value)
    {
        database.Check(raw.sqlite3_bind_blob(statement, parameter, value));
        return this;
    }

    public SqliteStatement Bind(int parameter, string? value)
    {
        database.Check(value is null ? raw.sqlite3_bind_null(statement, parameter) : raw.sqlite3_bind_text(statement, parameter, value));
        return this;
    }

    public SqliteStatement BindNull(int parameter)
    {
        database.Check(raw.sqlite3_bind_null(statement, parameter));
        return this;
    }

    /// <summary>Runs a statement that gives no rows.</summary>
    public void Run()
    {
        var code = raw.sqlite3_step(statement);
        if (code == raw.SQLITE_DONE)
        {
            Reset();
            return;
        }

        var failure = database.Failure(code);
        Reset();
        throw failure;
    }

    /// <summary>Begins a query; disposing what it returns ends it. A query left open would hold its view of the file, and so the log, for ever.</summary>
    public Query Rows() => new(this);

    public void Dispose() => statement.Dispose();

    private bool Step()
    {
        var code = raw.sqlite3_step(statement);
        return code switch
        {
            raw.SQLITE_ROW => true,
            raw.SQLITE_DONE => false,
            _ => throw database.Failure(code),
        };
    }

    // Reset repeats the code of the step before it, which was looked at there.
    private void Reset() => _ = raw.sqlite3_reset(statement);

    /// <summary>The rows of one run of a statement.</summary>
    internal readonly struct Query(SqliteStatement owner) : IDisposable
    {
        public bool Next() => owner.Step();

        public bool IsNull(int column) => raw.sqlite3_column_type(owner.statement, column) == raw.SQLITE_NULL;

        public long Integer(int column) => raw.sqlite3_column_int64(owner.statement, column);

        public string Text(int column) => raw.sqlite3_column_text(owner.statement, column).utf8_to_string();

        public string? OptionalText(int column) => IsNull(column) ? null : Text(column);

        /// <summary>Valid until the next row.</summary>
        public ReadOnlySpan<byte> Blob(int column) => raw.sqlite3_column_blob(owner.statement, column);

        public void Dispose() => owner.Reset();
    }
}
