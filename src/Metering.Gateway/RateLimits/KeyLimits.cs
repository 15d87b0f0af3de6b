using Metering.Engine;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Metering.Gateway;

/// <summary>What becomes of calls beyond a plan's limits.</summary>
public enum RateLimitMode
{
    /// <summary>They are answered with 429.</summary>
    Enforce,

    /// <summary>They are served; headers and log tell of them.</summary>
    Report,
}

/// <summary>Says on an endpoint that its calls are not counted against the plan's limits (contract: credits, analytics and health).</summary>
internal sealed record WithoutRateLimit;

/// <summary>The limits a key that each plan may set: requests a minute and a day.</summary>
internal sealed class KeyLimits(
    MeteringGatewayOptions options, Catalogue catalogue, ICreditMeter meter, ICallLimits limits, TimeProvider time, ILogger<KeyLimits> logger)
{
    private static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan Day = TimeSpan.FromDays(1);

    /// <summary>True where no plan has limits: nothing is looked up then.</summary>
    public bool IsOff { get; } = catalogue.Plans.Values.All(plan => plan is { RequestsPerMinute: null, RequestsPerDay: null });

    /// <summary>Counts a call, and sees to the headers of its answer.</summary>
    /// <returns>The failure to answer with; null where the call goes on.</returns>
    public async ValueTask<Failure?> TakeAsync(HttpContext context, MeteringCaller caller)
    {
        // Where the balance cannot be told, the call itself will say why.
        var balance = await meter.GetBalanceAsync(caller.Account, context.RequestAborted).ConfigureAwait(false);
        if (!balance.IsSuccess || !catalogue.Plans.TryGetValue(balance.Value.Plan, out var plan))
        {
            return null;
        }

        RateWindow? told = null;
        foreach (var (permits, name, length) in ((int?, string, TimeSpan)[])[(plan.RequestsPerMinute, "minute", Minute), (plan.RequestsPerDay, "day", Day)])
        {
            if (permits is not { } most || told is { IsAllowed: false })
            {
                continue;
            }

            // A plan with other permits counts anew: a limit is the same every time for its name.
            var verdict = await limits.TakeAsync(new($"requests-{name}-{most}", most, length), caller.Key.Id, context.RequestAborted).ConfigureAwait(false);
            var window = new RateWindow(verdict.IsAllowed, name, most, verdict.Remaining, verdict.ResetsIn, time.GetUtcNow());
            told = told is { } other && window.IsAllowed && other.Remaining <= window.Remaining ? other : window;
        }

        if (told is null)
        {
            return null;
        }

        RateLimitHeaders.TellWhenStarting(context, told);
        return told.IsAllowed || await IsReportedOnlyAsync(caller, plan, told).ConfigureAwait(false) ? null : told.ToFailure(plan);
    }

    private async ValueTask<bool> IsReportedOnlyAsync(MeteringCaller caller, Plan plan, RateWindow window)
    {
        if (options.RateLimits != RateLimitMode.Report)
        {
            return false;
        }

        // One line a key and minute, however often it calls.
        var line = await limits.TakeAsync(new("limit-reports", 1, Minute), caller.Key.Id).ConfigureAwait(false);
        if (line.IsAllowed)
        {
            logger.LogWarning(
                "API key {KeyId} of account {Account} is beyond the {Permits} requests a {Window} of plan {Plan}; Metering:RateLimits:Mode is report, so it is served.",
                caller.Key.Id, caller.Account, window.Permits, window.Name, plan.Id);
        }

        return true;
    }
}

/// <summary>A key's window: the one that refused the call, else the one with the fewest calls left.</summary>
/// <param name="IsAllowed">True where the call is within it.</param>
/// <param name="Name">What it is called for people.</param>
/// <param name="Permits">Calls allowed in it.</param>
/// <param name="Remaining">Calls left in it.</param>
/// <param name="ResetsIn">How long until all are back.</param>
/// <param name="CountedAt">When the call was counted.</param>
internal sealed record RateWindow(bool IsAllowed, string Name, int Permits, int Remaining, TimeSpan ResetsIn, DateTimeOffset CountedAt)
{
    public Failure ToFailure(Plan plan) => new(
        StatusCodes.Status429TooManyRequests,
        "rate_limited",
        $"This API key has made the {Permits} requests a {Name} that plan {plan.Id} allows; the next is possible in {RateLimitHeaders.SecondsOf(this)} s.")
    {
        RetryAfter = ResetsIn,
    };
}
