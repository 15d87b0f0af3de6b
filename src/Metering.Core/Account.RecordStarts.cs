namespace Metering.Core;

/// <content>Record subscriptions that an operator brings from another system.</content>
public static partial class Account
{
    private static Decision DecideStarts(AccountState state, StartRecords command, DateTimeOffset now)
    {
        Invariant.Holds(command.ExternalReference != 0, "What an operator brings has a reference.");

        // The reference first: what has taken effect is known as such also when the ends that it gave are past.
        if ((ReferenceUsed(state, command.ExternalReference) ?? CheckStarts(command, now) ?? Closed(state)) is { } invalid)
        {
            return invalid;
        }

        // No refusal from here on. The entry is made also where it starts nothing: its reference has taken effect.
        var (verdicts, starts) = Starts(state, command.Records, RecordDay.Of(now));
        return Decision.Append(
            new RecordsStarted
            {
                Sequence = state.Sequence + 1,
                TransactionNumber = state.TransactionNumber,
                CreatedAt = now,
                AppliedAt = now,
                Key = command.Key,
                Answer = command.Key is null ? default : AnswerCodec.EncodeRecords(state.Available, verdicts),
                ExternalReference = command.ExternalReference,
                Records = starts,
            },
            verdicts);
    }

    private static Refusal? CheckStarts(StartRecords command, DateTimeOffset now)
    {
        if (command.Records.Length is 0 or > StartRecordsRequest.MaxRecords)
        {
            return Refusal.Invalid("records", $"records has {command.Records.Length} items; 1 to {StartRecordsRequest.MaxRecords} are allowed.");
        }

        var latest = RecordDay.LastDayFrom(now).End;
        for (var index = 0; index < command.Records.Length; index++)
        {
            ref readonly var record = ref command.Records[index];
            if (CommandRules.CheckId("id", record.Id) is not null)
            {
                return CommandRules.CheckId($"records[{index}].id", record.Id);
            }

            if (record.ExpiresAt <= now || record.ExpiresAt > latest)
            {
                var field = $"records[{index}].expiresAt";
                return Refusal.Invalid(field, $"{field} is {record.ExpiresAt.UtcDateTime:yyyy-MM-dd'T'HH:mm:ss'Z'}; an instant after now, {now:yyyy-MM-dd'T'HH:mm:ss'Z'}, and not after {latest:yyyy-MM-dd'T'HH:mm:ss'Z'} is allowed.");
            }
        }

        return null;
    }

    private static (RecordVerdict[] Verdicts, RecordStart[] Starts) Starts(AccountState state, BroughtRecord[] records, RecordDay today)
    {
        // A record that comes twice lasts to the later of its days, and is told so both times.
        var lastDays = new Dictionary<RecordKey, RecordDay>(records.Length);
        foreach (ref readonly var record in records.AsSpan())
        {
            var lastDay = RecordDay.LastDayBefore(record.ExpiresAt);
            lastDays[record.Key] = lastDays.TryGetValue(record.Key, out var other) && other.Number > lastDay.Number ? other : lastDay;
        }

        var verdicts = new RecordVerdict[records.Length];
        var starts = new List<RecordStart>();
        var started = new HashSet<RecordKey>();
        for (var index = 0; index < records.Length; index++)
        {
            ref readonly var record = ref records[index];
            if (state.Records.TryGet(record.Key, out var active) && active.IsActiveOn(today) && active.Number >= lastDays[record.Key].Number)
            {
                verdicts[index] = new(RecordStatus.Active, Credits.Zero, active);
                continue;
            }

            var isFirst = started.Add(record.Key);
            verdicts[index] = new(isFirst ? RecordStatus.Subscribed : RecordStatus.Active, Credits.Zero, lastDays[record.Key]);
            if (isFirst)
            {
                starts.Add(new(record.Key, lastDays[record.Key], record.Type, record.Id));
            }
        }

        return (verdicts, [.. starts]);
    }
}
