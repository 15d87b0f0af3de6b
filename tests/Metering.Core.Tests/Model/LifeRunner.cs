using System.Security.Cryptography;
using System.Text;

namespace Metering.Core.Tests.Model;

/// <summary>
/// Runs a life through the core and through the model side by side, with a twin of the state that is read back from a snapshot
/// before every step, and compares after every step.
/// </summary>
internal sealed class LifeRunner
{
    private static readonly AccountId Id = new("acme");

    private readonly Life life;
    private readonly ModelAccount model;
    private readonly AccountState state = Account.New(Id);
    private readonly List<Entry> entries = [];
    private readonly List<EncodedEntry> encoded = [];
    private readonly Dictionary<int, (UInt128 Request, long Sequence, DateTime At)> keys = [];
    private AccountState twin = Account.New(Id);
    private DateTime clock;
    private ulong tag;

    private LifeRunner(Life life)
    {
        this.life = life;
        model = new(life.Opening);
        clock = life.Opening.Now;
    }

    private TimeSpan Grace => TimeSpan.FromDays(life.Opening.GraceDays);

    private IEnumerable<TransactionEntry> Rows => entries.OfType<TransactionEntry>();

    public static void Run(Life life)
    {
        var runner = new LifeRunner(life);
        runner.Open();
        foreach (var step in life.Steps)
        {
            try
            {
                runner.Take(step);
            }
            catch (Exception failure)
            {
                throw new InvalidOperationException($"At {step}, clock {runner.clock:O}: {failure.Message}", failure);
            }
        }

        var rebuilt = Bytes.Rebuild(Id, runner.encoded);
        Assert.Equal(Bytes.OfSnapshot(runner.state), Bytes.OfSnapshot(rebuilt));
    }

    private void Open()
    {
        var opening = life.Opening;
        var open = new Open
        {
            Terms = TermsOf(model.Plans[0]),
            Anchor = Utc(opening.Anchor),
            PaidThrough = Utc(opening.PaidThrough),
        };
        Enter(Account.Decide(state, open, Utc(clock)).Entry!);
        EnterDue();
        Compare();
    }

    private void Take(Step step)
    {
        clock = step switch
        {
            Wait wait => clock + wait.Time,
            WaitForLeapDay => LeapDayAfter(clock),
            _ => clock,
        };
        EnterDue();
        model.Catch(model.TimeAt(clock));
        Compare();
        if (step is Wait or WaitForLeapDay)
        {
            return;
        }

        var now = model.TimeAt(clock);
        Assert.Equal(Utc(now), state.TimeAt(Utc(clock)));
        var before = Bytes.OfSnapshot(state);
        var command = CommandOf(step, now);
        var decision = DecideTwice(command, now, before);
        if (!AnsweredByKey(step, decision, command.Key, now))
        {
            CompareAnswers(step, decision, model.Apply(step, now), before);
        }

        EnterDue();
        Compare();
    }

    /// <summary>The twin is what a snapshot gives; it must encode and decide like the state itself.</summary>
    private Decision DecideTwice(Command command, DateTime now, byte[] snapshot)
    {
        twin = SnapshotCodec.Decode(Id, snapshot);
        Assert.Equal(snapshot, Bytes.OfSnapshot(twin));
        var decision = Account.Decide(state, command, Utc(now), grace: Grace);
        var same = Account.Decide(twin, command, Utc(now), grace: Grace);
        Assert.Equal(decision.Refusal, same.Refusal);
        Assert.Equal(decision.ReplayOf, same.ReplayOf);
        Assert.Equal(decision.Entry is null, same.Entry is null);
        if (decision.Entry is { } entry && same.Entry is { } sameEntry)
        {
            AssertSame(Bytes.OfEntry(entry), Bytes.OfEntry(sameEntry));
            Assert.Equal(decision.Extension is null, same.Extension is null);
            if (same.Extension is { } extension)
            {
                AssertSame(Bytes.OfEntry(decision.Extension!), Bytes.OfEntry(extension));
                Account.Evolve(twin, extension);
            }

            Account.Evolve(twin, sameEntry);
        }

        return decision;
    }

