namespace Metering.Cli;

/// <summary>What the tool's process ends with; scripts rely on the numbers.</summary>
internal static class ExitCode
{
    /// <summary>Done; the ledger is sound.</summary>
    public const int Done = 0;

    /// <summary>The ledger is damaged, or the two ledgers do not agree: somebody has to look.</summary>
    public const int Unsound = 1;

    /// <summary>The command cannot be carried out as it was given: a wrong option, a missing folder, a store that is in use or away.</summary>
    public const int CannotRun = 2;

    /// <summary>Stopped by Ctrl+C, as shells number it.</summary>
    public const int Interrupted = 130;
}
