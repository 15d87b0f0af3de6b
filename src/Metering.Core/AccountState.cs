namespace Metering.Core;

/// <summary>
/// What an account's entries add up to. Only <see cref="Account.Evolve"/> and the snapshot codec change it. Not safe for concurrent
/// use: its owner (an activation, a grain) serializes access.
/// </summary>
public sealed class AccountState
{
    /// <summary>Measured: an account with one grant, its activation and its place in the table included.</summary>
    private const long BaseBytes = 1_700;

    private PeriodFigures? periodFigures;

    internal AccountState(AccountId id)
    {
        Id = id;
    }

    /// <summary>The account.</summary>
    public AccountId Id { get; }

    /// <summary>The last entry; 0 before the account is opened.</summary>
    public long Sequence { get; internal set; }

    /// <summary>The number of the last transaction.</summary>
    public long TransactionNumber { get; internal set; }

    /// <summary>When the last entry was decided; the account's time never goes back behind it.</summary>
    public DateTimeOffset LastAppliedAt { get; internal set; }

    /// <summary>When the last entry happened.</summary>
    public DateTimeOffset LastCreatedAt { get; internal set; }

    /// <summary>True once the account is opened.</summary>
    public bool IsOpen => Sequence > 0;

    /// <summary>What the account was promised.</summary>
    public PlanTerms Terms { get; internal set; } = new(string.Empty, Credits.Zero, 1, false, AccessLevel.Trial);

    /// <summary>The billing anchor.</summary>
    public DateTimeOffset Anchor { get; internal set; }

    /// <summary>The number of the current period.</summary>
    public int Period { get; internal set; }

    /// <summary>The start of the current period.</summary>
    public DateTimeOffset PeriodStart => StartOf(Period);

    /// <summary>Months from the anchor to the beginning of period 0: a change to a plan of another length counts on from its own beginning.</summary>
    public int PeriodOffset { get; internal set; }

    /// <summary>What of the allotment the current period is granted; less than all of it where it began with a prorated change of plan.</summary>
    public Credits PeriodAllotment { get; internal set; }

    /// <summary>The end of the current period, when the next one begins.</summary>
    public DateTimeOffset PeriodEnd { get; internal set; }

    /// <summary>The last period whose allotment was granted; one grant a period, however it is triggered.</summary>
    public int GrantedPeriod { get; internal set; } = -1;

    /// <summary>Paid up to here; null where the account is not billed.</summary>
    public DateTimeOffset? PaidThrough { get; internal set; }

    /// <summary>When the cancelled subscription ends or ended; null where it goes on.</summary>
    public DateTimeOffset? EndsAt { get; internal set; }

    /// <summary>What the account is promised from the next period on; null where nothing changes then.</summary>
    public PlanTerms? PlannedTerms { get; internal set; }

    /// <summary>Whether the account may be used.</summary>
    public AccountStatus Status { get; internal set; }

    /// <summary>Why it was given that status; may be empty.</summary>
    public string StatusReason { get; internal set; } = string.Empty;

    /// <summary>The most that spending may owe.</summary>
    public Credits CreditLimit { get; internal set; }

    /// <summary>What is owed; above zero only where nothing can be spent from the balance.</summary>
    public Credits Owed { get; internal set; }

    /// <summary>The grants.</summary>
    public Grants Grants { get; } = new();

    /// <summary>Credits held by reservations: part of the grants, not of what can be spent.</summary>
    public Credits Held { get; internal set; }

    /// <summary>What can be spent.</summary>
    public Credits Available => Grants.Total - Held;

    /// <summary>What spending may take in all, what may be owed for it included.</summary>
    public Credits Spendable => Owed < CreditLimit ? Available + (CreditLimit - Owed) : Available;

    /// <summary>Spent from the allotment in this window, less refunds.</summary>
    public Credits UsedMonthly { get; internal set; }

    /// <summary>Spent from bonus and permanent credits in this window, less refunds.</summary>
    public Credits UsedCarried { get; internal set; }

    /// <summary>When this window began.</summary>
    public DateTimeOffset LastResetAt { get; internal set; }

    /// <summary>The entry that this window began with.</summary>
    public long WindowSequence { get; internal set; }

    /// <summary>The record subscriptions.</summary>
    public RecordTable Records { get; } = new();

    /// <summary>The idempotency keys of the last 24 hours.</summary>
    public KeyWindow Keys { get; } = new();

    /// <summary>What was refunded of each refunded deduction, by its number.</summary>
    internal Dictionary<long, Credits> Refunds { get; } = [];

    /// <summary>The outside events that this account has seen: unique for ever.</summary>
    internal HashSet<UInt128> ExternalReferences { get; } = [];

    /// <summary>
    /// When something falls due without anybody's call: the period's end or the next expiry (<see cref="Account.Evolve"/> keeps it).
    /// </summary>
    public DateTimeOffset NextDue { get; internal set; } = DateTimeOffset.MaxValue;

    /// <summary>What views share until the next period or payment.</summary>
    internal PeriodFigures PeriodFigures => periodFigures ??= new(this);

    /// <summary>Bytes that this state takes in memory, about: for the budget of active accounts.</summary>
    public long EstimatedBytes =>
        BaseBytes + Records.Bytes + Keys.Bytes + (40L * Refunds.Count) + (32L * ExternalReferences.Count) + (56L * Grants.InSpendOrder.Count);

    /// <summary>The start of a period.</summary>
    internal DateTimeOffset StartOf(int period) => BillingPeriods.StartOf(Anchor, 1, checked(PeriodOffset + (period * Terms.PeriodMonths)));

    /// <summary>Says that a period or a payment has changed what views share.</summary>
    internal void ForgetPeriodFigures() => periodFigures = null;

    /// <summary>The account's time: never before its last entry (design: clocks of processes differ, and go back).</summary>
    /// <param name="now">The clock's time.</param>
    public DateTimeOffset TimeAt(DateTimeOffset now) => now > LastAppliedAt ? now : LastAppliedAt;

    /// <summary>True where a subscription lasts that an entry started: it was neither ended by a refund nor did it expire.</summary>
    /// <param name="start">The subscription as the entry has it.</param>
    /// <param name="entry">The entry.</param>
    /// <param name="today">The day of the account's time.</param>
    public bool IsSubscribed(in RecordStart start, Entry entry, RecordDay today)
    {
        // A record whose charge was refunded and that was charged anew on the same day has two entries with the same last day.
        var wasRefunded = entry is CreditsSpent { Charged.IsPositive: true } spent && Refunds.GetValueOrDefault(spent.TransactionNumber) == spent.Charged;
        return !wasRefunded && Records.TryGet(start.Key, out var lastDay) && lastDay == start.LastDay && lastDay.IsActiveOn(today);
    }

    /// <summary>The balance as callers see it.</summary>
    /// <param name="grace">How long an account whose period was not paid goes on spending what it holds, 0 or more.</param>
    public Balance ToBalance(TimeSpan grace = default) => new BalanceView(this).ToBalance(grace);
}
