using Metering.Engine;

namespace Metering.Gateway.Payments.Sandbox;

/// <summary>What the buttons of the sandbox's pages do.</summary>
internal sealed class SandboxActions(SandboxBooks books, SandboxEvents events, SandboxProvider provider, SandboxReversals reversals, Catalogue catalogue, TimeProvider time)
{
    /// <summary>Presses a button of a checkout page.</summary>
    /// <returns>The page as it is then; null where there is no such page, or no such button on it now.</returns>
    public async ValueTask<SandboxPage?> PressAsync(string pageId, string button, CancellationToken cancellationToken)
    {
        while (await FindPageAsync(pageId, cancellationToken).ConfigureAwait(false) is { } stored)
        {
            var changes = stored.Value.Status switch
            {
                CheckoutStatus.Open => Open(stored.Value, await FindCustomerAsync(stored.Value, cancellationToken).ConfigureAwait(false), button),
                CheckoutStatus.Paid => await PaidAsync(stored.Value, button, cancellationToken).ConfigureAwait(false),
                CheckoutStatus.Expired => null,
                _ => throw new ArgumentOutOfRangeException(nameof(pageId), stored.Value.Status, "There is no such status."),
            };
            if (changes is not var (page, others))
            {
                return null;
            }

            if (await books.SaveAsync(cancellationToken, [books.Pages.Change(page, stored.Version), .. others]).ConfigureAwait(false))
            {
                return page;
            }
        }

        return null;
    }

