namespace Metering.Simulation;

/// <content>What the contract says about visits, status, debt and plans.</content>
internal sealed partial class ModelAccount
{
    private AccountStatus status;
    private string statusReason = string.Empty;
    private decimal creditLimit;
    private decimal owed;
    private DateTimeOffset? endsAt;
    private Plan? planned;
    private DateTimeOffset lastReset;
    private decimal periodAllotment;

    private decimal Spendable => Available + Math.Max(0, creditLimit - owed);

    /// <summary>Sets what operations change that only they know.</summary>
    public void Set(Operation operation)
    {
        switch (operation)
        {
            case SetStatusOperation set:
                (status, statusReason) = (set.Request.Status, set.Request.Reason ?? string.Empty);
                break;
            case CreditLimitOperation limit:
                creditLimit = limit.Request.Limit.ToDecimal();
                break;
            case CancelOperation cancel when cancel.IsCancelled != endsAt is not null:
                (endsAt, planned) = (cancel.IsCancelled ? End() : null, null);
                break;
            case ChangePlanOperation { Request: { When: PlanChangeTime.PeriodEnd } request }:
                (planned, endsAt) = (request.Plan == plan.Id ? null : Catalogue.Plans[request.Plan], null);
                break;
            case ChangePlanOperation { Request: var request }:
                var (next, from, granted) = Changed(request, LastApplied);
                (plan, begins, planned, endsAt, paidThrough) = (next, from, null, null, request.PaidThrough ?? paidThrough);
                BeginPeriod(period + 1);
                (lastReset, periodAllotment) = (LastApplied, granted);
                break;
            default:
                break;
        }
    }

    /// <summary>What an account of this status, or a stricter one, does not do.</summary>
    private Prediction? Barred(AccountStatus from) => status < from ? null
        : Prediction.Refused(Text.Refused(status == AccountStatus.Suspended ? RefusalReason.AccountSuspended : RefusalReason.AccountClosed));

    /// <summary>The lines of a spending: what is extended for it, if anything, and itself.</summary>
    private (LedgerLine[] Extended, List<ModelPart> Parts, LedgerLine Spent) Spent(decimal price, DateTimeOffset now)
    {
        if (price <= Available)
        {
            return ([], Burn(price), Transaction(LineKind.Spent, TransactionType.Deduction, -price, now));
        }

        var part = new ModelPart(Sequence + 1, ModelBucket.Permanent, price - Available, null);
        var extended = Transaction(LineKind.Extended, TransactionType.Adjustment, part.Amount, now) with { Parts = [part], Debt = part.Amount, Description = "Credit extended" };
        var spent = Transaction(LineKind.Spent, TransactionType.Deduction, -price, now) with { Sequence = Sequence + 2, Number = Number + 2, BalanceAfter = 0 };
        return ([extended], [.. Burn(Available), part], spent);
    }

    private Prediction SetStatus(SetStatusOperation operation, DateTimeOffset now) =>
        new("any", [Line(LineKind.Status, now) with { Detail = $"{operation.Request.Status} '{operation.Request.Reason}'", Key = HashOf(operation.Key!) }]);

    private Prediction Limit(CreditLimitOperation operation, DateTimeOffset now) => Barred(AccountStatus.Closed) ??
        new Prediction("any", [Line(LineKind.Limit, now) with { Detail = $"limit {Text.Of(operation.Request.Limit)}", Key = HashOf(operation.Key!) }]);

    private Prediction TakeBack(TakeBackOperation operation, DateTimeOffset now)
    {
        var request = operation.Request;
        if (references.Contains(request.ExternalReference))
        {
            return Prediction.Refused(Text.Refused(RefusalReason.ReferenceUsed, "externalReference"));
        }

        var removed = Math.Min(request.Amount.ToDecimal(), Available);
        var rest = request.Amount.ToDecimal() - removed;
        var line = Transaction(LineKind.TakenBack, TransactionType.Adjustment, -removed, now) with
        {
            Parts = Burn(removed, TakenFirst(operation)),
            Debt = rest,
            External = HashOf(request.ExternalReference),
            Reference = request.ExternalReference,
            Description = operation.Mark,
            Detail = $"owed {Text.Of(owed + rest)}",
            Key = HashOf(operation.Key!),
        };
        return new(Text.TakenBack(line.Number, removed, rest, owed + rest, line.BalanceAfter), [line]);
    }

    /// <summary>The named grant goes first; where it is archived and nobody can tell it from others, permanent credits do, oldest first.</summary>
    private IEnumerable<ModelPart> TakenFirst(TakeBackOperation operation) => operation.Found switch
    {
        GrantFound.InLedger => InSpendOrder().OrderBy(grant => grant.Grant != transactions[operation.Request.GrantedBy!.Value.Number].Line.Sequence),
        GrantFound.Archived => InSpendOrder().OrderBy(grant => grant.Bucket != ModelBucket.Permanent),
        _ => InSpendOrder(),
    };

