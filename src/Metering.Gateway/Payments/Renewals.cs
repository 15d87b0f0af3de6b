using Metering.Engine;
using Microsoft.AspNetCore.Http;

namespace Metering.Gateway.Payments;

/// <summary>What a purchase needs to know that renews an account.</summary>
/// <param name="Account">The account.</param>
/// <param name="CustomerId">Its customer at the provider.</param>
/// <param name="WholeFrom">When the first whole period begins; null where that is so near that a whole one begins with the payment.</param>
internal sealed record Renewal(string Account, string CustomerId, DateTimeOffset? WholeFrom);

/// <summary>
/// Brings an account back whose subscription has ended: its permanent and bonus credits have waited for it. Only a purchase that was begun with a key
/// of the account does so. Anybody can type any address, and whoever pays gets the key; a stranger's money must not buy a key to somebody's credits.
/// </summary>
/// <remarks>
/// The account keeps its billing day, because its ledger does: the provider charges the part of a period up to it, and whole ones from then on.
/// The ledger grants the same part of the allotment.
/// </remarks>
internal sealed class Renewals(PaymentBooks books, Payments payments, ICreditMeter meter, Catalogue catalogue, TimeProvider time)
{
    /// <summary>A page may be paid for a day; a billing day that comes before that could be over when it is.</summary>
    private static readonly TimeSpan Nearest = PlanPurchase.Lifetime + TimeSpan.FromHours(1);

    /// <summary>What the caller's account is renewed with, or why it cannot be.</summary>
    /// <param name="caller">The caller.</param>
    /// <param name="email">The address of the purchase, in lower case.</param>
    /// <param name="plan">The plan.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async ValueTask<(Renewal? Renewal, Failure? Failure)> FindAsync(MeteringCaller caller, string email, string plan, CancellationToken cancellationToken)
    {
        if (!caller.Key.Scopes.HasFlag(ApiKeyScopes.Spend))
        {
            return (null, Failure.ScopeMissing(ApiKeyScopes.Spend, caller.Key.Scopes));
        }

        if (caller.Key.ExpiresAt is not null)
        {
            // What a purchase hands out does not end: whoever got hold of a key that does must not make itself one that does not.
            return (null, new(StatusCodes.Status403Forbidden, "key_expires", "This key expires, and the key of a renewal does not; begin the renewal with a key that does not expire."));
        }

        if (await books.Accounts.FindAsync(caller.Account.Value, cancellationToken).ConfigureAwait(false) is not { Value: var billing })
        {
            return (null, new(StatusCodes.Status409Conflict, "not_renewable", "The key's account was not bought here, so that nothing can be renewed; leave the key out to buy a new account."));
        }

        if (billing.Email != email)
        {
            return (null, new(StatusCodes.Status403Forbidden, "email_mismatch", "The key's account belongs to another e-mail address; send that one, or leave the key out to buy a new account."));
        }

        if (billing.Status != SubscriptionStatus.Ended)
        {
            return (null, new(StatusCodes.Status409Conflict, "subscription_active", "The key's account has an active subscription; change its plan instead of buying another."));
        }

        var outcome = await meter.GetBalanceAsync(caller.Account, cancellationToken).ConfigureAwait(false);
        if (!outcome.TryGet(out var balance, out var refusal) || BlockedAccount.Find(balance) is { })
        {
            return (null, refusal is null ? BlockedAccount.Find(balance!) : Failure.Of(refusal));
        }

        var now = time.GetUtcNow();
        var whole = BillingCalendar.FirstEnd(billing.Anchor, MonthsOf(balance.Plan), balance.PeriodEnd, MonthsOf(plan), now);
        return (new(billing.Account, billing.CustomerId, whole - now > Nearest ? whole : null), null);
    }

