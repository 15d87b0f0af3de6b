using System.Globalization;
using Microsoft.AspNetCore.Http;

namespace Metering.Gateway;

/// <summary>Reads instants from query parameters.</summary>
internal static class QueryInstants
{
    private static readonly string[] Formats = ["yyyy-MM-dd", "yyyy-MM-dd'T'HH:mm:ss'Z'", "yyyy-MM-dd'T'HH:mm:ss.fff'Z'"];

    /// <summary>A day (its beginning) or an instant, UTC; null where the parameter is left out.</summary>
    public static Failure? Read(HttpRequest request, string name, out DateTimeOffset? instant)
    {
        instant = null;
        var values = request.Query[name];
        if (values.Count == 0)
        {
            return null;
        }

        if (values.Count > 1
            || !DateTimeOffset.TryParseExact(values[0], Formats, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var read))
        {
            return Failure.Invalid(name, $"{name} must be one day (2026-01-31) or instant (2026-01-31T12:00:00Z), UTC.");
        }

        instant = read;
        return null;
    }
}