    private Prediction ChangePlan(ChangePlanOperation operation, DateTimeOffset now)
    {
        var request = operation.Request;
        var isPlanned = request.When == PlanChangeTime.PeriodEnd;
        var isSame = request.Plan == plan.Id;
        var field = isPlanned && request.PaidThrough is not null ? "paidThrough"
            : isPlanned && request.Allotment == PlanAllotment.Prorated ? "allotment"
            : request.PaidThrough < paidThrough ? "paidThrough"
            : isSame && !(isPlanned && planned is not null) ? "plan"
            : null;
        if (field is not null)
        {
            return Prediction.Refused(Text.Refused(RefusalReason.InvalidRequest, field));
        }

        if (request.ExternalReference is { } reference && references.Contains(reference))
        {
            return Prediction.Refused(Text.Refused(RefusalReason.ReferenceUsed, "externalReference"));
        }

        if (Barred(AccountStatus.Closed) is { } barred)
        {
            return barred;
        }

        var monthly = Catalogue.Plans[request.Plan].MonthlyCredits.ToDecimal();
        var line = Line(isPlanned ? LineKind.Planned : LineKind.PlanChanged, now) with
        {
            External = request.ExternalReference is null ? null : HashOf(request.ExternalReference),
            Key = HashOf(operation.Key!),
        };
        if (isPlanned)
        {
            return new(Text.Changed(plan.Id, request.Plan, PeriodEnd, monthly, 0, 0), [line with { Detail = LedgerLine.PlannedDetail(plan.Id, isSame ? null : request.Plan, monthly, PeriodEnd) }]);
        }

        var (next, from, granted) = Changed(request, now);
        var kept = Kept();
        return new(Text.Changed(plan.Id, request.Plan, now, monthly, granted, kept.Sum(part => part.Amount)), [line with
        {
            Parts = kept,
            Detail = LedgerLine.PlanDetail(plan.Id, request.Plan, period + 1, from - ((period + 1) * next.PeriodMonths), granted, request.PaidThrough ?? paidThrough),
        }]);
    }

    /// <summary>Unused credits of the allotment, oldest first, up to what the plan grants a period.</summary>
    private List<ModelPart> Kept()
    {
        var (left, parts) = (plan.MonthlyCredits.ToDecimal(), new List<ModelPart>());
        foreach (var grant in InSpendOrder().Where(grant => grant.Bucket == ModelBucket.Monthly))
        {
            var part = Math.Min(grant.Amount, left);
            left -= part;
            if (part > 0)
            {
                parts.Add(grant with { Amount = part });
            }
        }

        return parts;
    }

    private (Plan Next, int Begins, decimal Granted) Changed(ChangePlanRequest request, DateTimeOffset now)
    {
        var (next, from) = (Catalogue.Plans[request.Plan], begins);
        while (After(from + next.PeriodMonths) <= now)
        {
            from += next.PeriodMonths;
        }

        var (start, end, all) = (After(from), After(from + next.PeriodMonths), next.MonthlyCredits.ToDecimal());
        return (next, from, request.Allotment == PlanAllotment.Whole ? all : Math.Floor(all * 10_000 * (end - now).Ticks / (end - start).Ticks) / 10_000);
    }

    private DateTimeOffset End() => paidThrough > PeriodEnd ? paidThrough.Value : PeriodEnd;

    private Prediction Cancel(CancelOperation operation, DateTimeOffset now)
    {
        if (Barred(AccountStatus.Closed) is { } barred)
        {
            return barred;
        }

        if (operation.IsCancelled && (endsAt <= now || GraceEnd <= now))
        {
            return Prediction.Refused(Text.Refused(RefusalReason.SubscriptionInactive));
        }

        var key = HashOf(operation.Key!);
        return new("any", [operation.IsCancelled == endsAt is not null
            ? Line(LineKind.AnswerKept, now) with { Key = key }
            : Line(LineKind.Cancellation, now) with { Key = key, Detail = $"ends {Text.Of(operation.IsCancelled ? End() : null)}" }]);
    }

    private Prediction Visit(VisitOperation operation, DateTimeOffset now)
    {
        var request = operation.Request;
        var seenAt = request.SeenAt ?? now;
        if (seenAt > now.AddMinutes(5) || seenAt < now.AddDays(-31))
        {
            return Prediction.Refused(Text.Refused(RefusalReason.InvalidRequest, "seenAt"));
        }

        if (Barred(AccountStatus.Suspended) is { } barred)
        {
            return barred;
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

    private Prediction StartRecords(StartRecordsOperation operation, DateTimeOffset now)
    {
        var request = operation.Request;
        if (references.Contains(request.ExternalReference))
        {
            return Prediction.Refused(Text.Refused(RefusalReason.ReferenceUsed, "externalReference"));
        }

        var today = DateOnly.FromDateTime(now.UtcDateTime);
        for (var index = 0; index < request.Records.Count; index++)
        {
            var end = request.Records[index].ExpiresAt;
            if (end <= now || end > EndOf(today.AddYears(1)))
            {
                return Prediction.Refused(Text.Refused(RefusalReason.InvalidRequest, $"records[{index}].expiresAt"));
            }
        }

        if (Barred(AccountStatus.Closed) is { } barred)
        {
            return barred;
        }

        var (verdicts, starts) = (new List<string>(), new List<ModelStart>());
        foreach (var record in request.Records)
        {
            var lastDay = request.Records.Where(other => (other.Type, other.Id) == (record.Type, record.Id)).Max(other => DateOnly.FromDateTime(other.ExpiresAt.UtcDateTime.AddTicks(-1)));
            var lasts = subscriptions.TryGetValue((record.Type, record.Id), out var active) && active >= today && active >= lastDay;
            var isNew = !lasts && !starts.Exists(start => (start.Type, start.Id) == (record.Type, record.Id));
            verdicts.Add(Text.Verdict(new(record.Type, record.Id), isNew ? RecordStatus.Subscribed : RecordStatus.Active, 0, EndOf(lasts ? active : lastDay)));
            if (isNew)
            {
                starts.Add(new(record.Type, record.Id, lastDay));
            }
        }

        return new(Text.Access(null, 0, Available, verdicts), [Line(LineKind.Brought, now) with { Starts = starts, External = HashOf(request.ExternalReference), Key = HashOf(operation.Key!) }]);
    }

    private static DateTimeOffset EndOf(DateOnly lastDay) => new(lastDay.AddDays(1).ToDateTime(TimeOnly.MinValue), TimeSpan.Zero);
}
