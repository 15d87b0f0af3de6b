namespace Metering.Engine;

/// <summary>
/// The directory's database for subjects that have tables of their own there, in one dialect of SQL for every store: PostgreSQL's, with tables in
/// the schema <c>metering</c>, <c>$1</c> for parameters, and nothing that SQLite lacks. Safe for concurrent use.
/// </summary>
/// <remarks>All members throw <see cref="LedgerUnavailableException"/> where the store cannot serve now.</remarks>
internal interface IDirectorySql
{
    /// <summary>Reads.</summary>
    /// <param name="sql">One statement that changes nothing, so that it may run twice.</param>
    /// <param name="values">Its parameters, in their order.</param>
    /// <param name="read">Reads one row.</param>
    /// <param name="cancellationToken">Cancels the read.</param>
    ValueTask<List<T>> ReadAsync<T>(string sql, SqlValue[] values, Func<ISqlRow, T> read, CancellationToken cancellationToken);

    /// <summary>Runs statements as one transaction, which is durable when this returns. An exception ends it without its changes.</summary>
    /// <param name="work">The statements; it awaits nothing else.</param>
    /// <param name="cancellationToken">Cancels before the commit.</param>
    ValueTask<T> CommitAsync<T>(Func<ISqlTransaction, ValueTask<T>> work, CancellationToken cancellationToken);
}

/// <summary>An open transaction.</summary>
internal interface ISqlTransaction
{
    /// <summary>Runs one statement.</summary>
    ValueTask<List<T>> RunAsync<T>(string sql, SqlValue[] values, Func<ISqlRow, T> read);
}

/// <summary>A row of an answer; columns count from 0.</summary>
internal interface ISqlRow
{
    /// <summary>A text, or null.</summary>
    string? Text(int column);

    /// <summary>A whole number, or null.</summary>
    long? Number(int column);

    /// <summary>Bytes of the row's own, or null.</summary>
    byte[]? Bytes(int column);
}

/// <summary>A parameter. Null has a kind as well, because PostgreSQL asks for it.</summary>
internal readonly record struct SqlValue(SqlKind Kind, string? AsText, long? AsNumber, byte[]? AsBytes)
{
    public static SqlValue Of(string? text) => new(SqlKind.Text, text, null, null);

    public static SqlValue Of(long? number) => new(SqlKind.Number, null, number, null);

    public static SqlValue Of(byte[] bytes) => new(SqlKind.Bytes, null, null, bytes);

    public static SqlValue Of(DateTimeOffset? time) => Of(time?.ToUnixTimeMilliseconds());

    public static SqlValue Of(AccountId account) => Of(account.Value);
}

/// <summary>Kinds of parameters.</summary>
internal enum SqlKind
{
    /// <summary>A text.</summary>
    Text,

    /// <summary>A 64-bit number.</summary>
    Number,

    /// <summary>Bytes.</summary>
    Bytes,
}

/// <summary>What rows are mostly read as.</summary>
internal static class SqlRows
{
    /// <summary>A text that is never null.</summary>
    public static string Required(this ISqlRow row, int column) => row.Text(column)!;

    /// <summary>A number that is never null.</summary>
    public static long Whole(this ISqlRow row, int column) => row.Number(column)!.Value;

    /// <summary>An instant, or null.</summary>
    public static DateTimeOffset? Time(this ISqlRow row, int column) =>
        row.Number(column) is { } milliseconds ? DateTimeOffset.FromUnixTimeMilliseconds(milliseconds) : null;

    /// <summary>Runs one statement as a transaction of its own; true where it gave a row.</summary>
    public static ValueTask<bool> AnyAsync(this IDirectorySql sql, string statement, SqlValue[] values, CancellationToken cancellationToken) =>
        sql.CommitAsync(async transaction => (await transaction.RunAsync(statement, values, _ => true)).Count > 0, cancellationToken);

    /// <summary>The first row, or null.</summary>
    public static async ValueTask<T?> FirstAsync<T>(
        this IDirectorySql sql, string statement, SqlValue[] values, Func<ISqlRow, T> read, CancellationToken cancellationToken)
        where T : class => (await sql.ReadAsync(statement, values, read, cancellationToken)).FirstOrDefault();
}
