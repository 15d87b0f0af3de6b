using Metering.Engine;

namespace Metering.Simulation;

/// <summary>How a history's journalled store runs.</summary>
internal sealed record JournalSettings
{
    public int StepBytes { get; init; } = 4_000;

    public long MaxBacklogBytes { get; init; } = 1 << 20;

    public long MaxBacklogEntries { get; init; } = 100_000;

    public int CachedAccounts { get; init; } = 100;

    /// <summary>How long the projector waits after an entry came, at most; milliseconds.</summary>
    public int Linger { get; init; } = 50;

    /// <summary>How often something else happens in the middle of the store's work; per mille of the places where it can.</summary>
    public int Races { get; init; } = 100;

    /// <param name="isShort">True where the backlog is far smaller than what a start may find.</param>
    public JournaledLedgerOptions ToOptions(bool isShort) => new()
    {
        StepBytes = StepBytes,
        MaxBacklogBytes = isShort ? 400 : MaxBacklogBytes,
        MaxBacklogEntries = isShort ? 20 : MaxBacklogEntries,
        CachedAccounts = CachedAccounts,
    };

    public override string ToString() =>
        $"step {StepBytes} B, backlog {MaxBacklogBytes} B / {MaxBacklogEntries}, {CachedAccounts} heads, projector within {Linger} ms, races {Races}";
}
