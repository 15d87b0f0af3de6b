namespace Metering.Engine;

/// <summary>How a ledger in SQLite runs.</summary>
public sealed class SqliteLedgerOptions
{
    /// <summary>The smallest <see cref="MaxBacklogBytes"/>.</summary>
    public const long LeastBacklogBytes = 16L << 20;

    /// <summary>The largest <see cref="MaxBacklogBytes"/>.</summary>
    public const long MostBacklogBytes = 16L << 30;

    /// <summary>The smallest <see cref="MaxBacklogEntries"/>.</summary>
    public const long LeastBacklogEntries = 10_000;

    /// <summary>The largest <see cref="MaxBacklogEntries"/>.</summary>
    public const long MostBacklogEntries = 100_000_000;

    /// <summary>
    /// Bytes of commits that may wait, in the journal and in memory, to be packed into pages, 16 MiB to 16 GiB; default 256 MiB. At the limit,
    /// calls wait for the packing. A smaller one takes less memory and less of a start after a crash, and slows a burst down earlier; a
    /// larger one takes longer bursts at full speed.
    /// </summary>
    public long MaxBacklogBytes { get; set; } = 256L << 20;

    /// <summary>The same in entries, 10,000 to 100,000,000; default 2,000,000. About 100 bytes of memory each beside their own.</summary>
    public long MaxBacklogEntries { get; set; } = 2_000_000;

    /// <summary>Told now and then while rows of an older version are packed into pages, and once at the end; null for nobody.</summary>
    public Action<LedgerMigrationProgress>? Migrating { get; set; }

    /// <summary>Checks every setting.</summary>
    /// <exception cref="MeteringStartupException">A setting is out of range; the message names it, its value and what is allowed.</exception>
    public void Validate()
    {
        Check(nameof(MaxBacklogBytes), MaxBacklogBytes, LeastBacklogBytes, MostBacklogBytes);
        Check(nameof(MaxBacklogEntries), MaxBacklogEntries, LeastBacklogEntries, MostBacklogEntries);
    }

    private static void Check(string setting, long value, long min, long max)
    {
        if (value < min || value > max)
        {
            throw new MeteringStartupException($"{setting} is {value}; {min} to {max} are allowed.");
        }
    }
}

/// <summary>How far a migration is.</summary>
/// <param name="Done">Rows that are in pages.</param>
/// <param name="Total">Rows in all.</param>
public readonly record struct LedgerMigrationProgress(long Done, long Total);
