using Metering.Core;

namespace Metering.Simulation;

/// <summary>Kinds of lines, as the model thinks of them.</summary>
internal enum LineKind
{
    Opened,
    PeriodStarted,
    Paid,
    AnswerKept,
    Granted,
    Spent,
    Removed,
    Refunded,
    Checkpoint,
    Visited,
    Status,
    Limit,
    Extended,
    TakenBack,
    Settled,
    PlanChanged,
    Planned,
    Cancellation,
    Brought,
}

/// <summary>The model's buckets, in the order of spending.</summary>
internal enum ModelBucket
{
    Bonus,
    Monthly,
    Permanent,
}

/// <summary>A part of a grant.</summary>
/// <param name="Grant">The grant's number: the sequence of the line that made it.</param>
internal readonly record struct ModelPart(long Grant, ModelBucket Bucket, decimal Amount, DateTimeOffset? Ends)
{
    public override string ToString() => $"{Bucket}#{Grant} {Text.Of(Amount)} until {Text.Of(Ends)}";
}

/// <summary>A subscription that a line starts or ends. Ended ones come without their names.</summary>
internal readonly record struct ModelStart(string Type, string Id, DateOnly LastDay);

/// <summary>
/// One line of a ledger in neutral form: what the engine wrote and what the model expects are compared as text, so that any difference
/// shows. The tag is the engine's own choice.
/// </summary>
internal sealed record LedgerLine
{
    public required LineKind Kind { get; init; }

    public required long Sequence { get; init; }

