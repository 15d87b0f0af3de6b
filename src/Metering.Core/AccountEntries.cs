namespace Metering.Core;

/// <summary>The account was suspended, closed or reopened.</summary>
public sealed class StatusChanged : Entry
{
    /// <summary>The status from now on.</summary>
    public required AccountStatus Status { get; init; }

    /// <summary>Why; empty only for <see cref="AccountStatus.Active"/>. A fact: every refusal tells it.</summary>
    public required string Reason { get; init; }
}

/// <summary>How much spending may owe was set.</summary>
public sealed class CreditLimitChanged : Entry
{
    /// <summary>The most, 0 or more.</summary>
    public required Credits Limit { get; init; }
}

/// <summary>
/// Credits that a spending needs beyond the balance, as a permanent grant numbered by this entry's sequence; owed from now on. The
/// spending follows in the same commit.
/// </summary>
public sealed class CreditExtended : TransactionEntry
{
    /// <summary>What such a row says to people.</summary>
    public const string Text = "Credit extended";

    /// <summary>How many, above zero.</summary>
    public required Credits Extended { get; init; }

    /// <inheritdoc />
    public override TransactionType Type => TransactionType.Adjustment;

    /// <inheritdoc />
    public override Credits Amount => Extended;
}

/// <summary>Credits were taken back whose payment was refunded or disputed; what was spent of them is owed.</summary>
public sealed class CreditsTakenBack : TransactionEntry
{
    /// <summary>What was unspent, 0 or more: the sum of <see cref="Burns"/>.</summary>
    public required Credits Removed { get; init; }

    /// <summary>Where it was.</summary>
    public required Burn[] Burns { get; init; }

    /// <summary>What was spent already, 0 or more; above zero only where nothing is left that could be spent.</summary>
    public required Credits AddedToDebt { get; init; }

    /// <summary>All that is owed after it.</summary>
    public required Credits OwedAfter { get; init; }

    /// <summary>The hash of the outside event, unique for ever.</summary>
    public required UInt128 ExternalReference { get; init; }

    /// <inheritdoc />
    public override TransactionType Type => TransactionType.Adjustment;

    /// <inheritdoc />
    public override Credits Amount => -Removed;
}

/// <summary>Credits that came settled what was owed. Due by itself as soon as something is owed and something can be spent.</summary>
public sealed class DebtSettled : TransactionEntry
{
    /// <summary>How many, above zero: the sum of <see cref="Burns"/>.</summary>
    public required Credits Settled { get; init; }

    /// <summary>Where they were.</summary>
    public required Burn[] Burns { get; init; }

    /// <inheritdoc />
    public override TransactionType Type => TransactionType.Adjustment;

    /// <inheritdoc />
    public override Credits Amount => -Settled;
}

/// <summary>
/// The account is on another plan from now on: a new period with a window of its own begins, which its allotment follows. Unused credits of
/// the allotment before became one permanent grant, numbered by this entry's sequence, so the balance is as before.
/// </summary>
public sealed class PlanChanged : Entry
{
    /// <summary>The plan before.</summary>
    public required string PreviousPlan { get; init; }

    /// <summary>What the account is promised now.</summary>
    public required PlanTerms Terms { get; init; }

    /// <summary>The number of the period that begins.</summary>
    public required int Period { get; init; }

    /// <summary>Months from the anchor to the beginning of the period of number 0.</summary>
    public required int PeriodOffset { get; init; }

    /// <summary>What of the allotment this period is granted: all of it, or the part that is left of the period.</summary>
    public required Credits PeriodAllotment { get; init; }

    /// <summary>The credits of the allotment before that stay for good.</summary>
    public required Burn[] Kept { get; init; }

    /// <summary>Paid up to here; null where the account is not billed.</summary>
    public required DateTimeOffset? PaidThrough { get; init; }

    /// <summary>The hash of the outside event, unique for ever; zero for none.</summary>
    public required UInt128 ExternalReference { get; init; }
}

/// <summary>A change of plan at the period's end was planned, replaced or withdrawn.</summary>
public sealed class PlanChangePlanned : Entry
{
    /// <summary>The plan until then.</summary>
    public required string PreviousPlan { get; init; }

    /// <summary>What the account is promised from then on; null where the change is withdrawn.</summary>
    public required PlanTerms? Terms { get; init; }

    /// <summary>The allotment from then on: that of the planned terms, or of those that stay.</summary>
    public required Credits MonthlyCredits { get; init; }

    /// <summary>The end of the current period.</summary>
    public required DateTimeOffset EffectiveAt { get; init; }

    /// <summary>The hash of the outside event, unique for ever; zero for none.</summary>
    public required UInt128 ExternalReference { get; init; }
}

/// <summary>The subscription was cancelled, or the cancellation taken back.</summary>
public sealed class CancellationChanged : Entry
{
    /// <summary>When it ends: the later of the period's end and what is paid; null where it goes on.</summary>
    public required DateTimeOffset? EndsAt { get; init; }
}
