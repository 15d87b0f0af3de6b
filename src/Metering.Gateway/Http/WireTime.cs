using System.Globalization;

namespace Metering.Gateway;

/// <summary>Instants as the dialects print them.</summary>
internal static class WireTime
{
    /// <summary>ISO 8601, UTC, milliseconds: "2026-05-01T00:00:00.000Z" (002).</summary>
    public static string ToWire(this DateTimeOffset instant) =>
        instant.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);
}
