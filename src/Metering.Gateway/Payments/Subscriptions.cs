using System.Security.Cryptography;
using Microsoft.AspNetCore.Http;

namespace Metering.Gateway.Payments;

/// <summary>A change of plan that was made or planned.</summary>
/// <param name="ChangeType"><c>upgrade</c>, <c>downgrade</c>, or <c>unchanged</c> where a planned change was withdrawn.</param>
/// <param name="PreviousPlan">The plan before.</param>
/// <param name="NewPlan">The plan now, or from the next period on.</param>
/// <param name="NewMonthlyCredits">Its allotment.</param>
/// <param name="PermanentCreditsAdded">Unused credits of the old allotment that stay for good.</param>
internal sealed record ChangedPlan(string ChangeType, string PreviousPlan, string NewPlan, Credits NewMonthlyCredits, Credits PermanentCreditsAdded);

/// <summary>Changes of a running subscription that the customer asks for.</summary>
internal sealed class Subscriptions(PaymentBooks books, Payments payments, SubscriptionFollowing following, ICreditMeter meter, Catalogue catalogue, PaymentOptions options)
{
    /// <summary>Ends a subscription with its paid period (000); ending it twice is the same.</summary>
    public async ValueTask<(BillingAccount? Billing, Failure? Failure)> CancelAsync(AccountId account, CancellationToken cancellationToken)
    {
        if (await FindAsync(account, cancellationToken).ConfigureAwait(false) is not { } billing)
        {
            return (null, None());
        }

        try
        {
            if (!billing.CancelsAtPeriodEnd)
            {
                await payments.Required.CancelAtPeriodEndAsync(billing.SubscriptionId, NewKey("cancel"), cancellationToken).ConfigureAwait(false);
            }

            // The provider has it: what follows here would also follow from its event.
            return await FollowCancelledAsync(account, billing, CancellationToken.None).ConfigureAwait(false);
        }
        catch (PaymentProviderException error)
        {
            return (null, error.IsTransient || !await HasEndedAsync(account, billing, cancellationToken).ConfigureAwait(false) ? Unavailable() : None());
        }
    }

    private async ValueTask<(BillingAccount? Billing, Failure? Failure)> FollowCancelledAsync(AccountId account, BillingAccount billing, CancellationToken cancellationToken) =>
        await following.FollowAsync(billing.SubscriptionId, cancellationToken).ConfigureAwait(false) is { } fault ? (null, Pending(fault))
            : await FindAsync(account, cancellationToken).ConfigureAwait(false) is { } followed ? (followed, null)
            : (null, None()); // It had ended already, and nobody had told.

    /// <summary>True where the provider refuses because the subscription is over.</summary>
    private async ValueTask<bool> HasEndedAsync(AccountId account, BillingAccount billing, CancellationToken cancellationToken)
    {
        try
        {
            return (await FollowCancelledAsync(account, billing, cancellationToken).ConfigureAwait(false)).Failure?.Status == StatusCodes.Status404NotFound;
        }
        catch (PaymentProviderException)
        {
            return false;
        }
    }

    /// <summary>Puts a subscription on another plan: an upgrade once its prorated invoice is paid, a downgrade with the next period.</summary>
    /// <param name="account">The account.</param>
    /// <param name="target">The plan.</param>
    /// <param name="cancellationToken">Ends the wait; the change may be made.</param>
    public async ValueTask<(ChangedPlan? Change, Failure? Failure)> ChangePlanAsync(AccountId account, string? target, CancellationToken cancellationToken)
    {
        string[] allowed = [.. options.Plans.Where(plan => plan.Value.CreditTenthCents is not null).Select(plan => plan.Key)];
        if (target is null || !allowed.Contains(target, StringComparer.Ordinal))
        {
            return (null, Failure.Invalid("targetPlan", $"targetPlan must be one of {string.Join(", ", allowed)}."));
        }

        if (await FindAsync(account, cancellationToken).ConfigureAwait(false) is not { } billing)
        {
            return (null, None());
        }

        if (!(await meter.GetBalanceAsync(account, cancellationToken).ConfigureAwait(false)).TryGet(out var balance, out var refusal))
        {
            return (null, Failure.Of(refusal));
        }

        if (target == balance.Plan && balance.PlannedPlan is null)
        {
            return (null, Failure.Invalid("targetPlan", $"The subscription is on {target} already."));
        }

        if (billing.Status != SubscriptionStatus.Active)
        {
            return (null, new(StatusCodes.Status402PaymentRequired, "payment_past_due", "The last invoice is not paid; pay it before changing the plan."));
        }

        try
        {
            return await ChangeAsync(account, billing, balance, target, cancellationToken).ConfigureAwait(false);
        }
        catch (PaymentProviderException)
        {
            return (null, Unavailable());
        }
    }

