namespace Metering.Core;

/// <content>Free subscriptions of records that visited the customer's website.</content>
public static partial class Account
{
    private static Decision DecideVisits(AccountState state, VisitRecords command, DateTimeOffset now, TimeSpan grace)
    {
        var seenAt = command.SeenAt?.ToLedger() ?? now;
        if (CheckVisits(command, seenAt, now) is { } invalid)
        {
            return invalid;
        }

        if (NotUsable(state) is { } notUsable)
        {
            return notUsable;
        }

        if (state.Terms.Level < AccessLevel.WebVisitors)
        {
            return LevelTooLow(AccessLevel.WebVisitors, state.Terms.Level);
        }

        seenAt = seenAt > now ? now : seenAt;
        var (verdicts, starts) = Visits(state, command.Records, seenAt, now);
        if (starts.Length > 0 && IsInactive(state, now, grace))
        {
            return Inactive(state, grace);
        }

        // No refusal from here on.
        var answer = command.Key is null ? default : AnswerCodec.EncodeRecords(state.Available, verdicts);
        if (starts.Length > 0)
        {
            return Decision.Append(
                new RecordsVisited
                {
                    Sequence = state.Sequence + 1,
                    TransactionNumber = state.TransactionNumber,
                    CreatedAt = now,
                    AppliedAt = now,
                    Key = command.Key,
                    Answer = answer,
                    SeenAt = seenAt,
                    Records = starts,
                },
                verdicts);
        }

        return command.Key is null ? Decision.Nothing(verdicts) : Decision.Append(
            new AnswerKept
            {
                Sequence = state.Sequence + 1,
                TransactionNumber = state.TransactionNumber,
                CreatedAt = now,
                AppliedAt = now,
                Key = command.Key,
                Answer = answer,
            },
            verdicts);
    }

    private static Refusal? CheckVisits(VisitRecords command, DateTimeOffset seenAt, DateTimeOffset now)
    {
        if (command.Records.Length is 0 or > RecordVisitsRequest.MaxRecords)
        {
            return Refusal.Invalid("records", $"records has {command.Records.Length} items; 1 to {RecordVisitsRequest.MaxRecords} are allowed.");
        }

        for (var index = 0; index < command.Records.Length; index++)
        {
            ref readonly var record = ref command.Records[index];
            Invariant.Holds(record.Type == RecordVisitsRequest.RecordType, "Companies visit.");
            if (CommandRules.CheckId("id", record.Id) is not null)
            {
                return CommandRules.CheckId($"records[{index}].id", record.Id);
            }
        }

        return seenAt > now + RecordVisitsRequest.MaxLead || seenAt < now - RecordVisitsRequest.MaxAge
            ? Refusal.Invalid("seenAt", $"seenAt is {seenAt:yyyy-MM-dd'T'HH:mm:ss'Z'}; at most {RecordVisitsRequest.MaxAge.Days} days before and not after now, {now:yyyy-MM-dd'T'HH:mm:ss'Z'}, are allowed.")
            : null;
    }

    private static (RecordVerdict[] Verdicts, RecordStart[] Starts) Visits(AccountState state, VisitedRecord[] records, DateTimeOffset seenAt, DateTimeOffset now)
    {
        var verdicts = new RecordVerdict[records.Length];
        var starts = new List<RecordStart>();
        var started = new HashSet<RecordKey>();
        var (today, lastDay) = (RecordDay.Of(now), RecordDay.LastDayFrom(seenAt));
        for (var index = 0; index < records.Length; index++)
        {
            ref readonly var record = ref records[index];
            if (state.Records.TryGet(record.Key, out var active) && active.IsActiveOn(today))
            {
                verdicts[index] = new(RecordStatus.Active, Credits.Zero, active);
            }
            else if (started.Add(record.Key))
            {
                verdicts[index] = new(RecordStatus.Subscribed, Credits.Zero, lastDay);
                starts.Add(new(record.Key, lastDay, record.Type, record.Id));
            }
            else
            {
                verdicts[index] = new(RecordStatus.Active, Credits.Zero, lastDay);
            }
        }

        return (verdicts, [.. starts]);
    }
}