    /// <summary>
    /// True where the key answered. Within 24 hours it has to; after them it may, for as long as memory holds it.
    /// </summary>
    private bool AnsweredByKey(Step step, Decision decision, CommandKey? key, DateTime now)
    {
        var reused = decision.Refusal?.Reason == RefusalReason.IdempotencyKeyReused;
        if (!keys.TryGetValue(step.Key, out var use))
        {
            Assert.True(decision.ReplayOf == 0 && !reused, "A key that never came is not known.");
            return false;
        }

        var answered = decision.ReplayOf != 0 || reused;
        Assert.True(answered || use.At.AddHours(24) <= now, "A key is kept for 24 hours.");
        if (answered)
        {
            Assert.Equal(use.Request != key!.Value.Request, reused);
            Assert.Equal(reused ? 0 : use.Sequence, decision.ReplayOf);
        }

        return answered;
    }

    private void CompareAnswers(Step step, Decision decision, Verdict verdict, byte[] before)
    {
        Assert.Equal(verdict.Refused, decision.Refusal?.Reason);
        Assert.Equal(verdict.EntersAnything, decision.Entry is not null);
        if (verdict.Records is { } records)
        {
            Assert.Equal(records, decision.Verdicts!.Select(each => (each.Status.ToString(), each.Charged.ToDecimal(), each.LastDay?.End.UtcDateTime)));
        }

        if (decision.Entry is not { } entry)
        {
            Assert.Equal(before, Bytes.OfSnapshot(state));
            return;
        }

        if (entry is CreditsSpent spent)
        {
            Assert.Equal(spent.Charged.ToDecimal(), spent.Burns.Sum(burn => burn.Amount.ToDecimal()));
            Assert.All(spent.Burns, burn => Assert.True(burn.Amount.IsPositive));
            Assert.Equal(verdict.BurnedByBucket, Enum.GetValues<Bucket>().Select(bucket => spent.Burns.Where(burn => burn.Bucket == bucket).Sum(burn => burn.Amount.ToDecimal())));
        }

        if (decision.Extension is { } extension)
        {
            Enter(extension);
        }

        Enter(entry);
        Assert.Equal(Bytes.OfSnapshot(state), Bytes.OfSnapshot(twin));
        if (step.Key != 0)
        {
            keys[step.Key] = (entry.Key!.Value.Request, entry.Sequence, entry.AppliedAt.UtcDateTime);
        }
    }

