namespace Metering.Gateway.Payments;

/// <summary>
/// Brings an account to where its subscription is at the provider: plan, cancellation, state of payment. It compares and does what is missing,
/// so that a change takes effect once, whoever made it (this gateway, or the provider's own pages) and however often it is told.
/// </summary>
internal sealed class SubscriptionFollowing(PaymentBooks books, Payments payments, ICreditMeter meter, Catalogue catalogue, PaymentOptions options)
{
    private const int Rounds = 5;

    /// <summary>True where a plan gives more than another: its change takes effect at once.</summary>
    public bool IsUpgrade(string from, string to) => RankOf(to) > RankOf(from);

    /// <summary>Follows a subscription.</summary>
    /// <returns>Why it must be tried again; null where it is done, also where the subscription is not begun here.</returns>
    public async ValueTask<string?> FollowAsync(string subscriptionId, CancellationToken cancellationToken)
    {
        for (var round = 0; round < Rounds; round++)
        {
            if (await books.Accounts.FindByKeyAsync(BillingAccount.SubscriptionKey(subscriptionId), cancellationToken).ConfigureAwait(false) is not { } stored)
            {
                return null; // Not begun yet, or another's: its beginning reads the present state itself.
            }

            var subscription = await payments.Required.FindSubscriptionAsync(subscriptionId, cancellationToken).ConfigureAwait(false);
            var followed = Followed(stored.Value, subscription);
            if (followed == stored.Value || await books.SaveAsync(cancellationToken, books.Accounts.Change(followed, stored.Version)).ConfigureAwait(false))
            {
                return await FollowAsync(new AccountId(followed.Account), subscription, cancellationToken).ConfigureAwait(false);
            }
        }

        return $"The subscription {subscriptionId} is being changed by others over and over.";
    }

    /// <summary>The record of an account after its subscription; ended where there is none any more.</summary>
    public static BillingAccount Followed(BillingAccount billing, ProviderSubscription? subscription) => subscription is null
        ? billing with { Status = SubscriptionStatus.Ended }
        : billing with
        {
            Status = subscription.Status,
            PeriodEnd = subscription.PeriodEnd,
            CancelsAtPeriodEnd = subscription.CancelsAtPeriodEnd,
            Plan = subscription.Plan ?? billing.Plan,
        };

    /// <summary>Puts an account on the plan that its subscription pays for.</summary>
    /// <param name="account">The account.</param>
    /// <param name="from">The plan that it was on when the price was changed.</param>
    /// <param name="subscription">The subscription on its new price.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public ValueTask<Outcome<PlanChange>> ChangePlanAsync(AccountId account, string from, ProviderSubscription subscription, CancellationToken cancellationToken)
    {
        var isUpgrade = IsUpgrade(from, subscription.Plan!);
        return meter.ChangePlanAsync(
            account,
            new()
            {
                Plan = subscription.Plan!,
                When = isUpgrade ? PlanChangeTime.Now : PlanChangeTime.PeriodEnd,
                Allotment = isUpgrade ? options.UpgradeAllotment : PlanAllotment.Whole,

                // The call that asked for it and the event that tells of it are answered alike; each upgrade has an invoice of its own.
                IdempotencyKey = isUpgrade && subscription.LastInvoice is { } invoice ? $"plan:{subscription.Id}:{invoice}" : null,
            },
            cancellationToken);
    }

    private async ValueTask<string?> FollowAsync(AccountId account, ProviderSubscription? subscription, CancellationToken cancellationToken)
    {
        if (!(await meter.GetBalanceAsync(account, cancellationToken).ConfigureAwait(false)).TryGet(out var balance, out var refusal))
        {
            return refusal.Reason == RefusalReason.AccountUnknown ? null : refusal.Message; // Its provisioning is not done, and reads the present state.
        }

        if (subscription is { Status: SubscriptionStatus.Active, Plan: { } plan } && plan != (balance.PlannedPlan ?? balance.Plan))
        {
            refusal = (await ChangePlanAsync(account, balance.Plan, subscription, cancellationToken).ConfigureAwait(false)).Refusal;
        }

        // What has ended is paid by nobody any more: it is cancelled, and so has no grace period after what is paid.
        var isCancelled = subscription is null or { Status: SubscriptionStatus.Ended } or { CancelsAtPeriodEnd: true };
        if (refusal is null && isCancelled != balance.CancelAtPeriodEnd)
        {
            var outcome = isCancelled
                ? await meter.CancelAsync(account, new(), cancellationToken).ConfigureAwait(false)
                : await meter.ResumeAsync(account, new(), cancellationToken).ConfigureAwait(false);
            refusal = outcome.Refusal;
        }

        return refusal is null or { Reason: RefusalReason.SubscriptionInactive or RefusalReason.InvalidRequest or RefusalReason.AccountClosed } ? null : refusal.Message;
    }

    private Credits RankOf(string plan) => catalogue.Plans.TryGetValue(plan, out var known) && !known.Unlimited ? known.MonthlyCredits : Credits.MaxAmount;
}
