using Metering.Engine;

namespace Metering.Gateway.Payments.Sandbox;

/// <summary>
/// A provider that takes no money: its customers are whoever has the address of its page. What it tells and sends has Stripe's form, so that
/// all that follows is the same code.
/// </summary>
internal sealed class SandboxProvider(SandboxBooks books, SandboxEvents events, SandboxDelivery delivery, PaymentOptions options, TimeProvider time) : IPaymentProvider
{
    /// <inheritdoc />
    public string Name => "sandbox";

    /// <inheritdoc />
    public async ValueTask<CheckoutSession> CreateCheckoutAsync(CheckoutRequest request, CancellationToken cancellationToken = default)
    {
        if (await books.Pages.FindByKeyAsync(request.PurchaseId, cancellationToken).ConfigureAwait(false) is { } known)
        {
            return known.Value.ToSession();
        }

        var page = new SandboxPage
        {
            Id = SandboxEvents.NewId("cs"),
            PurchaseId = request.PurchaseId,
            Email = request.Email,
            Plan = request.Plan,
            AmountCents = options.Plans[request.Plan].AmountCents,
            PublicUrl = request.PublicUrl,
            ExpiresAt = request.ExpiresAt,
            CustomerId = request.CustomerId,
            WholeFrom = request.WholeFrom,
        };
        return await books.SaveAsync(cancellationToken, books.Pages.Change(page, 0)).ConfigureAwait(false)
            ? page.ToSession()
            : throw new PaymentProviderException("The sandbox is opening the same page for another call.", isTransient: true);
    }

    /// <inheritdoc />
    public async ValueTask<CheckoutSession?> ExpireCheckoutAsync(string sessionId, CancellationToken cancellationToken = default)
    {
        while (await books.Pages.FindAsync(sessionId, cancellationToken).ConfigureAwait(false) is { } stored)
        {
            if (stored.Value.Status != CheckoutStatus.Open)
            {
                return stored.Value.ToSession();
            }

            var expired = stored.Value with { Status = CheckoutStatus.Expired };
            if (await books.SaveAsync(cancellationToken, books.Pages.Change(expired, stored.Version), events.PageChanged(expired, string.Empty)).ConfigureAwait(false))
            {
                return expired.ToSession();
            }
        }

        return null;
    }

    /// <inheritdoc />
    public async ValueTask<CheckoutSession?> FindCheckoutAsync(string sessionId, CancellationToken cancellationToken = default) =>
        (await books.Pages.FindAsync(sessionId, cancellationToken).ConfigureAwait(false))?.Value.ToSession();

    /// <inheritdoc />
    public async ValueTask<ProviderSubscription?> FindSubscriptionAsync(string subscriptionId, CancellationToken cancellationToken = default) =>
        (await books.Subscriptions.FindAsync(subscriptionId, cancellationToken).ConfigureAwait(false))?.Value.ToSubscription();

    /// <inheritdoc />
    public async ValueTask<ProviderSubscription> CancelAtPeriodEndAsync(string subscriptionId, string idempotencyKey, CancellationToken cancellationToken = default)
    {
        while (await books.Subscriptions.FindAsync(subscriptionId, cancellationToken).ConfigureAwait(false) is { } stored)
        {
            var cancelled = stored.Value with { CancelsAtPeriodEnd = true };
            if (await books.SaveAsync(cancellationToken, books.Subscriptions.Change(cancelled, stored.Version), events.SubscriptionChanged(cancelled)).ConfigureAwait(false))
            {
                delivery.Wake();
                return cancelled.ToSubscription();
            }
        }

        throw new PaymentProviderException($"The sandbox has no subscription {subscriptionId}.", isTransient: false);
    }

    /// <inheritdoc />
    public async ValueTask<ProviderSubscription?> ChangePlanAsync(PlanPriceChange change, CancellationToken cancellationToken = default)
    {
        while (await books.Subscriptions.FindAsync(change.SubscriptionId, cancellationToken).ConfigureAwait(false) is { } stored)
        {
            var (subscription, price) = (stored.Value, options.Plans[change.Plan].AmountCents);
            if (subscription.Plan == change.Plan && !subscription.CancelsAtPeriodEnd)
            {
                return subscription.ToSubscription();
            }

            var customer = await books.Customers.FindAsync(subscription.CustomerId, cancellationToken).ConfigureAwait(false);
            if (change.IsProrated && customer is not { Value.Card: SandboxCard.Pays })
            {
                return null;
            }

            var cents = change.IsProrated ? Prorate(price - subscription.AmountCents, subscription) : 0;
            var changed = subscription with
            {
                Plan = change.Plan,
                AmountCents = price,
                CancelsAtPeriodEnd = false,
                LastInvoice = change.IsProrated ? SandboxEvents.NewId("in") : subscription.LastInvoice,
                PaidCents = subscription.PaidCents + cents,
            };
            PaymentChange[] told = change.IsProrated
                ? [events.SubscriptionChanged(changed), .. events.Paid(changed, cents, isProration: true)]
                : [events.SubscriptionChanged(changed)];
            if (await books.SaveAsync(cancellationToken, [books.Subscriptions.Change(changed, stored.Version), .. told]).ConfigureAwait(false))
            {
                delivery.Wake();
                return changed.ToSubscription();
            }
        }

        throw new PaymentProviderException($"The sandbox has no subscription {change.SubscriptionId}.", isTransient: false);
    }

