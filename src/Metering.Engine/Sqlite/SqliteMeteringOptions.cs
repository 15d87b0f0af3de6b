namespace Metering.Engine;

/// <summary>Chooses SQLite as the store.</summary>
public static class SqliteMeteringOptions
{
    /// <summary>
    /// Keeps the ledger in two SQLite files, <c>metering.db</c> and its journal <c>metering.journal.db</c>, and the directory in a third one beside
    /// them (<c>metering.directory.db</c>), so that neither contends with commits. The files and their folder are made where they are missing.
    /// One process at a time.
    /// </summary>
    /// <param name="options">The options.</param>
    /// <param name="path">The ledger's file; relative paths count from the current folder. It needs a local disk.</param>
    /// <param name="ledger">Limits of the ledger; null for the defaults.</param>
    /// <returns>The options.</returns>
    /// <exception cref="MeteringStartupException">A limit is out of range.</exception>
    public static CreditMeteringOptions UseSqlite(this CreditMeteringOptions options, string path, SqliteLedgerOptions? ledger = null)
    {
        ledger?.Validate();
        options.LedgerStoreFactory = _ => SqliteLedgerStore.Open(path, ledger);
        options.DirectoryStoreFactory = _ => SqliteDirectoryStore.Open(DirectoryPath(path));
        return options;
    }

    /// <summary>Where the directory of a ledger is.</summary>
    /// <param name="path">The ledger's file.</param>
    public static string DirectoryPath(string path) =>
        Path.Combine(Path.GetDirectoryName(path) ?? string.Empty, $"{Path.GetFileNameWithoutExtension(path)}.directory{Path.GetExtension(path)}");
}
