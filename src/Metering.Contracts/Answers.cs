namespace Metering;

/// <summary>What a spending took from each bucket; the three sum to what was charged.</summary>
/// <param name="Bonus">From bonus credits.</param>
/// <param name="Monthly">From the period's allotment.</param>
/// <param name="Permanent">From permanent credits.</param>
public readonly record struct Burned(Credits Bonus, Credits Monthly, Credits Permanent);

/// <summary>Receipt of a deduction.</summary>
/// <param name="TransactionId">The transaction.</param>
/// <param name="Charged">Credits spent; zero on plans that are not credit-based and where nothing was found.</param>
/// <param name="Credits">The balance after it.</param>
/// <param name="Burned">Where the credits came from.</param>
public sealed record Deduction(TransactionId TransactionId, Credits Charged, Credits Credits, Burned Burned);

/// <summary>Receipt of a batch.</summary>
/// <param name="Charged">Credits spent in sum.</param>
/// <param name="Credits">The balance after it.</param>
/// <param name="Items">An outcome per item, in the order of the request.</param>
public sealed record BatchDeduction(Credits Charged, Credits Credits, IReadOnlyList<Outcome<Deduction>> Items)
{
    /// <summary>The first transaction of the batch: its items are durable together, so it tells for all of them. Null where every item was refused.</summary>
    public TransactionId? FirstTransaction()
    {
        foreach (var item in Items)
        {
            if (item.IsSuccess)
            {
                return item.Value.TransactionId;
            }
        }

        return null;
    }
}

/// <summary>What became of one record of a call. The numbers are part of the stored format.</summary>
public enum RecordStatus : byte
{
    /// <summary>May be handed out: its subscription, or that of the record that covers it, was active, or the product starts none.</summary>
    Active = 0,

    /// <summary>May be handed out: this call started its subscription.</summary>
    Subscribed = 1,

    /// <summary>Must not be handed out: it was not paid.</summary>
    Refused = 2,
}

/// <summary>What became of one record of a call.</summary>
/// <param name="Record">The record as asked for.</param>
/// <param name="Status">Whether it may be handed out.</param>
/// <param name="Charged">What this call charged for it.</param>
/// <param name="ExpiresAt">The end of the subscription that it rests on, exclusive; null where there is none.</param>
public sealed record RecordOutcome(RecordRequest Record, RecordStatus Status, Credits Charged, DateTimeOffset? ExpiresAt);

/// <summary>Receipt of a call for records.</summary>
/// <param name="TransactionId">The transaction; null where nothing was charged and nothing started.</param>
/// <param name="Charged">Credits spent in sum.</param>
/// <param name="Credits">The balance after it.</param>
/// <param name="Records">An outcome per record, in the order of the request.</param>
public sealed record RecordAccess(TransactionId? TransactionId, Credits Charged, Credits Credits, IReadOnlyList<RecordOutcome> Records);

/// <summary>Receipt of a grant, an adjustment or a refund.</summary>
/// <param name="TransactionId">The transaction.</param>
/// <param name="Type">Its type.</param>
/// <param name="Amount">Signed: what was added or taken.</param>
/// <param name="Credits">The balance after it, and after what it settled of a debt.</param>
public sealed record Posting(TransactionId TransactionId, TransactionType Type, Credits Amount, Credits Credits);

/// <summary>An account's balance. Every figure is durable.</summary>
public sealed record Balance
{
    /// <summary>The account's plan.</summary>
    public required string Plan { get; init; }

    /// <summary>True on plans that are not credit-based: calls are recorded at 0.</summary>
    public required bool Unlimited { get; init; }

    /// <summary>What the account's subscription gives access to.</summary>
    public required AccessLevel Level { get; init; }

    /// <summary>The plan's allotment a period.</summary>
    public required Credits MonthlyAllotment { get; init; }

    /// <summary>What is left of the period's allotment.</summary>
    public required Credits Monthly { get; init; }

    /// <summary>Bonus credits left.</summary>
    public required Credits Bonus { get; init; }

    /// <summary>Permanent credits left.</summary>
    public required Credits Permanent { get; init; }

    /// <summary>Credits held by reservations: part of the buckets, not of what is available.</summary>
    public required Credits Held { get; init; }

    /// <summary>Spent from the allotment since the last reset, less refunds.</summary>
    public required Credits UsedMonthly { get; init; }

    /// <summary>Spent from bonus and permanent credits since the last reset, less refunds.</summary>
    public required Credits UsedCarried { get; init; }

    /// <summary>The anchor's day of the month, 1 to 31.</summary>
    public required int ResetDay { get; init; }

    /// <summary>When the window of <see cref="UsedMonthly"/> and <see cref="UsedCarried"/> began.</summary>
    public required DateTimeOffset LastResetAt { get; init; }

    /// <summary>When the current period ends and the next one begins.</summary>
    public required DateTimeOffset PeriodEnd { get; init; }

    /// <summary>Periods that begin before this instant are paid; null where the account is not billed.</summary>
    public required DateTimeOffset? PaidThrough { get; init; }