    /// <summary>A checkout page; one whose time is over is closed first.</summary>
    public async ValueTask<Stored<SandboxPage>?> FindPageAsync(string pageId, CancellationToken cancellationToken)
    {
        var stored = await books.Pages.FindAsync(pageId, cancellationToken).ConfigureAwait(false);
        if (stored is not { Value: { Status: CheckoutStatus.Open } page } || time.GetUtcNow() < page.ExpiresAt)
        {
            return stored;
        }

        await provider.ExpireCheckoutAsync(pageId, cancellationToken).ConfigureAwait(false);
        return await books.Pages.FindAsync(pageId, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Closes pages whose time is over.</summary>
    public async ValueTask SweepAsync(CancellationToken cancellationToken)
    {
        foreach (var stored in await books.Pages.ListDueAsync(time.GetUtcNow(), 100, cancellationToken).ConfigureAwait(false))
        {
            await provider.ExpireCheckoutAsync(stored.Value.Id, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Presses a button of a page on which a charge is authenticated.</summary>
    /// <returns>The charge as it is then; null where there is no such charge, or no such button.</returns>
    public async ValueTask<SandboxCharge?> AuthenticateAsync(string chargeId, string button, CancellationToken cancellationToken)
    {
        while (await books.Charges.FindAsync(chargeId, cancellationToken).ConfigureAwait(false) is { Value.Status: ChargeStatus.AuthenticationRequired } stored)
        {
            if (button is not ("authenticate" or "decline"))
            {
                return null;
            }

            var charge = stored.Value with { Status = button == "authenticate" ? ChargeStatus.Succeeded : ChargeStatus.Declined };
            if (await books.SaveAsync(cancellationToken, books.Charges.Change(charge, stored.Version), events.Charged(charge)).ConfigureAwait(false))
            {
                return charge;
            }
        }

        return null;
    }

    private async ValueTask<Stored<SandboxCustomer>> FindCustomerAsync(SandboxPage page, CancellationToken cancellationToken) =>
        page.CustomerId is { } id && await books.Customers.FindAsync(id, cancellationToken).ConfigureAwait(false) is { } known
            ? known
            : new(new(SandboxEvents.NewId("cus"), page.Email, SandboxCard.Pays), 0);

    private (SandboxPage Page, PaymentChange[] Others)? Open(SandboxPage page, Stored<SandboxCustomer> customer, string button) => button switch
    {
        "pay" => Pay(page, customer, SandboxCard.Pays),
        "authenticate" => Pay(page, customer, SandboxCard.Authenticates),
        "decline" => (page with { Notice = "The card was declined. Nothing was charged; try again." }, []),
        "abandon" => Abandon(page with { Status = CheckoutStatus.Expired, Notice = "The purchase was abandoned." }),
        _ => null,
    };

    private (SandboxPage Page, PaymentChange[] Others) Abandon(SandboxPage page) => (page, [events.PageChanged(page, string.Empty)]);

    /// <summary>A page and its first invoice are told in two events, like Stripe's.</summary>
    private (SandboxPage Page, PaymentChange[] Others) Pay(SandboxPage page, Stored<SandboxCustomer> stored, SandboxCard card)
    {
        var now = DateTimeOffset.FromUnixTimeSeconds(time.GetUtcNow().ToUnixTimeSeconds());
        var months = catalogue.Plans.TryGetValue(page.Plan, out var plan) ? plan.PeriodMonths : 1;
        var isPart = page.WholeFrom > now;
        var cents = isPart
            ? (long)Math.Round(page.AmountCents * ((page.WholeFrom!.Value - now) / (page.WholeFrom.Value - page.WholeFrom.Value.AddMonths(-months))), MidpointRounding.AwayFromZero)
            : page.AmountCents;
        var customer = stored.Value with { Card = card };
        var subscription = new SandboxSubscription
        {
            Id = SandboxEvents.NewId("sub"),
            CustomerId = customer.Id,
            PurchaseId = page.PurchaseId,
            Plan = page.Plan,
            AmountCents = page.AmountCents,
            LastInvoice = SandboxEvents.NewId("in"),
            PaidCents = cents,
            Anchor = isPart ? page.WholeFrom!.Value : now,
            BeganAt = isPart ? now : null,
            Period = isPart ? -1 : 0,
            PeriodMonths = months,
        };
        var paid = page with { Status = CheckoutStatus.Paid, SubscriptionId = subscription.Id, Notice = "Paid. The key can be claimed now." };
        return (paid,
        [
            books.Customers.Change(customer, stored.Version), books.Subscriptions.Change(subscription, 0), events.PageChanged(paid, customer.Id),
            .. events.Paid(subscription, cents, isProration: false),
        ]);
    }

    private async ValueTask<(SandboxPage Page, PaymentChange[] Others)?> PaidAsync(SandboxPage page, string button, CancellationToken cancellationToken)
    {
        if (await books.Subscriptions.FindAsync(page.SubscriptionId!, cancellationToken).ConfigureAwait(false) is not { } subscription
            || await books.Customers.FindAsync(subscription.Value.CustomerId, cancellationToken).ConfigureAwait(false) is not { } customer)
        {
            return null;
        }

        (SandboxPage Page, PaymentChange[] Others) Card(SandboxCard card, string notice) =>
            (page with { Notice = notice }, [books.Customers.Change(customer.Value with { Card = card }, customer.Version)]);
        return button switch
        {
            "pay" or "authenticate" => (page, []), // Pressed twice: who paid finds it paid.
            "renew" => Renew(page, subscription, customer.Value),
            "refund" or "dispute" or "refund-subscription" or "dispute-subscription" or "win-dispute" =>
                await reversals.PressAsync(page, customer.Value, button, cancellationToken).ConfigureAwait(false),
            "card-pays" => Card(SandboxCard.Pays, "The saved card pays from now on."),
            "card-declines" => Card(SandboxCard.Declines, "The saved card is declined from now on."),
            "card-authenticates" => Card(SandboxCard.Authenticates, "The saved card asks for authentication from now on."),
            _ => null,
        };
    }

    private (SandboxPage Page, PaymentChange[] Others)? Renew(SandboxPage page, Stored<SandboxSubscription> stored, SandboxCustomer customer)
    {
        var subscription = stored.Value;
        if (subscription.Status == SubscriptionStatus.Ended)
        {
            return null;
        }

        if (subscription.CancelsAtPeriodEnd)
        {
            var ended = subscription with { Status = SubscriptionStatus.Ended };
            return (page with { Notice = "The subscription was cancelled, and has ended." }, [books.Subscriptions.Change(ended, stored.Version), events.SubscriptionChanged(ended)]);
        }

        var isPaid = customer.Card == SandboxCard.Pays;
        var renewed = subscription with
        {
            LastInvoice = SandboxEvents.NewId("in"),
            PaidCents = subscription.PaidCents + (isPaid ? subscription.AmountCents : 0),
            Period = subscription.Period + (isPaid ? 1 : 0),
            Status = isPaid ? SubscriptionStatus.Active : SubscriptionStatus.PastDue,
        };
        return (page with { Notice = isPaid ? "The next period was paid." : "The payment of the next period failed." },
        [
            books.Subscriptions.Change(renewed, stored.Version), events.SubscriptionChanged(renewed),
            .. isPaid ? events.Paid(renewed, renewed.AmountCents, isProration: false) : [events.Invoiced(renewed, renewed.AmountCents, isPaid: false)],
        ]);
    }
}