    private void Compare()
    {
        var balance = state.ToBalance(Grace);
        Assert.Equal(model.LeftIn("monthly"), balance.Monthly.ToDecimal());
        Assert.Equal(model.LeftIn("bonus"), balance.Bonus.ToDecimal());
        Assert.Equal(model.LeftIn("permanent"), balance.Permanent.ToDecimal());
        Assert.Equal(model.UsedMonthly, balance.UsedMonthly.ToDecimal());
        Assert.Equal(model.UsedCarried, balance.UsedCarried.ToDecimal());
        Assert.Equal(Utc(model.LastReset), balance.LastResetAt);
        Assert.Equal((model.Status, model.Plan, model.PlannedPlan, Utc(model.EndsAt)), (balance.Status, balance.Plan, balance.PlannedPlan, balance.EndsAt));
        Assert.Equal((model.Owed, model.CreditLimit), (balance.Owed.ToDecimal(), balance.CreditLimit.ToDecimal()));
        Assert.Equal(Utc(model.PeriodStart), state.PeriodStart);
        Assert.Equal(Utc(model.PeriodEnd), balance.PeriodEnd);
        Assert.Equal(Utc(model.PaidThrough), balance.PaidThrough);
        Assert.Equal(life.Opening.GraceDays > 0 && model.EndsAt is null && model.Status == AccountStatus.Active ? Utc(model.GraceEnd) : null, balance.GraceEndsAt);
        Assert.Equal(
            model.Rows.Select(row => (row.Type, row.Amount, Utc(row.CreatedAt), row.Balance)),
            Rows.Select(row => (row.Type.ToName(), row.Amount.ToDecimal(), row.CreatedAt, row.BalanceAfter.ToDecimal())));
        Assert.Equal(
            model.ActiveCompanies(model.TimeAt(clock)).Select(CompanyKey).Order(),
            state.Records.ActiveOn(RecordDay.Of(state.TimeAt(Utc(clock)))).Select(record => record.Key.Value).Order());

        // What the contract promises whatever the model says.
        Assert.Equal(balance.Available.ToDecimal(), Rows.Sum(row => row.Amount.ToDecimal()));
        Assert.False(balance.Available.IsNegative || balance.Monthly.IsNegative || balance.Bonus.IsNegative || balance.Permanent.IsNegative);
        var monthlyCredits = balance.Monthly + balance.UsedMonthly;
        var bonusCredits = balance.Bonus + balance.Permanent + balance.UsedCarried;
        Assert.Equal(balance.Available, monthlyCredits + bonusCredits - (balance.UsedMonthly + balance.UsedCarried));
        Assert.True(balance.Owed.IsZero || balance.Available.IsZero, "What can be spent settles what is owed.");
        Assert.False(balance.Owed.IsNegative);
        Assert.True(state.NextDue > state.TimeAt(Utc(clock)), "Nothing is due once what was due is entered.");
    }

    private void EnterDue()
    {
        for (var count = 0; Account.DecideDue(state, state.TimeAt(Utc(clock))) is { } due; count++)
        {
            Assert.True(count < 1_000, "What is due comes to an end.");
            Enter(due);
        }
    }

    private void Enter(Entry entry)
    {
        var last = entries.LastOrDefault();
        Assert.Equal((last?.Sequence ?? 0) + 1, entry.Sequence);
        Assert.Equal((last?.TransactionNumber ?? 0) + (entry is TransactionEntry ? 1 : 0), entry.TransactionNumber);
        Assert.True(last is null || (entry.CreatedAt >= last.CreatedAt && entry.AppliedAt >= last.AppliedAt), "Time does not go back in a ledger.");
        Assert.True(entry.CreatedAt <= entry.AppliedAt, "Nothing is entered before it is due.");
        var bytes = Bytes.OfEntry(entry);
        AssertSame(bytes, Bytes.OfEntry(bytes.Decode()));
        Account.Evolve(state, entry);
        entries.Add(entry);
        encoded.Add(bytes);
    }

