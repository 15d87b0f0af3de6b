namespace Metering;

/// <summary>Kinds of rows in a ledger, as dialect B names them (002, "List Transactions"). The numbers are part of the stored format.</summary>
public enum TransactionType : byte
{
    /// <summary>Not a transaction.</summary>
    None = 0,

    /// <summary>Credits spent.</summary>
    Deduction = 1,

    /// <summary>A period's allotment.</summary>
    MonthlyReset = 2,

    /// <summary>Credits that ended unused.</summary>
    Expiration = 3,

    /// <summary>Bonus credits.</summary>
    Bonus = 4,

    /// <summary>Credits of a coupon.</summary>
    Coupon = 5,

    /// <summary>A correction by an operator, up or down, or a settled debt.</summary>
    Adjustment = 6,

    /// <summary>Credits bought.</summary>
    Purchase = 7,

    /// <summary>Credits topped up by an operator or automatically.</summary>
    TopUp = 8,

    /// <summary>Spent credits that came back.</summary>
    Refund = 9,

    /// <summary>Credits held for a spending to come.</summary>
    Reservation = 10,

    /// <summary>Held credits that were freed.</summary>
    Release = 11,
}

/// <summary>The names that the dialects use for <see cref="TransactionType"/>.</summary>
public static class TransactionTypes
{
    /// <summary>The name in the dialects, for example <c>MONTHLY_RESET</c>.</summary>
    /// <param name="type">The type.</param>
    /// <exception cref="ArgumentOutOfRangeException">Not a type of transaction.</exception>
    public static string ToName(this TransactionType type) => type switch
    {
        TransactionType.Deduction => "DEDUCTION",
        TransactionType.MonthlyReset => "MONTHLY_RESET",
        TransactionType.Expiration => "EXPIRATION",
        TransactionType.Bonus => "BONUS",
        TransactionType.Coupon => "COUPON",
        TransactionType.Adjustment => "ADJUSTMENT",
        TransactionType.Purchase => "PURCHASE",
        TransactionType.TopUp => "TOP_UP",
        TransactionType.Refund => "REFUND",
        TransactionType.Reservation => "RESERVATION",
        TransactionType.Release => "RELEASE",
        TransactionType.None => throw new ArgumentOutOfRangeException(nameof(type), type, "Not a type of transaction."),
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, "Not a type of transaction."),
    };
}
