namespace Metering.Simulation;

/// <summary>What the model keeps of a transaction.</summary>
internal sealed record ModelTransaction(LedgerLine Line)
{
    public decimal Refunded { get; set; }
}

/// <summary>What the model keeps of a key: the last operation that it stood for.</summary>
internal sealed record ModelKey(int Operation, DateTimeOffset At, string Answer);

/// <summary>
/// An account as the contract describes it, in decimals and dictionaries. It is written from the contract alone and shares no code with
/// the engine's core. Deciding changes nothing; <see cref="Apply"/> does.
/// </summary>
internal sealed partial class ModelAccount
{
    private readonly List<ModelPart> grants = [];
    private readonly Dictionary<(string Type, string Id), DateOnly> subscriptions = [];
    private readonly Dictionary<long, ModelTransaction> transactions = [];
    private readonly Dictionary<long, ulong> tags = [];
    private readonly HashSet<string> references = [];
    private readonly Dictionary<string, ModelKey> keys = [];
    private Plan plan = new() { Id = "", Name = "" };
    private DateTimeOffset anchor;
    private DateTimeOffset? paidThrough;
    private int period;
    private int begins;
    private int grantedPeriod = -1;
    private decimal usedMonthly;
    private decimal usedCarried;
    private long windowBegan;

    /// <summary>Days for which an account whose period was not paid goes on spending what it holds.</summary>
    public int GraceDays { get; init; }

    public long Sequence { get; private set; }

    public long Number { get; private set; }

    public DateTimeOffset LastApplied { get; private set; } = DateTimeOffset.MinValue;

    private DateTimeOffset LastCreated { get; set; } = DateTimeOffset.MinValue;

    public bool IsOpen => Sequence > 0;

    public decimal Available => grants.Sum(grant => grant.Amount);

    public LedgerLine TransactionLine(long number) => transactions[number].Line;

    private DateTimeOffset PeriodStart => After(begins);

    private DateTimeOffset PeriodEnd => After(begins + plan.PeriodMonths);

    /// <summary>Anniversaries count from the anchor itself, so that a clamped day comes back (Jan 31, Feb 28, Mar 31).</summary>
    private DateTimeOffset After(int monthsFromAnchor)
    {
        var months = anchor.Month - 1 + monthsFromAnchor;
        var (year, month) = (anchor.Year + (months / 12), (months % 12) + 1);
        var day = Math.Min(anchor.Day, DateTime.DaysInMonth(year, month));
        return new DateTimeOffset(year, month, day, 0, 0, 0, TimeSpan.Zero) + anchor.TimeOfDay;
    }

    /// <summary>The account's time: clocks differ and go back, an account's time does not.</summary>
    public DateTimeOffset TimeAt(DateTimeOffset clock) => clock > LastApplied ? clock : LastApplied;

    private IEnumerable<ModelPart> InSpendOrder() => grants
        .OrderBy(grant => grant.Bucket)
        .ThenBy(grant => grant.Bucket == ModelBucket.Bonus ? grant.Ends ?? DateTimeOffset.MaxValue : DateTimeOffset.MinValue)
        .ThenBy(grant => grant.Grant);

    private decimal Of(ModelBucket bucket) => grants.Where(grant => grant.Bucket == bucket).Sum(grant => grant.Amount);

    private List<ModelPart> Burn(decimal amount) => Burn(amount, InSpendOrder());

    private static List<ModelPart> Burn(decimal amount, IEnumerable<ModelPart> inOrder)
    {
        var parts = new List<ModelPart>();
        foreach (var grant in inOrder)
        {
            if (amount == 0)
            {
                break;
            }

            var part = Math.Min(grant.Amount, amount);
            parts.Add(grant with { Amount = part });
            amount -= part;
        }

        return parts;
    }

