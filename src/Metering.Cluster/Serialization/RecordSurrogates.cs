namespace Metering.Cluster;

[GenerateSerializer, Immutable, Alias("metering.visits")]
internal struct RecordVisitsRequestSurrogate
{
    [Id(0)]
    public RecordRequest[] Records;

    [Id(1)]
    public DateTimeOffset? SeenAt;

    [Id(2)]
    public string? IdempotencyKey;
}

[RegisterConverter]
internal sealed class RecordVisitsRequestConverter : IConverter<RecordVisitsRequest, RecordVisitsRequestSurrogate>
{
    public RecordVisitsRequest ConvertFromSurrogate(in RecordVisitsRequestSurrogate surrogate) =>
        new() { Records = surrogate.Records, SeenAt = surrogate.SeenAt, IdempotencyKey = surrogate.IdempotencyKey };

    public RecordVisitsRequestSurrogate ConvertToSurrogate(in RecordVisitsRequest value) =>
        new() { Records = [.. value.Records], SeenAt = value.SeenAt, IdempotencyKey = value.IdempotencyKey };
}

[GenerateSerializer, Immutable, Alias("metering.start-records")]
internal struct StartRecordsRequestSurrogate
{
    [Id(0)]
    public GivenRecord[] Records;

    [Id(1)]
    public string ExternalReference;

    [Id(2)]
    public string? IdempotencyKey;
}

[RegisterConverter]
internal sealed class StartRecordsRequestConverter : IConverter<StartRecordsRequest, StartRecordsRequestSurrogate>
{
    public StartRecordsRequest ConvertFromSurrogate(in StartRecordsRequestSurrogate surrogate) =>
        new() { Records = surrogate.Records, ExternalReference = surrogate.ExternalReference, IdempotencyKey = surrogate.IdempotencyKey };

    public StartRecordsRequestSurrogate ConvertToSurrogate(in StartRecordsRequest value) =>
        new() { Records = [.. value.Records], ExternalReference = value.ExternalReference, IdempotencyKey = value.IdempotencyKey };
}

[GenerateSerializer, Immutable, Alias("metering.given-record")]
internal struct GivenRecordSurrogate
{
    [Id(0)]
    public string Type;

    [Id(1)]
    public string Id;

    [Id(2)]
    public DateTimeOffset ExpiresAt;
}

[RegisterConverter]
internal sealed class GivenRecordConverter : IConverter<GivenRecord, GivenRecordSurrogate>
{
    public GivenRecord ConvertFromSurrogate(in GivenRecordSurrogate surrogate) => new(surrogate.Type, surrogate.Id, surrogate.ExpiresAt);

    public GivenRecordSurrogate ConvertToSurrogate(in GivenRecord value) => new() { Type = value.Type, Id = value.Id, ExpiresAt = value.ExpiresAt };
}

[GenerateSerializer, Immutable, Alias("metering.record-query")]
internal struct RecordQuerySurrogate
{
    [Id(0)]
    public string? Type;

    [Id(1)]
    public DateTimeOffset? ExpiresBefore;

    [Id(2)]
    public string? Cursor;

    [Id(3)]
    public int Limit;
}

[RegisterConverter]
internal sealed class RecordQueryConverter : IConverter<RecordQuery, RecordQuerySurrogate>
{
    public RecordQuery ConvertFromSurrogate(in RecordQuerySurrogate surrogate) =>
        new() { Type = surrogate.Type, ExpiresBefore = surrogate.ExpiresBefore, Cursor = surrogate.Cursor, Limit = surrogate.Limit };

    public RecordQuerySurrogate ConvertToSurrogate(in RecordQuery value) =>
        new() { Type = value.Type, ExpiresBefore = value.ExpiresBefore, Cursor = value.Cursor, Limit = value.Limit };
}

[GenerateSerializer, Immutable, Alias("metering.record-subscription")]
internal struct RecordSubscriptionSurrogate
{
    [Id(0)]
    public string Type;

    [Id(1)]
    public string Id;

    [Id(2)]
    public DateTimeOffset StartedAt;

    [Id(3)]
    public DateTimeOffset ExpiresAt;
}

[RegisterConverter]
internal sealed class RecordSubscriptionConverter : IConverter<RecordSubscription, RecordSubscriptionSurrogate>
{
    public RecordSubscription ConvertFromSurrogate(in RecordSubscriptionSurrogate surrogate) =>
        new(surrogate.Type, surrogate.Id, surrogate.StartedAt, surrogate.ExpiresAt);

    public RecordSubscriptionSurrogate ConvertToSurrogate(in RecordSubscription value) =>
        new() { Type = value.Type, Id = value.Id, StartedAt = value.StartedAt, ExpiresAt = value.ExpiresAt };
}

[GenerateSerializer, Immutable, Alias("metering.record-page")]
internal struct RecordPageSurrogate
{
    [Id(0)]
    public RecordSubscription[] Items;

    [Id(1)]
    public string? NextCursor;
}

[RegisterConverter]
internal sealed class RecordPageConverter : IConverter<RecordPage, RecordPageSurrogate>
{
    public RecordPage ConvertFromSurrogate(in RecordPageSurrogate surrogate) => new(surrogate.Items, surrogate.NextCursor);

    public RecordPageSurrogate ConvertToSurrogate(in RecordPage value) => new() { Items = [.. value.Items], NextCursor = value.NextCursor };
}
