using Metering.Core;

namespace Metering.Engine;

/// <summary>Versions of plans in the directory's database.</summary>
internal sealed class SqlPlanVersionStore(IDirectorySql sql) : IPlanVersionStore
{
    private const string Select =
        "SELECT version, plan, name, allotment, period_months, unlimited, level, recorded_at FROM metering.plan_versions WHERE plan = $1 ORDER BY version DESC";

    public async ValueTask RecordAsync(IReadOnlyCollection<Plan> plans, DateTimeOffset now, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(plans);
        foreach (var plan in plans.Select(TermsOf))
        {
            // The key decides where two processes record the same change: the second one's row is there already.
            await sql.CommitAsync(
                async transaction =>
                {
                    var last = (await transaction.RunAsync(Select, [SqlValue.Of(plan.Id)], VersionOf)).FirstOrDefault();
                    return last?.Plan == plan || (await transaction.RunAsync(
                        """
                        INSERT INTO metering.plan_versions (plan, version, name, allotment, period_months, unlimited, level, recorded_at)
                        VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (plan, version) DO NOTHING RETURNING 1
                        """,
                        [
                            SqlValue.Of(plan.Id), SqlValue.Of((last?.Number ?? 0) + 1), SqlValue.Of(plan.Name), SqlValue.Of(plan.MonthlyCredits.TenThousandths),
                            SqlValue.Of(plan.PeriodMonths), SqlValue.Of(plan.Unlimited ? 1 : 0), SqlValue.Of(plan.Level.ToName()), SqlValue.Of(now),
                        ],
                        _ => true)).Count > 0;
                },
                cancellationToken);
        }
    }

    public async ValueTask<IReadOnlyList<PlanVersion>> ListAsync(string plan, CancellationToken cancellationToken = default) =>
        await sql.ReadAsync(Select, [SqlValue.Of(plan)], VersionOf, cancellationToken);

    // Limits a key are the configuration's at every moment, and no terms of the accounts that came to the plan.
    private static Plan TermsOf(Plan plan) => plan with { RequestsPerMinute = null, RequestsPerDay = null };

    private static PlanVersion VersionOf(ISqlRow row) => new(
        (int)row.Whole(0),
        new()
        {
            Id = row.Required(1),
            Name = row.Required(2),
            MonthlyCredits = new(row.Whole(3)),
            PeriodMonths = (int)row.Whole(4),
            Unlimited = row.Whole(5) != 0,
            Level = AccessLevels.TryParse(row.Required(6), out var level)
                ? level
                : throw new LedgerFormatException($"Version {row.Whole(0)} of plan {row.Required(1)} has the unknown access level \"{row.Required(6)}\"."),
        },
        row.Time(7)!.Value);
}
