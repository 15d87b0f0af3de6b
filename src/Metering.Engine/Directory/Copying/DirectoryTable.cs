namespace Metering.Engine;

/// <summary>What may have become of a column in the source since an earlier copy brought its row.</summary>
internal enum ColumnChange
{
    /// <summary>Nothing: another value shows another history.</summary>
    Fixed,

    /// <summary>Any value; the source's is taken.</summary>
    Any,

    /// <summary>A larger number, or one where there was none. A smaller one shows that the target went on by itself.</summary>
    Rises,

    /// <summary>A smaller number, or one where there was none.</summary>
    Falls,

    /// <summary>A text that is erased.</summary>
    MayBecomeEmpty,

    /// <summary>A name that is erased: <see cref="IProfileRegister.ErasedName"/> then.</summary>
    MayBeErased,
}

/// <summary>A column of a table.</summary>
internal sealed record DirectoryColumn(string Name, SqlKind Kind, ColumnChange Change = ColumnChange.Fixed);

/// <summary>A table of the directory, as a copy knows it. A row is the values of its columns in their order: texts, numbers, bytes, null.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Keys">How many of the first columns are its key, by which it is read in order.</param>
/// <param name="Columns">All of its columns.</param>
internal sealed record DirectoryTable(string Name, int Keys, params DirectoryColumn[] Columns)
{
    /// <summary>What a row is called, for people.</summary>
    public required string Row { get; init; }

    /// <summary>Rows of a page; few where one may be large.</summary>
    public int PageRows { get; init; } = 256;

    /// <summary>True where the first column is a number that the database gives out, so that it has to go on after the copied ones.</summary>
    public bool GivesNumbers { get; init; }

    /// <summary>True for a row of an earlier copy that may be gone from the source since, and then goes from the target.</summary>
    public Func<object?[], bool> MayGo { get; init; } = _ => false;

    /// <summary>True for rows of which the source's replaces the target's whatever they say.</summary>
    public Func<object?[], bool> IsPassing { get; init; } = _ => false;

    /// <summary>What of a row shows that it was changed: where this column is the same in both, all others must be; null for none.</summary>
    public string? Clock { get; init; }

    /// <summary>True where the target's row can have become the source's.</summary>
    public bool MayBecome(object?[] there, object?[] row)
    {
        if (IsPassing(row))
        {
            return true;
        }

        if (Clock is { } clock && Array.FindIndex(Columns, column => column.Name == clock) is var at && Equals(there[at], row[at]))
        {
            return false;
        }

        return Columns.Index().All(column => Same(there[column.Index], row[column.Index]) || column.Item.Change switch
        {
            ColumnChange.Any => true,
            ColumnChange.Rises => row[column.Index] is long risen && (there[column.Index] is not long before || risen > before),
            ColumnChange.Falls => row[column.Index] is long fallen && (there[column.Index] is not long before || fallen < before),
            ColumnChange.MayBecomeEmpty => row[column.Index] is "",
            ColumnChange.MayBeErased => row[column.Index] is IProfileRegister.ErasedName,
            _ => false,
        });
    }

    /// <summary>True where two rows say the same.</summary>
    public static bool AreSame(object?[] one, object?[] other) => one.Zip(other).All(pair => Same(pair.First, pair.Second));

    /// <summary>A row's key as one text.</summary>
    public string KeyOf(object?[] row) => string.Join(' ', row.Take(Keys).Select(value => value is byte[] bytes ? Convert.ToHexString(bytes) : value));

    /// <summary>The parameters of some of a row's columns.</summary>
    public SqlValue[] Values(object?[] row, int count) => [.. Columns.Take(count).Zip(row, (column, value) => new SqlValue(column.Kind, value as string, value as long?, value as byte[]))];

    /// <summary>Reads a row.</summary>
    public object?[] Read(ISqlRow row) => [.. Columns.Select((column, index) => column.Kind switch
    {
        SqlKind.Text => row.Text(index),
        SqlKind.Number => row.Number(index),
        SqlKind.Bytes => row.Bytes(index),
        _ => (object?)null,
    })];

    private static bool Same(object? one, object? other) => one is byte[] left && other is byte[] right ? left.AsSpan().SequenceEqual(right) : Equals(one, other);
}