    /// <summary>What is due by itself at a time; null for nothing.</summary>
    public LedgerLine? NextDue(DateTimeOffset now)
    {
        if (!IsOpen)
        {
            return null;
        }

        if (grantedPeriod < period && periodAllotment > 0 && status != AccountStatus.Closed && (paidThrough is null || paidThrough > PeriodStart) && (endsAt is null || endsAt > PeriodStart))
        {
            var allotment = periodAllotment;
            return Transaction(LineKind.Granted, TransactionType.MonthlyReset, allotment, now) with
            {
                CreatedAt = Later(PeriodStart, LastCreated),
                Parts = [new(Sequence + 1, ModelBucket.Monthly, allotment, PeriodEnd)],
                Description = "Monthly credit reset",
            };
        }

        if (Math.Min(owed, Available) is > 0 and var settled)
        {
            return Transaction(LineKind.Settled, TransactionType.Adjustment, -settled, now) with { CreatedAt = LastCreated, Parts = Burn(settled), Debt = -settled, Description = "Debt settled" };
        }

        // What ends at an instant ends before what begins at it.
        var ending = InSpendOrder().Where(grant => grant.Ends <= now && grant.Ends <= PeriodEnd).OrderBy(grant => grant.Ends).Select(grant => (ModelPart?)grant).FirstOrDefault();
        if (ending is { } ends)
        {
            return Transaction(LineKind.Removed, TransactionType.Expiration, -ends.Amount, now) with
            {
                CreatedAt = Later(ends.Ends!.Value, LastCreated),
                Parts = [ends],
                Description = ends.Bucket switch
                {
                    ModelBucket.Monthly => "Unused monthly credits expired",
                    ModelBucket.Bonus => "Bonus credits expired",
                    ModelBucket.Permanent => "Permanent credits expired",
                    _ => throw new InvalidOperationException(),
                },
            };
        }

        return PeriodEnd > now ? null : Line(LineKind.PeriodStarted, now) with { CreatedAt = Later(PeriodEnd, LastCreated), Detail = $"period {period + 1}" };
    }

    /// <summary>Changes the account by a line that it expected.</summary>
    public void Apply(LedgerLine line)
    {
        (Sequence, Number) = (line.Sequence, line.Number);
        (LastApplied, LastCreated) = (line.AppliedAt, Later(line.CreatedAt, LastCreated));
        if (line.Number > 0 && !transactions.ContainsKey(line.Number))
        {
            transactions.Add(line.Number, new(line));
        }

        switch (line.Kind)
        {
            case LineKind.PeriodStarted:
                begins += plan.PeriodMonths;
                (plan, planned) = (planned ?? plan, null);
                BeginPeriod(period + 1);
                break;
            case LineKind.Extended:
                grants.Add(line.Parts[0]);
                owed += line.Debt;
                break;
            case LineKind.TakenBack or LineKind.Settled:
                Take(line.Parts);
                owed += line.Debt;
                break;
            case LineKind.PlanChanged:
                Take(line.Parts);
                if (line.Parts.Count > 0)
                {
                    grants.Add(new(line.Sequence, ModelBucket.Permanent, line.Parts.Sum(part => part.Amount), null));
                }

                break;
            case LineKind.Granted:
                grants.Add(line.Parts[0]);
                grantedPeriod = line.Type == TransactionType.MonthlyReset ? period : grantedPeriod;
                break;
            case LineKind.Spent:
                Take(line.Parts);
                usedMonthly += line.Parts.Where(part => part.Bucket == ModelBucket.Monthly).Sum(part => part.Amount);
                usedCarried += line.Parts.Where(part => part.Bucket != ModelBucket.Monthly).Sum(part => part.Amount);
                foreach (var start in line.Starts)
                {
                    subscriptions[(start.Type, start.Id)] = start.LastDay;
                }

                break;
            case LineKind.Visited or LineKind.Brought:
                foreach (var start in line.Starts)
                {
                    subscriptions[(start.Type, start.Id)] = start.LastDay;
                }

                break;
            case LineKind.Removed:
                Take(line.Parts);
                break;
            case LineKind.Refunded:
                ApplyRefund(line);
                break;
            case LineKind.Opened or LineKind.Paid or LineKind.AnswerKept or LineKind.Checkpoint or LineKind.Status or LineKind.Limit or LineKind.Planned or LineKind.Cancellation:
                break;
            default:
                throw new InvalidOperationException($"The model knows no {line.Kind}.");
        }
    }

    /// <summary>Sets what an opening says; its line is applied before.</summary>
    public void Open(OpenAccountRequest request)
    {
        plan = SimulationCatalogue.Value.Plans[request.Plan];
        (anchor, paidThrough) = (request.Anchor!.Value, request.PaidThrough);
        var number = PeriodAt(LastApplied);
        begins = number * plan.PeriodMonths;
        BeginPeriod(number);
    }

    /// <summary>Notes the tag that the engine chose for a transaction.</summary>
    public void Tag(TransactionId id) => tags[id.Number] = id.Tag;

    public bool IsKnown(TransactionId id) => tags.TryGetValue(id.Number, out var tag) && tag == id.Tag;

    public void Pay(PaymentRequest request)
    {
        paidThrough = request.PaidThrough;
        if (paidThrough > endsAt)
        {
            endsAt = endsAt <= LastApplied ? null : paidThrough;
        }
    }

    public void Remember(string reference) => references.Add(reference);

    public void Keep(string key, ModelKey use) => keys[key] = use;

