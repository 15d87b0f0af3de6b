using System.Security.Cryptography;
using Microsoft.AspNetCore.Http;

namespace Metering.Gateway.Payments;

/// <summary>Changes of a running subscription.</summary>
internal sealed class Subscriptions(PaymentBooks books, Payments payments)
{
    /// <summary>The account's subscription; null where it has none that is running.</summary>
    public async ValueTask<BillingAccount?> FindAsync(AccountId account, CancellationToken cancellationToken) =>
        await books.Accounts.FindAsync(account.Value, cancellationToken).ConfigureAwait(false) is { Value: { Status: not SubscriptionStatus.Ended } billing } ? billing : null;

    /// <summary>Ends a subscription with its paid period (000); ending it twice is the same.</summary>
    public async ValueTask<(BillingAccount? Billing, Failure? Failure)> CancelAsync(AccountId account, CancellationToken cancellationToken)
    {
        while (true)
        {
            if (await books.Accounts.FindAsync(account.Value, cancellationToken).ConfigureAwait(false) is not { Value.Status: not SubscriptionStatus.Ended } stored)
            {
                return (null, new(StatusCodes.Status404NotFound, "subscription_unknown", "The account has no active subscription."));
            }

            if (stored.Value.CancelsAtPeriodEnd)
            {
                return (stored.Value, null);
            }

            ProviderSubscription subscription;
            try
            {
                // A key a call: asking twice is the same by itself, and a kept answer would outlive a subscription that was taken up again.
                subscription = await payments.Required.CancelAtPeriodEndAsync(
                    stored.Value.SubscriptionId, "cancel-" + RandomNumberGenerator.GetHexString(32, lowercase: true), cancellationToken).ConfigureAwait(false);
            }
            catch (PaymentProviderException)
            {
                return (null, new(StatusCodes.Status503ServiceUnavailable, "payments_unavailable", "The payment provider cannot be reached now; try again: cancelling twice is the same.")
                {
                    RetryAfter = TimeSpan.FromSeconds(5),
                });
            }

            var cancelled = stored.Value with { CancelsAtPeriodEnd = subscription.CancelsAtPeriodEnd, PeriodEnd = subscription.PeriodEnd, Status = subscription.Status };
            if (await books.SaveAsync(CancellationToken.None, books.Accounts.Change(cancelled, stored.Version)).ConfigureAwait(false))
            {
                return (cancelled, null);
            }
        }
    }
}
