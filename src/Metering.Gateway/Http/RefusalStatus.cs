using Microsoft.AspNetCore.Http;

namespace Metering.Gateway;

/// <summary>The one table from refusals to HTTP.</summary>
internal static class RefusalStatus
{
    /// <summary>The status and the snake_case code of a reason.</summary>
    public static (int Status, string Code) Of(RefusalReason reason) => reason switch
    {
        RefusalReason.InvalidRequest => (StatusCodes.Status400BadRequest, "invalid_request"),
        RefusalReason.AccountUnknown => (StatusCodes.Status404NotFound, "account_unknown"),
        RefusalReason.AccountExists => (StatusCodes.Status409Conflict, "account_exists"),
        RefusalReason.IdempotencyKeyReused => (StatusCodes.Status422UnprocessableEntity, "idempotency_key_reused"),
        RefusalReason.ReferenceUsed => (StatusCodes.Status409Conflict, "reference_used"),
        RefusalReason.TransactionUnknown => (StatusCodes.Status404NotFound, "transaction_unknown"),
        RefusalReason.TransactionArchived => (StatusCodes.Status410Gone, "transaction_archived"),
        RefusalReason.TransactionNotRefundable => (StatusCodes.Status422UnprocessableEntity, "transaction_not_refundable"),
        RefusalReason.RefundExceedsCharge => (StatusCodes.Status422UnprocessableEntity, "refund_exceeds_charge"),
        RefusalReason.AccountSuspended => (StatusCodes.Status403Forbidden, "account_suspended"),
        RefusalReason.AccountClosed => (StatusCodes.Status403Forbidden, "account_closed"),
        RefusalReason.AccessLevelTooLow => (StatusCodes.Status403Forbidden, "access_level_too_low"),
        RefusalReason.SubscriptionInactive => (StatusCodes.Status402PaymentRequired, "subscription_inactive"),
        RefusalReason.MaxCreditsExceeded => (StatusCodes.Status402PaymentRequired, "max_credits_exceeded"),
        RefusalReason.InsufficientCredits => (StatusCodes.Status402PaymentRequired, "insufficient_credits"),
        RefusalReason.BalanceTooLarge => (StatusCodes.Status422UnprocessableEntity, "balance_too_large"),
        RefusalReason.Overloaded => (StatusCodes.Status503ServiceUnavailable, "overloaded"),
        RefusalReason.LedgerUnavailable => (StatusCodes.Status503ServiceUnavailable, "ledger_unavailable"),
        RefusalReason.OutcomeUnknown => (StatusCodes.Status503ServiceUnavailable, "outcome_unknown"),
        _ => throw new ArgumentOutOfRangeException(nameof(reason), reason, "A reason without a status."),
    };
}
