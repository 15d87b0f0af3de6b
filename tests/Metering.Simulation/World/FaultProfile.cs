namespace Metering.Simulation;

/// <summary>How often what goes wrong, per mille of the calls, and how long calls take, in milliseconds.</summary>
internal sealed record FaultProfile
{
    public int AppendUnavailable { get; init; }

    public int AppendUnknownDone { get; init; }

    public int AppendUnknownNotDone { get; init; }

    public int AppendFatal { get; init; }

    public int AppendTooLarge { get; init; }

    public int ReadUnavailable { get; init; }

    public int SnapshotUnavailable { get; init; }

    /// <summary>Steps of the projector that the pages refuse, as a full disk does.</summary>
    public int PagesUnavailable { get; init; }

    /// <summary>Commits of pages of which nobody can tell whether they took place.</summary>
    public int PagesFatal { get; init; }

    /// <summary>Deletions of journal records that fail.</summary>
    public int DeleteUnavailable { get; init; }

    /// <summary>Crashes after which deleted journal records are there again.</summary>
    public int DeletionsLost { get; init; }

    /// <summary>Starts before which somebody takes the journal away, or puts another one in its place.</summary>
    public int JournalMissing { get; init; }

    /// <summary>Writes are done when they return, as in memory, and so are their failures.</summary>
    public bool IsImmediate { get; init; }

    public int MaxAppendDelay { get; init; } = 5;

    public int MaxReadDelay { get; init; } = 5;

    /// <summary>How many commits that were under way in a crash land afterwards; the others are lost.</summary>
    public int LandsAfterCrash { get; init; } = 500;

    /// <summary>Nothing fails and nothing takes long.</summary>
    public static FaultProfile None { get; } = new() { MaxAppendDelay = 1, MaxReadDelay = 1 };
}
