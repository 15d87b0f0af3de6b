namespace Metering.Gateway.Payments;

/// <summary>
/// Takes money. What it tells is what the provider holds at that moment; everything that the gateway does follows from that, never from the
/// order in which messages arrive. Safe for concurrent use.
/// </summary>
/// <remarks>
/// Every member throws <see cref="PaymentProviderException"/> where the provider cannot be asked or refuses the call itself. A call with an
/// idempotency key that ended so may have taken effect; the same key again never takes it twice.
/// </remarks>
public interface IPaymentProvider
{
    /// <summary>What it is called in messages and references: <c>stripe</c> or <c>sandbox</c>.</summary>
    string Name { get; }

    /// <summary>Opens a hosted page on which a customer subscribes to a plan, with the card kept for later charges.</summary>
    ValueTask<CheckoutSession> CreateCheckoutAsync(CheckoutRequest request, CancellationToken cancellationToken = default);

    /// <summary>Closes a page that was not paid; what it returns says whether it was paid before. Null where there is no such page.</summary>
    ValueTask<CheckoutSession?> ExpireCheckoutAsync(string sessionId, CancellationToken cancellationToken = default);

    /// <summary>A page; null for none.</summary>
    ValueTask<CheckoutSession?> FindCheckoutAsync(string sessionId, CancellationToken cancellationToken = default);

    /// <summary>A subscription; null for none.</summary>
    ValueTask<ProviderSubscription?> FindSubscriptionAsync(string subscriptionId, CancellationToken cancellationToken = default);

    /// <summary>Ends a subscription with the period that is paid; doing so twice changes nothing more.</summary>
    ValueTask<ProviderSubscription> CancelAtPeriodEndAsync(string subscriptionId, string idempotencyKey, CancellationToken cancellationToken = default);

    /// <summary>
    /// Puts a subscription on another plan's price, and takes a cancellation back. Where it is prorated, the rest of the period is charged at
    /// once, and the price changes only if that is paid.
    /// </summary>
    /// <returns>The subscription on its new price; null where the card was declined, and nothing was changed.</returns>
    ValueTask<ProviderSubscription?> ChangePlanAsync(PlanPriceChange change, CancellationToken cancellationToken = default);

    /// <summary>Charges the customer's saved card without the customer.</summary>
    ValueTask<Charge> ChargeAsync(ChargeRequest request, CancellationToken cancellationToken = default);

    /// <summary>A charge by the provider's id; null for none.</summary>
    ValueTask<Charge?> FindChargeAsync(string chargeId, CancellationToken cancellationToken = default);

    /// <summary>The charges of a customer that were begun at or after an instant, in any order.</summary>
    ValueTask<IReadOnlyList<Charge>> ListChargesAsync(string customerId, DateTimeOffset since, CancellationToken cancellationToken = default);

    /// <summary>Gives up a charge that waits for its customer; what it returns says whether it was paid before. Null where there is no such charge.</summary>
    ValueTask<Charge?> CancelChargeAsync(string chargeId, CancellationToken cancellationToken = default);

    /// <summary>A paid invoice of a subscription; null for none, also where it is not paid or of no subscription.</summary>
    ValueTask<PaidInvoice?> FindInvoiceAsync(string invoiceId, CancellationToken cancellationToken = default);

    /// <summary>The paid invoices of a customer's subscriptions, oldest first.</summary>
    ValueTask<IReadOnlyList<PaidInvoice>> ListInvoicesAsync(string customerId, CancellationToken cancellationToken = default);
}

/// <summary>What a checkout page is opened for.</summary>
public sealed record CheckoutRequest
{
    /// <summary>The gateway's own id of the purchase, and the key under which the page is opened once.</summary>
    public required string PurchaseId { get; init; }

    /// <summary>The customer's e-mail address.</summary>
    public required string Email { get; init; }

    /// <summary>The customer's id at the provider where the customer is known; null for a new one.</summary>
    public string? CustomerId { get; init; }

    /// <summary>The plan's id.</summary>
    public required string Plan { get; init; }

    /// <summary>Until when the page may be paid, UTC.</summary>
    public required DateTimeOffset ExpiresAt { get; init; }

    /// <summary>Where this gateway is reached ("https://meter.example"), without a slash at its end.</summary>
    public required string PublicUrl { get; init; }

    /// <summary>
    /// When the first whole period begins, UTC, at most one period away; until then the price is prorated. Null where a whole one begins with the
    /// payment.
    /// </summary>
    public DateTimeOffset? WholeFrom { get; init; }
}

/// <summary>What became of a checkout page.</summary>
public enum CheckoutStatus
{
    /// <summary>It waits for the customer.</summary>
    Open,

    /// <summary>It was paid.</summary>
    Paid,

    /// <summary>It was closed without a payment.</summary>
    Expired,
}

/// <summary>A checkout page.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Url">Where the customer pays; null once it is not open any more.</param>
/// <param name="Status">What became of it.</param>
/// <param name="PurchaseId">The gateway's own id of the purchase; null where the page is another's.</param>
/// <param name="SubscriptionId">The subscription that it made; null before it was paid.</param>
public sealed record CheckoutSession(string Id, string? Url, CheckoutStatus Status, string? PurchaseId, string? SubscriptionId);

/// <summary>What a subscription's payments say of it.</summary>
public enum SubscriptionStatus
{
    /// <summary>Paid.</summary>
    Active,

    /// <summary>The last invoice is not paid yet.</summary>
    PastDue,

    /// <summary>Over, or never begun.</summary>
    Ended,
}

/// <summary>A subscription as the provider has it.</summary>
public sealed record ProviderSubscription
{
    /// <summary>Its id.</summary>
    public required string Id { get; init; }

