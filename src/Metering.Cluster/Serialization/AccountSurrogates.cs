namespace Metering.Cluster;

/// <summary>What version 1 does not know is left out where it is what that version takes for granted, so that both write the same.</summary>
[GenerateSerializer, Immutable, Alias("metering.balance"), OmitDefaultMemberValues]
internal struct BalanceSurrogate
{
    [Id(0)]
    public string Plan;

    [Id(1)]
    public bool Unlimited;

    [Id(2)]
    public AccessLevel Level;

    [Id(3)]
    public Credits MonthlyAllotment;

    [Id(4)]
    public Credits Monthly;

    [Id(5)]
    public Credits Bonus;

    [Id(6)]
    public Credits Permanent;

    [Id(7)]
    public Credits Held;

    [Id(8)]
    public Credits UsedMonthly;

    [Id(9)]
    public Credits UsedCarried;

    [Id(10)]
    public int ResetDay;

    [Id(11)]
    public DateTimeOffset LastResetAt;

    [Id(12)]
    public DateTimeOffset PeriodEnd;

    [Id(13)]
    public DateTimeOffset? PaidThrough;

    [Id(14)]
    public long Sequence;

    [Id(15)]
    public AccountStatus Status;

    [Id(16)]
    public string? StatusReason;

    [Id(17)]
    public DateTimeOffset? EndsAt;

    [Id(18)]
    public string? PlannedPlan;

    [Id(19)]
    public Credits CreditLimit;

    [Id(20)]
    public Credits Owed;

    [Id(21)]
    public DateTimeOffset? GraceEndsAt;
}

[RegisterConverter]
internal sealed class BalanceConverter : IConverter<Balance, BalanceSurrogate>
{
    public Balance ConvertFromSurrogate(in BalanceSurrogate surrogate) => new()
    {
        Plan = surrogate.Plan,
        Unlimited = surrogate.Unlimited,
        Level = surrogate.Level,
        MonthlyAllotment = surrogate.MonthlyAllotment,
        Monthly = surrogate.Monthly,
        Bonus = surrogate.Bonus,
        Permanent = surrogate.Permanent,
        Held = surrogate.Held,
        UsedMonthly = surrogate.UsedMonthly,
        UsedCarried = surrogate.UsedCarried,
        ResetDay = surrogate.ResetDay,
        LastResetAt = surrogate.LastResetAt,
        PeriodEnd = surrogate.PeriodEnd,
        PaidThrough = surrogate.PaidThrough,
        Sequence = surrogate.Sequence,
        Status = surrogate.Status,
        StatusReason = surrogate.StatusReason ?? string.Empty,
        EndsAt = surrogate.EndsAt,
        PlannedPlan = surrogate.PlannedPlan,
        CreditLimit = surrogate.CreditLimit,
        Owed = surrogate.Owed,
        GraceEndsAt = surrogate.GraceEndsAt,
    };

    public BalanceSurrogate ConvertToSurrogate(in Balance value) => new()
    {
        Plan = value.Plan,
        Unlimited = value.Unlimited,
        Level = value.Level,
        MonthlyAllotment = value.MonthlyAllotment,
        Monthly = value.Monthly,
        Bonus = value.Bonus,
        Permanent = value.Permanent,
        Held = value.Held,
        UsedMonthly = value.UsedMonthly,
        UsedCarried = value.UsedCarried,
        ResetDay = value.ResetDay,
        LastResetAt = value.LastResetAt,
        PeriodEnd = value.PeriodEnd,
        PaidThrough = value.PaidThrough,
        Sequence = value.Sequence,
        Status = value.Status,
        StatusReason = value.StatusReason.Length > 0 ? value.StatusReason : null,
        EndsAt = value.EndsAt,
        PlannedPlan = value.PlannedPlan,
        CreditLimit = value.CreditLimit,
        Owed = value.Owed,
        GraceEndsAt = value.GraceEndsAt,
    };
}

[GenerateSerializer, Immutable, Alias("metering.transaction")]
internal struct TransactionSurrogate
{
    [Id(0)]
    public TransactionId Id;

    [Id(1)]
    public TransactionType Type;

    [Id(2)]
    public Credits Amount;

    [Id(3)]
    public Credits Credits;

    [Id(4)]
    public string Description;

    [Id(5)]
    public string? Reference;

    [Id(6)]
    public string? Product;

    [Id(7)]
    public long? Quantity;

    [Id(8)]
    public Burned Buckets;

    [Id(9)]
    public long? RefundOfNumber;

    [Id(10)]
    public DateTimeOffset CreatedAt;

    [Id(11)]
    public DateTimeOffset AppliedAt;
}

[RegisterConverter]
internal sealed class TransactionConverter : IConverter<Transaction, TransactionSurrogate>
{
    public Transaction ConvertFromSurrogate(in TransactionSurrogate surrogate) => new()
    {
        Id = surrogate.Id,
        Type = surrogate.Type,
        Amount = surrogate.Amount,
        Credits = surrogate.Credits,
        Description = surrogate.Description,
        Reference = surrogate.Reference,
        Product = surrogate.Product,
        Quantity = surrogate.Quantity,
        Buckets = surrogate.Buckets,
        RefundOfNumber = surrogate.RefundOfNumber,
        CreatedAt = surrogate.CreatedAt,
        AppliedAt = surrogate.AppliedAt,
    };

    public TransactionSurrogate ConvertToSurrogate(in Transaction value) => new()
    {
        Id = value.Id,
        Type = value.Type,
        Amount = value.Amount,
        Credits = value.Credits,
        Description = value.Description,
        Reference = value.Reference,
        Product = value.Product,
        Quantity = value.Quantity,
        Buckets = value.Buckets,
        RefundOfNumber = value.RefundOfNumber,
        CreatedAt = value.CreatedAt,
        AppliedAt = value.AppliedAt,
    };
}

[GenerateSerializer, Immutable, Alias("metering.transaction-page")]
internal struct TransactionPageSurrogate
{
    [Id(0)]
    public Transaction[] Items;

    [Id(1)]
    public long Total;

    [Id(2)]
    public long? NextBefore;
}

[RegisterConverter]
internal sealed class TransactionPageConverter : IConverter<TransactionPage, TransactionPageSurrogate>
{
    public TransactionPage ConvertFromSurrogate(in TransactionPageSurrogate surrogate) => new(surrogate.Items, surrogate.Total, surrogate.NextBefore);

    public TransactionPageSurrogate ConvertToSurrogate(in TransactionPage value) =>
        new() { Items = [.. value.Items], Total = value.Total, NextBefore = value.NextBefore };
}

[GenerateSerializer, Immutable, Alias("metering.transaction-status")]
internal struct TransactionStatusSurrogate
{
    [Id(0)]
    public TransactionState State;

    [Id(1)]
    public Transaction? Transaction;
}

[RegisterConverter]
internal sealed class TransactionStatusConverter : IConverter<TransactionStatus, TransactionStatusSurrogate>
{
    public TransactionStatus ConvertFromSurrogate(in TransactionStatusSurrogate surrogate) => new(surrogate.State, surrogate.Transaction);

    public TransactionStatusSurrogate ConvertToSurrogate(in TransactionStatus value) => new() { State = value.State, Transaction = value.Transaction };
}
