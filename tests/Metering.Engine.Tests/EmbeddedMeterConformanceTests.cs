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
