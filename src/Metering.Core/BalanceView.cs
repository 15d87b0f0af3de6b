namespace Metering.Core;

/// <summary>The figures that callers see, as of one decision. A struct, because every decision carries one.</summary>
internal readonly struct BalanceView(AccountState state)
{
    private readonly PeriodFigures figures = state.PeriodFigures;
    private readonly Credits monthly = state.Grants.Monthly;
    private readonly Credits bonus = state.Grants.Bonus;
    private readonly Credits permanent = state.Grants.Permanent;
    private readonly Credits held = state.Held;
    private readonly Credits usedMonthly = state.UsedMonthly;
    private readonly Credits usedCarried = state.UsedCarried;
    private readonly Credits owed = state.Owed;

    public long Sequence { get; } = state.Sequence;

    public long Transactions { get; } = state.TransactionNumber;

    public DateTimeOffset NextDue { get; } = state.NextDue;

    public bool IsOpen => Sequence > 0;

    /// <param name="grace">How long an account whose period was not paid goes on spending.</param>
    public Balance ToBalance(TimeSpan grace = default) => new()
    {
        Plan = figures.Terms.Plan,
        Unlimited = figures.Terms.Unlimited,
        Level = figures.Terms.Level,
        MonthlyAllotment = figures.Terms.Allotment,
        Monthly = monthly,
        Bonus = bonus,
        Permanent = permanent,
        Held = held,
        UsedMonthly = usedMonthly,
        UsedCarried = usedCarried,
        ResetDay = figures.ResetDay,
        LastResetAt = figures.LastResetAt,
        PeriodEnd = figures.PeriodEnd,
        PaidThrough = figures.PaidThrough,
        GraceEndsAt = figures is { PaidThrough: { } paid, EndsAt: null, Status: AccountStatus.Active } && grace > TimeSpan.Zero ? Account.GraceEnd(paid, grace) : null,
        Sequence = Sequence,
        Status = figures.Status,
        StatusReason = figures.StatusReason,
        EndsAt = figures.EndsAt,
        PlannedPlan = figures.PlannedPlan,
        CreditLimit = figures.CreditLimit,
        Owed = owed,
    };
}

/// <summary>The figures that change with periods, payments and the account's own settings only, shared by all views in between.</summary>
internal sealed class PeriodFigures(AccountState state)
{
    public PlanTerms Terms { get; } = state.Terms;

    public int ResetDay { get; } = state.Anchor.Day;

    public DateTimeOffset LastResetAt { get; } = state.LastResetAt;

    public DateTimeOffset PeriodEnd { get; } = state.PeriodEnd;

    public DateTimeOffset? PaidThrough { get; } = state.PaidThrough;

    public DateTimeOffset? EndsAt { get; } = state.EndsAt;

    public string? PlannedPlan { get; } = state.PlannedTerms?.Plan;

    public AccountStatus Status { get; } = state.Status;

    public string StatusReason { get; } = state.StatusReason;

    public Credits CreditLimit { get; } = state.CreditLimit;
}
