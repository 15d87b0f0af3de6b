namespace Metering.Engine;

/// <summary>Chooses memory as the store.</summary>
public static class MemoryMeteringOptions
{
    /// <summary>Keeps ledger and directory in memory only: for tests and trials. All of it ends with the process.</summary>
    /// <param name="options">The options.</param>
    /// <returns>The options.</returns>
    public static CreditMeteringOptions UseMemory(this CreditMeteringOptions options)
    {
        options.LedgerStoreFactory = _ => new MemoryLedgerStore();
        options.DirectoryStoreFactory = _ => new MemoryDirectoryStore();
        return options;
    }
}
