using Metering.Engine;
using Microsoft.Extensions.Logging;

namespace Metering.Gateway.Payments;

/// <summary>
/// Ends the subscriptions of accounts that operators close, so that nobody is charged for what is not granted. With the paid period, not at once:
/// what is paid stays paid, and an account that was closed by mistake can be made active again and its plan be taken anew before then.
/// </summary>
internal sealed class ClosedSubscriptions(
    PaymentBooks books, Payments payments, SubscriptionClaims claims, SubscriptionFollowing following, ICreditMeter meter, TimeProvider time, ILogger<ClosedSubscriptions> logger)
{
    private const int Rounds = 5;

    /// <summary>After which an account that is not closed is taken for one that could not be closed.</summary>
    private static readonly TimeSpan ClosingTime = TimeSpan.FromMinutes(10);

    /// <summary>Notes, durably and before the account is closed, that its subscription is to end.</summary>
    /// <returns>False where there is no subscription that goes on.</returns>
    public async ValueTask<bool> NoteAsync(AccountId account, CancellationToken cancellationToken)
    {
        while (await books.Accounts.FindAsync(account.Value, cancellationToken).ConfigureAwait(false)
            is { Value: { Status: not SubscriptionStatus.Ended, CancelsAtPeriodEnd: false } billing } stored)
        {
            if (billing.ClosingSince is not null
                || await books.SaveAsync(cancellationToken, books.Accounts.Change(billing with { ClosingSince = time.GetUtcNow() }, stored.Version)).ConfigureAwait(false))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Ends the subscription of an account that is closed, as far as the provider can be reached; what fails is due again.</summary>
    /// <returns>What to tell the operator; null where there is nothing to tell.</returns>
    public async ValueTask<string?> EndAsync(AccountId account, CancellationToken cancellationToken)
    {
        try
        {
            for (var round = 0; round < Rounds && await books.Accounts.FindAsync(account.Value, cancellationToken).ConfigureAwait(false) is { Value.ClosingSince: not null } stored; round++)
            {
                await EndAsync(stored, cancellationToken).ConfigureAwait(false);
            }
        }
        catch (Exception error) when (error is PaymentProviderException or LedgerUnavailableException)
        {
            logger.LogWarning("The subscription of the closed account {Account} could not be ended; it is tried again: {Message}", account, error.Message);
        }

        return await books.Accounts.FindAsync(account.Value, cancellationToken).ConfigureAwait(false) switch
        {
            { Value: { ClosingSince: not null } billing } => $"The subscription {billing.SubscriptionId} is not ended at the payment provider yet; that is tried until it is done. It ends with the paid period.",
            { Value: { Status: not SubscriptionStatus.Ended, CancelsAtPeriodEnd: true } billing } => $"The subscription {billing.SubscriptionId} ends with the paid period, at {billing.PeriodEnd.ToWire()}; no further period is charged.",
            _ => null,
        };
    }

    /// <summary>Ends the subscriptions of closed accounts whose end is still due.</summary>
    public async ValueTask SweepAsync(CancellationToken cancellationToken)
    {
        foreach (var stored in await books.Accounts.ListDueAsync(time.GetUtcNow(), 100, cancellationToken).ConfigureAwait(false))
        {
            if (stored.Value.ClosingSince is not { } since)
            {
                continue;
            }

            try
            {
                await EndAsync(stored, cancellationToken).ConfigureAwait(false);
            }
            catch (Exception error) when (!cancellationToken.IsCancellationRequested)
            {
                logger.LogWarning(error, "The subscription of the closed account {Account} could not be ended; it is tried again.", stored.Value.Account);
                if (await books.Accounts.FindAsync(stored.Value.Account, cancellationToken).ConfigureAwait(false) is { } again)
                {
                    await books.SaveAsync(cancellationToken, books.Accounts.Change(again.Value, again.Version, BackOff.Next(since, time.GetUtcNow()))).ConfigureAwait(false);
                }
            }
        }
    }

    private async ValueTask EndAsync(Stored<BillingAccount> stored, CancellationToken cancellationToken)
    {
        var billing = stored.Value;
        var balance = await meter.GetBalanceAsync(new(billing.Account), cancellationToken).ConfigureAwait(false);
        if (!balance.TryGet(out var present, out var refusal) && refusal.Reason != RefusalReason.AccountUnknown)
        {
            throw new LedgerUnavailableException(refusal.Message); // Whether it is closed is not known now; the wish stays.
        }

        var isClosed = present is { Status: AccountStatus.Closed };
        if (!isClosed && time.GetUtcNow() - billing.ClosingSince < ClosingTime)
        {
            return; // It is being closed at this moment.
        }

        if (isClosed && !billing.CancelsAtPeriodEnd && billing.Status != SubscriptionStatus.Ended)
        {
            if (claims.IsHeld(billing) || await claims.TakeAsync(stored, cancellationToken).ConfigureAwait(false) is not { } claim)
            {
                return; // Once the change under way is made.
            }

            await EndAsync(billing.SubscriptionId, claim, cancellationToken).ConfigureAwait(false);
            return;
        }

        await books.SaveAsync(cancellationToken, books.Accounts.Change(billing with { ClosingSince = null }, stored.Version)).ConfigureAwait(false);
    }

    private async ValueTask EndAsync(string subscriptionId, string claim, CancellationToken cancellationToken)
    {
        try
        {
            await payments.Required.CancelAtPeriodEndAsync(subscriptionId, SubscriptionClaims.NewId("close"), cancellationToken).ConfigureAwait(false);
        }
        catch (PaymentProviderException error) when (!error.IsTransient)
        {
            logger.LogWarning("The subscription {Subscription} of a closed account is perhaps over already: {Message}", subscriptionId, error.Message);
        }
        catch
        {
            await claims.GiveUpAsync(subscriptionId, claim).ConfigureAwait(false);
            throw;
        }

        await following.FinishAsync(subscriptionId, claim, cancellationToken).ConfigureAwait(false);
        if (await books.Accounts.FindByKeyAsync(BillingAccount.SubscriptionKey(subscriptionId), cancellationToken).ConfigureAwait(false)
            is { Value: { CancelsAtPeriodEnd: false, Status: not SubscriptionStatus.Ended } })
        {
            throw new PaymentProviderException($"The subscription {subscriptionId} goes on at the provider.", isTransient: true); // Tried again, less and less often.
        }
    }
}
