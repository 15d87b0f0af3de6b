namespace Metering.Core.Tests.Model;

/// <summary>One row of the model's list of transactions.</summary>
internal sealed record ModelRow(string Type, decimal Amount, DateTime CreatedAt, decimal Balance);

/// <summary>What the model says to a step.</summary>
internal sealed record Verdict(RefusalReason? Refused, bool EntersAnything)
{
    public decimal[]? BurnedByBucket { get; init; }

    public List<(string Status, decimal Charged, DateTime? End)>? Records { get; init; }

    public static Verdict Refuse(RefusalReason reason) => new(reason, false);
}

/// <summary>
/// The account once more, written from the contract alone: lots in a list, decimals, calendar arithmetic by hand, nothing of the core.
/// Slow and plain, so that it can be read beside the contract.
/// </summary>
internal sealed partial class ModelAccount
{
    private const decimal CompanyPrice = 1m;
    private const decimal SignalsPrice = 0.25m;

    private readonly DateTime anchor;
    private readonly int graceDays;
    private readonly List<Lot> lots = [];
    private readonly Dictionary<int, Charge> charges = [];
    private readonly Dictionary<int, DateTime> subscriptions = [];
    private readonly HashSet<int> references = [];
    private ModelPlan plan;
    private int begins;
    private int period;
    private decimal periodAllotment;
    private int lastGranted = -1;
    private int lotsMade;
    private DateTime? paidThrough;
    private DateTime lastCreated;
    private DateTime lastApplied;

    public ModelAccount(Opening opening)
    {
        Plans[0] = new("plan", opening.Allotment, opening.PeriodMonths, opening.Unlimited);
        (plan, periodAllotment) = (Plans[0], opening.Allotment);
        anchor = opening.Anchor ?? opening.Now;
        paidThrough = opening.PaidThrough;
        graceDays = opening.GraceDays;
        (lastCreated, lastApplied) = (opening.Now, opening.Now);
        while (PeriodEnd <= opening.Now)
        {
            begins += plan.Months;
        }

        LastReset = PeriodStart;
        GrantIfOwed(opening.Now);
    }

    public List<ModelRow> Rows { get; } = [];

    public decimal UsedMonthly { get; private set; }

    public decimal UsedCarried { get; private set; }

    public decimal Balance => lots.Sum(lot => lot.Left);

    public DateTime PeriodStart => AddMonths(anchor, begins);

    public DateTime PeriodEnd => AddMonths(anchor, begins + plan.Months);

    public DateTime? PaidThrough => paidThrough;

    public decimal LeftIn(string bucket) => lots.Where(lot => lot.Bucket == bucket).Sum(lot => lot.Left);

    public DateTime TimeAt(DateTime clock) => clock > lastApplied ? clock : lastApplied;

    public IEnumerable<int> ActiveCompanies(DateTime now) => subscriptions.Where(pair => now < pair.Value).Select(pair => pair.Key);

    /// <summary>Everything that happens by itself up to an instant.</summary>
    public void Catch(DateTime now)
    {
        while (true)
        {
            var ending = lots.Where(lot => lot.Left > 0 && lot.Ends <= now && lot.Ends <= PeriodEnd).OrderBy(lot => lot.Ends).ThenBy(SpendRank).FirstOrDefault();
            if (ending is not null)
            {
                var lost = ending.Left;
                ending.Left = 0;
                Enter("EXPIRATION", -lost, ending.Ends!.Value, now);
            }
            else if (PeriodEnd <= now)
            {
                lastCreated = Later(PeriodEnd, lastCreated);
                lastApplied = now;
                period++;
                begins += plan.Months;
                (plan, planned) = (planned ?? plan, null);
                periodAllotment = plan.Allotment;
                (UsedMonthly, UsedCarried, LastReset) = (0, 0, PeriodStart);
                GrantIfOwed(now);
            }
            else
            {
                return;
            }
        }
    }

    public Verdict Apply(Step step, DateTime now)
    {
        var verdict = step switch
        {
            Spend spend => ApplySpend(spend, now),
            Give give => ApplyGive(give, now),
            Correct correct => ApplyCorrect(correct, now),
            PayBack refund => ApplyRefund(refund, now),
            Fetch fetch => ApplyFetch(fetch, now),
            Visit visit => ApplyVisit(visit, now),
            Bring bring => ApplyBring(bring, now),
            Switch status => ApplySwitch(status),
            Limit limit => ApplyLimit(limit),
            Retake taken => ApplyRetake(taken, now),
            Replan replan => ApplyReplan(replan, now),
            Cancel cancel => ApplyCancel(cancel, now),
            Pay pay => ApplyPay(pay, now),
            _ => throw new ArgumentException($"No command: {step}"),
        };
        if (verdict.EntersAnything)
        {
            (lastApplied, lastCreated) = (now, now);
        }

        GrantIfOwed(now);
        return verdict;
    }

