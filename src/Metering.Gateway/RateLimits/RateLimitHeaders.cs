using System.Globalization;
using Microsoft.AspNetCore.Http;

namespace Metering.Gateway;

/// <summary>The headers of a key's limit (contract, "Authentication"): resets in seconds, and as Unix time under the older names.</summary>
internal static class RateLimitHeaders
{
    /// <summary>Each header and what it says, for the OpenAPI document.</summary>
    public static readonly (string Name, string Description)[] Descriptions =
    [
        ("RateLimit-Limit", "Calls that the key may make in the window; with the other five only where the plan has limits."),
        ("RateLimit-Remaining", "Calls left in the window."),
        ("RateLimit-Reset", "Seconds until the window ends."),
        ("X-RateLimit-Limit", "As RateLimit-Limit."),
        ("X-RateLimit-Remaining", "As RateLimit-Remaining."),
        ("X-RateLimit-Reset", "When the window ends, in Unix seconds."),
    ];

    private static readonly Func<object, Task> TellWindow = static state =>
    {
        var (context, window) = ((HttpContext, RateWindow))state;
        var headers = context.Response.Headers;
        if (headers.ContainsKey("RateLimit-Limit"))
        {
            return Task.CompletedTask; // The route has a limit of its own, which ends sooner.
        }

        var (limit, remaining) = (Text(window.Permits), Text(window.Remaining));
        headers["RateLimit-Limit"] = limit;
        headers["RateLimit-Remaining"] = remaining;
        headers["RateLimit-Reset"] = Text(SecondsOf(window));
        headers["X-RateLimit-Limit"] = limit;
        headers["X-RateLimit-Remaining"] = remaining;
        headers["X-RateLimit-Reset"] = Text((window.CountedAt + TimeSpan.FromSeconds(SecondsOf(window))).ToUnixTimeSeconds());
        return Task.CompletedTask;
    };

    /// <summary>Sets the headers when the response starts: a fault clears what is set before.</summary>
    public static void TellWhenStarting(HttpContext context, RateWindow window) => context.Response.OnStarting(TellWindow, (context, window));

    /// <summary>Whole seconds until the window ends, rounded up: whoever waits so long finds it ended.</summary>
    public static long SecondsOf(RateWindow window) => (long)Math.Ceiling(window.ResetsIn.TotalSeconds);

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);
}
