using System.Globalization;
using Metering.Engine;
using Microsoft.AspNetCore.Http;

namespace Metering.Gateway.Payments;

/// <summary>Tells a caller of a limited route what is left (contract, "Authentication").</summary>
internal static class LimitHeaders
{
    /// <summary>Sets <c>RateLimit-…</c> (seconds) and <c>X-RateLimit-…</c> (Unix time).</summary>
    public static void Tell(HttpContext context, CallLimit limit, LimitVerdict verdict, DateTimeOffset now)
    {
        var seconds = (long)Math.Ceiling(verdict.ResetsIn.TotalSeconds);
        var headers = context.Response.Headers;
        headers["RateLimit-Limit"] = headers["X-RateLimit-Limit"] = limit.Permits.ToString(CultureInfo.InvariantCulture);
        headers["RateLimit-Remaining"] = headers["X-RateLimit-Remaining"] = verdict.Remaining.ToString(CultureInfo.InvariantCulture);
        headers["RateLimit-Reset"] = seconds.ToString(CultureInfo.InvariantCulture);
        headers["X-RateLimit-Reset"] = (now.ToUnixTimeSeconds() + seconds).ToString(CultureInfo.InvariantCulture);
    }

    /// <summary>The answer to a call beyond a limit.</summary>
    public static Failure Refusal(string message, LimitVerdict verdict) => new(StatusCodes.Status429TooManyRequests, "rate_limited", message) { RetryAfter = verdict.ResetsIn };
}
