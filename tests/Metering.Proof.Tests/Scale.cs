using System.Globalization;
using Xunit;

[assembly: CollectionBehavior(DisableTestParallelization = true)]

namespace Metering.Proof.Tests;

/// <summary>How much to prove: a little in every build, as much as anybody wants by an environment variable.</summary>
internal static class Scale
{
    /// <summary>Kills of the server: METERING_CRASHES.</summary>
    public static int Crashes => Read("METERING_CRASHES", 5);

    /// <summary>Losses of power: METERING_POWER_CUTS.</summary>
    public static int PowerCuts => Read("METERING_POWER_CUTS", 5);

    /// <summary>Faults of each kind on PostgreSQL: METERING_PG_FAULTS.</summary>
    public static int PostgreSqlFaults => Read("METERING_PG_FAULTS", 3);

    /// <summary>How long a server is stopped: 30 s where 20 faults are asked for.</summary>
    public static TimeSpan StoppedFor => TimeSpan.FromSeconds(Math.Min(PostgreSqlFaults * 1.5, 30));

    /// <summary>Generated requests: METERING_FUZZ.</summary>
    public static int FuzzRequests => Read("METERING_FUZZ", 20_000);

    /// <summary>What everything random starts from: METERING_SEED.</summary>
    public static int Seed => Read("METERING_SEED", 1);

    private static int Read(string name, int standard) =>
        Environment.GetEnvironmentVariable(name) is { Length: > 0 } text ? int.Parse(text, NumberStyles.None, CultureInfo.InvariantCulture) : standard;
}