    /// <summary>The customer's id.</summary>
    public required string CustomerId { get; init; }

    /// <summary>The gateway's own id of the purchase that began it; null where it is another's.</summary>
    public string? PurchaseId { get; init; }

    /// <summary>What its payments say.</summary>
    public required SubscriptionStatus Status { get; init; }

    /// <summary>When the current period began, UTC.</summary>
    public required DateTimeOffset PeriodStart { get; init; }

    /// <summary>When the current period ends, UTC.</summary>
    public required DateTimeOffset PeriodEnd { get; init; }

    /// <summary>True where it ends with the current period.</summary>
    public required bool CancelsAtPeriodEnd { get; init; }

    /// <summary>The plan whose price it is on; null where the price is none of this gateway's.</summary>
    public string? Plan { get; init; }

    /// <summary>The last invoice: another one each time that something was charged; null where it is not known.</summary>
    public string? LastInvoice { get; init; }
}

/// <summary>A subscription's move to another plan's price.</summary>
/// <param name="SubscriptionId">The subscription.</param>
/// <param name="Plan">The plan.</param>
/// <param name="IsProrated">True to charge the difference for the rest of the period now; false to charge the new price from the next period on.</param>
/// <param name="IdempotencyKey">The same key never charges twice.</param>
public sealed record PlanPriceChange(string SubscriptionId, string Plan, bool IsProrated, string IdempotencyKey);

/// <summary>A charge of a saved card.</summary>
public sealed record ChargeRequest
{
    /// <summary>The gateway's own id of the purchase, kept with the charge.</summary>
    public required string PurchaseId { get; init; }

    /// <summary>Which attempt at the purchase this is, from 1; kept with the charge.</summary>
    public required int Attempt { get; init; }

    /// <summary>The account, kept with the charge for people.</summary>
    public required AccountId Account { get; init; }

    /// <summary>The customer's id.</summary>
    public required string CustomerId { get; init; }

    /// <summary>Cents, above 0.</summary>
    public required long AmountCents { get; init; }

    /// <summary>What it is for, as the customer reads it.</summary>
    public required string Description { get; init; }

    /// <summary>Names this attempt: the same key never charges twice.</summary>
    public required string IdempotencyKey { get; init; }

    /// <summary>Where this gateway is reached, for the page to which the customer comes back from an authentication.</summary>
    public required string PublicUrl { get; init; }
}

/// <summary>What became of a charge.</summary>
public enum ChargeStatus
{
    /// <summary>The money is taken.</summary>
    Succeeded,

    /// <summary>The card was declined; nothing is taken, and nothing will be.</summary>
    Declined,

    /// <summary>The customer must authenticate on a page; nothing is taken until then.</summary>
    AuthenticationRequired,

    /// <summary>The provider does not know yet.</summary>
    Processing,
}

/// <summary>A charge as the provider has it.</summary>
public sealed record Charge
{
    /// <summary>The provider's id.</summary>
    public required string Id { get; init; }

    /// <summary>The gateway's own id of the purchase; null where the charge is another's.</summary>
    public required string? PurchaseId { get; init; }

    /// <summary>The attempt at the purchase that it was made for; null where that is not known.</summary>
    public int? Attempt { get; init; }

    /// <summary>The invoice that it paid; null where it paid none, as purchases of credits do.</summary>
    public string? InvoiceId { get; init; }

    /// <summary>What became of it.</summary>
    public required ChargeStatus Status { get; init; }

    /// <summary>Cents.</summary>
    public required long AmountCents { get; init; }

    /// <summary>Where the customer authenticates; only with <see cref="ChargeStatus.AuthenticationRequired"/>.</summary>
    public string? PaymentUrl { get; init; }

    /// <summary>Why it was declined, for people; null where it was not.</summary>
    public string? DeclineMessage { get; init; }

    /// <summary>
    /// Cents that went back to the customer: refunded, or held by a dispute that is open or lost; a dispute that was won holds none. At most
    /// <see cref="AmountCents"/>. Only of a charge that was asked for by its id.
    /// </summary>
    public long ReversedCents { get; init; }
}

/// <summary>A paid invoice of a subscription.</summary>
public sealed record PaidInvoice
{
    /// <summary>Its id.</summary>
    public required string Id { get; init; }

    /// <summary>The subscription.</summary>
    public required string SubscriptionId { get; init; }

    /// <summary>When it was made, UTC.</summary>
    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>Cents that were paid, 0 or more.</summary>
    public required long AmountCents { get; init; }

    /// <summary>When what it pays for begins, UTC.</summary>
    public required DateTimeOffset PeriodStart { get; init; }

    /// <summary>When what it pays for ends, UTC.</summary>
    public required DateTimeOffset PeriodEnd { get; init; }

    /// <summary>True where it pays the difference to another plan for the rest of a period that was paid before.</summary>
    public required bool IsProration { get; init; }

    /// <summary>The charge that paid it; null where nothing was charged.</summary>
    public string? ChargeId { get; init; }
}

/// <summary>The provider cannot be asked, or refused a call.</summary>
/// <param name="message">What went wrong, without any secret.</param>
/// <param name="isTransient">True where the same call may succeed later.</param>
/// <param name="inner">The cause; null for none.</param>
public class PaymentProviderException(string message, bool isTransient, Exception? inner = null) : Exception(message, inner)
{
    /// <summary>True where the same call may succeed later, and where it may have taken effect.</summary>
    public bool IsTransient { get; } = isTransient;
}

/// <summary>The customer has no saved card; nothing was charged.</summary>
/// <param name="message">For operators.</param>
public sealed class PaymentMethodMissingException(string message) : PaymentProviderException(message, isTransient: false);
