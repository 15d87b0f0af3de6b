using System.Globalization;
using Metering.Engine;
using Xunit;

namespace Metering.Cli.Tests;

/// <summary>
/// Rows for every table that a directory's file has, made from what the file itself says of its tables, so that a table or a column that somebody
/// adds is filled as well.
/// </summary>
internal static class DirectoryRows
{
    /// <summary>Fills every table; every column of every row has a value.</summary>
    /// <param name="folder">A data folder.</param>
    /// <param name="first">The first row's number.</param>
    /// <param name="count">How many rows a table.</param>
    public static async Task FillAsync(string folder, int first, int count)
    {
        Directory.CreateDirectory(folder);
        await SqliteDirectoryStore.Open(PathOf(folder)).DisposeAsync();
        await SqliteLedgerStore.Open(TestData.LedgerOf(folder)).DisposeAsync();
        using var database = Open(folder);
        database.Execute("BEGIN");
        foreach (var table in Tables(database))
        {
            var columns = Columns(database, table);
            using var insert = database.Prepare($"INSERT INTO {table} VALUES ({string.Join(", ", columns.Select((_, index) => $"?{index + 1}"))})");
            for (var number = first; number < first + count; number++)
            {
                Bind(insert, columns, number).Run();
            }
        }

        database.Execute("COMMIT");
    }

    /// <summary>The names of the tables.</summary>
    public static IReadOnlyList<string> TablesOf(string folder)
    {
        using var database = Open(folder);
        return Tables(database);
    }

    /// <summary>Runs statements.</summary>
    public static void Execute(string folder, string sql)
    {
        using var database = Open(folder);
        database.Execute(sql);
    }

    /// <summary>Every value of every row of every table.</summary>
    public static string ContentOf(string folder)
    {
        using var database = Open(folder);
        var content = new StringWriter();
        foreach (var table in Tables(database))
        {
            var columns = Columns(database, table);
            content.WriteLine($"{table}: {string.Join(", ", columns)}");
            using var all = database.Prepare($"SELECT {string.Join(", ", columns.Select(column => $"quote({column.Name})"))} FROM {table} ORDER BY 1, 2");
            using var rows = all.Rows();
            while (rows.Next())
            {
                content.WriteLine(string.Join(' ', Enumerable.Range(0, columns.Count).Select(rows.Text)));
            }
        }

        return content.ToString();
    }

    /// <summary>Checks that a copy told of every table of the file, each with its rows.</summary>
    public static void AreAllTold(string folder, string output, int rows)
    {
        var told = output.Split('\n').Where(line => line.StartsWith("Directory, ", StringComparison.Ordinal)).Select(line => line["Directory, ".Length..].Split(" rows in both;")[0]);
        Assert.Equal(TablesOf(folder).Select(table => string.Create(CultureInfo.InvariantCulture, $"{table}: {rows:N0}")), told.Order(StringComparer.Ordinal));
    }

    private static SqliteStatement Bind(SqliteStatement insert, List<(string Name, string Type)> columns, int number)
    {
        foreach (var (index, column) in columns.Index())
        {
            _ = column.Type switch
            {
                "INTEGER" => insert.Bind(index + 1, number),
                "TEXT" => insert.Bind(index + 1, $"{column.Name} Ł-{number:D6}"),
                "BLOB" => insert.Bind(index + 1, BitConverter.GetBytes(number * 7919L)),
                _ => throw new InvalidOperationException($"No value for a column of type {column.Type}."),
            };
        }

        return insert;
    }

    private static List<string> Tables(SqliteDatabase database) =>
        [.. Read(database, "SELECT name, '' FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name").Select(row => row.Name)];

    private static List<(string Name, string Type)> Columns(SqliteDatabase database, string table) => Read(database, $"SELECT name, type FROM pragma_table_info('{table}') ORDER BY cid");

    private static List<(string Name, string Type)> Read(SqliteDatabase database, string sql)
    {
        var found = new List<(string, string)>();
        using var statement = database.Prepare(sql);
        using var rows = statement.Rows();
        while (rows.Next())
        {
            found.Add((rows.Text(0), rows.Text(1)));
        }

        return found;
    }

    private static SqliteDatabase Open(string folder) => SqliteDatabase.Open(PathOf(folder), writable: true, busyMilliseconds: 0);

    private static string PathOf(string folder) => SqliteMeteringOptions.DirectoryPath(TestData.LedgerOf(folder));
}
