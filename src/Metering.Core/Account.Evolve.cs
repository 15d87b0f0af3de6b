namespace Metering.Core;

/// <content>How entries change the state.</content>
public static partial class Account
{
    /// <summary>Changes the state by one entry. Never refuses; a broken invariant throws, and the state must then be thrown away.</summary>
    /// <param name="state">The account.</param>
    /// <param name="entry">The entry that follows the last one.</param>
    /// <exception cref="InvariantException">The entry does not follow, or what can never be true would become true.</exception>
    public static void Evolve(AccountState state, Entry entry)
    {
        try
        {
            Change(state, entry);
        }
        catch (Exception exception) when (exception is OverflowException or ArgumentOutOfRangeException)
        {
            // No decision makes such an entry; damaged bytes may, and whoever reads them expects one kind of exception.
            throw new InvariantException($"Entry {entry.Sequence} holds a figure or an instant that leaves its range.", exception);
        }
    }

    private static void Change(AccountState state, Entry entry)
    {
        Invariant.Holds(entry.Sequence == state.Sequence + 1, "Entries follow each other without gaps.");
        Invariant.Holds(entry.TransactionNumber == state.TransactionNumber + (entry is TransactionEntry ? 1 : 0), "Transactions are numbered without gaps.");
        var balanceBefore = state.Available;
        (state.Sequence, state.TransactionNumber) = (entry.Sequence, entry.TransactionNumber);
        state.LastAppliedAt = entry.AppliedAt > state.LastAppliedAt ? entry.AppliedAt : state.LastAppliedAt;
        state.LastCreatedAt = entry.CreatedAt > state.LastCreatedAt ? entry.CreatedAt : state.LastCreatedAt;
        switch (entry)
        {
            case CreditsSpent spent:
                Apply(state, spent);
                break;
            case CreditsGranted granted:
                Apply(state, granted);
                break;
            case CreditsRemoved removed:
                TakeAll(state, removed.Burns, removed.Removed);
                break;
            case CreditsRefunded refunded:
                Apply(state, refunded);
                break;
            case AccountOpened opened:
                Apply(state, opened);
                break;
            case RecordsVisited visited:
                StartRecords(state, visited.Records, visited.AppliedAt);
                break;
            case PeriodStarted started:
                StartPeriod(state, started.Period);
                break;
            case PaymentRecorded payment:
                Apply(state, payment);
                break;
            case AnswerKept:
                break;
            case Checkpoint checkpoint:
                Apply(state, checkpoint);
                break;
            default:
                ChangeAccount(state, entry);
                break;
        }

        if (entry.Key is { } key)
        {
            state.Keys.Add(key, entry.Sequence, entry.AppliedAt);
        }

        state.NextDue = NextDueOf(state);
        if (entry is TransactionEntry transaction)
        {
            Invariant.Holds(state.Available == balanceBefore + transaction.Amount, "A transaction changes the balance by its amount.");
            Invariant.Holds(state.Available == transaction.BalanceAfter, "A transaction knows the balance after it.");
        }
        else
        {
            Invariant.Holds(state.Available == balanceBefore, "Only transactions change the balance.");
        }

        Invariant.Holds(!state.Available.IsNegative && !state.Held.IsNegative, "The balance is never below zero, and no more is held than is there.");
    }

    /// <summary>The entries that come seldom.</summary>
    private static void ChangeAccount(AccountState state, Entry entry)
    {
        switch (entry)
        {
            case StatusChanged changed:
                Apply(state, changed);
                break;
            case CreditLimitChanged changed:
                Apply(state, changed);
                break;
            case CreditExtended extended:
                Apply(state, extended);
                break;
            case CreditsTakenBack taken:
                Apply(state, taken);
                break;
            case DebtSettled settled:
                Apply(state, settled);
                break;
            case PlanChanged changed:
                Apply(state, changed);
                break;
            case PlanChangePlanned planned:
                Apply(state, planned);
                break;
            case CancellationChanged changed:
                Apply(state, changed);
                break;
            case RecordsStarted started:
                AddReference(state, started.ExternalReference);
                StartRecords(state, started.Records, started.AppliedAt);
                break;
            default:
                throw new InvariantException($"There is no entry {entry.GetType().Name}.");
        }
    }

