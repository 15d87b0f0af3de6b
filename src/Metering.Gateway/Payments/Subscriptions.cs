using Microsoft.AspNetCore.Http;

namespace Metering.Gateway.Payments;

/// <summary>A change of plan that was made or planned.</summary>
/// <param name="ChangeType"><c>upgrade</c>, <c>downgrade</c>, or <c>unchanged</c> where a planned change was withdrawn.</param>
/// <param name="PreviousPlan">The plan before.</param>
/// <param name="NewPlan">The plan now, or from the next period on.</param>
/// <param name="NewMonthlyCredits">Its allotment.</param>
/// <param name="PermanentCreditsAdded">Unused credits of the old allotment that stay for good.</param>
internal sealed record ChangedPlan(string ChangeType, string PreviousPlan, string NewPlan, Credits NewMonthlyCredits, Credits PermanentCreditsAdded);

/// <summary>Changes of a running subscription that the customer asks for, one at a time.</summary>
internal sealed class Subscriptions(
    PaymentBooks books, Payments payments, SubscriptionClaims claims, SubscriptionFollowing following, ICreditMeter meter, Catalogue catalogue, PaymentOptions options)
{
    private const int Rounds = 10;

    /// <summary>Ends a subscription with its paid period (000); ending it twice is the same.</summary>
    public async ValueTask<(BillingAccount? Billing, Failure? Failure)> CancelAsync(AccountId account, CancellationToken cancellationToken)
    {
        try
        {
            var (billing, claim, failure) = await ClaimAsync(account, cancellationToken).ConfigureAwait(false);
            return claim is null ? (null, failure) : await CancelAsync(account, billing!, claim, cancellationToken).ConfigureAwait(false);
        }
        catch (PaymentProviderException)
        {
            return (null, Unavailable());
        }
    }

    private async ValueTask<(BillingAccount? Billing, Failure? Failure)> CancelAsync(AccountId account, BillingAccount billing, string claim, CancellationToken cancellationToken)
    {
        var isRefused = false;
        try
        {
            if (!billing.CancelsAtPeriodEnd)
            {
                await payments.Required.CancelAtPeriodEndAsync(billing.SubscriptionId, SubscriptionClaims.NewId("cancel"), cancellationToken).ConfigureAwait(false);
            }
        }
        catch (PaymentProviderException error) when (!error.IsTransient)
        {
            isRefused = true; // Perhaps it is over, and nobody has told: following finds out.
        }
        catch
        {
            await claims.GiveUpAsync(billing.SubscriptionId, claim).ConfigureAwait(false);
            throw;
        }

        // The provider has it: what follows here would also follow from its event.
        return (await following.FinishAsync(billing.SubscriptionId, claim, CancellationToken.None).ConfigureAwait(false)).Fault is { } fault ? (null, Pending(fault))
            : await FindAsync(account, cancellationToken).ConfigureAwait(false) is not { } followed ? (null, None())
            : isRefused ? (null, Unavailable())
            : (followed.Value, null);
    }

    /// <summary>Puts a subscription on another plan: an upgrade once its prorated invoice is paid, a downgrade with the next period.</summary>
    /// <param name="account">The account.</param>
    /// <param name="target">The plan.</param>
    /// <param name="isUnfinished">True where the same request broke off before, and the change may be made already.</param>
    /// <param name="cancellationToken">Ends the wait; the change may be made.</param>
    public async ValueTask<(ChangedPlan? Change, Failure? Failure)> ChangePlanAsync(AccountId account, string? target, bool isUnfinished, CancellationToken cancellationToken)
    {
        if (target is null || options.Plans.GetValueOrDefault(target) is not { CreditTenthCents: not null })
        {
            return (null, NoTarget([.. options.Plans.Where(plan => plan.Value is { CreditTenthCents: not null, IsForSale: true }).Select(plan => plan.Key)]));
        }

        try
        {
            var (billing, claim, failure) = await ClaimAsync(account, cancellationToken).ConfigureAwait(false);
            return claim is null ? (null, failure) : await ChangeAsync(new(account, billing!, claim, target, isUnfinished), cancellationToken).ConfigureAwait(false);
        }
        catch (PaymentProviderException)
        {
            return (null, Unavailable());
        }
    }

    private async ValueTask<(ChangedPlan? Change, Failure? Failure)> ChangeAsync(Wish wish, CancellationToken cancellationToken)
    {
        Balance? balance = null;
        Failure? failure;
        try
        {
            // Under the claim: what the ledger says now stays so, but for what falls due.
            (balance, failure) = await CheckAsync(wish, cancellationToken).ConfigureAwait(false);
            if (failure is not null && await claims.TryDropAsync(wish.Billing.SubscriptionId, wish.Claim, cancellationToken).ConfigureAwait(false))
            {
                return (null, failure);
            }

            if (failure is null && await ChangePriceAsync(wish, balance!, cancellationToken).ConfigureAwait(false) is null)
            {
                failure = new(StatusCodes.Status402PaymentRequired, "card_declined", "The card was declined; nothing was charged, and the plan stays as it is.");
            }
        }
        catch
        {
            await claims.GiveUpAsync(wish.Billing.SubscriptionId, wish.Claim).ConfigureAwait(false);
            throw;
        }

        var followed = await following.FinishAsync(wish.Billing.SubscriptionId, wish.Claim, CancellationToken.None).ConfigureAwait(false);
        return failure is not null ? (null, failure)
            : followed.Fault is { } fault ? (null, Pending(fault))
            : (await AnswerAsync(wish, balance!, followed.Change).ConfigureAwait(false), null);
    }

    private async ValueTask<(Balance? Balance, Failure? Failure)> CheckAsync(Wish wish, CancellationToken cancellationToken)
    {
        if (!(await meter.GetBalanceAsync(wish.Account, cancellationToken).ConfigureAwait(false)).TryGet(out var balance, out var refusal))
        {
            return (null, Failure.Of(refusal));
        }

        return (balance, BlockedAccount.Find(balance)
            ?? (wish.Target == balance.Plan && balance.PlannedPlan is null && !wish.IsUnfinished ? Failure.Invalid("targetPlan", $"The subscription is on {wish.Target} already.") : null)
            ?? (wish.Target != balance.Plan && !options.Plans[wish.Target].IsForSale
                ? NoTarget([.. options.Plans.Where(plan => plan.Value.CreditTenthCents is not null && (plan.Value.IsForSale || plan.Key == balance.Plan)).Select(plan => plan.Key)])
                : null)
            ?? (wish.Billing.Status != SubscriptionStatus.Active
                ? new(StatusCodes.Status402PaymentRequired, "payment_past_due", "The last invoice is not paid; pay it before changing the plan.")
                : null));
    }

    /// <summary>Changes the price at the provider; null where the card was declined, and what was planned stays planned.</summary>
    private async ValueTask<ProviderSubscription?> ChangePriceAsync(Wish wish, Balance balance, CancellationToken cancellationToken)
    {
        var (id, isUpgrade) = (wish.Billing.SubscriptionId, following.IsUpgrade(balance.Plan, wish.Target));
        if (isUpgrade && balance.PlannedPlan is { } planned)
        {
            // A planned downgrade has set the lower price already; the difference is to be charged from what this period was paid at. Noted first:
            // where the upgrade does not come to pass, whoever finishes puts the planned price back.
            if (!await claims.NoteRestoresAsync(id, wish.Claim, new(balance.Plan, planned), cancellationToken).ConfigureAwait(false))
            {
                throw new PaymentProviderException("The change took too long, and another has begun.", isTransient: true);
            }

            await payments.Required.ChangePlanAsync(new(id, balance.Plan, false, SubscriptionClaims.NewId("plan")), cancellationToken).ConfigureAwait(false);
        }

        return await payments.Required.ChangePlanAsync(new(id, wish.Target, isUpgrade, SubscriptionClaims.NewId("plan")), cancellationToken).ConfigureAwait(false);
    }

    private async ValueTask<ChangedPlan> AnswerAsync(Wish wish, Balance before, PlanChange? change)
    {
        var isUpgrade = following.IsUpgrade(before.Plan, wish.Target);
        if (change is null && (isUpgrade || (wish.IsUnfinished && wish.Target == before.Plan))
            && await payments.Required.FindSubscriptionAsync(wish.Billing.SubscriptionId, CancellationToken.None).ConfigureAwait(false) is { } subscription && subscription.Plan == wish.Target)
        {
            // Another finished it, or the request that broke off had: the ledger tells what it came to.
            change = await following.FindUpgradeAsync(wish.Account, subscription, CancellationToken.None).ConfigureAwait(false);
            isUpgrade = change is not null || isUpgrade;
        }

        return new(
            isUpgrade ? "upgrade" : wish.Target == before.Plan ? "unchanged" : "downgrade",
            isUpgrade ? change?.PreviousPlan ?? before.Plan : before.Plan,
            wish.Target,
            catalogue.Plans.TryGetValue(wish.Target, out var plan) ? plan.MonthlyCredits : Credits.Zero,
            isUpgrade && change is not null ? change.PermanentCreditsAdded : Credits.Zero);
    }

    /// <summary>Takes the claim of an account's subscription, and first finishes what a holder before has left undone.</summary>
    private async ValueTask<(BillingAccount? Billing, string? Claim, Failure? Failure)> ClaimAsync(AccountId account, CancellationToken cancellationToken)
    {
        for (var round = 0; round < Rounds; round++)
        {
            if (await FindAsync(account, cancellationToken).ConfigureAwait(false) is not { } stored)
            {
                return (null, null, None());
            }

            if (claims.IsHeld(stored.Value))
            {
                if (!await claims.WaitForAsync(stored.Value.Claim!, cancellationToken).ConfigureAwait(false))
                {
                    break;
                }
            }
            else if (stored.Value.Claim is not null)
            {
                if (await following.FollowAsync(stored.Value.SubscriptionId, cancellationToken).ConfigureAwait(false) is { } fault)
                {
                    return (null, null, Pending(fault));
                }
            }
            else if (await claims.TakeAsync(stored, cancellationToken).ConfigureAwait(false) is { } claim)
            {
                return (stored.Value, claim, null);
            }
        }

        return (null, null, InProgress());
    }

    private async ValueTask<Stored<BillingAccount>?> FindAsync(AccountId account, CancellationToken cancellationToken) =>
        await books.Accounts.FindAsync(account.Value, cancellationToken).ConfigureAwait(false) is { Value.Status: not SubscriptionStatus.Ended } stored ? stored : null;

    private static Failure NoTarget(string[] allowed) => Failure.Invalid("targetPlan", $"targetPlan must be one of {string.Join(", ", allowed)}.");

    private static Failure None() => new(StatusCodes.Status404NotFound, "subscription_unknown", "The account has no active subscription.");

    private static Failure InProgress() => new(
        StatusCodes.Status503ServiceUnavailable, "change_in_progress", "Another change of this subscription is being made; try again when it is done.")
    {
        RetryAfter = TimeSpan.FromSeconds(1),
    };

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

    private sealed record Wish(AccountId Account, BillingAccount Billing, string Claim, string Target, bool IsUnfinished);
}
