using Metering.Core;

namespace Metering.Engine;

/// <content>Visits, and subscriptions that an operator brings.</content>
internal sealed partial class CommandFactory
{
    public static Outcome<Command> Create(RecordVisitsRequest request)
    {
        var invalid = CommandRules.CheckIdempotencyKey("idempotencyKey", request.IdempotencyKey)
            ?? (request.Records.Count is 0 or > RecordVisitsRequest.MaxRecords
                ? Refusal.Invalid("records", $"records has {request.Records.Count} items; 1 to {RecordVisitsRequest.MaxRecords} are allowed.")
                : null);
        if (invalid is not null)
        {
            return invalid;
        }

        var records = new VisitedRecord[request.Records.Count];
        for (var index = 0; index < records.Length; index++)
        {
            if (CheckVisit(request.Records[index], index) is { } refusal)
            {
                return refusal;
            }

            var (type, id, _) = request.Records[index];
            records[index] = new(RecordKey.Of(type, id), type, id);
        }

        return new VisitRecords { Key = KeyOf(request.IdempotencyKey, request, WriteRequest), Records = records, SeenAt = request.SeenAt };
    }

    public Outcome<Command> Create(StartRecordsRequest request)
    {
        var invalid = CommandRules.CheckIdempotencyKey("idempotencyKey", request.IdempotencyKey)
            ?? CheckExternalReference(request.ExternalReference, isRequired: true)
            ?? (request.Records.Count is 0 or > StartRecordsRequest.MaxRecords
                ? Refusal.Invalid("records", $"records has {request.Records.Count} items; 1 to {StartRecordsRequest.MaxRecords} are allowed.")
                : null);
        if (invalid is not null)
        {
            return invalid;
        }

        var key = KeyOf(request.IdempotencyKey, request, WriteRequest);
        var records = new BroughtRecord[request.Records.Count];
        for (var index = 0; index < records.Length; index++)
        {
            if (CheckGiven(request.Records[index], index) is { } refusal)
            {
                return RefuseUnlessKnown(key, refusal);
            }

            var (type, id, expiresAt) = request.Records[index];
            records[index] = new(RecordKey.Of(type, id), type, id, expiresAt);
        }

        return new StartRecords { Key = key, Records = records, ExternalReference = ReferenceHash(request.ExternalReference) };
    }

    private Refusal? CheckGiven(GivenRecord? record, int index) =>
        record is null ? Refusal.Invalid($"records[{index}]", "A record is missing.")
            : !catalogue.Products.TryGetValue(record.Type ?? string.Empty, out var type) || !type.IsRecord ? NoRecordType(index)
            : CommandRules.CheckId($"records[{index}].id", record.Id);

    private Refusal NoRecordType(int index)
    {
        var types = catalogue.Products.Values.Where(candidate => candidate.IsRecord).Select(candidate => candidate.Id);
        return Refusal.Invalid($"records[{index}].type", $"records[{index}].type must be one of {string.Join(", ", types)}.");
    }

    private static Refusal? CheckVisit(RecordRequest? record, int index) =>
        record is null ? Refusal.Invalid($"records[{index}]", "A record is missing.")
            : record.Type != RecordVisitsRequest.RecordType ? Refusal.Invalid($"records[{index}].type", $"records[{index}].type must be {RecordVisitsRequest.RecordType}: companies visit.")
            : record.Product is not null ? Refusal.Invalid($"records[{index}].product", $"records[{index}].product must be left out: a visit starts the subscription of the company itself.")
            : CommandRules.CheckId($"records[{index}].id", record.Id);

    private static void WriteRequest(RecordVisitsRequest request, ByteWriter writer)
    {
        writer.Byte(7);
        writer.Time(request.SeenAt);
        foreach (var record in request.Records)
        {
            writer.OptionalText(record.Id);
        }
    }

    private static void WriteRequest(StartRecordsRequest request, ByteWriter writer)
    {
        writer.Byte(14);
        writer.OptionalText(request.ExternalReference);
        foreach (var record in request.Records)
        {
            writer.OptionalText(record?.Type);
            writer.OptionalText(record?.Id);
            writer.Time(record?.ExpiresAt);
        }
    }
}
