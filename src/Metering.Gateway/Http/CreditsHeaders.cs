using Metering.Engine;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Metering.Gateway;

/// <summary>The headers that tell a caller what its call cost and what is left (contract, "Authentication").</summary>
public static class CreditsHeaders
{
    /// <summary>The durable balance after the response's own effect.</summary>
    public const string Remaining = "X-Credits-Remaining";

    /// <summary>What the call charged; absent where it charged nothing.</summary>
    public const string Cost = "X-Credits-Cost";

    /// <summary><c>true</c> where the answer is the first answer to the same idempotency key.</summary>
    public const string Replayed = "Idempotent-Replayed";

    // One for all requests: a lambda over the request would be made anew for each.
    private static readonly Func<object, Task> ReportBalanceWhereMissing = ReportMissingBalance;

    /// <summary>
    /// Tells what a call charged. Call it before the response starts. A replay charged nothing, so it has no cost, and the balance that
    /// its first answer holds may be long past: the header shows the present one.
    /// </summary>
    /// <param name="context">The request, behind <see cref="MeteringKeyEndpoints.RequireMeteringKey"/>.</param>
    /// <param name="charged">What the call charged, 0 or more.</param>
    /// <param name="remaining">The balance after it, as the receipt has it.</param>
    /// <param name="isReplay"><see cref="Outcome{T}.IsReplay"/>.</param>
    public static void ReportCharge(this HttpContext context, Credits charged, Credits remaining, bool isReplay)
    {
        ArgumentNullException.ThrowIfNull(context);
        var headers = context.Response.Headers;
        if (isReplay)
        {
            headers[Replayed] = "true";
            return;
        }

        headers[Remaining] = remaining.ToString();
        if (charged.IsPositive)
        {
            headers[Cost] = charged.ToString();
        }
    }

    /// <summary>Tells a balance that the call has just read.</summary>
    internal static void ReportBalance(this HttpContext context, Balance balance) =>
        context.Response.Headers[Remaining] = balance.Available.ToString();

    /// <summary>Sets <see cref="Remaining"/> when the response starts, unless the call has set it: errors carry it too.</summary>
    internal static void ReportBalanceWhenStarting(HttpContext context) => context.Response.OnStarting(ReportBalanceWhereMissing, context);

    private static Task ReportMissingBalance(object state)
    {
        var context = (HttpContext)state;
        var headers = context.Response.Headers;
        headers.CacheControl = "no-store"; // A balance that a shared cache answered would be somebody's old balance.
        return headers.ContainsKey(Remaining) ? Task.CompletedTask : FindBalanceAsync(context);
    }

    private static async Task FindBalanceAsync(HttpContext context)
    {
        try
        {
            var outcome = await context.RequestServices.GetRequiredService<ICreditMeter>()
                .GetBalanceAsync(context.GetMeteringCaller().Account, context.RequestAborted).ConfigureAwait(false);
            if (outcome.IsSuccess)
            {
                context.ReportBalance(outcome.Value);
            }
            else if (outcome.Refusal!.Reason == RefusalReason.AccountUnknown && context.GetMeteringCaller().Key.Scopes.HasFlag(ApiKeyScopes.Admin))
            {
                context.Response.Headers[Remaining] = "0"; // Operators' keys belong to an account without a ledger, which holds nothing.
            }
        }
        catch (Exception)
        {
            // Whatever went wrong, the response itself stands: a header that cannot be known now is left out rather than spoiling it, and
            // the fault of a damaged account is told where the account is called, not here.
        }
    }
}