    /// <summary>Renews the account of a purchase that was paid; doing so twice changes nothing more.</summary>
    /// <returns>False where another was quicker: look again.</returns>
    /// <exception cref="LedgerUnavailableException">The ledger does not take it now; call again.</exception>
    public async ValueTask<bool> ApplyAsync(PlanPurchase purchase, ProviderSubscription subscription, CancellationToken cancellationToken)
    {
        var stored = await books.Accounts.FindAsync(purchase.Account, cancellationToken).ConfigureAwait(false)
            ?? throw new InvalidOperationException($"The purchase {purchase.Id} renews the account {purchase.Account}, which has no record of how it pays.");
        if (stored.Value.SubscriptionId == subscription.Id)
        {
            return true;
        }

        // The ledger first: from the moment at which the record names the subscription, events about it change the ledger, too.
        await ApplyToLedgerAsync(stored.Value, purchase, subscription, cancellationToken).ConfigureAwait(false);
        var renewed = stored.Value with
        {
            CustomerId = subscription.CustomerId,
            SubscriptionId = subscription.Id,
            EarlierSubscriptions = [.. stored.Value.EarlierSubscriptions ?? [], stored.Value.SubscriptionId],
            Plan = purchase.Plan,
            PeriodEnd = subscription.PeriodEnd,
            Status = subscription.Status,
            CancelsAtPeriodEnd = subscription.CancelsAtPeriodEnd,
            Claim = null,
            ClosingSince = null,
        };
        return await books.SaveAsync(cancellationToken, books.Accounts.Change(renewed, stored.Version)).ConfigureAwait(false);
    }

    private async ValueTask ApplyToLedgerAsync(BillingAccount billing, PlanPurchase purchase, ProviderSubscription subscription, CancellationToken cancellationToken)
    {
        var account = new AccountId(purchase.Account);
        var outcome = await meter.GetBalanceAsync(account, cancellationToken).ConfigureAwait(false);
        if (!outcome.TryGet(out var balance, out var refusal))
        {
            throw Waiting(purchase, refusal);
        }

        var paid = BillingCalendar.Nearest(billing.Anchor, 1, billing.Anchor, subscription.PeriodEnd);
        paid = balance.PaidThrough > paid ? balance.PaidThrough.Value : paid;
        var reference = $"{payments.Required.Name}:renewal:{subscription.Id}";

        // Whole where a whole period was charged and the ledger's present one is the whole of it; else as much as there is left of the period.
        var isWhole = subscription.PeriodStart.AddMonths(MonthsOf(purchase.Plan)) <= subscription.PeriodEnd + TimeSpan.FromHours(1) && paid == balance.PeriodEnd;
        if (balance.Plan == purchase.Plan && !isWhole && FindOther(purchase.Plan) is { } other)
        {
            // The ledger begins a period anew only with a change of plan. Where the present one is paid still, this one grants something, too: the least there is.
            var step = new ChangePlanRequest { Plan = other, Allotment = PlanAllotment.Prorated, ExternalReference = reference + ":1", IdempotencyKey = $"renewal:{purchase.Id}:1" };
            refusal = (await meter.ChangePlanAsync(account, step, cancellationToken).ConfigureAwait(false)).Refusal;
            refusal = refusal is { Reason: RefusalReason.ReferenceUsed } ? null : refusal;
        }

        if (refusal is null && (balance.Plan != purchase.Plan || !isWhole))
        {
            var request = new ChangePlanRequest
            {
                Plan = purchase.Plan,
                Allotment = isWhole ? PlanAllotment.Whole : PlanAllotment.Prorated,
                PaidThrough = paid,
                ExternalReference = reference,
                IdempotencyKey = $"renewal:{purchase.Id}",
            };
            refusal = (await meter.ChangePlanAsync(account, request, cancellationToken).ConfigureAwait(false)).Refusal;
        }

        if (refusal is { Reason: RefusalReason.InvalidRequest } || (refusal is null && balance.Plan == purchase.Plan && isWhole))
        {
            refusal = (await meter.RecordPaymentAsync(account, new() { PaidThrough = paid, ExternalReference = reference }, cancellationToken).ConfigureAwait(false)).Refusal;
        }

        if (refusal is { Reason: not RefusalReason.ReferenceUsed })
        {
            throw Waiting(purchase, refusal);
        }
    }

    /// <summary>A plan of the same length that grants as little as possible.</summary>
    private string? FindOther(string plan) => catalogue.Plans
        .Where(other => other.Key != plan && MonthsOf(other.Key) == MonthsOf(plan))
        .OrderBy(other => other.Value.Unlimited ? Credits.Zero : other.Value.MonthlyCredits)
        .ThenBy(other => other.Key, StringComparer.Ordinal)
        .Select(other => other.Key)
        .FirstOrDefault();

    private int MonthsOf(string plan) => catalogue.Plans.TryGetValue(plan, out var known) ? known.PeriodMonths : 1;

    private static LedgerUnavailableException Waiting(PlanPurchase purchase, Refusal refusal) =>
        new($"The account of the purchase {purchase.Id} cannot be renewed now: {refusal.Message}");
}
