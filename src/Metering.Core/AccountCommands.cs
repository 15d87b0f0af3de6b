namespace Metering.Core;

/// <summary>Suspends, closes or reopens the account.</summary>
public sealed class SetStatus : Command
{
    /// <summary>The status from now on.</summary>
    public required AccountStatus Status { get; init; }

    /// <summary>Why; empty only for <see cref="AccountStatus.Active"/>.</summary>
    public required string Reason { get; init; }
}

/// <summary>Sets how much spending may owe.</summary>
public sealed class SetCreditLimit : Command
{
    /// <summary>The most, 0 or more.</summary>
    public required Credits Limit { get; init; }
}

/// <summary>Takes credits back whose payment was refunded or disputed.</summary>
public sealed class TakeBack : Command
{
    /// <summary>How many, above zero.</summary>
    public required Credits Amount { get; init; }

    /// <summary>Why.</summary>
    public required string Reason { get; init; }

    /// <summary>The outside event.</summary>
    public required string Reference { get; init; }

    /// <summary>The hash of the outside event.</summary>
    public required UInt128 ExternalReference { get; init; }

    /// <summary>The number of the grant that they came from, the sequence of its entry; 0 for none.</summary>
    public long Grant { get; init; }

    /// <summary>True where the ledger held that grant's transaction and it was archived, so that <see cref="Grant"/> is not known.</summary>
    public bool IsGrantArchived { get; init; }
}

/// <summary>Puts the account on another plan, now or at the period's end.</summary>
public sealed class ChangePlan : Command
{
    /// <summary>The plan's terms.</summary>
    public required PlanTerms Terms { get; init; }

    /// <summary>When it takes effect.</summary>
    public PlanChangeTime When { get; init; }

    /// <summary>How much of the allotment a change now grants.</summary>
    public PlanAllotment Allotment { get; init; }

    /// <summary>Paid up to here; null leaves it.</summary>
    public DateTimeOffset? PaidThrough { get; init; }

    /// <summary>The hash of the outside event; zero for none.</summary>
    public UInt128 ExternalReference { get; init; }
}

/// <summary>Cancels the subscription at the end of what is paid, or takes the cancellation back.</summary>
public sealed class SetCancellation : Command
{
    /// <summary>True to cancel, false to resume.</summary>
    public required bool IsCancelled { get; init; }
}
