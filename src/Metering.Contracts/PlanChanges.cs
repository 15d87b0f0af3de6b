namespace Metering;

/// <summary>When a change of plan takes effect. The numbers are part of the stored format.</summary>
public enum PlanChangeTime : byte
{
    /// <summary>At once: a new window of used credits begins, unused credits of the allotment stay for good, the new plan's are granted.</summary>
    Now = 0,

    /// <summary>At the end of the current period; until then it can be replaced or withdrawn.</summary>
    PeriodEnd = 1,
}

/// <summary>How much of the new plan's allotment a change now grants.</summary>
public enum PlanAllotment
{
    /// <summary>All of it.</summary>
    Whole,

    /// <summary>The part that is left of the period, rounded down to a ten-thousandth.</summary>
    Prorated,
}

/// <summary>
/// Puts an account on another plan. The billing day stays; a plan with another length of periods begins with the current month or year now, or
/// at the period's end. The account keeps the plan's terms as they are at this moment. Whatever was planned or cancelled before is
/// replaced.
/// </summary>
public sealed record ChangePlanRequest
{
    /// <summary>
    /// A plan of the catalogue. The account's own plan, at the period's end, withdraws a planned change to another, and the account keeps the terms that
    /// it has; otherwise it can be taken anew where its terms have changed.
    /// </summary>
    public required string Plan { get; init; }

    /// <summary>When it takes effect.</summary>
    public PlanChangeTime When { get; init; }

    /// <summary>How much is granted; only for <see cref="PlanChangeTime.Now"/>.</summary>
    public PlanAllotment Allotment { get; init; }

    /// <summary>Paid up to here, never before what was paid already; null leaves it. Only for <see cref="PlanChangeTime.Now"/>.</summary>
    public DateTimeOffset? PaidThrough { get; init; }

    /// <summary>The outside event (invoice); 1 to 200 characters, unique for ever; null for none.</summary>
    public string? ExternalReference { get; init; }

    /// <inheritdoc cref="DeductRequest.IdempotencyKey"/>
    public string? IdempotencyKey { get; init; }
}

/// <summary>What a change of plan came to.</summary>
/// <param name="PreviousPlan">The plan before.</param>
/// <param name="Plan">The plan from <paramref name="EffectiveAt"/> on; the same as before where a planned change was withdrawn.</param>
/// <param name="EffectiveAt">Now, or the end of the current period.</param>
/// <param name="MonthlyCredits">The new plan's allotment a period.</param>
/// <param name="CreditsGranted">What this change grants of it for the current period; 0 for a planned change.</param>
/// <param name="PermanentCreditsAdded">Unused credits of the old allotment that stay for good; at most that allotment.</param>
public sealed record PlanChange(
    string PreviousPlan, string Plan, DateTimeOffset EffectiveAt, Credits MonthlyCredits, Credits CreditsGranted, Credits PermanentCreditsAdded);

/// <summary>Cancels a subscription at the end of what is paid, or takes the cancellation back.</summary>
public sealed record SubscriptionRequest
{
    /// <inheritdoc cref="DeductRequest.IdempotencyKey"/>
    public string? IdempotencyKey { get; init; }
}