    private static void Apply(AccountState state, AccountOpened opened)
    {
        (state.Terms, state.Anchor, state.PaidThrough) = (opened.Terms, opened.Anchor, opened.PaidThrough);
        StartPeriod(state, opened.Period);
    }

    private static void Apply(AccountState state, CreditsGranted granted)
    {
        state.Grants.Give(new(granted.Sequence, granted.Bucket, granted.Granted, granted.ExpiresAt));
        AddReference(state, granted.ExternalReference);
        if (granted.Kind == TransactionType.MonthlyReset)
        {
            Invariant.Holds(state.GrantedPeriod < state.Period, "A period's allotment is granted once.");
            state.GrantedPeriod = state.Period;
        }
    }

    private static void Apply(AccountState state, CreditsSpent spent)
    {
        TakeAll(state, spent.Burns, spent.Charged);
        foreach (ref readonly var burn in spent.Burns.AsSpan())
        {
            if (burn.Bucket == Bucket.Monthly)
            {
                state.UsedMonthly += burn.Amount;
            }
            else
            {
                state.UsedCarried += burn.Amount;
            }
        }

        StartRecords(state, spent.Records, spent.AppliedAt);
    }

    private static void StartRecords(AccountState state, RecordStart[] records, DateTimeOffset appliedAt)
    {
        if (records.Length == 0)
        {
            return;
        }

        var today = RecordDay.Of(appliedAt);
        foreach (ref readonly var record in records.AsSpan())
        {
            state.Records.Set(record.Key, record.LastDay, today);
        }
    }

    private static void Apply(AccountState state, CreditsRefunded refunded)
    {
        var sum = Credits.Zero;
        foreach (var part in refunded.Restored)
        {
            state.Grants.Give(part);
            sum += part.Amount;
        }

        Invariant.Holds(sum == refunded.Refunded, "What a refund restores sums to its amount.");
        state.Refunds[refunded.RefundOf] = state.Refunds.GetValueOrDefault(refunded.RefundOf) + refunded.Refunded;
        state.UsedMonthly -= refunded.UnusedMonthly;
        state.UsedCarried -= refunded.UnusedCarried;
        Invariant.Holds(!state.UsedMonthly.IsNegative && !state.UsedCarried.IsNegative, "No more comes back than was used.");
        foreach (var record in refunded.EndedRecords)
        {
            // A later charge may have started the record anew; that subscription stands.
            if (state.Records.TryGet(record.Key, out var lastDay) && lastDay == record.LastDay)
            {
                state.Records.Set(record.Key, RecordDay.Ended, RecordDay.Of(refunded.AppliedAt));
            }
        }
    }

    private static void TakeAll(AccountState state, Burn[] burns, Credits amount)
    {
        var sum = Credits.Zero;
        foreach (ref readonly var burn in burns.AsSpan())
        {
            state.Grants.Take(burn);
            sum += burn.Amount;
        }

        Invariant.Holds(sum == amount, "What is burned sums to the amount.");
    }

    private static void AddReference(AccountState state, UInt128 reference)
    {
        if (reference != 0)
        {
            Invariant.Holds(state.ExternalReferences.Add(reference), "An external reference takes effect once.");
        }
    }

    private static DateTimeOffset NextDueOf(AccountState state)
    {
        if (IsAllotmentOwed(state) || IsSettlementOwed(state))
        {
            return DateTimeOffset.MinValue;
        }

        var expiry = state.Grants.NextExpiry;
        return expiry < state.PeriodEnd ? expiry : state.PeriodEnd;
    }
}