    /// <summary>The number, from 1, of the nth transaction from the last; 0 where there is none.</summary>
    public int NumberOf(PayBack refund) => Math.Max(0, Rows.Count - refund.Back);

    /// <summary>When spending ends for want of a payment, were it not cancelled.</summary>
    public DateTime? GraceEnd => paidThrough?.AddDays(graceDays);

    /// <summary>Who has cancelled has no grace.</summary>
    private bool IsInactive(DateTime now) => EndsAt is null ? now >= GraceEnd : now >= paidThrough || now >= EndsAt;

    private Verdict ApplySpend(Spend step, DateTime now)
    {
        if (Barred(AccountStatus.Suspended) is { } barred)
        {
            return barred;
        }

        if (IsInactive(now))
        {
            return Verdict.Refuse(RefusalReason.SubscriptionInactive);
        }

        var price = plan.Unlimited ? 0 : step.Amount;
        if (price > Spendable)
        {
            return Verdict.Refuse(RefusalReason.InsufficientCredits);
        }

        return new(null, true) { BurnedByBucket = ChargeFor(price, now, []) };
    }

    private Verdict ApplyGive(Give step, DateTime now)
    {
        if (references.Contains(step.Reference))
        {
            return Verdict.Refuse(RefusalReason.ReferenceUsed);
        }

        if (Barred(AccountStatus.Closed) is { } barred)
        {
            return barred;
        }

        Note(step.Reference);

        var carried = step.Kind is TransactionType.Bonus or TransactionType.Coupon ? "bonus" : "permanent";
        AddLot(carried, step.Amount, step.ExpiresInHours == 0 ? null : now.AddHours(step.ExpiresInHours));
        Enter(step.Kind switch { TransactionType.Bonus => "BONUS", TransactionType.Coupon => "COUPON", TransactionType.Purchase => "PURCHASE", _ => "TOP_UP" }, step.Amount, now, now);
        return new(null, true);
    }

    private Verdict ApplyCorrect(Correct step, DateTime now)
    {
        if (Barred(AccountStatus.Closed) is { } barred)
        {
            return barred;
        }

        if (-step.Amount > Balance)
        {
            return Verdict.Refuse(RefusalReason.InsufficientCredits);
        }

        if (step.Amount > 0)
        {
            AddLot("bonus", step.Amount, null);
        }
        else
        {
            Take(-step.Amount);
        }

        Enter("ADJUSTMENT", step.Amount, now, now);
        return new(null, true);
    }

    private Verdict ApplyRefund(PayBack step, DateTime now)
    {
        var number = NumberOf(step);
        if (number == 0)
        {
            return Verdict.Refuse(RefusalReason.TransactionUnknown);
        }

        if (!charges.TryGetValue(number, out var charge))
        {
            return Verdict.Refuse(RefusalReason.TransactionNotRefundable);
        }

        var left = charge.Parts.Sum(part => part.Amount - part.Returned);
        var amount = step.Amount ?? left;
        if (left == 0 || amount > left)
        {
            return Verdict.Refuse(RefusalReason.RefundExceedsCharge);
        }

        if (Barred(AccountStatus.Closed) is { } barred)
        {
            return barred;
        }

        var (toReturn, fromEnded) = (amount, 0m);
        foreach (var part in Enumerable.Reverse(charge.Parts))
        {
            var back = Math.Min(toReturn, part.Amount - part.Returned);
            part.Returned += back;
            toReturn -= back;
            if (part.Lot.Ends <= now || (part.Lot.Bucket == "monthly" && charge.Period != period))
            {
                fromEnded += back;
            }
            else
            {
                part.Lot.Left += back;
            }

            if (charge.Period == period) // A change of plan counts as one.
            {
                UsedMonthly -= part.Lot.Bucket == "monthly" ? back : 0;
                UsedCarried -= part.Lot.Bucket == "monthly" ? 0 : back;
            }
        }

        if (fromEnded > 0)
        {
            AddLot("bonus", fromEnded, PeriodEnd);
        }

        if (amount == left)
        {
            foreach (var (company, end) in charge.Started)
            {
                if (subscriptions.GetValueOrDefault(company) == end)
                {
                    subscriptions.Remove(company);
                }
            }
        }

        Enter("REFUND", amount, now, now);
        return new(null, true);
    }