    private Command CommandOf(Step step, DateTime now)
    {
        CommandKey? key = step.Key == 0 ? null : new CommandKey((UInt128)step.Key, RequestHash(step));
        tag++;
        return step switch
        {
            Spend spend => new Deduct { Price = Credits.Of(spend.Amount), Key = key, Tag = tag, Description = "spent", Reference = "ref" },
            Give give => new Grant
            {
                Kind = give.Kind, Amount = Credits.Of(give.Amount), ExternalReference = (UInt128)give.Reference, Key = key, Tag = tag,
                ExpiresAt = give.ExpiresInHours == 0 ? null : Utc(now.AddHours(give.ExpiresInHours)),
            },
            Correct correct => new Adjust { Amount = Credits.Of(correct.Amount), Reason = "corrected", Key = key, Tag = tag },
            PayBack refund => new Refund
            {
                Original = (TransactionEntry?)encoded.Select(entry => entry.Decode()).FirstOrDefault(entry => entry is TransactionEntry && entry.TransactionNumber == model.NumberOf(refund)),
                Amount = refund.Amount is { } amount ? Credits.Of(amount) : null, Key = key, Tag = tag,
            },
            Fetch fetch => new AccessRecords
            {
                Records = [.. fetch.Companies.Select(PricedOf)], Mode = fetch.UpTo ? AccessMode.UpTo : AccessMode.AllOrNothing,
                MaxCredits = fetch.Limit is { } limit ? Credits.Of(limit) : null, Key = key, Tag = tag,
            },
            Visit visit => new VisitRecords
            {
                Records = [.. visit.Companies.Select(company => new VisitedRecord(RecordKey.Of("company", $"{company}"), "company", $"{company}"))],
                SeenAt = Utc(now.AddHours(-visit.HoursAgo)), Key = key,
            },
            Bring bring => new StartRecords
            {
                Records = [.. bring.Companies.Select(company => new BroughtRecord(RecordKey.Of("company", $"{company}"), "company", $"{company}", Utc(now.AddHours(bring.HoursAhead))))],
                ExternalReference = (UInt128)bring.Reference, Key = key,
            },
            Switch status => new SetStatus { Status = status.Status, Reason = "Why.", Key = key },
            Limit limit => new SetCreditLimit { Limit = Credits.Of(limit.Most), Key = key },
            Retake taken => new TakeBack { Amount = Credits.Of(taken.Amount), Reason = "Disputed", Reference = "dp", ExternalReference = (UInt128)taken.Reference, Key = key, Tag = tag },
            Replan plan => new ChangePlan
            {
                Terms = TermsOf(model.Plans[plan.Plan]), When = plan.IsPlanned ? PlanChangeTime.PeriodEnd : PlanChangeTime.Now,
                Allotment = plan.IsProrated ? PlanAllotment.Prorated : PlanAllotment.Whole, ExternalReference = (UInt128)plan.Reference, Key = key,
                PaidThrough = plan.PaidDaysAhead == 0 ? null : Utc(now.AddDays(plan.PaidDaysAhead)),
            },
            Cancel cancel => new SetCancellation { IsCancelled = cancel.IsCancelled, Key = key },
            Pay pay => new RecordPayment { PaidThrough = Utc(now.AddDays(pay.DaysAhead)), ExternalReference = (UInt128)pay.Reference, Key = key, Tag = tag },
            _ => throw new ArgumentException($"No command: {step}"),
        };
    }

    private static PlanTerms TermsOf(ModelPlan plan) => new(plan.Name, Credits.Of(plan.Allotment), plan.Months, plan.Unlimited, AccessLevel.Platform);

    private static PricedRecord PricedOf(int company) => new(
        RecordKey.Of("company", $"{Math.Abs(company)}"), "company", $"{Math.Abs(company)}", Credits.Of(company > 0 ? 1m : 0.25m), company > 0, AccessLevel.Trial);

    private static UInt128 CompanyKey(int company) => RecordKey.Of("company", $"{company}").Value;

    private static UInt128 RequestHash(Step step) =>
        System.Buffers.Binary.BinaryPrimitives.ReadUInt128LittleEndian(SHA256.HashData(Encoding.UTF8.GetBytes($"{step}")));

    private static DateTime LeapDayAfter(DateTime instant)
    {
        var year = instant.Year;
        while (!DateTime.IsLeapYear(year) || new DateTime(year, 2, 29, 0, 0, 0, DateTimeKind.Utc) <= instant)
        {
            year++;
        }

        return new DateTime(year, 2, 29, 0, 0, 0, DateTimeKind.Utc) + instant.TimeOfDay;
    }

    private static DateTimeOffset Utc(DateTime instant) => new(instant, TimeSpan.Zero);

    private static DateTimeOffset? Utc(DateTime? instant) => instant is { } known ? Utc(known) : null;

    private static void AssertSame(EncodedEntry left, EncodedEntry right)
    {
        Assert.Equal(left.Facts, right.Facts);
        Assert.Equal(left.Texts, right.Texts);
    }
}
