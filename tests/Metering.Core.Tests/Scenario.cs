namespace Metering.Core.Tests;

/// <summary>One account, driven the way a shell drives it: what is due first, then the command, then what the command made due.</summary>
internal sealed class Scenario
{
    public static readonly AccountId Id = new("acme");

    private ulong nextTag = 1;

    public Scenario(string opened, string allotment = "100", int periodMonths = 1, string? anchor = null, string? paidThrough = null, bool unlimited = false, AccessLevel level = AccessLevel.Platform)
    {
        Now = At(opened);
        var terms = new PlanTerms("starter", Amount(allotment), periodMonths, unlimited, level);
        Accept(new Open { Terms = terms, Anchor = anchor is null ? null : At(anchor), PaidThrough = paidThrough is null ? null : At(paidThrough) });
    }

    public AccountState State { get; private set; } = Account.New(Id);

    public List<Entry> Entries { get; } = [];

    public DateTimeOffset Now { get; private set; }

    /// <summary>How long an account whose period was not paid goes on spending.</summary>
    public TimeSpan Grace { get; init; }

    public IEnumerable<TransactionEntry> Rows => Entries.OfType<TransactionEntry>();

    /// <summary>The rows as people read them: type, signed amount, the day or instant of creation.</summary>
    public IEnumerable<string> Listed => Rows.Select(row => $"{row.Type.ToName()} {row.Amount} {row.CreatedAt:yyyy-MM-dd}");

    /// <summary>The figures of the published formula: monthly, bonus, used, available.</summary>
    public (string Monthly, string Bonus, string Used, string Available) Published
    {
        get
        {
            var balance = State.ToBalance();
            return (
                (balance.Monthly + balance.UsedMonthly).ToString(),
                (balance.Bonus + balance.Permanent + balance.UsedCarried).ToString(),
                (balance.UsedMonthly + balance.UsedCarried).ToString(),
                balance.Available.ToString());
        }
    }

    public static DateTimeOffset At(string instant) => DateTimeOffset.Parse(instant, null, System.Globalization.DateTimeStyles.AssumeUniversal);

    public static Credits Amount(string text) => Credits.TryParse(text, out var credits) ? credits : throw new FormatException(text);

    public static CommandKey Key(int id, int request = 1) => new((UInt128)id, (UInt128)request);

    public static PricedRecord Company(string id, string price = "1") => new(RecordKey.Of("company", id), "company", id, Amount(price), true, AccessLevel.Trial);

    public static PricedRecord Signals(string id, string price = "1") => new(RecordKey.Of("company", id), "company", id, Amount(price), false, AccessLevel.Trial);

    public Scenario To(string instant)
    {
        Now = At(instant);
        EnterDue();
        return this;
    }

    /// <summary>Drops the state and reads it back from a snapshot, or from the encoded entries.</summary>
    public Scenario Reload(bool fromSnapshot)
    {
        State = fromSnapshot ? SnapshotCodec.Decode(Id, Bytes.OfSnapshot(State)) : Bytes.Rebuild(Id, Entries.Select(Bytes.OfEntry));
        return this;
    }

    public Decision Send(Command command, KeyEvidence evidence = default)
    {
        EnterDue();
        var decision = Account.Decide(State, command, State.TimeAt(Now), evidence, Grace);
        if (decision.Entry is { } entry)
        {
            if (decision.Extension is { } extension)
            {
                Enter(extension);
            }

            Enter(entry);
            EnterDue();
        }

        return decision;
    }

    public Entry Accept(Command command, KeyEvidence evidence = default)
    {
        var decision = Send(command, evidence);
        Assert.Null(decision.Refusal);
        return Assert.IsType<Entry>(decision.Entry, exactMatch: false);
    }

    public Refusal Refuse(Command command)
    {
        EnterDue();
        var before = Bytes.OfSnapshot(State);
        var decision = Account.Decide(State, command, State.TimeAt(Now), grace: Grace);
        Assert.Equal(before, Bytes.OfSnapshot(State));
        Assert.Null(decision.Entry);
        return Assert.IsType<Refusal>(decision.Refusal);
    }

    public CreditsSpent Spend(string amount) => Assert.IsType<CreditsSpent>(Accept(Spending(amount)));

    public Deduct Spending(string amount) => new() { Price = Amount(amount), Tag = nextTag++ };

    public CreditsGranted Give(string amount, TransactionType kind = TransactionType.Bonus, string? expiresAt = null, int reference = 0) =>
        Assert.IsType<CreditsGranted>(Accept(Giving(amount, kind, expiresAt, reference)));

    public Grant Giving(string amount, TransactionType kind = TransactionType.Bonus, string? expiresAt = null, int reference = 0) => new()
    {
        Kind = kind,
        Amount = Amount(amount),
        ExpiresAt = expiresAt is null ? null : At(expiresAt),
        ExternalReference = (UInt128)reference,
        Tag = nextTag++,
    };

    public CreditsRefunded PayBack(TransactionEntry original, string? amount = null) =>
        Assert.IsType<CreditsRefunded>(Accept(PayingBack(original, amount)));

    public Refund PayingBack(TransactionEntry? original, string? amount = null) =>
        new() { Original = original, Amount = amount is null ? null : Amount(amount), Tag = nextTag++ };

    public Adjust Adjusting(string amount, string reason = "Goodwill") => new() { Amount = Amount(amount), Reason = reason, Tag = nextTag++ };

    public RecordPayment Paying(string through, int reference) => new() { PaidThrough = At(through), ExternalReference = (UInt128)reference };

    public SetCreditLimit Limiting(string limit) => new() { Limit = Amount(limit) };

    public TakeBack TakingBack(string amount, int reference, TransactionEntry? grantedBy = null, bool isGrantArchived = false) => new()
    {
        Amount = Amount(amount),
        Reason = "Disputed",
        Reference = $"dp_{reference}",
        ExternalReference = (UInt128)reference,
        Grant = grantedBy?.Sequence ?? 0,
        IsGrantArchived = isGrantArchived,
        Tag = nextTag++,
    };

    public SetStatus Setting(AccountStatus status, string reason = "Why.") => new() { Status = status, Reason = reason };

    public ChangePlan Changing(string plan, string allotment, int months = 1, PlanChangeTime when = PlanChangeTime.Now, PlanAllotment granted = PlanAllotment.Whole, string? paidThrough = null, int reference = 0) => new()
    {
        Terms = new(plan, Amount(allotment), months, false, AccessLevel.Platform),
        When = when,
        Allotment = granted,
        PaidThrough = paidThrough is null ? null : At(paidThrough),
        ExternalReference = (UInt128)reference,
    };

    public static SetCancellation Cancelling(bool isCancelled = true) => new() { IsCancelled = isCancelled };

    public AccessRecords Accessing(params PricedRecord[] records) => new() { Records = records, Product = "company", Tag = nextTag++ };

    public RecordVerdict[] Access(params PricedRecord[] records) => Assert.IsType<RecordVerdict[]>(Send(Accessing(records)).Verdicts);

    private void EnterDue()
    {
        for (var entered = 0; Account.DecideDue(State, State.TimeAt(Now)) is { } due; entered++)
        {
            Assert.True(entered < 10_000, "What is due comes to an end.");
            Enter(due);
        }
    }

    private void Enter(Entry entry)
    {
        Account.Evolve(State, entry);
        Entries.Add(entry);
    }
}