    private Verdict ApplyFetch(Fetch step, DateTime now)
    {
        if (Barred(AccountStatus.Suspended) is { } barred)
        {
            return barred;
        }

        var records = new (string Status, decimal Charged, DateTime? End)[step.Companies.Length];
        var end = EndOfDay(AddMonths(now, 12));
        var started = new Dictionary<int, DateTime>();
        var (total, paid) = (0m, 0);

        // Companies first, so that the price does not hang on the order of a call.
        foreach (var index in Enumerable.Range(0, records.Length).OrderBy(index => step.Companies[index] < 0))
        {
            var company = Math.Abs(step.Companies[index]);
            var isCompany = step.Companies[index] > 0;
            if (subscriptions.TryGetValue(company, out var until) && now < until)
            {
                records[index] = ("Active", 0, until);
                continue;
            }

            if (started.TryGetValue(company, out var fresh))
            {
                records[index] = ("Active", 0, fresh);
                continue;
            }

            var price = plan.Unlimited ? 0 : isCompany ? CompanyPrice : SignalsPrice;
            if (step.UpTo && (IsInactive(now) || step.Limit == 0 || total + price > Spendable || total + price > (step.Limit ?? decimal.MaxValue)))
            {
                records[index] = ("Refused", 0, null);
                continue;
            }

            total += price;
            paid++;
            records[index] = isCompany ? ("Subscribed", price, end) : ("Active", price, null);
            if (isCompany)
            {
                started.Add(company, end);
            }
        }

        if (!step.UpTo && paid > 0 && IsInactive(now))
        {
            return Verdict.Refuse(RefusalReason.SubscriptionInactive);
        }

        if (!step.UpTo && (total > (step.Limit ?? decimal.MaxValue) || (paid > 0 && step.Limit == 0)))
        {
            return Verdict.Refuse(RefusalReason.MaxCreditsExceeded);
        }

        if (!step.UpTo && total > Spendable)
        {
            return Verdict.Refuse(RefusalReason.InsufficientCredits);
        }

        var anything = records.Any(record => record.Status != "Refused");
        var burned = paid > 0 ? ChargeFor(total, now, started) : null;
        return new(null, paid > 0 || (step.Key != 0 && anything)) { BurnedByBucket = burned, Records = [.. records] };
    }

    private Verdict ApplyVisit(Visit step, DateTime now)
    {
        var seen = now.AddHours(-step.HoursAgo);
        if (step.HoursAgo < 0 || step.HoursAgo > 24 * 31)
        {
            return Verdict.Refuse(RefusalReason.InvalidRequest);
        }

        if (Barred(AccountStatus.Suspended) is { } barred)
        {
            return barred;
        }

        var end = EndOfDay(AddMonths(seen, 12));
        var fresh = new HashSet<int>();
        var records = new List<(string Status, decimal Charged, DateTime? End)>();
        foreach (var company in step.Companies)
        {
            var isActive = subscriptions.TryGetValue(company, out var until) && now < until;
            records.Add(isActive ? ("Active", 0, until) : (fresh.Add(company) ? "Subscribed" : "Active", 0, end));
        }

        if (fresh.Count > 0 && IsInactive(now))
        {
            return Verdict.Refuse(RefusalReason.SubscriptionInactive);
        }

        foreach (var company in fresh)
        {
            subscriptions[company] = end;
        }

        return new(null, fresh.Count > 0 || step.Key != 0) { Records = records };
    }

    private Verdict ApplyBring(Bring step, DateTime now)
    {
        if (references.Contains(step.Reference))
        {
            return Verdict.Refuse(RefusalReason.ReferenceUsed);
        }

        var end = EndOfDay(now.AddHours(step.HoursAhead).AddTicks(-1));
        if (step.HoursAhead <= 0 || end > EndOfDay(AddMonths(now, 12)))
        {
            return Verdict.Refuse(RefusalReason.InvalidRequest);
        }

        if (Barred(AccountStatus.Closed) is { } barred)
        {
            return barred;
        }

        references.Add(step.Reference);
        var fresh = new HashSet<int>();
        var records = new List<(string Status, decimal Charged, DateTime? End)>();
        foreach (var company in step.Companies)
        {
            var lasts = subscriptions.TryGetValue(company, out var until) && now < until && until >= end;
            records.Add(lasts ? ("Active", 0, until) : (fresh.Add(company) ? "Subscribed" : "Active", 0, end));
        }

        foreach (var company in fresh)
        {
            subscriptions[company] = end;
        }

        return new(null, true) { Records = records };
    }

