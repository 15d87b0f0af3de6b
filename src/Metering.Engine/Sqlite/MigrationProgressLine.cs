using System.Globalization;

namespace Metering.Engine;

/// <summary>Prints how far a migration is: one line that is rewritten on a terminal, else a line now and then.</summary>
/// <param name="output">Where.</param>
/// <param name="isTerminal">True where a line can be rewritten.</param>
public sealed class MigrationProgressLine(TextWriter output, bool isTerminal)
{
    private const int BarWidth = 30;
    private const int PercentALine = 10;
    private const long Ended = long.MaxValue;

    private long lastLine = -1;

    /// <summary>Prints a state of the migration; for <see cref="SqliteLedgerOptions.Migrating"/>.</summary>
    /// <param name="progress">The state.</param>
    public void Report(LedgerMigrationProgress progress)
    {
        var percent = progress.Total == 0 ? 100 : progress.Done * 100 / progress.Total;
        var counts = string.Create(CultureInfo.InvariantCulture, $"{progress.Done:N0} of {progress.Total:N0} rows");
        var isDone = progress.Done == progress.Total;
        if (isDone && lastLine == Ended)
        {
            return;
        }

        if (isTerminal)
        {
            var filled = (int)(percent * BarWidth / 100);
            var bar = new string('#', filled).PadRight(BarWidth, '.');
            output.Write(string.Create(CultureInfo.InvariantCulture, $"\rPacking the ledger into pages [{bar}] {percent,3} %  {counts}{(isDone ? "\n" : string.Empty)}"));
        }
        else if (percent / PercentALine != lastLine)
        {
            lastLine = percent / PercentALine;
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"Packing the ledger into pages: {percent} %, {counts}."));
        }

        lastLine = isDone ? Ended : lastLine;
        output.Flush();
    }
}