    private async ValueTask<(ChangedPlan? Change, Failure? Failure)> ChangeAsync(
        AccountId account, BillingAccount billing, Balance balance, string target, CancellationToken cancellationToken)
    {
        var isUpgrade = following.IsUpgrade(balance.Plan, target);
        if (isUpgrade && balance.PlannedPlan is not null)
        {
            // A planned downgrade has set the lower price already; the difference is to be charged from what this period was paid at.
            await payments.Required.ChangePlanAsync(new(billing.SubscriptionId, balance.Plan, false, NewKey("plan")), cancellationToken).ConfigureAwait(false);
        }

        var changed = await payments.Required.ChangePlanAsync(new(billing.SubscriptionId, target, isUpgrade, NewKey("plan")), cancellationToken).ConfigureAwait(false);
        if (changed is null)
        {
            if (isUpgrade && balance.PlannedPlan is { } planned)
            {
                // Nothing changes, so what was planned stays planned: its price is put back, and the ledger, which may have seen it gone, follows.
                await payments.Required.ChangePlanAsync(new(billing.SubscriptionId, planned, false, NewKey("plan")), CancellationToken.None).ConfigureAwait(false);
                await following.FollowAsync(billing.SubscriptionId, CancellationToken.None).ConfigureAwait(false);
            }

            return (null, new(StatusCodes.Status402PaymentRequired, "card_declined", "The card was declined; nothing was charged, and the plan stays as it is."));
        }

        var added = Credits.Zero;
        if (isUpgrade)
        {
            var outcome = await following.ChangePlanAsync(account, balance.Plan, changed, CancellationToken.None).ConfigureAwait(false);
            if (!outcome.TryGet(out var change, out var refusal))
            {
                return (null, Pending(refusal.Message));
            }

            added = change.PermanentCreditsAdded;
        }

        return await following.FollowAsync(billing.SubscriptionId, CancellationToken.None).ConfigureAwait(false) is { } fault
            ? (null, Pending(fault))
            : (new(
                isUpgrade ? "upgrade" : target == balance.Plan ? "unchanged" : "downgrade",
                balance.Plan,
                target,
                catalogue.Plans.TryGetValue(target, out var plan) ? plan.MonthlyCredits : Credits.Zero,
                added), null);
    }

    private async ValueTask<BillingAccount?> FindAsync(AccountId account, CancellationToken cancellationToken) =>
        await books.Accounts.FindAsync(account.Value, cancellationToken).ConfigureAwait(false) is { Value: { Status: not SubscriptionStatus.Ended } billing } ? billing : null;

    /// <summary>A key a call: asking twice is the same by itself, and a kept answer would outlive what it was about.</summary>
    private static string NewKey(string subject) => $"{subject}-{RandomNumberGenerator.GetHexString(32, lowercase: true)}";

    private static Failure None() => new(StatusCodes.Status404NotFound, "subscription_unknown", "The account has no active subscription.");

    private static Failure Unavailable() => new(
        StatusCodes.Status503ServiceUnavailable, "payments_unavailable", "The payment provider cannot be reached now; try again: asking for the same twice is the same.")
    {
        RetryAfter = TimeSpan.FromSeconds(5),
    };

    private static Failure Pending(string fault) => new(
        StatusCodes.Status503ServiceUnavailable, "change_pending", $"The payment provider has made the change; this service makes it as soon as it can ({fault})")
    {
        RetryAfter = TimeSpan.FromSeconds(5),
    };
}
