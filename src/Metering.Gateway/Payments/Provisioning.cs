using System.Security.Cryptography;
using Metering.Engine;
using Microsoft.Extensions.Logging;

namespace Metering.Gateway.Payments;

/// <summary>
/// Makes what was paid for: the account, its first month, its key and the mail with the key. Every step takes effect once however often it
/// is taken, and the purchase says how far it is, so that an event that comes twice, late or out of order, or a process that dies half-way,
/// changes nothing.
/// </summary>
internal sealed class Provisioning(
    PaymentBooks books, Payments payments, Renewals renewals, ICreditMeter meter, IDirectoryStore directory, Catalogue catalogue, KeyVault vault, Mailbox mailbox, TimeProvider time, ILogger<Provisioning> logger)
{
    private const int Rounds = 5;

    /// <summary>Makes what a paid subscription is owed.</summary>
    /// <returns>False where the purchase is not known here: the subscription is another's.</returns>
    /// <exception cref="LedgerUnavailableException">The store or the ledger cannot serve now; call again.</exception>
    public async ValueTask<bool> CompleteAsync(string purchaseId, ProviderSubscription subscription, CancellationToken cancellationToken)
    {
        for (var round = 0; round < Rounds; round++)
        {
            if (await books.PlanPurchases.FindAsync(purchaseId, cancellationToken).ConfigureAwait(false) is not { } stored)
            {
                return false;
            }

            var isDone = stored.Value switch
            {
                { State: PlanPurchaseState.Provisioning } => await PublishKeyAsync(stored, cancellationToken).ConfigureAwait(false),

                // Paid, although it was given up: what was paid for is made all the same.
                { KeyMadeAt: null } => await MakeAccountAsync(stored, subscription, cancellationToken).ConfigureAwait(false),
                _ => true,
            };
            if (isDone)
            {
                return true;
            }
        }

        throw new LedgerUnavailableException($"The purchase {purchaseId} is being changed by others over and over.");
    }

    /// <summary>Goes on with purchases that were left half-way, and closes those whose time is over.</summary>
    public async ValueTask SweepAsync(CancellationToken cancellationToken)
    {
        foreach (var stored in await books.PlanPurchases.ListDueAsync(time.GetUtcNow(), 100, cancellationToken).ConfigureAwait(false))
        {
            try
            {
                await SweepAsync(stored, cancellationToken).ConfigureAwait(false);
            }
            catch (Exception error) when (!cancellationToken.IsCancellationRequested)
            {
                var (purchase, now) = (stored.Value, time.GetUtcNow());
                logger.LogError(error, "The purchase {Purchase} could not be gone on with; it is tried again.", purchase.Id);
                var next = BackOff.Next(purchase.KeyMadeAt ?? purchase.ExpiresAt, now);
                await books.SaveAsync(cancellationToken, books.PlanPurchases.Change(purchase, stored.Version, next)).ConfigureAwait(false);
            }
        }
    }

    private async ValueTask SweepAsync(Stored<PlanPurchase> stored, CancellationToken cancellationToken)
    {
        switch (stored.Value.State)
        {
            case PlanPurchaseState.Provisioning:
                await PublishKeyAsync(stored, cancellationToken).ConfigureAwait(false);
                break;
            case PlanPurchaseState.Open when await FindPaidAsync(stored.Value, cancellationToken).ConfigureAwait(false) is { } subscription:
                await CompleteAsync(stored.Value.Id, subscription, cancellationToken).ConfigureAwait(false);
                break;
            case PlanPurchaseState.Claimed or PlanPurchaseState.Expired:
                // Kept as long as events about it may come; what it made is known by its account, its subscription and its key.
                await books.SaveAsync(cancellationToken, books.PlanPurchases.Removal(stored)).ConfigureAwait(false);
                break;
            default:
                await ExpireAsync(stored, cancellationToken).ConfigureAwait(false);
                break;
        }
    }

    /// <summary>Closes a purchase whose page was given up; one that is paid stays as it is.</summary>
    public async ValueTask ExpireAsync(string purchaseId, CancellationToken cancellationToken)
    {
        if (await books.PlanPurchases.FindAsync(purchaseId, cancellationToken).ConfigureAwait(false)
            is { Value.State: PlanPurchaseState.Recorded or PlanPurchaseState.Open } stored)
        {
            await ExpireAsync(stored, cancellationToken).ConfigureAwait(false);
        }
    }

    private async ValueTask ExpireAsync(Stored<PlanPurchase> stored, CancellationToken cancellationToken) => await books.SaveAsync(
        cancellationToken,
        books.PlanPurchases.Change(stored.Value with { State = PlanPurchaseState.Expired, ProtectedKey = null }, stored.Version)).ConfigureAwait(false);

    /// <summary>The subscription of a page that was paid although no event said so; null where it was not.</summary>
    private async ValueTask<ProviderSubscription?> FindPaidAsync(PlanPurchase purchase, CancellationToken cancellationToken) =>
        payments.Provider is { } provider
        && await provider.FindCheckoutAsync(purchase.SessionId!, cancellationToken).ConfigureAwait(false) is { Status: CheckoutStatus.Paid, SubscriptionId: { } subscription }
            ? await provider.FindSubscriptionAsync(subscription, cancellationToken).ConfigureAwait(false)
            : null;

    private async ValueTask<bool> MakeAccountAsync(Stored<PlanPurchase> stored, ProviderSubscription subscription, CancellationToken cancellationToken)
    {
        var (purchase, now) = (stored.Value, time.GetUtcNow());
        if (purchase.Renews)
        {
            return await renewals.ApplyAsync(purchase, subscription, cancellationToken).ConfigureAwait(false)
                && await MakeKeyAsync(stored, cancellationToken).ConfigureAwait(false);
        }

        var billing = await books.Accounts.FindAsync(purchase.Account, cancellationToken).ConfigureAwait(false);

        // Once chosen it stays: a second try must open the account with the same anchor. The provider's clock may be ahead of this one.
        var anchor = billing?.Value.Anchor ?? (subscription.PeriodStart < now ? subscription.PeriodStart : Milliseconds(now));
        if (billing is null && !await books.SaveAsync(cancellationToken, books.Accounts.Change(BillingOf(purchase, subscription, anchor), 0)).ConfigureAwait(false))
        {
            return false;
        }

        await OpenAccountAsync(purchase, subscription, anchor, cancellationToken).ConfigureAwait(false);
        await directory.TryAddProfileAsync(new() { Account = new(purchase.Account), Email = purchase.Email, CreatedAt = Milliseconds(now) }, cancellationToken).ConfigureAwait(false);
        return await MakeKeyAsync(stored, cancellationToken).ConfigureAwait(false);
    }

    private async ValueTask<bool> MakeKeyAsync(Stored<PlanPurchase> stored, CancellationToken cancellationToken)
    {
        var (purchase, now) = (stored.Value, time.GetUtcNow());
        var subscriber = await books.Subscribers.FindAsync(purchase.Email, cancellationToken).ConfigureAwait(false);
        var open = subscriber?.Value.OpenPurchase == purchase.Id ? null : subscriber?.Value.OpenPurchase;
        var made = purchase with { State = PlanPurchaseState.Provisioning, KeyMadeAt = Milliseconds(now), ProtectedKey = vault.Protect(NewKey()) };
        return await books.SaveAsync(
            cancellationToken,
            books.PlanPurchases.Change(made, stored.Version),
            books.Subscribers.Change(new(purchase.Email, purchase.Account, open), subscriber?.Version ?? 0)).ConfigureAwait(false)
            && await PublishKeyAsync(new(made, stored.Version + 1), cancellationToken).ConfigureAwait(false);
    }

    private async ValueTask OpenAccountAsync(PlanPurchase purchase, ProviderSubscription subscription, DateTimeOffset anchor, CancellationToken cancellationToken)
    {
        var months = catalogue.Plans.TryGetValue(purchase.Plan, out var plan) ? plan.PeriodMonths : 1;
        var request = new OpenAccountRequest
        {
            Plan = purchase.Plan,
            Anchor = anchor,
            PaidThrough = BillingCalendar.Nearest(anchor, months, anchor, subscription.PeriodEnd),
        };
        var refusal = (await meter.OpenAccountAsync(new(purchase.Account), request, cancellationToken).ConfigureAwait(false)).Refusal;
        if (refusal is { Reason: not RefusalReason.AccountExists })
        {
            throw new LedgerUnavailableException($"The account of the purchase {purchase.Id} cannot be opened now: {refusal.Message}");
        }
    }

    /// <summary>Stores the key's hash, and lets the purchase be claimed and the mail be sent only after that: what is handed out works.</summary>
    private async ValueTask<bool> PublishKeyAsync(Stored<PlanPurchase> stored, CancellationToken cancellationToken)
    {
        var purchase = stored.Value;
        if (purchase.ProtectedKey is not { } kept || vault.TryUnprotect(kept) is not { } key)
        {
            // Nobody has seen the key, and nobody can read it any more: another one takes its place.
            var renewed = purchase with { ProtectedKey = vault.Protect(NewKey()) };
            return await books.SaveAsync(cancellationToken, books.PlanPurchases.Change(renewed, stored.Version)).ConfigureAwait(false)
                && await PublishKeyAsync(new(renewed, stored.Version + 1), cancellationToken).ConfigureAwait(false);
        }

        await AddKeyAsync(purchase, key, cancellationToken).ConfigureAwait(false);
        var isLate = time.GetUtcNow() >= purchase.ExpiresAt;
        var ready = purchase with
        {
            State = isLate ? PlanPurchaseState.Expired : PlanPurchaseState.Ready,
            ProtectedKey = isLate ? null : kept,
        };
        return await books.SaveAsync(
            cancellationToken,
            books.PlanPurchases.Change(ready, stored.Version),
            mailbox.Queue(
                "welcome-" + purchase.Id,
                purchase.Email,
                "Your API key",
                $"""
                Thank you for your subscription to the plan {PlanName(purchase.Plan)}.

                Your API key: {key}

                It is shown here and, within 24 hours of the purchase, to whoever claims it with the purchase's token; nobody can show it again. Send it with
                each call as "Authorization: Bearer KEY" or "X-API-Key: KEY".
                {EarlierOf(purchase)}
                """)).ConfigureAwait(false);
    }

    private async ValueTask AddKeyAsync(PlanPurchase purchase, string key, CancellationToken cancellationToken)
    {
        var hash = ApiKeys.Hash(key);
        if (await directory.FindKeyAsync(hash, cancellationToken).ConfigureAwait(false) is not null)
        {
            return;
        }

        try
        {
            var stored = new ApiKey
            {
                Id = "key_" + RandomNumberGenerator.GetHexString(24, lowercase: true),
                Account = new(purchase.Account),
                Name = purchase.Renews ? "Key of the renewal" : "First key",
                Hash = hash,
                Display = key[..ApiKeys.DisplayLength],
                Scopes = ApiKeyScopes.Read | ApiKeyScopes.Spend,
                CreatedAt = Milliseconds(time.GetUtcNow()),
            };
            await directory.AddKeyAsync(stored, cancellationToken).ConfigureAwait(false);
        }
        catch (InvalidOperationException)
        {
            // Another process that provisions the same purchase was quicker: the key is there.
        }
    }

    /// <summary>For the owner of the address alone: whoever paid may be another, and learns nothing of an earlier account.</summary>
    private static string EarlierOf(PlanPurchase purchase) => purchase switch
    {
        { Renews: true } => "\nYour account was renewed: its credits and its earlier keys can be used again.\n",
        { LeavesEarlier: true } =>
            """

            This key opens a new account. An earlier account of this address, whose subscription has ended, was left alone with the credits that it
            holds: a purchase renews it only if it is begun with one of its keys (POST /api/v1/purchase, with the key as X-API-Key). If you have none
            any more, or want both to become one, ask whoever runs this service.

            """,
        _ => string.Empty,
    };

    private string PlanName(string plan) => catalogue.Plans.TryGetValue(plan, out var known) ? known.Name : plan;

    private static BillingAccount BillingOf(PlanPurchase purchase, ProviderSubscription subscription, DateTimeOffset anchor) => new()
    {
        Account = purchase.Account,
        Email = purchase.Email,
        CustomerId = subscription.CustomerId,
        SubscriptionId = subscription.Id,
        Plan = purchase.Plan,
        Anchor = anchor,
        PeriodEnd = subscription.PeriodEnd,
        Status = subscription.Status,
        CancelsAtPeriodEnd = subscription.CancelsAtPeriodEnd,
    };

    private static string NewKey() => ApiKeys.DefaultPrefix + RandomNumberGenerator.GetHexString(ApiKeys.SecretDigits, lowercase: true);

    private static DateTimeOffset Milliseconds(DateTimeOffset instant) => DateTimeOffset.FromUnixTimeMilliseconds(instant.ToUnixTimeMilliseconds());
}
