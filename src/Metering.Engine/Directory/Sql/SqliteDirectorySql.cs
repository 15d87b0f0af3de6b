using System.Text.RegularExpressions;

namespace Metering.Engine;

/// <summary>The directory's SQL on SQLite. Everything completes synchronously, under the lock of the connection's owner.</summary>
/// <param name="call">Runs a call on the connection, alone, with the owner's errors.</param>
internal sealed partial class SqliteDirectorySql(ISqliteCaller call) : IDirectorySql
{
    private readonly Dictionary<string, SqliteStatement> statements = [];

    public ValueTask<List<T>> ReadAsync<T>(string sql, SqlValue[] values, Func<ISqlRow, T> read, CancellationToken cancellationToken) =>
        call.Call(database => Run(database, sql, values, read), cancellationToken);

    public ValueTask<T> CommitAsync<T>(Func<ISqlTransaction, ValueTask<T>> work, CancellationToken cancellationToken) => call.Call(
        database =>
        {
            database.Execute("BEGIN IMMEDIATE");
            try
            {
                // Nothing in here waits for anything but this connection, so the work is done when it returns.
                var result = work(new Transaction(this, database)).AsTask().GetAwaiter().GetResult();
                database.Execute("COMMIT");
                return result;
            }
            finally
            {
                database.TryRollBack();
            }
        },
        cancellationToken);

    private List<T> Run<T>(SqliteDatabase database, string sql, SqlValue[] values, Func<ISqlRow, T> read)
    {
        if (!statements.TryGetValue(sql, out var statement))
        {
            statements[sql] = statement = database.Prepare(Translate(sql));
        }

        for (var index = 0; index < values.Length; index++)
        {
            Bind(statement, index + 1, values[index]);
        }

        var result = new List<T>();
        using var rows = statement.Rows();
        var row = new Row(rows);
        while (rows.Next())
        {
            result.Add(read(row));
        }

        return result;
    }

    private static void Bind(SqliteStatement statement, int parameter, SqlValue value)
    {
        switch (value)
        {
            case { AsText: { } text }:
                statement.Bind(parameter, text);
                break;
            case { AsNumber: { } number }:
                statement.Bind(parameter, number);
                break;
            case { AsBytes: { } bytes }:
                statement.Bind(parameter, bytes);
                break;
            default:
                statement.BindNull(parameter);
                break;
        }
    }

    // SQLite has one schema, compares texts by their bytes, and locks the whole file when a transaction begins.
    private static string Translate(string sql) => Parameter().Replace(
        sql.Replace("metering.", string.Empty, StringComparison.Ordinal)
            .Replace(" COLLATE \"C\"", string.Empty, StringComparison.Ordinal)
            .Replace(" FOR UPDATE", string.Empty, StringComparison.Ordinal)
            .Replace(" OVERRIDING SYSTEM VALUE", string.Empty, StringComparison.Ordinal),
        "?$1");

    [GeneratedRegex(@"\$(\d+)")]
    private static partial Regex Parameter();

    private sealed class Transaction(SqliteDirectorySql owner, SqliteDatabase database) : ISqlTransaction
    {
        public ValueTask<List<T>> RunAsync<T>(string sql, SqlValue[] values, Func<ISqlRow, T> read) => new(owner.Run(database, sql, values, read));
    }

    private sealed class Row(SqliteStatement.Query rows) : ISqlRow
    {
        public string? Text(int column) => rows.OptionalText(column);

        public long? Number(int column) => rows.IsNull(column) ? null : rows.Integer(column);

        public byte[]? Bytes(int column) => rows.IsNull(column) ? null : rows.Blob(column).ToArray();
    }
}

/// <summary>The owner of a connection to SQLite.</summary>
internal interface ISqliteCaller
{
    /// <summary>Runs a call on the connection, alone, with the owner's errors.</summary>
    ValueTask<T> Call<T>(Func<SqliteDatabase, T> run, CancellationToken cancellationToken);
}
