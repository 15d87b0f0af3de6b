using Microsoft.Extensions.Logging;

namespace Metering.Gateway.Payments;

/// <summary>What following a subscription came to.</summary>
/// <param name="Fault">Why it must be tried again; null where it is done.</param>
/// <param name="Change">The change of plan that it made in the ledger; null for none.</param>
internal readonly record struct Followed(string? Fault, PlanChange? Change);

/// <summary>
/// Brings an account to where its subscription is at the provider: plan, cancellation, state of payment. It compares and does what is missing,
/// so that a change takes effect once, whoever made it (this gateway, or the provider's own pages) and however often it is told. Whoever changes
/// something holds the account's claim, from the provider's answer to the ledger's.
/// </summary>
internal sealed class SubscriptionFollowing(
    PaymentBooks books, Payments payments, SubscriptionClaims claims, ICreditMeter meter, Catalogue catalogue, PaymentOptions options, TimeProvider time, ILogger<SubscriptionFollowing> logger)
{
    private const int Rounds = 10;

    /// <summary>True where a plan gives more than another: its change takes effect at once.</summary>
    public bool IsUpgrade(string from, string to) => RankOf(to) > RankOf(from);

    /// <summary>Follows a subscription.</summary>
    /// <returns>Why it must be tried again; null where it is done, is left to who changes it now, or where the subscription is not begun here.</returns>
    public async ValueTask<string?> FollowAsync(string subscriptionId, CancellationToken cancellationToken)
    {
        for (var round = 0; round < Rounds; round++)
        {
            if (await books.Accounts.FindByKeyAsync(BillingAccount.SubscriptionKey(subscriptionId), cancellationToken).ConfigureAwait(false) is not { } stored)
            {
                return null; // Not begun yet, or another's: its beginning reads the present state itself.
            }

            if (claims.IsHeld(stored.Value))
            {
                if (await claims.NoteAsync(stored, cancellationToken).ConfigureAwait(false))
                {
                    return null; // The holder cannot end without having seen the note.
                }
            }
            else if (await claims.WithAsync(stored, claim => FinishAsync(subscriptionId, claim, cancellationToken), cancellationToken).ConfigureAwait(false) is { } followed)
            {
                return followed.Fault;
            }
        }

        return $"The subscription {subscriptionId} is being changed by others over and over.";
    }

    /// <summary>
    /// Brings the account of a claimed subscription to where the subscription is, and gives the claim back. What was noted meanwhile is followed, too.
    /// </summary>
    public async ValueTask<Followed> FinishAsync(string subscriptionId, string claim, CancellationToken cancellationToken)
    {
        PlanChange? change = null;
        try
        {
            for (var round = 0; round < Rounds; round++)
            {
                if (await claims.FindMineAsync(subscriptionId, claim, cancellationToken).ConfigureAwait(false) is not { } stored)
                {
                    return new(null, change); // Taken for dead: whoever has the claim now finishes this.
                }

                var subscription = await FindRestoredAsync(stored.Value, cancellationToken).ConfigureAwait(false);
                var followed = await FollowLedgerAsync(new(stored.Value.Account), subscription, cancellationToken).ConfigureAwait(false);
                change = followed.Change ?? change;
                var brought = Brought(stored.Value, subscription);
                if (await claims.GiveBackAsync(new(brought, stored.Version), isDone: followed.Fault is null, cancellationToken).ConfigureAwait(false))
                {
                    return followed with { Change = change };
                }
            }
        }
        catch
        {
            await claims.GiveUpAsync(subscriptionId, claim).ConfigureAwait(false);
            throw;
        }

        await claims.GiveUpAsync(subscriptionId, claim).ConfigureAwait(false);
        return new($"The subscription {subscriptionId} is being changed by others over and over.", change);
    }

    /// <summary>Finishes changes whose holder died or gave up.</summary>
    public async ValueTask SweepAsync(CancellationToken cancellationToken)
    {
        foreach (var stored in await books.Accounts.ListDueAsync(time.GetUtcNow(), 100, cancellationToken).ConfigureAwait(false))
        {
            if (stored.Value.Claim is not { } claim)
            {
                continue; // Due because its account was closed.
            }

            try
            {
                if (await FollowAsync(stored.Value.SubscriptionId, cancellationToken).ConfigureAwait(false) is { } fault)
                {
                    logger.LogWarning("A change of the subscription {Subscription} is not finished yet: {Fault}", stored.Value.SubscriptionId, fault);
                    await claims.PostponeAsync(stored.Value.SubscriptionId, claim.Until, cancellationToken).ConfigureAwait(false);
                }
            }
            catch (Exception error) when (!cancellationToken.IsCancellationRequested)
            {
                logger.LogWarning(error, "A change of the subscription {Subscription} could not be finished; it is tried again.", stored.Value.SubscriptionId);
                await claims.PostponeAsync(stored.Value.SubscriptionId, claim.Until, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    /// <summary>The record of an account after its subscription; ended where there is none any more.</summary>
    public static BillingAccount Brought(BillingAccount billing, ProviderSubscription? subscription) => subscription is null
        ? billing with { Status = SubscriptionStatus.Ended }
        : billing with
        {
            Status = subscription.Status,
            PeriodEnd = subscription.PeriodEnd,
            CancelsAtPeriodEnd = subscription.CancelsAtPeriodEnd,
            Plan = subscription.Plan ?? billing.Plan,
        };

    /// <summary>Puts an account on the plan that its subscription pays for; an upgrade that was made before is answered as it was then.</summary>
    /// <param name="account">The account.</param>
    /// <param name="from">The plan that it is on.</param>
    /// <param name="subscription">The subscription on its new price.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public ValueTask<Outcome<PlanChange>> ChangePlanAsync(AccountId account, string from, ProviderSubscription subscription, CancellationToken cancellationToken)
    {
        var isUpgrade = IsUpgrade(from, subscription.Plan!);
        return meter.ChangePlanAsync(account, isUpgrade ? UpgradeOf(subscription) : new() { Plan = subscription.Plan!, When = PlanChangeTime.PeriodEnd }, cancellationToken);
    }

    /// <summary>The answer to an upgrade that the ledger has made already; null where it has not, or not lately.</summary>
    public async ValueTask<PlanChange?> FindUpgradeAsync(AccountId account, ProviderSubscription subscription, CancellationToken cancellationToken) =>
        subscription is { Plan: { } plan, LastInvoice: not null }

        // Only where the ledger would refuse to make it now: asking must not change anything.
        && (await meter.GetBalanceAsync(account, cancellationToken).ConfigureAwait(false)).TryGet(out var balance, out _)
        && balance.Plan == plan && catalogue.Plans.TryGetValue(plan, out var terms) && balance.MonthlyAllotment == terms.MonthlyCredits
        && (await meter.ChangePlanAsync(account, UpgradeOf(subscription), cancellationToken).ConfigureAwait(false)).TryGet(out var change, out _) ? change : null;

    /// <summary>The call that asked for it and the event that tells of it are answered alike: each upgrade has an invoice of its own.</summary>
    private ChangePlanRequest UpgradeOf(ProviderSubscription subscription) => new()
    {
        Plan = subscription.Plan!,
        When = PlanChangeTime.Now,
        Allotment = options.UpgradeAllotment,
        IdempotencyKey = subscription.LastInvoice is { } invoice ? $"plan:{subscription.Id}:{invoice}" : null,
    };

    /// <summary>The subscription, with the price of a planned plan put back that an upgrade had taken away and that did not come to pass.</summary>
    private async ValueTask<ProviderSubscription?> FindRestoredAsync(BillingAccount billing, CancellationToken cancellationToken)
    {
        var subscription = await payments.Required.FindSubscriptionAsync(billing.SubscriptionId, cancellationToken).ConfigureAwait(false);
        if (billing.Claim is not { Restores: { } price } || subscription is not { Status: SubscriptionStatus.Active, CancelsAtPeriodEnd: false } || subscription.Plan != price.From)
        {
            return subscription;
        }

        try
        {
            var restored = new PlanPriceChange(subscription.Id, price.Planned, false, SubscriptionClaims.NewId("plan"));
            return await payments.Required.ChangePlanAsync(restored, cancellationToken).ConfigureAwait(false) ?? subscription;
        }
        catch (PaymentProviderException error) when (!error.IsTransient)
        {
            // The ledger follows the price that is charged; who wants another one must not be kept from cancelling by a price that is gone.
            logger.LogError("The planned price of the subscription {Subscription} cannot be put back: {Message}", subscription.Id, error.Message);
            return subscription;
        }
    }

    private async ValueTask<Followed> FollowLedgerAsync(AccountId account, ProviderSubscription? subscription, CancellationToken cancellationToken)
    {
        var outcome = await meter.GetBalanceAsync(account, cancellationToken).ConfigureAwait(false);
        if (!outcome.TryGet(out var balance, out var refusal))
        {
            return new(refusal.Reason == RefusalReason.AccountUnknown ? null : refusal.Message, null); // Its provisioning is not done, and reads the present state.
        }

        PlanChange? change = null;
        var isCancelled = balance.CancelAtPeriodEnd;
        if (subscription is not null && IsElsewhere(subscription, balance))
        {
            var changed = await ChangePlanAsync(account, balance.Plan, subscription, cancellationToken).ConfigureAwait(false);
            isCancelled = changed.TryGet(out change, out refusal) ? false : isCancelled; // A change of plan takes a cancellation back.
        }

        // What has ended is paid by nobody any more: it is cancelled.
        var isOver = subscription is null or { Status: SubscriptionStatus.Ended } or { CancelsAtPeriodEnd: true };
        if (refusal is null && isOver != isCancelled)
        {
            var cancelled = isOver
                ? await meter.CancelAsync(account, new(), cancellationToken).ConfigureAwait(false)
                : await meter.ResumeAsync(account, new(), cancellationToken).ConfigureAwait(false);
            refusal = cancelled.Refusal;
        }

        return new(refusal is null or { Reason: RefusalReason.SubscriptionInactive or RefusalReason.InvalidRequest or RefusalReason.AccountClosed } ? null : refusal.Message, change);
    }

    /// <summary>True where the ledger has another plan to come than the subscription. A cancelled one has none to come, so that only an upgrade counts.</summary>
    public bool IsElsewhere(ProviderSubscription subscription, Balance balance) =>
        subscription is { Status: SubscriptionStatus.Active, Plan: { } plan } && plan != (balance.PlannedPlan ?? balance.Plan)
        && (!subscription.CancelsAtPeriodEnd || IsUpgrade(balance.Plan, plan));

    private Credits RankOf(string plan) => catalogue.Plans.TryGetValue(plan, out var known) && !known.Unlimited ? known.MonthlyCredits : Credits.MaxAmount;
}