    /// <summary>What a checkpoint of this moment says.</summary>
    public string CheckpointText() =>
        LedgerLine.CheckpointDetail(Sequence, Number, Of(ModelBucket.Bonus), Of(ModelBucket.Monthly), Of(ModelBucket.Permanent));

    /// <summary>The line of a checkpoint, which moves nothing.</summary>
    public LedgerLine CheckpointLine(DateTimeOffset now, string detail) => Line(LineKind.Checkpoint, now) with { Detail = detail };

    public string BalanceText() =>
        $"balance@{Sequence} {plan.Id} unlimited={plan.Unlimited} level={plan.Level} allotment={Text.Of(plan.MonthlyCredits)} " +
        $"bonus/monthly/permanent={Text.Of(Of(ModelBucket.Bonus))}/{Text.Of(Of(ModelBucket.Monthly))}/{Text.Of(Of(ModelBucket.Permanent))} held=0 available={Text.Of(Available)} " +
        $"used={Text.Of(usedMonthly)}/{Text.Of(usedCarried)} day={anchor.Day} reset={Text.Of(lastReset)} end={Text.Of(PeriodEnd)} paid={Text.Of(paidThrough)} grace={Text.Of(GraceDays == 0 || endsAt is not null || status != AccountStatus.Active ? null : GraceEnd)}" +
        Text.Settings(status, statusReason, endsAt, planned?.Id, creditLimit, owed);

    private int PeriodAt(DateTimeOffset instant)
    {
        var number = 0;
        while (After((number + 1) * plan.PeriodMonths) <= instant)
        {
            number++;
        }

        return number;
    }

    private void BeginPeriod(int number)
    {
        (period, usedMonthly, usedCarried, windowBegan) = (number, 0, 0, Sequence);
        (lastReset, periodAllotment) = (PeriodStart, plan.MonthlyCredits.ToDecimal());
    }

    private void Take(IReadOnlyList<ModelPart> parts)
    {
        foreach (var part in parts)
        {
            var index = grants.FindIndex(grant => grant.Grant == part.Grant && grant.Bucket == part.Bucket);
            grants[index] = grants[index] with { Amount = grants[index].Amount - part.Amount };
            if (grants[index].Amount == 0)
            {
                grants.RemoveAt(index);
            }
        }
    }

    private void ApplyRefund(LedgerLine line)
    {
        foreach (var part in line.Parts)
        {
            var index = grants.FindIndex(grant => grant.Grant == part.Grant && grant.Bucket == part.Bucket);
            if (index < 0)
            {
                grants.Add(part);
            }
            else
            {
                grants[index] = grants[index] with { Amount = grants[index].Amount + part.Amount };
            }
        }

        var original = transactions[line.RefundOf!.Value];
        if (original.Line.Sequence > windowBegan)
        {
            var (monthly, carried) = (0m, 0m);
            foreach (var part in Retrace(original, line.Amount))
            {
                monthly += part.Bucket == ModelBucket.Monthly ? part.Amount : 0;
                carried += part.Bucket == ModelBucket.Monthly ? 0 : part.Amount;
            }

            (usedMonthly, usedCarried) = (usedMonthly - monthly, usedCarried - carried);
        }

        original.Refunded += line.Amount;
        if (line.EndedRecords.Count > 0)
        {
            foreach (var start in original.Line.Starts)
            {
                if (subscriptions.TryGetValue((start.Type, start.Id), out var lastDay) && lastDay == start.LastDay)
                {
                    subscriptions.Remove((start.Type, start.Id));
                }
            }
        }
    }

    /// <summary>The parts of a charge that a further refund gives back: last burned first, behind what was refunded before.</summary>
    private static List<ModelPart> Retrace(ModelTransaction original, decimal amount)
    {
        var skip = original.Refunded;
        var parts = new List<ModelPart>();
        foreach (var burn in original.Line.Parts.Reverse())
        {
            var skipped = Math.Min(skip, burn.Amount);
            skip -= skipped;
            var part = Math.Min(burn.Amount - skipped, amount);
            amount -= part;
            if (part > 0)
            {
                parts.Add(burn with { Amount = part });
            }
        }

        return parts;
    }

    private LedgerLine Line(LineKind kind, DateTimeOffset now) => new() { Kind = kind, Sequence = Sequence + 1, Number = Number, CreatedAt = now, AppliedAt = now };

    private LedgerLine Transaction(LineKind kind, TransactionType type, decimal amount, DateTimeOffset now) =>
        Line(kind, now) with { Number = Number + 1, Type = type, Amount = amount, BalanceAfter = Available + amount };

    private static DateTimeOffset Later(DateTimeOffset left, DateTimeOffset right) => left > right ? left : right;
}
