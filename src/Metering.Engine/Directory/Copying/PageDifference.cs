namespace Metering.Engine;

/// <summary>What the target lacks of one page of the source.</summary>
/// <param name="table">The table.</param>
/// <param name="page">The source's rows, in order.</param>
internal sealed class PageDifference(DirectoryTable table, IReadOnlyList<object?[]> page)
{
    private readonly Dictionary<string, object?[]> missing = page.ToDictionary(table.KeyOf);

    /// <summary>Rows that are not there, in order.</summary>
    public IReadOnlyList<object?[]> Missing { get; private set; } = [];

    /// <summary>Rows that say something else there, as they are in the source.</summary>
    public List<object?[]> Changed { get; } = [];

    /// <summary>Rows that are only there.</summary>
    public List<object?[]> Gone { get; } = [];

    /// <summary>True where the target has the page as it is.</summary>
    public bool IsNone => Missing.Count + Changed.Count + Gone.Count == 0;

    /// <summary>Looks at the target's rows in the page's range.</summary>
    /// <param name="sql">The table's statements.</param>
    /// <param name="target">The target.</param>
    /// <param name="after">Where the range begins: after this row; null for the table's beginning.</param>
    /// <param name="upTo">Where it ends; null for the table's end.</param>
    /// <param name="cancellationToken">Cancels the reads.</param>
    /// <returns>Why the target can be no earlier copy of the source; null where it can.</returns>
    public async ValueTask<string?> FindAsync(DirectoryTableSql sql, IDirectorySql target, object?[]? after, object?[]? upTo, CancellationToken cancellationToken)
    {
        for (var isLast = false; !isLast;)
        {
            var there = await sql.ReadAsync(target, after, upTo, cancellationToken);
            foreach (var row in there)
            {
                if (Judge(row) is { } refusal)
                {
                    return refusal;
                }
            }

            isLast = there.Count < table.PageRows;
            after = there.LastOrDefault();
        }

        Missing = [.. page.Where(row => missing.ContainsKey(table.KeyOf(row)))];
        return null;
    }

    /// <summary>A sentence on a row that shows another history.</summary>
    public string Refuse(object?[] row, string how) =>
        $"The {table.Row} {table.KeyOf(row)} in the target {how} (table {table.Name}). Copy into an empty store, or the other way round.";

    private string? Judge(object?[] there)
    {
        if (!missing.Remove(table.KeyOf(there), out var row))
        {
            if (!table.MayGo(there))
            {
                return Refuse(there, "is not in the source");
            }

            Gone.Add(there);
            return null;
        }

        if (DirectoryTable.AreSame(there, row))
        {
            return null;
        }

        if (!table.MayBecome(there, row))
        {
            return Refuse(row, "differs from what the source has");
        }

        Changed.Add(row);
        return null;
    }
}
