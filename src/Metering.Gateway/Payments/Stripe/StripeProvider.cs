namespace Metering.Gateway.Payments.Stripe;

/// <summary>Takes money through Stripe, or a server that speaks its API.</summary>
internal sealed class StripeProvider(StripeClient client, PaymentOptions options) : IPaymentProvider
{
    private readonly StripeCheckoutSessions sessions = new(client);
    private readonly StripeSubscriptions subscriptions = new(client, options.Plans);
    private readonly StripePaymentIntents intents = new(client);
    private readonly StripeCustomers customers = new(client);
    private readonly StripeInvoices invoices = new(client);

    /// <inheritdoc />
    public string Name => "stripe";

    /// <inheritdoc />
    public ValueTask<CheckoutSession> CreateCheckoutAsync(CheckoutRequest request, CancellationToken cancellationToken = default) =>
        sessions.CreateAsync(request, PriceOf(request.Plan), cancellationToken);

    /// <inheritdoc />
    public ValueTask<CheckoutSession?> ExpireCheckoutAsync(string sessionId, CancellationToken cancellationToken = default) => sessions.ExpireAsync(sessionId, cancellationToken);

    /// <inheritdoc />
    public ValueTask<CheckoutSession?> FindCheckoutAsync(string sessionId, CancellationToken cancellationToken = default) => sessions.FindAsync(sessionId, cancellationToken);

    /// <inheritdoc />
    public ValueTask<ProviderSubscription?> FindSubscriptionAsync(string subscriptionId, CancellationToken cancellationToken = default) =>
        subscriptions.FindAsync(subscriptionId, cancellationToken);

    /// <inheritdoc />
    public ValueTask<ProviderSubscription> CancelAtPeriodEndAsync(string subscriptionId, string idempotencyKey, CancellationToken cancellationToken = default) =>
        subscriptions.CancelAtPeriodEndAsync(subscriptionId, idempotencyKey, cancellationToken);

    /// <inheritdoc />
    public ValueTask<ProviderSubscription?> ChangePlanAsync(PlanPriceChange change, CancellationToken cancellationToken = default) =>
        subscriptions.ChangePlanAsync(change, PriceOf(change.Plan), cancellationToken);

    /// <inheritdoc />
    public async ValueTask<Charge> ChargeAsync(ChargeRequest request, CancellationToken cancellationToken = default) =>
        await customers.FindCardAsync(request.CustomerId, cancellationToken).ConfigureAwait(false) is { } card
            ? await intents.ChargeAsync(request, card, cancellationToken).ConfigureAwait(false)
            : throw new PaymentMethodMissingException($"The customer {request.CustomerId} has no saved card.");

    /// <inheritdoc />
    public ValueTask<Charge?> FindChargeAsync(string chargeId, CancellationToken cancellationToken = default) => intents.FindAsync(chargeId, cancellationToken);

    /// <inheritdoc />
    public ValueTask<IReadOnlyList<Charge>> ListChargesAsync(string customerId, DateTimeOffset since, CancellationToken cancellationToken = default) =>
        intents.ListAsync(customerId, since, cancellationToken);

    /// <inheritdoc />
    public ValueTask<Charge?> CancelChargeAsync(string chargeId, CancellationToken cancellationToken = default) => intents.CancelAsync(chargeId, cancellationToken);

    /// <inheritdoc />
    public ValueTask<PaidInvoice?> FindInvoiceAsync(string invoiceId, CancellationToken cancellationToken = default) => invoices.FindAsync(invoiceId, cancellationToken);

    /// <inheritdoc />
    public ValueTask<IReadOnlyList<PaidInvoice>> ListInvoicesAsync(string customerId, CancellationToken cancellationToken = default) =>
        invoices.ListAsync(customerId, cancellationToken);

    private string PriceOf(string plan) => options.Plans.GetValueOrDefault(plan)?.StripePrice
        ?? throw new PaymentProviderException($"The plan {plan} has no price at Stripe.", isTransient: false);
}
