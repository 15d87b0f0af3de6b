namespace Metering.Cluster;

[GenerateSerializer, Immutable, Alias("metering.deduct")]
internal struct DeductRequestSurrogate
{
    [Id(0)]
    public Credits? Amount;

    [Id(1)]
    public string? Product;

    [Id(2)]
    public long? Quantity;

    [Id(3)]
    public string? Description;

    [Id(4)]
    public string? Reference;

    [Id(5)]
    public string? IdempotencyKey;
}

[RegisterConverter]
internal sealed class DeductRequestConverter : IConverter<DeductRequest, DeductRequestSurrogate>
{
    public DeductRequest ConvertFromSurrogate(in DeductRequestSurrogate surrogate) => new()
    {
        Amount = surrogate.Amount,
        Product = surrogate.Product,
        Quantity = surrogate.Quantity,
        Description = surrogate.Description,
        Reference = surrogate.Reference,
        IdempotencyKey = surrogate.IdempotencyKey,
    };

    public DeductRequestSurrogate ConvertToSurrogate(in DeductRequest value) => new()
    {
        Amount = value.Amount,
        Product = value.Product,
        Quantity = value.Quantity,
        Description = value.Description,
        Reference = value.Reference,
        IdempotencyKey = value.IdempotencyKey,
    };
}

[GenerateSerializer, Immutable, Alias("metering.deduct-batch")]
internal struct DeductBatchRequestSurrogate
{
    [Id(0)]
    public DeductRequest[] Items;

    [Id(1)]
    public string? IdempotencyKey;
}

[RegisterConverter]
internal sealed class DeductBatchRequestConverter : IConverter<DeductBatchRequest, DeductBatchRequestSurrogate>
{
    public DeductBatchRequest ConvertFromSurrogate(in DeductBatchRequestSurrogate surrogate) =>
        new() { Items = surrogate.Items, IdempotencyKey = surrogate.IdempotencyKey };

    public DeductBatchRequestSurrogate ConvertToSurrogate(in DeductBatchRequest value) =>
        new() { Items = [.. value.Items], IdempotencyKey = value.IdempotencyKey };
}

[GenerateSerializer, Immutable, Alias("metering.record")]
internal struct RecordRequestSurrogate
{
    [Id(0)]
    public string Type;

    [Id(1)]
    public string Id;

    [Id(2)]
    public string? Product;
}

[RegisterConverter]
internal sealed class RecordRequestConverter : IConverter<RecordRequest, RecordRequestSurrogate>
{
    public RecordRequest ConvertFromSurrogate(in RecordRequestSurrogate surrogate) => new(surrogate.Type, surrogate.Id, surrogate.Product);

    public RecordRequestSurrogate ConvertToSurrogate(in RecordRequest value) => new() { Type = value.Type, Id = value.Id, Product = value.Product };
}

[GenerateSerializer, Immutable, Alias("metering.access")]
internal struct RecordAccessRequestSurrogate
{
    [Id(0)]
    public RecordRequest[] Records;

    [Id(1)]
    public AccessMode Mode;

    [Id(2)]
    public Credits? MaxCredits;

    [Id(3)]
    public string? Description;

    [Id(4)]
    public string? Reference;

    [Id(5)]
    public string? IdempotencyKey;
}

[RegisterConverter]
internal sealed class RecordAccessRequestConverter : IConverter<RecordAccessRequest, RecordAccessRequestSurrogate>
{
    public RecordAccessRequest ConvertFromSurrogate(in RecordAccessRequestSurrogate surrogate) => new()
    {
        Records = surrogate.Records,
        Mode = surrogate.Mode,
        MaxCredits = surrogate.MaxCredits,
        Description = surrogate.Description,
        Reference = surrogate.Reference,
        IdempotencyKey = surrogate.IdempotencyKey,
    };

    public RecordAccessRequestSurrogate ConvertToSurrogate(in RecordAccessRequest value) => new()
    {
        Records = [.. value.Records],
        Mode = value.Mode,
        MaxCredits = value.MaxCredits,
        Description = value.Description,
        Reference = value.Reference,
        IdempotencyKey = value.IdempotencyKey,
    };
}

[GenerateSerializer, Immutable, Alias("metering.grant")]
internal struct GrantRequestSurrogate
{
    [Id(0)]
    public GrantSource Source;

    [Id(1)]
    public Credits Amount;

    [Id(2)]
    public DateTimeOffset? ExpiresAt;

    [Id(3)]
    public string? Description;

    [Id(4)]
    public string? ExternalReference;

    [Id(5)]
    public string? IdempotencyKey;
}

[RegisterConverter]
internal sealed class GrantRequestConverter : IConverter<GrantRequest, GrantRequestSurrogate>
{
    public GrantRequest ConvertFromSurrogate(in GrantRequestSurrogate surrogate) => new()
    {
        Source = surrogate.Source,
        Amount = surrogate.Amount,
        ExpiresAt = surrogate.ExpiresAt,
        Description = surrogate.Description,
        ExternalReference = surrogate.ExternalReference,
        IdempotencyKey = surrogate.IdempotencyKey,
    };

