using Metering.Core;

namespace Metering.Cluster;

/// <content>Status, debt, plan.</content>
internal static partial class Operations
{
    public static readonly Operation<AccountStatusRequest, Balance> SetStatus = new(
        Repetition.Keyed,
        static (engine, account, request, cancellation) => engine.SetStatusAsync(account, request, cancellation),
        static request => new SetStatusCall { Request = request })
    {
        KeyOf = static request => request.IdempotencyKey,
        WithKey = static (request, key) => request with { IdempotencyKey = key },
        CheckTexts = static request => CommandRules.CheckText("reason", request.Reason, CommandRules.MaxDescription),
    };

    public static readonly Operation<CreditLimitRequest, Balance> SetCreditLimit = new(
        Repetition.Keyed,
        static (engine, account, request, cancellation) => engine.SetCreditLimitAsync(account, request, cancellation),
        static request => new SetCreditLimitCall { Request = request })
    {
        KeyOf = static request => request.IdempotencyKey,
        WithKey = static (request, key) => request with { IdempotencyKey = key },
    };

    public static readonly Operation<TakeBackRequest, TakenBack> TakeBack = new(
        Repetition.Keyed,
        static (engine, account, request, cancellation) => engine.TakeBackAsync(account, request, cancellation),
        static request => new TakeBackCall { Request = request })
    {
        KeyOf = static request => request.IdempotencyKey,
        WithKey = static (request, key) => request with { IdempotencyKey = key },
        CheckTexts = static request => CommandRules.CheckText("reason", request.Reason, CommandRules.MaxDescription) ?? CommandRules.CheckText("externalReference", request.ExternalReference, CommandRules.MaxReference),
    };

    public static readonly Operation<ChangePlanRequest, PlanChange> ChangePlan = new(
        Repetition.Keyed,
        static (engine, account, request, cancellation) => engine.ChangePlanAsync(account, request, cancellation),
        static request => new ChangePlanCall { Request = request })
    {
        KeyOf = static request => request.IdempotencyKey,
        WithKey = static (request, key) => request with { IdempotencyKey = key },
        CheckTexts = static request => CommandRules.CheckText("externalReference", request.ExternalReference, CommandRules.MaxReference),
    };

    public static readonly Operation<SubscriptionRequest, Balance> Cancel = new(
        Repetition.Keyed,
        static (engine, account, request, cancellation) => engine.CancelAsync(account, request, cancellation),
        static request => new CancelCall { Request = request })
    {
        KeyOf = static request => request.IdempotencyKey,
        WithKey = static (request, key) => request with { IdempotencyKey = key },
    };

    public static readonly Operation<SubscriptionRequest, Balance> Resume = new(
        Repetition.Keyed,
        static (engine, account, request, cancellation) => engine.ResumeAsync(account, request, cancellation),
        static request => new ResumeCall { Request = request })
    {
        KeyOf = static request => request.IdempotencyKey,
        WithKey = static (request, key) => request with { IdempotencyKey = key },
    };
}

[GenerateSerializer, Immutable, Alias("metering.call.set-status")]
internal sealed class SetStatusCall : AccountCall
{
    [Id(0)]
    public required AccountStatusRequest Request { get; init; }

    protected override Task<AccountAnswer> RunAsync(ICreditMeter engine, AccountId account) => TravelAsync(engine.SetStatusAsync(account, Request));
}

[GenerateSerializer, Immutable, Alias("metering.call.credit-limit")]
internal sealed class SetCreditLimitCall : AccountCall
{
    [Id(0)]
    public required CreditLimitRequest Request { get; init; }

    protected override Task<AccountAnswer> RunAsync(ICreditMeter engine, AccountId account) => TravelAsync(engine.SetCreditLimitAsync(account, Request));
}

[GenerateSerializer, Immutable, Alias("metering.call.take-back")]
internal sealed class TakeBackCall : AccountCall
{
    [Id(0)]
    public required TakeBackRequest Request { get; init; }

    protected override Task<AccountAnswer> RunAsync(ICreditMeter engine, AccountId account) => TravelAsync(engine.TakeBackAsync(account, Request));
}

[GenerateSerializer, Immutable, Alias("metering.call.change-plan")]
internal sealed class ChangePlanCall : AccountCall
{
    [Id(0)]
    public required ChangePlanRequest Request { get; init; }

    protected override Task<AccountAnswer> RunAsync(ICreditMeter engine, AccountId account) => TravelAsync(engine.ChangePlanAsync(account, Request));
}

[GenerateSerializer, Immutable, Alias("metering.call.cancel")]
internal sealed class CancelCall : AccountCall
{
    [Id(0)]
    public required SubscriptionRequest Request { get; init; }

    protected override Task<AccountAnswer> RunAsync(ICreditMeter engine, AccountId account) => TravelAsync(engine.CancelAsync(account, Request));
}

[GenerateSerializer, Immutable, Alias("metering.call.resume")]
internal sealed class ResumeCall : AccountCall
{
    [Id(0)]
    public required SubscriptionRequest Request { get; init; }

    protected override Task<AccountAnswer> RunAsync(ICreditMeter engine, AccountId account) => TravelAsync(engine.ResumeAsync(account, Request));
}
