namespace Metering.Core.Tests.Model;

/// <summary>A plan of the model.</summary>
internal sealed record ModelPlan(string Name, decimal Allotment, int Months, bool Unlimited);

/// <content>Status, debt, plan.</content>
internal sealed partial class ModelAccount
{
    private ModelPlan? planned;

    /// <summary>The plan that it began with, and others.</summary>
    public ModelPlan[] Plans { get; } = [new("", 0, 1, false), new("small", 10, 1, false), new("large", 250.5m, 1, false), new("year", 600, 12, false), new("free", 0, 1, true)];

    public string Plan => plan.Name;

    public string? PlannedPlan => planned?.Name;

    public DateTime LastReset { get; private set; }

    public DateTime? EndsAt { get; private set; }

    public AccountStatus Status { get; private set; }

    public decimal Owed { get; private set; }

    public decimal CreditLimit { get; private set; }

    private decimal Spendable => Balance + Math.Max(0, CreditLimit - Owed);

    /// <summary>What an account of this status, or a stricter one, does not do.</summary>
    private Verdict? Barred(AccountStatus from) => Status < from ? null
        : Status == AccountStatus.Suspended ? Verdict.Refuse(RefusalReason.AccountSuspended)
        : Verdict.Refuse(RefusalReason.AccountClosed);

    private void Note(int reference)
    {
        if (reference != 0)
        {
            references.Add(reference);
        }
    }

    private Verdict ApplySwitch(Switch step)
    {
        Status = step.Status;
        return new(null, true);
    }

    private Verdict ApplyLimit(Limit step)
    {
        if (Barred(AccountStatus.Closed) is { } barred)
        {
            return barred;
        }

        CreditLimit = step.Most;
        return new(null, true);
    }

    private Verdict ApplyRetake(Retake step, DateTime now)
    {
        if (references.Contains(step.Reference))
        {
            return Verdict.Refuse(RefusalReason.ReferenceUsed);
        }

        Note(step.Reference);
        var unspent = Math.Min(step.Amount, Balance);
        Take(unspent);
        Owed += step.Amount - unspent;
        Enter("ADJUSTMENT", -unspent, now, now);
        return new(null, true);
    }

    private Verdict ApplyReplan(Replan step, DateTime now)
    {
        DateTime? paid = step.PaidDaysAhead == 0 ? null : now.AddDays(step.PaidDaysAhead);
        var next = Plans[step.Plan];
        var withdraws = step.IsPlanned && next == plan && planned is not null;
        if ((step.IsPlanned && (paid is not null || step.IsProrated)) || paid < paidThrough || (next == plan && !withdraws))
        {
            return Verdict.Refuse(RefusalReason.InvalidRequest);
        }

        if (references.Contains(step.Reference))
        {
            return Verdict.Refuse(RefusalReason.ReferenceUsed);
        }

        if (Barred(AccountStatus.Closed) is { } barred)
        {
            return barred;
        }

        Note(step.Reference);
        EndsAt = null;
        planned = step.IsPlanned && !withdraws ? next : null;
        if (!step.IsPlanned)
        {
            Begin(next, step.IsProrated, now);
            paidThrough = paid ?? paidThrough;
        }

        return new(null, true);
    }

    private void Begin(ModelPlan next, bool isProrated, DateTime now)
    {
        var keep = Math.Min(LeftIn("monthly"), plan.Allotment);
        var kept = keep;
        foreach (var lot in lots.Where(lot => lot.Bucket == "monthly" && lot.Left > 0).OrderBy(lot => lot.Number).ToArray())
        {
            var part = Math.Min(lot.Left, keep);
            (lot.Left, keep) = (lot.Left - part, keep - part);
        }

        if (kept > 0)
        {
            AddLot("permanent", kept, null);
        }

        plan = next;
        period++;
        while (PeriodEnd <= now)
        {
            begins += plan.Months;
        }

        (UsedMonthly, UsedCarried, LastReset) = (0, 0, now);
        periodAllotment = !isProrated ? plan.Allotment
            : Math.Floor(plan.Allotment * 10_000 * (PeriodEnd - now).Ticks / (PeriodEnd - PeriodStart).Ticks) / 10_000;
    }

    private Verdict ApplyCancel(Cancel step, DateTime now)
    {
        if (Barred(AccountStatus.Closed) is { } barred)
        {
            return barred;
        }

        if (step.IsCancelled && (now >= GraceEnd || now >= EndsAt))
        {
            return Verdict.Refuse(RefusalReason.SubscriptionInactive);
        }

        if (step.IsCancelled == EndsAt is not null)
        {
            return new(null, step.Key != 0);
        }

        planned = null;
        EndsAt = !step.IsCancelled ? null : paidThrough > PeriodEnd ? paidThrough : PeriodEnd;
        return new(null, true);
    }
}
