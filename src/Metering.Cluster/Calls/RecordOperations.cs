using Metering.Core;

namespace Metering.Cluster;

/// <content>Visits, subscriptions that an operator brings, and the list of records.</content>
internal static partial class Operations
{
    public static readonly Operation<RecordVisitsRequest, RecordAccess> RecordVisits = new(
        Repetition.Keyed,
        static (engine, account, request, cancellation) => engine.RecordVisitsAsync(account, request, cancellation),
        static request => new RecordVisitsCall { Request = request })
    {
        KeyOf = static request => request.IdempotencyKey,
        WithKey = static (request, key) => request with { IdempotencyKey = key },
        CheckTexts = static request => CheckEach(request.Records, "records", static record => CommandRules.CheckText("id", record?.Id, CommandRules.MaxId)),
    };

    public static readonly Operation<StartRecordsRequest, RecordAccess> StartRecords = new(
        Repetition.Keyed,
        static (engine, account, request, cancellation) => engine.StartRecordsAsync(account, request, cancellation),
        static request => new StartRecordsCall { Request = request })
    {
        KeyOf = static request => request.IdempotencyKey,
        WithKey = static (request, key) => request with { IdempotencyKey = key },
        CheckTexts = static request => CommandRules.CheckText("externalReference", request.ExternalReference, CommandRules.MaxReference)
            ?? CheckEach(request.Records, "records", static record => CommandRules.CheckText("id", record?.Id, CommandRules.MaxId)),
    };

    public static readonly Operation<RecordQuery, RecordPage> ListRecords = new(
        Repetition.Read,
        static (engine, account, query, cancellation) => engine.ListRecordsAsync(account, query, cancellation),
        static query => new ListRecordsCall { Query = query });
}

[GenerateSerializer, Immutable, Alias("metering.call.visits")]
internal sealed class RecordVisitsCall : AccountCall
{
    [Id(0)]
    public required RecordVisitsRequest Request { get; init; }

    public override int Weight => Math.Max(1, Request.Records.Count);

    protected override Task<AccountAnswer> RunAsync(ICreditMeter engine, AccountId account) => TravelAsync(engine.RecordVisitsAsync(account, Request));
}

[GenerateSerializer, Immutable, Alias("metering.call.start-records")]
internal sealed class StartRecordsCall : AccountCall
{
    [Id(0)]
    public required StartRecordsRequest Request { get; init; }

    public override int Weight => Math.Max(1, Request.Records.Count);

    protected override Task<AccountAnswer> RunAsync(ICreditMeter engine, AccountId account) => TravelAsync(engine.StartRecordsAsync(account, Request));
}

[GenerateSerializer, Immutable, Alias("metering.call.records")]
internal sealed class ListRecordsCall : AccountCall
{
    [Id(0)]
    public required RecordQuery Query { get; init; }

    protected override Task<AccountAnswer> RunAsync(ICreditMeter engine, AccountId account) => TravelAsync(engine.ListRecordsAsync(account, Query));
}
