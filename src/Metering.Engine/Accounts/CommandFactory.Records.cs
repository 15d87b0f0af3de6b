using Metering.Core;

namespace Metering.Engine;

/// <content>Visits.</content>
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
}
