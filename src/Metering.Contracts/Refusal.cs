namespace Metering;

/// <summary>
/// Why a request was refused. Refusals are values, not exceptions. The order is the precedence: where several apply, the earliest
/// is reported. A refused request changed nothing, except <see cref="OutcomeUnknown"/>, which says that it may have.
/// </summary>
public enum RefusalReason
{
    /// <summary>A field is missing, malformed or out of range; <see cref="Refusal.Field"/> names it.</summary>
    InvalidRequest,

    /// <summary>There is no such account.</summary>
    AccountUnknown,

    /// <summary>An account of that id exists already.</summary>
    AccountExists,

    /// <summary>The idempotency key came with another request before.</summary>
    IdempotencyKeyReused,

    /// <summary>The external reference (payment, invoice, coupon, import line) was used before; such references are unique for ever.</summary>
    ReferenceUsed,

    /// <summary>The account has no such transaction.</summary>
    TransactionUnknown,

    /// <summary>The transaction has been archived: the ledger no longer holds it.</summary>
    TransactionArchived,

    /// <summary>Only deductions can be refunded.</summary>
    TransactionNotRefundable,

    /// <summary>The refunds of one transaction would exceed what it charged.</summary>
    RefundExceedsCharge,

    /// <summary>The account is suspended: reads go on, spending waits for an operator. The message says why.</summary>
    AccountSuspended,

    /// <summary>The account is closed: nothing but reads. The message says why.</summary>
    AccountClosed,

    /// <summary>The product needs a higher access level; <see cref="Refusal.RequiredLevel"/> names it.</summary>
    AccessLevelTooLow,

    /// <summary>The paid period is over: reads go on, spending waits for a renewal.</summary>
    SubscriptionInactive,

    /// <summary>The price is above the request's own <c>maxCredits</c>.</summary>
    MaxCreditsExceeded,

    /// <summary>Not enough credits; <see cref="Refusal.Required"/> and <see cref="Refusal.Available"/> say how many.</summary>
    InsufficientCredits,

    /// <summary>The balance would leave the range that the ledger can hold.</summary>
    BalanceTooLarge,

    /// <summary>The queue is full. Nothing changed; try again after <see cref="Refusal.RetryAfter"/>.</summary>
    Overloaded,

    /// <summary>The ledger cannot be written or read now. Nothing changed; try again after <see cref="Refusal.RetryAfter"/>.</summary>
    LedgerUnavailable,

    /// <summary>
    /// It could not be learned whether the rows became durable. Ask for <see cref="Refusal.TransactionId"/> or retry with the same
    /// idempotency key.
    /// </summary>
    OutcomeUnknown,
}

/// <summary>A refused request: what was wrong, and what would be right.</summary>
/// <param name="Reason">The reason.</param>
/// <param name="Message">A sentence for people: what was wrong and what is allowed.</param>
public sealed record Refusal(RefusalReason Reason, string Message)
{
    /// <summary>The field at fault, as callers write it ("amount", "records[3].id"); null where no single one is.</summary>
    public string? Field { get; init; }

    /// <summary>What the request would have cost; null where that was not the matter.</summary>
    public Credits? Required { get; init; }

    /// <summary>What the account could have spent; null where that was not the matter.</summary>
    public Credits? Available { get; init; }

    /// <summary>The level that the product needs; null where that was not the matter.</summary>
    public AccessLevel? RequiredLevel { get; init; }

    /// <summary>
    /// The id that the transaction has if it became durable; set with <see cref="RefusalReason.OutcomeUnknown"/>, and null where the call
    /// charges nothing and so has no transaction.
    /// </summary>
    public TransactionId? TransactionId { get; init; }

    /// <summary>When a retry makes sense; null where it does not by itself.</summary>
    public TimeSpan? RetryAfter { get; init; }

    /// <summary>A refusal for a malformed field.</summary>
    /// <param name="field">The field as callers write it.</param>
    /// <param name="message">What was wrong and what is allowed.</param>
    public static Refusal Invalid(string field, string message) => new(RefusalReason.InvalidRequest, message) { Field = field };
}
