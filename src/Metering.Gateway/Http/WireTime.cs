using System.Globalization;

namespace Metering.Gateway;

/// <summary>Instants as the dialects print them.</summary>
internal static class WireTime
{
    /// <summary>ISO 8601, UTC, milliseconds: "2026-05-01T00:00:00.000Z" (002).</summary>
    public static string ToWire(this DateTimeOffset instant) =>
        instant.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);

    /// <summary>Reads an instant as callers write it: ISO 8601 with its offset, to the second or finer. Cut to whole milliseconds.</summary>
    public static bool TryParse(string text, out DateTimeOffset instant)
    {
        var isRead = DateTimeOffset.TryParseExact(
            text, ["yyyy-MM-dd'T'HH:mm:ss.FFFFFFF'Z'", "yyyy-MM-dd'T'HH:mm:ss.FFFFFFFzzz"], CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out instant);
        instant = DateTimeOffset.FromUnixTimeMilliseconds(instant.ToUnixTimeMilliseconds());
        return isRead;
    }
}
