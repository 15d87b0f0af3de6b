using Metering.Engine;

namespace Metering.Benchmarks;

/// <summary>A store under the meter, as the harness needs to know it.</summary>
internal interface IMeterStore : IAsyncDisposable
{
    string Name { get; }

    /// <summary>Why it cannot run on this machine and what mends that; null where it can.</summary>
    string? Missing => null;

    /// <summary>Chooses the store, empty, with its files in a folder where it has any.</summary>
    Task ConfigureAsync(CreditMeteringOptions options, string folder);

    /// <summary>Entries that are durable and not yet in their final place; null where every entry is there when it is answered.</summary>
    long? Backlog(ILedgerStore store) => null;
}
