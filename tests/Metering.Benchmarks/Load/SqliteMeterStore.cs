using Metering.Engine;

namespace Metering.Benchmarks;

/// <summary>The store of a single process.</summary>
internal sealed class SqliteMeterStore : IMeterStore
{
    public string Name => "sqlite";

    public Task ConfigureAsync(CreditMeteringOptions options, string folder)
    {
        options.UseSqlite(Path.Combine(folder, "load.db"));
        return Task.CompletedTask;
    }

    public long? Backlog(ILedgerStore store) => ((SqliteLedgerStore)store).BacklogEntries;

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
