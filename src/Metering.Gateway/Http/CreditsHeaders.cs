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

    /// <summary>Sets <see cref="Remaining"/> when the response starts, unless the call has set it: errors carry it too.</summary>
    internal static void ReportBalanceWhenStarting(HttpContext context, AccountId account)
    {
        // A balance that a shared cache answered would be somebody's old balance.
        context.Response.OnStarting(async () =>
        {
            var headers = context.Response.Headers;
            headers.CacheControl = "no-store";
            if (!headers.ContainsKey(Remaining) && await FindBalanceAsync(context, account).ConfigureAwait(false) is { } balance)
            {
                headers[Remaining] = balance.Available.ToString();
            }
        });
    }

    private static async ValueTask<Balance?> FindBalanceAsync(HttpContext context, AccountId account)
    {
        try
        {
            var outcome = await context.RequestServices.GetRequiredService<ICreditMeter>()
                .GetBalanceAsync(account, context.RequestAborted).ConfigureAwait(false);
            return outcome.IsSuccess ? outcome.Value : null;
        }
        catch (Exception)
        {
            // Whatever went wrong, the response itself stands: a header that cannot be known now is left out rather than spoiling it, and
            // the fault of a damaged account is told where the account is called, not here.
            return null;
        }
    }
}
