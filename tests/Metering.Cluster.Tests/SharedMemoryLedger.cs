using Metering.Conformance;
using Metering.Engine;

namespace Metering.Cluster.Tests;

/// <summary>A ledger in memory that several silos open, as they would open one database: it says that others append to it, and outlives each of them.</summary>
internal sealed class SharedMemoryLedger(MemoryLedgerStore store) : DelegatingLedgerStore(store)
{
    public override bool IsShared => true;
}
