using System.Globalization;
using Metering.Engine;
using Microsoft.AspNetCore.Http;

namespace Metering.Gateway.Payments;

/// <summary>
/// Limits of open routes. They are counted in the payment store, so that they hold across the processes that share it and through a restart;
/// these routes are called a few times an hour, so that a write a call is nothing.
/// </summary>
internal sealed class AddressLimits(PaymentBooks books, PaymentOptions options, TimeProvider time) : ICallLimits
{
    private const int Rounds = 20;

    /// <summary>Purchases of one address.</summary>
    public CallLimit Purchases { get; } = new("purchase", options.PurchasesAnHour, CountedCalls.Window);

    /// <summary>Claims of one address.</summary>
    public CallLimit Claims { get; } = new("claim-key", options.ClaimsAnHour, CountedCalls.Window);

    /// <summary>Counts a call of an open route, and tells its headers.</summary>
    /// <returns>The answer where the limit is reached; null where it is not.</returns>
    public async ValueTask<Failure?> CheckAsync(HttpContext context, CallLimit limit)
    {
        var verdict = await TakeAsync(limit, CallerAddress.Of(context, options.TrustedProxies), context.RequestAborted).ConfigureAwait(false);
        LimitHeaders.Tell(context, limit, verdict, time.GetUtcNow());
        return verdict.IsAllowed ? null : LimitHeaders.Refusal(
            string.Create(CultureInfo.InvariantCulture, $"At most {limit.Permits} calls an hour are allowed from one address."), verdict);
    }

    /// <inheritdoc />
    public async ValueTask<LimitVerdict> TakeAsync(CallLimit limit, string subject, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(limit);
        var id = $"{limit.Name}|{subject}";
        for (var round = 0; ; round++)
        {
            var now = time.GetUtcNow();
            var stored = await books.Calls.FindAsync(id, cancellationToken).ConfigureAwait(false);
            var calls = stored is { Value: var known } && now >= known.BeganAt && now < known.BeganAt + limit.Window ? known : new(id, now, 0);
            var left = calls.BeganAt + limit.Window - now;
            if (calls.Taken >= limit.Permits)
            {
                return new(false, 0, left);
            }

            var counted = calls with { Taken = calls.Taken + 1 };
            if (await books.SaveAsync(cancellationToken, books.Calls.Change(counted, stored?.Version ?? 0)).ConfigureAwait(false))
            {
                return new(true, limit.Permits - counted.Taken, left);
            }

            if (round == Rounds)
            {
                return new(false, 0, TimeSpan.FromSeconds(1)); // So many at once from one address: some of them may wait.
            }
        }
    }

    /// <summary>Forgets windows that are over.</summary>
    public async ValueTask SweepAsync(CancellationToken cancellationToken)
    {
        foreach (var stored in await books.Calls.ListDueAsync(time.GetUtcNow(), 1_000, cancellationToken).ConfigureAwait(false))
        {
            await books.SaveAsync(cancellationToken, books.Calls.Removal(stored)).ConfigureAwait(false);
        }
    }
}
