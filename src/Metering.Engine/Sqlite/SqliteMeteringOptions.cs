namespace Metering.Engine;

/// <summary>Chooses SQLite as the store.</summary>
public static class SqliteMeteringOptions
{
    /// <summary>
    /// Keeps the ledger in a SQLite file, and the directory in a second one beside it (<c>metering.db</c>, <c>metering.directory.db</c>), so
    /// that the directory never contends with commits. The files and their folder are made where they are missing. One process at a time.
    /// </summary>
    /// <param name="options">The options.</param>
    /// <param name="path">The ledger's file; relative paths count from the current folder. It needs a local disk.</param>
    /// <returns>The options.</returns>
    public static CreditMeteringOptions UseSqlite(this CreditMeteringOptions options, string path)
    {
        options.LedgerStoreFactory = _ => SqliteLedgerStore.Open(path);
        options.DirectoryStoreFactory = _ => SqliteDirectoryStore.Open(DirectoryPath(path));
        return options;
    }

    /// <summary>Where the directory of a ledger is.</summary>
    /// <param name="path">The ledger's file.</param>
    public static string DirectoryPath(string path) =>
        Path.Combine(Path.GetDirectoryName(path) ?? string.Empty, $"{Path.GetFileNameWithoutExtension(path)}.directory{Path.GetExtension(path)}");
}
