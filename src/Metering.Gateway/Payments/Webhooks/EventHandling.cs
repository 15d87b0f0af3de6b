using Microsoft.Extensions.Logging;

namespace Metering.Gateway.Payments;

/// <summary>What each event means. Handling one twice, late or before another that came to pass earlier ends in the same state.</summary>
internal sealed class EventHandling(
    PaymentBooks books, Payments payments, Provisioning provisioning, CreditSales credits, CreditReversals reversals, SubscriptionFollowing following, ICreditMeter meter, Catalogue catalogue, ILogger<EventHandling> logger)
{
    /// <returns>Why it must be tried again; null where it is done, also where it is of no concern here.</returns>
    public async ValueTask<string?> HandleAsync(PaymentEvent received, CancellationToken cancellationToken) => received.Type switch
    {
        "checkout.session.completed" => await CompleteAsync(received, cancellationToken).ConfigureAwait(false),
        "checkout.session.expired" => await ExpireAsync(received, cancellationToken).ConfigureAwait(false),
        "invoice.paid" => await RecordPaymentAsync(received, cancellationToken).ConfigureAwait(false),
        "invoice.payment_failed" => received.SubscriptionId is { } unpaid ? await following.FollowAsync(unpaid, cancellationToken).ConfigureAwait(false) : null,
        "customer.subscription.updated" or "customer.subscription.deleted" => await following.FollowAsync(received.ObjectId, cancellationToken).ConfigureAwait(false),
        "payment_intent.succeeded" or "payment_intent.payment_failed" => await credits.SettleAsync(received.ObjectId, received.PurchaseId, cancellationToken).ConfigureAwait(false),
        "charge.refunded" or "charge.dispute.created" => received.ChargeId is { } reversed ? await reversals.FollowAsync(reversed, cancellationToken).ConfigureAwait(false) : null,
        _ => null,
    };

    private async ValueTask<string?> CompleteAsync(PaymentEvent received, CancellationToken cancellationToken)
    {
        // Asked, not believed: an endpoint may be told of pages that were completed and are not paid.
        var page = await payments.Required.FindCheckoutAsync(received.ObjectId, cancellationToken).ConfigureAwait(false);
        return page is { Status: CheckoutStatus.Paid, PurchaseId: { } purchase, SubscriptionId: { } id }
            && await payments.Required.FindSubscriptionAsync(id, cancellationToken).ConfigureAwait(false) is { } subscription
            ? await ProvisionAsync(purchase, subscription, cancellationToken).ConfigureAwait(false)
            : null;
    }

    private async ValueTask<string?> ExpireAsync(PaymentEvent received, CancellationToken cancellationToken)
    {
        if (received.PurchaseId is { } purchase)
        {
            await provisioning.ExpireAsync(purchase, cancellationToken).ConfigureAwait(false);
        }

        return null;
    }

    /// <summary>An invoice moves the instant up to which periods are paid. That of the first period often comes before its page is completed.</summary>
    private async ValueTask<string?> RecordPaymentAsync(PaymentEvent received, CancellationToken cancellationToken)
    {
        if (received.SubscriptionId is not { } subscriptionId || received.PaidThrough is not { } end)
        {
            return null;
        }

        var billing = await FindAsync(subscriptionId, cancellationToken).ConfigureAwait(false);
        if (billing is null)
        {
            var subscription = await payments.Required.FindSubscriptionAsync(subscriptionId, cancellationToken).ConfigureAwait(false);
            if (subscription?.PurchaseId is not { } purchase)
            {
                return null;
            }

            await ProvisionAsync(purchase, subscription, cancellationToken).ConfigureAwait(false);
            billing = await FindAsync(subscriptionId, cancellationToken).ConfigureAwait(false);
        }

        return billing is { } known
            ? await RecordPaymentAsync(known.Value, end, received.ObjectId, cancellationToken).ConfigureAwait(false)
                ?? await following.FollowAsync(subscriptionId, cancellationToken).ConfigureAwait(false)
            : null;
    }

    private async ValueTask<string?> RecordPaymentAsync(BillingAccount billing, DateTimeOffset end, string invoice, CancellationToken cancellationToken)
    {
        var account = new AccountId(billing.Account);
        var outcome = await meter.GetBalanceAsync(account, cancellationToken).ConfigureAwait(false);
        if (!outcome.TryGet(out var balance, out var refusal))
        {
            return refusal.Message; // The page's own event opens the account, or the ledger serves again.
        }

        // What comes after this period has the length of the plan that begins then.
        var lasting = end > balance.PeriodEnd ? balance.PlannedPlan ?? balance.Plan : balance.Plan;
        var months = catalogue.Plans.TryGetValue(lasting, out var plan) ? plan.PeriodMonths : 1;
        var paidThrough = BillingCalendar.Nearest(billing.Anchor, months, balance.PeriodEnd, end);
        if (paidThrough <= balance.PaidThrough)
        {
            return null; // An older invoice that comes late, a prorated one, or the first, which the opening has paid.
        }

        var request = new PaymentRequest { PaidThrough = paidThrough, ExternalReference = $"{payments.Required.Name}:{invoice}" };
        refusal = (await meter.RecordPaymentAsync(account, request, cancellationToken).ConfigureAwait(false)).Refusal;
        return refusal is null or { Reason: RefusalReason.ReferenceUsed } ? null : refusal.Message;
    }

    private async ValueTask<string?> ProvisionAsync(string purchase, ProviderSubscription subscription, CancellationToken cancellationToken)
    {
        if (!await provisioning.CompleteAsync(purchase, subscription, cancellationToken).ConfigureAwait(false))
        {
            logger.LogWarning("The subscription {Subscription} names the purchase {Purchase}, which is not known here; it was passed over.", subscription.Id, purchase);
        }

        return null;
    }

    private ValueTask<Stored<BillingAccount>?> FindAsync(string subscriptionId, CancellationToken cancellationToken) =>
        books.Accounts.FindByKeyAsync(BillingAccount.SubscriptionKey(subscriptionId), cancellationToken);
}
