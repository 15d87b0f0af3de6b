namespace Metering.Cluster;

[GenerateSerializer, Immutable, Alias("metering.outcome`1")]
internal struct OutcomeSurrogate<T>
    where T : class
{
    [Id(0)]
    public T? Value;

    [Id(1)]
    public Refusal? Refusal;

    [Id(2)]
    public bool IsReplay;
}

[RegisterConverter]
internal sealed class OutcomeConverter<T> : IConverter<Outcome<T>, OutcomeSurrogate<T>>
    where T : class
{
    public Outcome<T> ConvertFromSurrogate(in OutcomeSurrogate<T> surrogate) =>
        surrogate.Refusal is { } refusal ? refusal
            : surrogate.Value is not { } value ? default
            : surrogate.IsReplay ? Outcome.Replay(value) : value;

    public OutcomeSurrogate<T> ConvertToSurrogate(in Outcome<T> value) =>
        new() { Value = value.IsSuccess ? value.Value : null, Refusal = value.Refusal, IsReplay = value.IsReplay };
}

[GenerateSerializer, Immutable, Alias("metering.refusal")]
internal struct RefusalSurrogate
{
    [Id(0)]
    public string Reason;

    [Id(1)]
    public string Message;

    [Id(2)]
    public string? Field;

    [Id(3)]
    public Credits? Required;

    [Id(4)]
    public Credits? Available;

    [Id(5)]
    public AccessLevel? RequiredLevel;

    [Id(6)]
    public TransactionId? TransactionId;

    [Id(7)]
    public TimeSpan? RetryAfter;
}

/// <summary>Reasons travel by name: their numbers are their precedence, which a new one in between would move.</summary>
[RegisterConverter]
internal sealed class RefusalConverter : IConverter<Refusal, RefusalSurrogate>
{
    private static readonly Dictionary<string, RefusalReason> Reasons = Enum.GetValues<RefusalReason>().ToDictionary(reason => reason.ToString());
    private static readonly Dictionary<RefusalReason, string> Names = Reasons.ToDictionary(pair => pair.Value, pair => pair.Key);

    public Refusal ConvertFromSurrogate(in RefusalSurrogate surrogate) =>
        new(Reasons.TryGetValue(surrogate.Reason, out var reason) ? reason : RefusalReason.InvalidRequest, surrogate.Message)
        {
            Field = surrogate.Field,
            Required = surrogate.Required,
            Available = surrogate.Available,
            RequiredLevel = surrogate.RequiredLevel,
            TransactionId = surrogate.TransactionId,
            RetryAfter = surrogate.RetryAfter,
        };

    public RefusalSurrogate ConvertToSurrogate(in Refusal value) => new()
    {
        Reason = Names[value.Reason],
        Message = value.Message,
        Field = value.Field,
        Required = value.Required,
        Available = value.Available,
        RequiredLevel = value.RequiredLevel,
        TransactionId = value.TransactionId,
        RetryAfter = value.RetryAfter,
    };
}

[GenerateSerializer, Immutable, Alias("metering.deduction")]
internal struct DeductionSurrogate
{
    [Id(0)]
    public TransactionId TransactionId;

    [Id(1)]
    public Credits Charged;

    [Id(2)]
    public Credits Credits;

    [Id(3)]
    public Burned Burned;
}

[RegisterConverter]
internal sealed class DeductionConverter : IConverter<Deduction, DeductionSurrogate>
{
    public Deduction ConvertFromSurrogate(in DeductionSurrogate surrogate) =>
        new(surrogate.TransactionId, surrogate.Charged, surrogate.Credits, surrogate.Burned);

    public DeductionSurrogate ConvertToSurrogate(in Deduction value) =>
        new() { TransactionId = value.TransactionId, Charged = value.Charged, Credits = value.Credits, Burned = value.Burned };
}

[GenerateSerializer, Immutable, Alias("metering.batch")]
internal struct BatchDeductionSurrogate
{
    [Id(0)]
    public Credits Charged;

    [Id(1)]
    public Credits Credits;

    [Id(2)]
    public Outcome<Deduction>[] Items;
}

[RegisterConverter]
internal sealed class BatchDeductionConverter : IConverter<BatchDeduction, BatchDeductionSurrogate>
{
    public BatchDeduction ConvertFromSurrogate(in BatchDeductionSurrogate surrogate) => new(surrogate.Charged, surrogate.Credits, surrogate.Items);

    public BatchDeductionSurrogate ConvertToSurrogate(in BatchDeduction value) =>
        new() { Charged = value.Charged, Credits = value.Credits, Items = [.. value.Items] };
}

[GenerateSerializer, Immutable, Alias("metering.record-outcome")]
internal struct RecordOutcomeSurrogate
{
    [Id(0)]
    public RecordRequest Record;

    [Id(1)]
    public RecordStatus Status;

    [Id(2)]
    public Credits Charged;

    [Id(3)]
    public DateTimeOffset? ExpiresAt;
}

[RegisterConverter]
internal sealed class RecordOutcomeConverter : IConverter<RecordOutcome, RecordOutcomeSurrogate>
{
    public RecordOutcome ConvertFromSurrogate(in RecordOutcomeSurrogate surrogate) =>
        new(surrogate.Record, surrogate.Status, surrogate.Charged, surrogate.ExpiresAt);

    public RecordOutcomeSurrogate ConvertToSurrogate(in RecordOutcome value) =>
        new() { Record = value.Record, Status = value.Status, Charged = value.Charged, ExpiresAt = value.ExpiresAt };
}

[GenerateSerializer, Immutable, Alias("metering.record-access")]
internal struct RecordAccessSurrogate
{
    [Id(0)]
    public TransactionId? TransactionId;

    [Id(1)]
    public Credits Charged;

    [Id(2)]
    public Credits Credits;

    [Id(3)]
    public RecordOutcome[] Records;
}

[RegisterConverter]
internal sealed class RecordAccessConverter : IConverter<RecordAccess, RecordAccessSurrogate>
{
    public RecordAccess ConvertFromSurrogate(in RecordAccessSurrogate surrogate) =>
        new(surrogate.TransactionId, surrogate.Charged, surrogate.Credits, surrogate.Records);

    public RecordAccessSurrogate ConvertToSurrogate(in RecordAccess value) =>
        new() { TransactionId = value.TransactionId, Charged = value.Charged, Credits = value.Credits, Records = [.. value.Records] };
}

[GenerateSerializer, Immutable, Alias("metering.posting")]
internal struct PostingSurrogate
{
    [Id(0)]
    public TransactionId TransactionId;

    [Id(1)]
    public TransactionType Type;

    [Id(2)]
    public Credits Amount;

    [Id(3)]
    public Credits Credits;
}

[RegisterConverter]
internal sealed class PostingConverter : IConverter<Posting, PostingSurrogate>
{
    public Posting ConvertFromSurrogate(in PostingSurrogate surrogate) =>
        new(surrogate.TransactionId, surrogate.Type, surrogate.Amount, surrogate.Credits);

    public PostingSurrogate ConvertToSurrogate(in Posting value) =>
        new() { TransactionId = value.TransactionId, Type = value.Type, Amount = value.Amount, Credits = value.Credits };
}
