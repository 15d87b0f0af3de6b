using Metering.Engine;

namespace Metering.Simulation;

/// <summary>A database that several processes share.</summary>
internal sealed class DatabaseStorage(SimulatedWorld world, StoreBug bug, Func<FaultProfile> faults) : SimulatedStorage(world, StoreBug.None, faults)
{
    private SimulatedDatabase? database;

    public override MeterStore Connect(SimulatedProcess process, string name, Action mustStop) =>
        new DatabaseMeterStore(World, Ledger, database ??= new(World, Ledger, bug), bug, name, Faults);
}