    public required long Number { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public required DateTimeOffset AppliedAt { get; init; }

    public TransactionType Type { get; init; }

    public decimal Amount { get; init; }

    public decimal BalanceAfter { get; init; }

    /// <summary>What it takes from or gives to which grant.</summary>
    public IReadOnlyList<ModelPart> Parts { get; init; } = [];

    public string Description { get; init; } = string.Empty;

    public string? Reference { get; init; }

    public string? Product { get; init; }

    public long? Quantity { get; init; }

    public IReadOnlyList<ModelStart> Starts { get; init; } = [];

    public IReadOnlyList<DateOnly> EndedRecords { get; init; } = [];

    public long? RefundOf { get; init; }

    /// <summary>What it adds to what is owed.</summary>
    public decimal Debt { get; init; }

    /// <summary>The hash of the idempotency key, in hex; null for none.</summary>
    public string? Key { get; init; }

    /// <summary>The hash of the external reference, in hex; null for none.</summary>
    public string? External { get; init; }

    /// <summary>A period's number, an opening's terms, a payment's date: what only some kinds have.</summary>
    public string Detail { get; init; } = string.Empty;

    public override string ToString() =>
        $"{Sequence} {Kind} #{Number} {Type} amount={Text.Of(Amount)} after={Text.Of(BalanceAfter)} created={Text.Of(CreatedAt)} applied={Text.Of(AppliedAt)} " +
        $"parts=[{string.Join(", ", Parts)}] '{Description}' reference='{Reference}' product={Product} quantity={Quantity} " +
        $"starts=[{string.Join(", ", Starts)}] ends=[{string.Join(", ", EndedRecords)}] refundOf={RefundOf} debt={Text.Of(Debt)} key={Key} external={External} {Detail}";

    /// <summary>The neutral form of an entry.</summary>
    public static LedgerLine Of(Entry entry)
    {
        var line = new LedgerLine
        {
            Kind = KindOf(entry),
            Sequence = entry.Sequence,
            Number = entry.TransactionNumber,
            CreatedAt = entry.CreatedAt,
            AppliedAt = entry.AppliedAt,
            Key = entry.Key is { } key ? Hex(key.Id) : null,
        };
        if (entry is TransactionEntry transaction)
        {
            line = line with
            {
                Type = transaction.Type,
                Amount = transaction.Amount.ToDecimal(),
                BalanceAfter = transaction.BalanceAfter.ToDecimal(),
                Description = transaction.Description,
                Reference = transaction.Reference,
            };
        }

        return entry switch
        {
            AccountOpened opened => line with { Detail = OpenedDetail(opened.Terms.Plan, opened.Anchor, opened.PaidThrough, opened.Period) },
            PeriodStarted started => line with { Detail = $"period {started.Period}" },
            PaymentRecorded payment => line with { Detail = PaidDetail(payment.PaidThrough), External = Hex(payment.ExternalReference) },
            CreditsGranted granted => line with
            {
                Parts = [new(granted.Sequence, (ModelBucket)granted.Bucket, granted.Granted.ToDecimal(), granted.ExpiresAt)],
                External = granted.ExternalReference == 0 ? null : Hex(granted.ExternalReference),
            },
            CreditsSpent spent => line with
            {
                Parts = Of(spent.Burns),
                Product = spent.Product,
                Quantity = spent.Quantity,
                Starts = [.. spent.Records.Select(record => new ModelStart(record.Type, record.Id, DayOf(record.LastDay)))],
            },
            Checkpoint checkpoint => line with { Detail = CheckpointDetail(checkpoint.Point.Through, checkpoint.Point.Transactions, checkpoint.Point.Bonus.ToDecimal(), checkpoint.Point.Monthly.ToDecimal(), checkpoint.Point.Permanent.ToDecimal()) },
            RecordsVisited visited => line with
            {
                Starts = [.. visited.Records.Select(record => new ModelStart(record.Type, record.Id, DayOf(record.LastDay)))],
                Detail = VisitedDetail(visited.SeenAt),
            },
            RecordsStarted started => line with
            {
                Starts = [.. started.Records.Select(record => new ModelStart(record.Type, record.Id, DayOf(record.LastDay)))],
                External = Hex(started.ExternalReference),
            },
            StatusChanged changed => line with { Detail = $"{changed.Status} '{changed.Reason}'" },
            CreditLimitChanged changed => line with { Detail = $"limit {Text.Of(changed.Limit)}" },
            CreditExtended extended => line with { Parts = [new(extended.Sequence, ModelBucket.Permanent, extended.Extended.ToDecimal(), null)], Debt = extended.Extended.ToDecimal() },
            CreditsTakenBack taken => line with { Parts = Of(taken.Burns), Debt = taken.AddedToDebt.ToDecimal(), External = Hex(taken.ExternalReference), Detail = $"owed {Text.Of(taken.OwedAfter)}" },
            DebtSettled settled => line with { Parts = Of(settled.Burns), Debt = -settled.Settled.ToDecimal() },
            PlanChanged changed => line with
            {
                Parts = Of(changed.Kept),
                External = changed.ExternalReference == 0 ? null : Hex(changed.ExternalReference),
                Detail = PlanDetail(changed.PreviousPlan, changed.Terms.Plan, changed.Period, changed.PeriodOffset, changed.PeriodAllotment.ToDecimal(), changed.PaidThrough),
            },
            PlanChangePlanned planned => line with
            {
                External = planned.ExternalReference == 0 ? null : Hex(planned.ExternalReference),
                Detail = PlannedDetail(planned.PreviousPlan, planned.Terms?.Plan, planned.MonthlyCredits.ToDecimal(), planned.EffectiveAt),
            },
            CancellationChanged changed => line with { Detail = $"ends {Text.Of(changed.EndsAt)}" },
            CreditsRemoved removed => line with { Parts = Of(removed.Burns) },
            CreditsRefunded refunded => line with
            {
                Parts = Of(refunded.Restored),
                RefundOf = refunded.RefundOf,
                EndedRecords = [.. refunded.EndedRecords.Select(record => DayOf(record.LastDay))],
            },
            _ => line,
        };
    }

    public static string OpenedDetail(string plan, DateTimeOffset anchor, DateTimeOffset? paidThrough, int period) =>
        $"{plan} anchor {Text.Of(anchor)} paid {Text.Of(paidThrough)} period {period}";

    public static string PaidDetail(DateTimeOffset paidThrough) => $"paid through {Text.Of(paidThrough)}";

    public static string PlanDetail(string previous, string plan, int period, int offset, decimal granted, DateTimeOffset? paidThrough) =>
        $"{previous} to {plan} period {period} offset {offset} granted {Text.Of(granted)} paid {Text.Of(paidThrough)}";

    public static string PlannedDetail(string previous, string? plan, decimal monthly, DateTimeOffset at) => $"{previous} to {plan ?? "none"} monthly {Text.Of(monthly)} at {Text.Of(at)}";

    public static string VisitedDetail(DateTimeOffset seenAt) => $"seen {Text.Of(seenAt)}";

    public static string CheckpointDetail(long through, long number, decimal bonus, decimal monthly, decimal permanent) =>
        $"through {through} #{number} bonus/monthly/permanent={Text.Of(bonus)}/{Text.Of(monthly)}/{Text.Of(permanent)}";

    private static LineKind KindOf(Entry entry) => entry switch
    {
        AccountOpened => LineKind.Opened,
        PeriodStarted => LineKind.PeriodStarted,
        PaymentRecorded => LineKind.Paid,
        AnswerKept => LineKind.AnswerKept,
        CreditsGranted => LineKind.Granted,
        CreditsSpent => LineKind.Spent,
        CreditsRemoved => LineKind.Removed,
        CreditsRefunded => LineKind.Refunded,
        Checkpoint => LineKind.Checkpoint,
        RecordsVisited => LineKind.Visited,
        StatusChanged => LineKind.Status,
        CreditLimitChanged => LineKind.Limit,
        CreditExtended => LineKind.Extended,
        CreditsTakenBack => LineKind.TakenBack,
        DebtSettled => LineKind.Settled,
        PlanChanged => LineKind.PlanChanged,
        PlanChangePlanned => LineKind.Planned,
        CancellationChanged => LineKind.Cancellation,
        RecordsStarted => LineKind.Brought,
        _ => throw new InvalidOperationException($"The model knows no {entry.GetType().Name}."),
    };

    private static ModelPart[] Of(Burn[] burns) => [.. burns.Select(burn => new ModelPart(burn.Grant, (ModelBucket)burn.Bucket, burn.Amount.ToDecimal(), burn.ExpiresAt))];

    private static DateOnly DayOf(RecordDay lastDay) => DateOnly.FromDateTime(lastDay.End.UtcDateTime).AddDays(-1);

    private static string Hex(UInt128 value) => value.ToString("x32", System.Globalization.CultureInfo.InvariantCulture);
}
