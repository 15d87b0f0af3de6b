using System.Globalization;

namespace Metering.Samples.LeadSearch.Routes;

/// <summary>Instants as the meter's own routes print them.</summary>
internal static class WireTime
{
    /// <summary>ISO 8601, UTC, milliseconds: "2026-05-01T00:00:00.000Z".</summary>
    public static string ToWire(this DateTimeOffset instant) =>
        instant.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);
}
