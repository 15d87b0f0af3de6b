using Metering.Conformance;

namespace Metering.Engine.Tests;

/// <summary>The embedded meter on a ledger in memory.</summary>
public sealed class EmbeddedMeterOnMemoryTests : CreditMeterConformance
{
    protected override ValueTask<IMeterHost> StartHostAsync(ManualTimeProvider clock, Catalogue catalogue)
    {
        var ledger = new MemoryLedgerStore();
        return new(new EmbeddedMeterHost(clock, catalogue, () => ledger));
    }
}

/// <summary>The embedded meter on SQLite files, closed and opened again by restarts.</summary>
public sealed class EmbeddedMeterOnSqliteTests : CreditMeterConformance, IDisposable
{
    private readonly TempFolder folder = new();

    public void Dispose() => folder.Remove();

    protected override ValueTask<IMeterHost> StartHostAsync(ManualTimeProvider clock, Catalogue catalogue) =>
        new(new EmbeddedMeterHost(clock, catalogue, () => SqliteLedgerStore.Open(folder.File("metering.db"))));
}
