using System.Globalization;

namespace Metering.Cli;

/// <summary>Reads instants from the command line.</summary>
internal static class Instants
{
    private static readonly string[] Formats = ["yyyy-MM-dd", "yyyy-MM-dd'T'HH:mm:ss'Z'", "yyyy-MM-dd'T'HH:mm:ss.fff'Z'"];

    /// <summary>Reads a day (its beginning) or an instant, UTC.</summary>
    /// <param name="option">The option, for the sentence.</param>
    /// <param name="text">What was given; null where it was left out, and then there is no instant.</param>
    /// <param name="instant">The instant.</param>
    /// <returns>Why it is none; null where it is one.</returns>
    public static string? Refuse(string option, string? text, out DateTimeOffset? instant)
    {
        instant = null;
        if (text is null)
        {
            return null;
        }

        if (!TryParse(text, out var read))
        {
            return $"{option} is '{text}'; write a day (2026-01-01) or an instant (2026-01-01T12:00:00Z), UTC.";
        }

        instant = read;
        return null;
    }

    /// <summary>Reads a day (its beginning) or an instant, UTC.</summary>
    public static bool TryParse(string text, out DateTimeOffset instant) =>
        DateTimeOffset.TryParseExact(text, Formats, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out instant);
}
