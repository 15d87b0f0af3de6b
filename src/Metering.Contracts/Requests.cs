namespace Metering;

/// <summary>
/// Spends credits: an <see cref="Amount"/>, or a <see cref="Product"/> and a <see cref="Quantity"/> at the configured price. A product
/// beside an amount only labels the transaction.
/// </summary>
public sealed record DeductRequest
{
    /// <summary>Credits to spend, above zero, at most <see cref="Credits.MaxAmount"/>; null to let the catalogue price it.</summary>
    public Credits? Amount { get; init; }

    /// <summary>1 to 64 characters of <c>a-z 0-9 . _ -</c>; needed where there is no amount, and then a product of the catalogue.</summary>
    public string? Product { get; init; }

    /// <summary>
    /// How many requests, records or results, 0 to 1,000,000,000; 1 where it is left out. 0 says that nothing was found: it is recorded,
    /// and costs nothing for a product that charges on success only.
    /// </summary>
    public long? Quantity { get; init; }

    /// <summary>What a person reads in the list of transactions; at most 500 characters.</summary>
    public string? Description { get; init; }

    /// <summary>The caller's own reference; at most 200 characters; not unique.</summary>
    public string? Reference { get; init; }

    /// <summary>1 to 255 visible ASCII characters: a second request with the same key is answered with the first one's answer.</summary>
    public string? IdempotencyKey { get; init; }
}

/// <summary>Several deductions in one call, each with its own outcome. They become durable together.</summary>
public sealed record DeductBatchRequest
{
    /// <summary>The most items of one batch.</summary>
    public const int MaxItems = 1_000;

    /// <summary>1 to <see cref="MaxItems"/> items; their own idempotency keys are not allowed, the batch has one.</summary>
    public required IReadOnlyList<DeductRequest> Items { get; init; }

    /// <inheritdoc cref="DeductRequest.IdempotencyKey"/>
    public string? IdempotencyKey { get; init; }
}

/// <summary>What to do where not every record of a call can be paid.</summary>
public enum AccessMode
{
    /// <summary>Charge for all records or for none.</summary>
    AllOrNothing,

    /// <summary>
    /// Charge for every record that credits and <see cref="RecordAccessRequest.MaxCredits"/> still allow, in their order, records that start
    /// a subscription before the products that it covers. What does not fit is refused and passed over.
    /// </summary>
    UpTo,
}

/// <summary>One record that a caller is about to hand out.</summary>
/// <param name="Type">Its type, a product of the catalogue that is priced by the record ("company", "contact").</param>
/// <param name="Id">Its id, 1 to 128 characters without control characters.</param>
/// <param name="Product">
/// What of the record, where it is not the record itself ("company.signals"); a product that is covered by a subscription to
/// <paramref name="Type"/>.
/// </param>
public sealed record RecordRequest(string Type, string Id, string? Product = null);

/// <summary>Access to records: each starts a subscription of twelve months, in which it costs nothing more (003).</summary>
public sealed record RecordAccessRequest
{
    /// <summary>The most records of one call.</summary>
    public const int MaxRecords = 10_000;

    /// <summary>1 to <see cref="MaxRecords"/> records.</summary>
    public required IReadOnlyList<RecordRequest> Records { get; init; }

    /// <summary>What to do where not every record can be paid.</summary>
    public AccessMode Mode { get; init; }

    /// <summary>The most that this call may cost; 0 allows only what is subscribed already; null sets no limit.</summary>
    public Credits? MaxCredits { get; init; }

    /// <inheritdoc cref="DeductRequest.Description"/>
    public string? Description { get; init; }

    /// <inheritdoc cref="DeductRequest.Reference"/>
    public string? Reference { get; init; }

    /// <inheritdoc cref="DeductRequest.IdempotencyKey"/>
    public string? IdempotencyKey { get; init; }
}

/// <summary>Where granted credits come from; it decides the bucket they go to.</summary>
public enum GrantSource
{
    /// <summary>Given away: bonus credits.</summary>
    Bonus,

    /// <summary>A coupon: bonus credits.</summary>
    Coupon,

    /// <summary>Bought: permanent credits.</summary>
    Purchase,

    /// <summary>A bundle topped up by an operator or automatically: permanent credits.</summary>
    TopUp,
}

/// <summary>Adds credits to an account.</summary>
public sealed record GrantRequest
{
    /// <summary>Where they come from.</summary>
    public required GrantSource Source { get; init; }

    /// <summary>How many, above zero.</summary>
    public required Credits Amount { get; init; }

    /// <summary>When they end, in the future; null for never.</summary>
    public DateTimeOffset? ExpiresAt { get; init; }

    /// <inheritdoc cref="DeductRequest.Description"/>
    public string? Description { get; init; }

    /// <summary>The outside event that this grant answers (payment, coupon redemption, import line); 1 to 200 characters, unique for ever.</summary>
    public string? ExternalReference { get; init; }

    /// <inheritdoc cref="DeductRequest.IdempotencyKey"/>
    public string? IdempotencyKey { get; init; }
}

/// <summary>Corrects an account by hand. Above zero it adds bonus credits; below zero it takes credits away in the order of spending.</summary>
public sealed record AdjustRequest
{
    /// <summary>Signed, not zero.</summary>
    public required Credits Amount { get; init; }

    /// <summary>Why, for people; 1 to 500 characters.</summary>
    public required string Reason { get; init; }

    /// <inheritdoc cref="DeductRequest.IdempotencyKey"/>
    public string? IdempotencyKey { get; init; }
}

/// <summary>
/// Gives spent credits back to where they came from, last burned first, in sum never more than was charged. What came from a grant
/// or a month that has ended comes back as bonus that lasts to the current period's end. A full refund of a charge for records ends
/// their subscriptions. A charge of 0 has nothing to refund.
/// </summary>
public sealed record RefundRequest
{
    /// <summary>The deduction.</summary>
    public required TransactionId TransactionId { get; init; }

    /// <summary>How much, above zero; null for all that is left of the charge.</summary>
    public Credits? Amount { get; init; }

    /// <inheritdoc cref="DeductRequest.Description"/>
    public string? Description { get; init; }

    /// <inheritdoc cref="DeductRequest.IdempotencyKey"/>
    public string? IdempotencyKey { get; init; }
}

/// <summary>Opens an account on a plan of the catalogue.</summary>
public sealed record OpenAccountRequest
{
    /// <summary>A plan of the catalogue.</summary>
    public required string Plan { get; init; }

    /// <summary>
    /// The billing anchor: periods begin on its day of the month at its time of day (UTC), clamped to the month's last day. Not in the
    /// future and at most 100 years back; null for now.
    /// </summary>
    public DateTimeOffset? Anchor { get; init; }

    /// <summary>Periods that begin before this instant are paid; null where the account is not billed, so that every period grants.</summary>
    public DateTimeOffset? PaidThrough { get; init; }
}

/// <summary>Moves the instant up to which periods are paid; the current period's allotment follows where it was still owed.</summary>
public sealed record PaymentRequest
{
    /// <summary>Paid up to here; never before what was paid already.</summary>
    public required DateTimeOffset PaidThrough { get; init; }

    /// <summary>The invoice or payment; 1 to 200 characters, unique for ever.</summary>
    public required string ExternalReference { get; init; }
}
