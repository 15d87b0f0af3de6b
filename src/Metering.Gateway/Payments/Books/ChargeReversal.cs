namespace Metering.Gateway.Payments;

/// <summary>
/// How far the credits of a charge are taken back. It follows what the provider says went back to the customer, up for a refund or a dispute,
/// down for a dispute that was won, in steps that are written down before the ledger is, so that what was begun is ended under the same reference.
/// </summary>
internal sealed record ChargeReversal
{
    public const string Kind = "charge-reversal";

    public required string Account { get; init; }

    public required string ChargeId { get; init; }

    /// <summary>The purchase of credits, or the invoice, that the charge paid.</summary>
    public required string Paid { get; init; }

    public required long AmountCents { get; init; }

    /// <summary>What the charge granted, in ten-thousandths of a credit.</summary>
    public required long Granted { get; init; }

    /// <summary>The transaction that granted it; null where nobody knows.</summary>
    public string? GrantedBy { get; init; }

    /// <summary>True where it was a period's allotment: what is given back of it ends with the period.</summary>
    public bool IsAllotment { get; init; }

    /// <summary>Cents of the charge that went back to the customer, as far as the ledger has followed.</summary>
    public long ReversedCents { get; init; }

    /// <summary>What is taken back in sum, in ten-thousandths.</summary>
    public long TakenBack { get; init; }

    /// <summary>What of it was spent already and became a debt, in ten-thousandths, given back or not.</summary>
    public long AddedToDebt { get; init; }

    /// <summary>Steps that are done.</summary>
    public int Steps { get; init; }

    /// <summary>The step under way; null for none.</summary>
    public ReversalStep? Begun { get; init; }

    public required DateTimeOffset ChangedAt { get; init; }

    /// <summary>Its id: an account's reversals lie beside each other.</summary>
    public string Id => IdPrefix(Account) + ChargeId;

    public static string IdPrefix(string account) => account + "/";

    public static string ChargeKey(string chargeId) => $"charge:{chargeId}";
}

/// <summary>A step of a reversal.</summary>
/// <param name="ToCents">Cents of the charge that are with the customer after it.</param>
/// <param name="Amount">What it takes back, in ten-thousandths; below zero what it gives back.</param>
internal sealed record ReversalStep(long ToCents, long Amount);
