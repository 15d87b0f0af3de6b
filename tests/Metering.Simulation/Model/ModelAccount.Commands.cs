namespace Metering.Simulation;

/// <content>What the contract says about visits.</content>
internal sealed partial class ModelAccount
{
    private Prediction Visit(VisitOperation operation, DateTimeOffset now)
    {
        var request = operation.Request;
        var seenAt = request.SeenAt ?? now;
        if (seenAt > now.AddMinutes(5) || seenAt < now.AddDays(-31))
        {
            return Prediction.Refused(Text.Refused(RefusalReason.InvalidRequest, "seenAt"));
        }

        if (plan.Level == AccessLevel.Trial)
        {
            return Prediction.Refused(Text.Refused(RefusalReason.AccessLevelTooLow, level: AccessLevel.WebVisitors));
        }

        seenAt = seenAt > now ? now : seenAt;
        var (today, lastDay) = (DateOnly.FromDateTime(now.UtcDateTime), DateOnly.FromDateTime(seenAt.UtcDateTime).AddYears(1));
        var (verdicts, starts) = (new List<string>(), new List<ModelStart>());
        foreach (var record in request.Records)
        {
            var isActive = subscriptions.TryGetValue((record.Type, record.Id), out var active) && active >= today;
            var isNew = !isActive && !starts.Exists(start => start.Id == record.Id);
            verdicts.Add(Text.Verdict(record, isNew ? RecordStatus.Subscribed : RecordStatus.Active, 0, new DateTimeOffset((isActive ? active : lastDay).AddDays(1).ToDateTime(TimeOnly.MinValue), TimeSpan.Zero)));
            if (isNew)
            {
                starts.Add(new(record.Type, record.Id, lastDay));
            }
        }

        if (starts.Count > 0 && IsInactive(now))
        {
            return Prediction.Refused(Text.Refused(RefusalReason.SubscriptionInactive));
        }

        var key = operation.Key is null ? null : HashOf(operation.Key);
        var line = starts.Count > 0
            ? Line(LineKind.Visited, now) with { Starts = starts, Detail = LedgerLine.VisitedDetail(seenAt), Key = key }
            : Line(LineKind.AnswerKept, now) with { Key = key };
        return new(Text.Access(null, 0, Available, verdicts), starts.Count > 0 || key is not null ? [line] : []);
    }
}
