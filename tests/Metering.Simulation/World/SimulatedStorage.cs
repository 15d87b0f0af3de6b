using Metering.Engine;

namespace Metering.Simulation;

/// <summary>What a history's ledger is kept in.</summary>
internal enum StorageKind
{
    /// <summary>One atomic ledger of rows, which any number of processes share.</summary>
    Rows,

    /// <summary>The engine's own journalled store over simulated files, which one process owns.</summary>
    Journal,

    /// <summary>A database that several processes share, with locks and transactions that outlive their connections.</summary>
    Database,
}

/// <summary>What survives processes, and how their meters reach it.</summary>
internal abstract class SimulatedStorage(SimulatedWorld world, StoreBug bug, Func<FaultProfile> faults)
{
    /// <summary>What is durable, in the simplest form: the truth that everything else is compared with.</summary>
    public SimulatedLedger Ledger { get; } = new(bug);

    /// <summary>True where a meter that was drained has to be left alone by its readers before another takes its place.</summary>
    public virtual bool IsClosedByLastMeter => false;

    protected SimulatedWorld World => world;

    protected Func<FaultProfile> Faults => faults;

    public static SimulatedStorage Create(SimulationPlan plan, SimulatedWorld world, StoreBug bug, Func<FaultProfile> faults) => plan.Storage switch
    {
        StorageKind.Rows => new RowStorage(world, bug, faults),
        StorageKind.Journal => new JournaledStorage(world, plan.Journal, faults),
        StorageKind.Database => new DatabaseStorage(world, bug, faults),
        _ => throw new InvalidOperationException($"There is no storage {plan.Storage}."),
    };

    /// <summary>A store for a meter of a process.</summary>
    /// <param name="process">The process.</param>
    /// <param name="name">The meter's name.</param>
    /// <param name="mustStop">Called when the process cannot go on with this storage.</param>
    public abstract MeterStore Connect(SimulatedProcess process, string name, Action mustStop);

    /// <summary>What a meter that starts now must know of an account at least.</summary>
    public virtual long KnownAtStart(AccountId account) => Ledger.Head(account).Sequence;

    /// <summary>A process has crashed.</summary>
    public virtual void Crash(SimulatedProcess process)
    {
    }

    /// <summary>A meter was drained, and nobody waits for an answer of it.</summary>
    public virtual void Disconnect(SimulatedProcess process)
    {
    }

    /// <summary>Judges what is there at the end.</summary>
    public virtual void Check()
    {
    }
}

/// <summary>One ledger of rows.</summary>
internal sealed class RowStorage(SimulatedWorld world, StoreBug bug, Func<FaultProfile> faults) : SimulatedStorage(world, bug, faults)
{
    public override MeterStore Connect(SimulatedProcess process, string name, Action mustStop) => new SimulatedLedgerStore(World, Ledger, name, Faults);
}
