namespace Metering.Engine;

/// <summary>A plan as it was configured from an instant on.</summary>
/// <param name="Number">1 for the first version of the plan, then 2, 3, …</param>
/// <param name="Plan">The plan.</param>
/// <param name="RecordedAt">When a process first ran with it, UTC, whole milliseconds.</param>
public sealed record PlanVersion(int Number, Plan Plan, DateTimeOffset RecordedAt)
{
    /// <summary>True where an account that came to the plan under this version has these terms.</summary>
    /// <param name="balance">The account's balance, which shows its terms.</param>
    public bool HasTermsOf(Balance balance)
    {
        ArgumentNullException.ThrowIfNull(balance);
        return Plan.Id == balance.Plan && Plan.MonthlyCredits == balance.MonthlyAllotment && Plan.Unlimited == balance.Unlimited && Plan.Level == balance.Level;
    }
}

/// <summary>
/// The history of configured plans. Accounts keep the terms that they came with; this table names them. Safe for concurrent use, also by several
/// processes on one database.
/// </summary>
/// <remarks>All members throw <see cref="LedgerUnavailableException"/> where the store cannot serve now.</remarks>
public interface IPlanVersionStore
{
    /// <summary>Records each plan whose last version is another one; a plan that did not change gets no new version.</summary>
    ValueTask RecordAsync(IReadOnlyCollection<Plan> plans, DateTimeOffset now, CancellationToken cancellationToken = default);

    /// <summary>The versions of a plan, newest first; none for a plan that never was configured.</summary>
    ValueTask<IReadOnlyList<PlanVersion>> ListAsync(string plan, CancellationToken cancellationToken = default);
}