    /// <inheritdoc />
    public async ValueTask<Charge> ChargeAsync(ChargeRequest request, CancellationToken cancellationToken = default)
    {
        if (await books.Charges.FindByKeyAsync(request.IdempotencyKey, cancellationToken).ConfigureAwait(false) is { } known)
        {
            return known.Value.ToCharge();
        }

        if (await books.Customers.FindAsync(request.CustomerId, cancellationToken).ConfigureAwait(false) is not { } customer)
        {
            throw new PaymentProviderException($"The sandbox has no customer {request.CustomerId}.", isTransient: false);
        }

        var charge = new SandboxCharge
        {
            Id = SandboxEvents.NewId("pi"),
            CustomerId = request.CustomerId,
            PurchaseId = request.PurchaseId,
            Attempt = request.Attempt,
            AmountCents = request.AmountCents,
            Description = request.Description,
            PublicUrl = request.PublicUrl,
            IdempotencyKey = request.IdempotencyKey,
            CreatedAt = time.GetUtcNow(),
            Status = customer.Value.Card switch
            {
                SandboxCard.Pays => ChargeStatus.Succeeded,
                SandboxCard.Declines => ChargeStatus.Declined,
                SandboxCard.Authenticates => ChargeStatus.AuthenticationRequired,
                _ => throw new ArgumentOutOfRangeException(nameof(request), customer.Value.Card, "There is no such card."),
            },
        };
        if (!await books.SaveAsync(cancellationToken, books.Charges.Change(charge, 0), events.Charged(charge)).ConfigureAwait(false))
        {
            return await ChargeAsync(request, cancellationToken).ConfigureAwait(false); // The same key was charged meanwhile.
        }

        delivery.Wake();
        return charge.ToCharge();
    }

    /// <inheritdoc />
    public async ValueTask<Charge?> FindChargeAsync(string chargeId, CancellationToken cancellationToken = default) =>
        (await books.Charges.FindAsync(chargeId, cancellationToken).ConfigureAwait(false))?.Value.ToCharge()
        ?? (await books.Invoices.FindByKeyAsync(chargeId, cancellationToken).ConfigureAwait(false))?.Value.ToCharge();

    /// <inheritdoc />
    public async ValueTask<IReadOnlyList<Charge>> ListChargesAsync(string customerId, DateTimeOffset since, CancellationToken cancellationToken = default) =>
        [
            .. (await ListAsync(customerId, cancellationToken).ConfigureAwait(false)).Where(charge => charge.CreatedAt >= since).Select(charge => charge.ToCharge()),
            .. (await ListInvoicesOfAsync(customerId, cancellationToken).ConfigureAwait(false)).Where(invoice => invoice.CreatedAt >= since).Select(invoice => invoice.ToCharge()),
        ];

    private long Prorate(long cents, SandboxSubscription subscription)
    {
        var left = subscription.PeriodEnd - time.GetUtcNow();
        return left <= TimeSpan.Zero ? 0 : (long)Math.Round(cents * (left / (subscription.PeriodEnd - subscription.PeriodStart)), MidpointRounding.AwayFromZero);
    }

    /// <inheritdoc />
    public async ValueTask<Charge?> CancelChargeAsync(string chargeId, CancellationToken cancellationToken = default)
    {
        while (await books.Charges.FindAsync(chargeId, cancellationToken).ConfigureAwait(false) is { } stored)
        {
            var declined = stored.Value with { Status = ChargeStatus.Declined };
            if (stored.Value.Status != ChargeStatus.AuthenticationRequired
                || await books.SaveAsync(cancellationToken, books.Charges.Change(declined, stored.Version)).ConfigureAwait(false))
            {
                return (stored.Value.Status == ChargeStatus.AuthenticationRequired ? declined : stored.Value).ToCharge();
            }
        }

        return null;
    }

    /// <inheritdoc />
    public async ValueTask<PaidInvoice?> FindInvoiceAsync(string invoiceId, CancellationToken cancellationToken = default) =>
        (await books.Invoices.FindAsync(invoiceId, cancellationToken).ConfigureAwait(false))?.Value.ToInvoice();

    /// <inheritdoc />
    public async ValueTask<IReadOnlyList<PaidInvoice>> ListInvoicesAsync(string customerId, CancellationToken cancellationToken = default) =>
        [.. (await ListInvoicesOfAsync(customerId, cancellationToken).ConfigureAwait(false)).OrderBy(invoice => invoice.CreatedAt).Select(invoice => invoice.ToInvoice())];

    /// <summary>All charges of a customer.</summary>
    internal ValueTask<List<SandboxCharge>> ListAsync(string customerId, CancellationToken cancellationToken) =>
        books.Charges.AllAsync(cancellationToken).Select(stored => stored.Value).Where(charge => charge.CustomerId == customerId).ToListAsync(cancellationToken);

    /// <summary>All paid invoices of a customer.</summary>
    internal ValueTask<List<SandboxInvoice>> ListInvoicesOfAsync(string customerId, CancellationToken cancellationToken) =>
        books.Invoices.AllAsync(cancellationToken).Select(stored => stored.Value).Where(invoice => invoice.CustomerId == customerId).ToListAsync(cancellationToken);
}