    private Verdict ApplyPay(Pay step, DateTime now)
    {
        if (references.Contains(step.Reference))
        {
            return Verdict.Refuse(RefusalReason.ReferenceUsed);
        }

        if (paidThrough is null || now.AddDays(step.DaysAhead) < paidThrough)
        {
            return Verdict.Refuse(RefusalReason.InvalidRequest);
        }

        if (Barred(AccountStatus.Closed) is { } barred)
        {
            return barred;
        }

        references.Add(step.Reference);
        paidThrough = now.AddDays(step.DaysAhead);
        if (paidThrough > EndsAt)
        {
            // Over, it is renewed; not over yet, it ends later.
            EndsAt = EndsAt <= now ? null : paidThrough;
        }

        return new(null, true);
    }

    private decimal[] ChargeFor(decimal price, DateTime now, Dictionary<int, DateTime> started)
    {
        if (price > Balance)
        {
            var missing = price - Balance;
            AddLot("permanent", missing, null);
            Owed += missing;
            Enter("ADJUSTMENT", missing, now, now);
        }

        var parts = Take(price);
        UsedMonthly += parts.Where(part => part.Lot.Bucket == "monthly").Sum(part => part.Amount);
        UsedCarried += parts.Where(part => part.Lot.Bucket != "monthly").Sum(part => part.Amount);
        foreach (var (company, end) in started)
        {
            subscriptions[company] = end;
        }

        Enter("DEDUCTION", -price, now, now);
        charges.Add(Rows.Count, new(parts, started, period));
        return [.. new[] { "bonus", "monthly", "permanent" }.Select(bucket => parts.Where(part => part.Lot.Bucket == bucket).Sum(part => part.Amount))];
    }

    private List<Part> Take(decimal amount)
    {
        var parts = new List<Part>();
        foreach (var lot in lots.Where(lot => lot.Left > 0).OrderBy(SpendRank))
        {
            var part = Math.Min(amount, lot.Left);
            if (part > 0)
            {
                parts.Add(new(lot, part));
                (lot.Left, amount) = (lot.Left - part, amount - part);
            }
        }

        return amount == 0 ? parts : throw new InvalidOperationException("More was taken than there is.");
    }

    private (int Bucket, DateTime Ends, int Age) SpendRank(Lot lot) => lot.Bucket switch
    {
        "bonus" => (0, lot.Ends ?? DateTime.MaxValue, lot.Number),
        "monthly" => (1, default, lot.Number),
        _ => (2, default, lot.Number),
    };

    private void GrantIfOwed(DateTime now)
    {
        if (lastGranted < period && periodAllotment > 0 && Status != AccountStatus.Closed && !(paidThrough <= PeriodStart) && !(EndsAt <= PeriodStart))
        {
            lastGranted = period;
            AddLot("monthly", periodAllotment, PeriodEnd);
            Enter("MONTHLY_RESET", periodAllotment, PeriodStart, now);
        }

        // What comes settles what is owed.
        var settled = Math.Min(Owed, Balance);
        if (settled > 0)
        {
            Take(settled);
            Owed -= settled;
            Enter("ADJUSTMENT", -settled, lastCreated, now);
        }
    }

    private void AddLot(string bucket, decimal amount, DateTime? ends) => lots.Add(new(++lotsMade, bucket, ends) { Left = amount });

    private void Enter(string type, decimal amount, DateTime due, DateTime now)
    {
        lastCreated = Later(due, lastCreated);
        lastApplied = now;
        Rows.Add(new(type, amount, lastCreated, Balance));
    }

    private static DateTime AddMonths(DateTime from, int months)
    {
        var count = (from.Year * 12) + from.Month - 1 + months;
        var (year, month) = (count / 12, (count % 12) + 1);
        var isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        var last = month == 2 ? (isLeap ? 29 : 28) : month is 4 or 6 or 9 or 11 ? 30 : 31;
        return new DateTime(year, month, Math.Min(from.Day, last), 0, 0, 0, DateTimeKind.Utc) + from.TimeOfDay;
    }

    private static DateTime EndOfDay(DateTime instant) => instant.Date.AddDays(1);

    private static DateTime Later(DateTime left, DateTime right) => left > right ? left : right;

    private sealed record Lot(int Number, string Bucket, DateTime? Ends)
    {
        public decimal Left { get; set; }
    }

    private sealed record Part(Lot Lot, decimal Amount)
    {
        public decimal Returned { get; set; }
    }

    private sealed record Charge(List<Part> Parts, Dictionary<int, DateTime> Started, int Period);
}