    public GrantRequestSurrogate ConvertToSurrogate(in GrantRequest value) => new()
    {
        Source = value.Source,
        Amount = value.Amount,
        ExpiresAt = value.ExpiresAt,
        Description = value.Description,
        ExternalReference = value.ExternalReference,
        IdempotencyKey = value.IdempotencyKey,
    };
}

[GenerateSerializer, Immutable, Alias("metering.adjust")]
internal struct AdjustRequestSurrogate
{
    [Id(0)]
    public Credits Amount;

    [Id(1)]
    public string Reason;

    [Id(2)]
    public string? IdempotencyKey;
}

[RegisterConverter]
internal sealed class AdjustRequestConverter : IConverter<AdjustRequest, AdjustRequestSurrogate>
{
    public AdjustRequest ConvertFromSurrogate(in AdjustRequestSurrogate surrogate) =>
        new() { Amount = surrogate.Amount, Reason = surrogate.Reason, IdempotencyKey = surrogate.IdempotencyKey };

    public AdjustRequestSurrogate ConvertToSurrogate(in AdjustRequest value) =>
        new() { Amount = value.Amount, Reason = value.Reason, IdempotencyKey = value.IdempotencyKey };
}

[GenerateSerializer, Immutable, Alias("metering.refund")]
internal struct RefundRequestSurrogate
{
    [Id(0)]
    public TransactionId TransactionId;

    [Id(1)]
    public Credits? Amount;

    [Id(2)]
    public string? Description;

    [Id(3)]
    public string? IdempotencyKey;
}

[RegisterConverter]
internal sealed class RefundRequestConverter : IConverter<RefundRequest, RefundRequestSurrogate>
{
    public RefundRequest ConvertFromSurrogate(in RefundRequestSurrogate surrogate) => new()
    {
        TransactionId = surrogate.TransactionId,
        Amount = surrogate.Amount,
        Description = surrogate.Description,
        IdempotencyKey = surrogate.IdempotencyKey,
    };

    public RefundRequestSurrogate ConvertToSurrogate(in RefundRequest value) => new()
    {
        TransactionId = value.TransactionId,
        Amount = value.Amount,
        Description = value.Description,
        IdempotencyKey = value.IdempotencyKey,
    };
}

[GenerateSerializer, Immutable, Alias("metering.open")]
internal struct OpenAccountRequestSurrogate
{
    [Id(0)]
    public string Plan;

    [Id(1)]
    public DateTimeOffset? Anchor;

    [Id(2)]
    public DateTimeOffset? PaidThrough;
}

[RegisterConverter]
internal sealed class OpenAccountRequestConverter : IConverter<OpenAccountRequest, OpenAccountRequestSurrogate>
{
    public OpenAccountRequest ConvertFromSurrogate(in OpenAccountRequestSurrogate surrogate) =>
        new() { Plan = surrogate.Plan, Anchor = surrogate.Anchor, PaidThrough = surrogate.PaidThrough };

    public OpenAccountRequestSurrogate ConvertToSurrogate(in OpenAccountRequest value) =>
        new() { Plan = value.Plan, Anchor = value.Anchor, PaidThrough = value.PaidThrough };
}

[GenerateSerializer, Immutable, Alias("metering.payment")]
internal struct PaymentRequestSurrogate
{
    [Id(0)]
    public DateTimeOffset PaidThrough;

    [Id(1)]
    public string ExternalReference;
}

[RegisterConverter]
internal sealed class PaymentRequestConverter : IConverter<PaymentRequest, PaymentRequestSurrogate>
{
    public PaymentRequest ConvertFromSurrogate(in PaymentRequestSurrogate surrogate) =>
        new() { PaidThrough = surrogate.PaidThrough, ExternalReference = surrogate.ExternalReference };

    public PaymentRequestSurrogate ConvertToSurrogate(in PaymentRequest value) =>
        new() { PaidThrough = value.PaidThrough, ExternalReference = value.ExternalReference };
}

[GenerateSerializer, Immutable, Alias("metering.transaction-query")]
internal struct TransactionQuerySurrogate
{
    [Id(0)]
    public int Limit;

    [Id(1)]
    public long Offset;

    [Id(2)]
    public long? Before;
}

[RegisterConverter]
internal sealed class TransactionQueryConverter : IConverter<TransactionQuery, TransactionQuerySurrogate>
{
    public TransactionQuery ConvertFromSurrogate(in TransactionQuerySurrogate surrogate) =>
        new() { Limit = surrogate.Limit, Offset = surrogate.Offset, Before = surrogate.Before };

    public TransactionQuerySurrogate ConvertToSurrogate(in TransactionQuery value) =>
        new() { Limit = value.Limit, Offset = value.Offset, Before = value.Before };
}
