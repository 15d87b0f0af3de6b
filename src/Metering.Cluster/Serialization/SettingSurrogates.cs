namespace Metering.Cluster;

[GenerateSerializer, Immutable, Alias("metering.status-request")]
internal struct AccountStatusRequestSurrogate
{
    [Id(0)]
    public AccountStatus Status;

    [Id(1)]
    public string? Reason;

    [Id(2)]
    public string? IdempotencyKey;
}

[RegisterConverter]
internal sealed class AccountStatusRequestConverter : IConverter<AccountStatusRequest, AccountStatusRequestSurrogate>
{
    public AccountStatusRequest ConvertFromSurrogate(in AccountStatusRequestSurrogate surrogate) => new()
    {
        Status = surrogate.Status,
        Reason = surrogate.Reason,
        IdempotencyKey = surrogate.IdempotencyKey,
    };

    public AccountStatusRequestSurrogate ConvertToSurrogate(in AccountStatusRequest value) => new()
    {
        Status = value.Status,
        Reason = value.Reason,
        IdempotencyKey = value.IdempotencyKey,
    };
}

[GenerateSerializer, Immutable, Alias("metering.credit-limit")]
internal struct CreditLimitRequestSurrogate
{
    [Id(0)]
    public Credits Limit;

    [Id(1)]
    public string? IdempotencyKey;
}

[RegisterConverter]
internal sealed class CreditLimitRequestConverter : IConverter<CreditLimitRequest, CreditLimitRequestSurrogate>
{
    public CreditLimitRequest ConvertFromSurrogate(in CreditLimitRequestSurrogate surrogate) => new()
    {
        Limit = surrogate.Limit,
        IdempotencyKey = surrogate.IdempotencyKey,
    };

    public CreditLimitRequestSurrogate ConvertToSurrogate(in CreditLimitRequest value) => new()
    {
        Limit = value.Limit,
        IdempotencyKey = value.IdempotencyKey,
    };
}

[GenerateSerializer, Immutable, Alias("metering.take-back")]
internal struct TakeBackRequestSurrogate
{
    [Id(0)]
    public Credits Amount;

    [Id(1)]
    public string ExternalReference;

    [Id(2)]
    public string Reason;

    [Id(3)]
    public TransactionId? GrantedBy;

    [Id(4)]
    public string? IdempotencyKey;
}

[RegisterConverter]
internal sealed class TakeBackRequestConverter : IConverter<TakeBackRequest, TakeBackRequestSurrogate>
{
    public TakeBackRequest ConvertFromSurrogate(in TakeBackRequestSurrogate surrogate) => new()
    {
        Amount = surrogate.Amount,
        ExternalReference = surrogate.ExternalReference,
        Reason = surrogate.Reason,
        GrantedBy = surrogate.GrantedBy,
        IdempotencyKey = surrogate.IdempotencyKey,
    };

    public TakeBackRequestSurrogate ConvertToSurrogate(in TakeBackRequest value) => new()
    {
        Amount = value.Amount,
        ExternalReference = value.ExternalReference,
        Reason = value.Reason,
        GrantedBy = value.GrantedBy,
        IdempotencyKey = value.IdempotencyKey,
    };
}

[GenerateSerializer, Immutable, Alias("metering.change-plan")]
internal struct ChangePlanRequestSurrogate
{
    [Id(0)]
    public string Plan;

    [Id(1)]
    public PlanChangeTime When;

    [Id(2)]
    public PlanAllotment Allotment;

    [Id(3)]
    public DateTimeOffset? PaidThrough;

    [Id(4)]
    public string? ExternalReference;

    [Id(5)]
    public string? IdempotencyKey;
}

[RegisterConverter]
internal sealed class ChangePlanRequestConverter : IConverter<ChangePlanRequest, ChangePlanRequestSurrogate>
{
    public ChangePlanRequest ConvertFromSurrogate(in ChangePlanRequestSurrogate surrogate) => new()
    {
        Plan = surrogate.Plan,
        When = surrogate.When,
        Allotment = surrogate.Allotment,
        PaidThrough = surrogate.PaidThrough,
        ExternalReference = surrogate.ExternalReference,
        IdempotencyKey = surrogate.IdempotencyKey,
    };

    public ChangePlanRequestSurrogate ConvertToSurrogate(in ChangePlanRequest value) => new()
    {
        Plan = value.Plan,
        When = value.When,
        Allotment = value.Allotment,
        PaidThrough = value.PaidThrough,
        ExternalReference = value.ExternalReference,
        IdempotencyKey = value.IdempotencyKey,
    };
}

[GenerateSerializer, Immutable, Alias("metering.subscription")]
internal struct SubscriptionRequestSurrogate
{
    [Id(0)]
    public string? IdempotencyKey;
}

[RegisterConverter]
internal sealed class SubscriptionRequestConverter : IConverter<SubscriptionRequest, SubscriptionRequestSurrogate>
{
    public SubscriptionRequest ConvertFromSurrogate(in SubscriptionRequestSurrogate surrogate) => new()
    {
        IdempotencyKey = surrogate.IdempotencyKey,
    };

    public SubscriptionRequestSurrogate ConvertToSurrogate(in SubscriptionRequest value) => new()
    {
        IdempotencyKey = value.IdempotencyKey,
    };
}

[GenerateSerializer, Immutable, Alias("metering.taken-back")]
internal struct TakenBackSurrogate
{
    [Id(0)]
    public TransactionId TransactionId;

    [Id(1)]
    public Credits Removed;

    [Id(2)]
    public Credits AddedToDebt;

    [Id(3)]
    public Credits Owed;

    [Id(4)]
    public Credits Credits;
}

[RegisterConverter]
internal sealed class TakenBackConverter : IConverter<TakenBack, TakenBackSurrogate>
{
    public TakenBack ConvertFromSurrogate(in TakenBackSurrogate surrogate) =>
        new(surrogate.TransactionId, surrogate.Removed, surrogate.AddedToDebt, surrogate.Owed, surrogate.Credits);

    public TakenBackSurrogate ConvertToSurrogate(in TakenBack value) => new()
    {
        TransactionId = value.TransactionId,
        Removed = value.Removed,
        AddedToDebt = value.AddedToDebt,
        Owed = value.Owed,
        Credits = value.Credits,
    };
}

[GenerateSerializer, Immutable, Alias("metering.plan-change")]
internal struct PlanChangeSurrogate
{
    [Id(0)]
    public string PreviousPlan;

    [Id(1)]
    public string Plan;

    [Id(2)]
    public DateTimeOffset EffectiveAt;

    [Id(3)]
    public Credits MonthlyCredits;

    [Id(4)]
    public Credits CreditsGranted;

    [Id(5)]
    public Credits PermanentCreditsAdded;
}

[RegisterConverter]
internal sealed class PlanChangeConverter : IConverter<PlanChange, PlanChangeSurrogate>
{
    public PlanChange ConvertFromSurrogate(in PlanChangeSurrogate surrogate) =>
        new(surrogate.PreviousPlan, surrogate.Plan, surrogate.EffectiveAt, surrogate.MonthlyCredits, surrogate.CreditsGranted, surrogate.PermanentCreditsAdded);

    public PlanChangeSurrogate ConvertToSurrogate(in PlanChange value) => new()
    {
        PreviousPlan = value.PreviousPlan,
        Plan = value.Plan,
        EffectiveAt = value.EffectiveAt,
        MonthlyCredits = value.MonthlyCredits,
        CreditsGranted = value.CreditsGranted,
        PermanentCreditsAdded = value.PermanentCreditsAdded,
    };
}
