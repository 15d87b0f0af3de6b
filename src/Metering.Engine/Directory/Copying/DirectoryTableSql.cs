namespace Metering.Engine;

/// <summary>The statements of a copy for one table.</summary>
internal sealed class DirectoryTableSql(DirectoryTable table)
{
    private readonly string columns = string.Join(", ", table.Columns.Select(column => column.Name));
    private readonly string keys = string.Join(", ", table.Columns.Take(table.Keys).Select(column => column.Name));

    /// <summary>Rows after a key and up to another one, in order.</summary>
    /// <param name="sql">The database.</param>
    /// <param name="after">The row after which to begin; null from the first.</param>
    /// <param name="upTo">The last row; null for no end.</param>
    /// <param name="cancellationToken">Cancels the read.</param>
    public ValueTask<List<object?[]>> ReadAsync(IDirectorySql sql, object?[]? after, object?[]? upTo, CancellationToken cancellationToken)
    {
        var bounds = new List<string>();
        SqlValue[] values = [.. Bound(">", after), .. Bound("<=", upTo)];
        var where = bounds.Count > 0 ? $"WHERE {string.Join(" AND ", bounds)} " : string.Empty;
        return sql.ReadAsync($"SELECT {columns} FROM metering.{table.Name} {where}ORDER BY {keys} LIMIT {table.PageRows}", values, table.Read, cancellationToken);

        SqlValue[] Bound(string comparison, object?[]? row)
        {
            if (row is null)
            {
                return [];
            }

            bounds.Add($"({keys}) {comparison} ({Parameters(bounds.Count * table.Keys, table.Keys)})");
            return table.Values(row, table.Keys);
        }
    }

    /// <summary>How many rows there are.</summary>
    public async ValueTask<long> CountAsync(IDirectorySql sql, CancellationToken cancellationToken) =>
        (await sql.ReadAsync($"SELECT count(*) FROM metering.{table.Name}", [], row => row.Whole(0), cancellationToken))[0];

    /// <summary>Adds rows; those stay out whose unique values another row has.</summary>
    /// <returns>How many were added.</returns>
    public async ValueTask<int> InsertAsync(ISqlTransaction transaction, IReadOnlyList<object?[]> rows)
    {
        var lines = rows.Select((_, index) => $"({Parameters(index * table.Columns.Length, table.Columns.Length)})");
        var numbers = table.GivesNumbers ? "OVERRIDING SYSTEM VALUE " : string.Empty;
        var added = await transaction.RunAsync(
            $"INSERT INTO metering.{table.Name} ({columns}) {numbers}VALUES {string.Join(", ", lines)} ON CONFLICT DO NOTHING RETURNING 1",
            [.. rows.SelectMany(row => table.Values(row, table.Columns.Length))],
            _ => true);
        return added.Count;
    }

    /// <summary>Makes a row what it is in the source.</summary>
    public async ValueTask UpdateAsync(ISqlTransaction transaction, object?[] row) => await transaction.RunAsync(
        $"UPDATE metering.{table.Name} SET {string.Join(", ", table.Columns.Select((column, index) => $"{column.Name} = ${index + 1}").Skip(table.Keys))} WHERE {KeyIs} RETURNING 1",
        table.Values(row, table.Columns.Length),
        _ => true);

    /// <summary>Removes a row.</summary>
    public async ValueTask DeleteAsync(ISqlTransaction transaction, object?[] row) =>
        await transaction.RunAsync($"DELETE FROM metering.{table.Name} WHERE {KeyIs} RETURNING 1", table.Values(row, table.Keys), _ => true);

    /// <summary>PostgreSQL gives out numbers from a sequence, which does not see those that rows bring along. It is never set back.</summary>
    public async ValueTask GoOnAfterAsync(ISqlTransaction transaction, object?[] row)
    {
        var sequence = $"metering.{table.Name}_{table.Columns[0].Name}_seq";
        await transaction.RunAsync($"SELECT setval('{sequence}', greatest($1, (SELECT last_value FROM {sequence})))", table.Values(row, 1), _ => true);
    }

    private string KeyIs => string.Join(" AND ", table.Columns.Take(table.Keys).Select((column, index) => $"{column.Name} = ${index + 1}"));

    private static string Parameters(int after, int count) => string.Join(", ", Enumerable.Range(after + 1, count).Select(number => $"${number}"));
}
