using Metering.Conformance;
using Microsoft.Extensions.Logging.Abstractions;

namespace Metering.Engine.Tests;

/// <summary>The embedded meter on a store that can be opened again.</summary>
internal sealed class EmbeddedMeterHost(ManualTimeProvider clock, Catalogue catalogue, Func<ILedgerStore> open) : IMeterHost
{
    private ILedgerStore? store;
    private EmbeddedCreditMeter? meter;

    public ICreditMeter Meter => meter ?? Start();

    public ManualTimeProvider Clock => clock;

    public async ValueTask RestartAsync()
    {
        await DisposeAsync();
        Start();
    }

    public async ValueTask DisposeAsync()
    {
        if (meter is not null && store is not null)
        {
            await meter.DisposeAsync();
            await store.DisposeAsync();
        }

        (meter, store) = (null, null);
    }

    private EmbeddedCreditMeter Start()
    {
        store = open();
        return meter = new(store, new() { Catalogue = catalogue }, clock, NullLogger<EmbeddedCreditMeter>.Instance);
    }
}
