namespace Metering.Core;

/// <summary>The figures that callers see, as of one decision. A struct, because every decision carries one.</summary>
internal readonly struct BalanceView(AccountState state)
{
    private readonly PlanTerms terms = state.Terms;
    private readonly Credits monthly = state.Grants.Monthly;
    private readonly Credits bonus = state.Grants.Bonus;
    private readonly Credits permanent = state.Grants.Permanent;
    private readonly Credits held = state.Held;
    private readonly Credits usedMonthly = state.UsedMonthly;
    private readonly Credits usedCarried = state.UsedCarried;
    private readonly int resetDay = state.Anchor.Day;
    private readonly DateTimeOffset lastResetAt = state.LastResetAt;
    private readonly DateTimeOffset periodEnd = state.PeriodEnd;
    private readonly DateTimeOffset? paidThrough = state.PaidThrough;

    public long Sequence { get; } = state.Sequence;

    public long Transactions { get; } = state.TransactionNumber;

    public DateTimeOffset NextDue { get; } = state.NextDue;

    public DateTimeOffset LastAppliedAt { get; } = state.LastAppliedAt;

    public bool IsOpen => Sequence > 0;

    public Balance ToBalance() => new()
    {
        Plan = terms.Plan,
        Unlimited = terms.Unlimited,
        Level = terms.Level,
        MonthlyAllotment = terms.Allotment,
        Monthly = monthly,
        Bonus = bonus,
        Permanent = permanent,
        Held = held,
        UsedMonthly = usedMonthly,
        UsedCarried = usedCarried,
        ResetDay = resetDay,
        LastResetAt = lastResetAt,
        PeriodEnd = periodEnd,
        PaidThrough = paidThrough,
        Sequence = Sequence,
    };
}