    /// <summary>
    /// Until when spending goes on after <see cref="PaidThrough"/> where no payment comes, exclusive: the grace period of the meter that decides.
    /// Null where there is none: it is set to none, or the account is not billed, cancelled, suspended or closed.
    /// </summary>
    public DateTimeOffset? GraceEndsAt { get; init; }

    /// <summary>The last entry of the account's ledger that these figures include.</summary>
    public required long Sequence { get; init; }

    /// <summary>Whether the account may be used.</summary>
    public AccountStatus Status { get; init; }

    /// <summary>Why it was given that status, for people; empty where no reason was given.</summary>
    public string StatusReason { get; init; } = string.Empty;

    /// <summary>When the cancelled subscription ends, or ended: reads go on then, spending does not. Null where it is not cancelled.</summary>
    public DateTimeOffset? EndsAt { get; init; }

    /// <summary>The plan that begins with the next period; null where none is planned.</summary>
    public string? PlannedPlan { get; init; }

    /// <summary>The most that spending may owe.</summary>
    public Credits CreditLimit { get; init; }

    /// <summary>Credits owed, which the next credits settle; above zero only where nothing is available.</summary>
    public Credits Owed { get; init; }

    /// <summary>
    /// When spending ends, or ended, unless a payment comes, exclusive: what is paid is over, and its grace period, or the cancelled subscription. Null
    /// where it does not end by itself.
    /// </summary>
    public DateTimeOffset? SpendingEndsAt => GraceEndsAt ?? (PaidThrough < EndsAt ? PaidThrough : EndsAt ?? PaidThrough);

    /// <summary>What the subscription lets the account do.</summary>
    /// <param name="now">The time.</param>
    public SubscriptionState SubscriptionAt(DateTimeOffset now) =>
        Status != AccountStatus.Active || SpendingEndsAt <= now ? SubscriptionState.Inactive
            : PaidThrough <= now ? SubscriptionState.PastDue
            : SubscriptionState.Active;

    /// <summary>True where the subscription was cancelled and does not go on after <see cref="EndsAt"/>.</summary>
    public bool CancelAtPeriodEnd => EndsAt is not null;

    /// <summary>What spending may take in all: <see cref="Available"/>, and what may still be owed.</summary>
    public Credits Spendable => Owed < CreditLimit ? Available + CreditLimit - Owed : Available;

    /// <summary>What can be spent: all three buckets less what is held.</summary>
    public Credits Available => Monthly + Bonus + Permanent - Held;
}

/// <summary>One transaction of an account.</summary>
public sealed record Transaction
{
    /// <summary>Its id.</summary>
    public required TransactionId Id { get; init; }

    /// <summary>Its type.</summary>
    public required TransactionType Type { get; init; }

    /// <summary>Signed: above zero where credits were added.</summary>
    public required Credits Amount { get; init; }

    /// <summary>The balance after it.</summary>
    public required Credits Credits { get; init; }

    /// <summary>For people; never null, may be empty.</summary>
    public required string Description { get; init; }

    /// <summary>The caller's own reference or the outside event; null where there is none.</summary>
    public string? Reference { get; init; }

    /// <summary>The product; null where none was named.</summary>
    public string? Product { get; init; }

    /// <summary>Requests, records or results; null where none was named.</summary>
    public long? Quantity { get; init; }

    /// <summary>What was taken from each bucket; for additions, what was added to each.</summary>
    public required Burned Buckets { get; init; }

    /// <summary>The deduction that a refund gives back; null for all else.</summary>
    public long? RefundOfNumber { get; init; }

    /// <summary>When it happened; for a reset or an expiry, when it was due. UTC.</summary>
    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>When it was entered, UTC; later than <see cref="CreatedAt"/> where the process was down at the due time.</summary>
    public required DateTimeOffset AppliedAt { get; init; }
}

/// <summary>A page of transactions, newest first.</summary>
/// <param name="Items">The transactions.</param>
/// <param name="Total">All transactions of the account.</param>
/// <param name="NextBefore">Pass it as <see cref="TransactionQuery.Before"/> to go on; null at the end.</param>
public sealed record TransactionPage(IReadOnlyList<Transaction> Items, long Total, long? NextBefore);

/// <summary>Which transactions to list, newest first.</summary>
public sealed record TransactionQuery
{
    /// <summary>How many at most, 1 to 1,000.</summary>
    public int Limit { get; init; } = 50;

    /// <summary>How many of the newest to skip, 0 or more.</summary>
    public long Offset { get; init; }

    /// <summary>Only transactions with a number below this one: a cursor that does not drift while new rows arrive. Null starts at the newest.</summary>
    public long? Before { get; init; }
}

/// <summary>What is known of a transaction id.</summary>
public enum TransactionState
{
    /// <summary>It is durable.</summary>
    Charged,

    /// <summary>It never became durable and never will.</summary>
    NotCharged,

    /// <summary>It cannot be told yet.</summary>
    Unknown,

    /// <summary>The ledger held a transaction of this number, which has been archived; the archive tells whether it has this id.</summary>
    Archived,
}

/// <summary>What is known of a transaction id.</summary>
/// <param name="State">Whether it became durable.</param>
/// <param name="Transaction">The transaction where it did.</param>
public sealed record TransactionStatus(TransactionState State, Transaction? Transaction);
