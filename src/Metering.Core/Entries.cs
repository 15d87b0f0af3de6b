namespace Metering.Core;

/// <summary>One fact of an account's ledger. Immutable; the account's state is what its entries add up to.</summary>
public abstract class Entry
{
    /// <summary>The entry's place in its account's ledger: 1, 2, 3, … without gaps.</summary>
    public required long Sequence { get; init; }

    /// <summary>Transactions of the account up to and including this entry; a transaction's own number.</summary>
    public required long TransactionNumber { get; init; }

    /// <summary>When it happened or was due, UTC, whole milliseconds.</summary>
    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>When it was decided: the account's time, UTC, whole milliseconds.</summary>
    public required DateTimeOffset AppliedAt { get; init; }

    /// <summary>The idempotency key that this entry answers; null for none.</summary>
    public CommandKey? Key { get; init; }

    /// <summary>The answer to <see cref="Key"/> where the entry itself cannot rebuild it (<see cref="AnswerCodec"/>).</summary>
    public ReadOnlyMemory<byte> Answer { get; init; }
}

/// <summary>An entry that moves credits: a row of the list of transactions.</summary>
public abstract class TransactionEntry : Entry
{
    /// <summary>Tells this attempt from one that took the same number and was lost (see <see cref="TransactionId"/>).</summary>
    public required ulong Tag { get; init; }

    /// <summary>The transaction's type.</summary>
    public abstract TransactionType Type { get; }

    /// <summary>Signed: what it adds to the balance.</summary>
    public abstract Credits Amount { get; }

    /// <summary>What could be spent after it.</summary>
    public required Credits BalanceAfter { get; init; }

    /// <summary>For people; may be empty. Erasable.</summary>
    public string Description { get; init; } = string.Empty;

    /// <summary>The caller's own reference or the outside event; null for none. Erasable.</summary>
    public string? Reference { get; init; }

    /// <summary>The transaction's id.</summary>
    public TransactionId Id => new(TransactionNumber, Tag);
}

/// <summary>The account's first entry.</summary>
public sealed class AccountOpened : Entry
{
    /// <summary>What the account was promised.</summary>
    public required PlanTerms Terms { get; init; }

    /// <summary>The billing anchor, UTC.</summary>
    public required DateTimeOffset Anchor { get; init; }

    /// <summary>The number of the period that the account opens in.</summary>
    public required int Period { get; init; }

    /// <summary>Paid up to here; null where the account is not billed.</summary>
    public required DateTimeOffset? PaidThrough { get; init; }
}

/// <summary>A new billing period began; a new window of used credits with it.</summary>
public sealed class PeriodStarted : Entry
{
    /// <summary>The period's number.</summary>
    public required int Period { get; init; }
}

/// <summary>Periods are paid up to a later instant.</summary>
public sealed class PaymentRecorded : Entry
{
    /// <summary>Paid up to here.</summary>
    public required DateTimeOffset PaidThrough { get; init; }

    /// <summary>The hash of the outside event, unique for ever.</summary>
    public required UInt128 ExternalReference { get; init; }
}

/// <summary>A success that moved nothing, kept because it came with an idempotency key.</summary>
public sealed class AnswerKept : Entry
{
}

/// <summary>Records that visited the customer's website got free subscriptions. Moves nothing.</summary>
public sealed class RecordsVisited : Entry
{
    /// <summary>When they visited, UTC; not after <see cref="Entry.AppliedAt"/>.</summary>
    public required DateTimeOffset SeenAt { get; init; }

    /// <summary>The subscriptions that this entry started, one or more.</summary>
    public required RecordStart[] Records { get; init; }
}

/// <summary>An operator brought record subscriptions. Moves nothing.</summary>
public sealed class RecordsStarted : Entry
{
    /// <summary>The hash of the outside event, unique for ever.</summary>
    public required UInt128 ExternalReference { get; init; }

    /// <summary>The subscriptions that began or last longer now, each record once; none where all of them lasted as long before.</summary>
    public required RecordStart[] Records { get; init; }
}

/// <summary>Credits were added as one grant; the entry's sequence is the grant's number.</summary>
public sealed class CreditsGranted : TransactionEntry
{
    /// <summary>Monthly reset, bonus, coupon, adjustment, purchase or top-up.</summary>
    public required TransactionType Kind { get; init; }

    /// <summary>Where they went.</summary>
    public required Bucket Bucket { get; init; }

    /// <summary>How many, above zero.</summary>
    public required Credits Granted { get; init; }

    /// <summary>When they end; null for never.</summary>
    public required DateTimeOffset? ExpiresAt { get; init; }

    /// <summary>The hash of the outside event, unique for ever; zero for none.</summary>
    public UInt128 ExternalReference { get; init; }

    /// <inheritdoc />
    public override TransactionType Type => Kind;

    /// <inheritdoc />
    public override Credits Amount => Granted;
}

/// <summary>Credits were spent.</summary>
public sealed class CreditsSpent : TransactionEntry
{
    /// <summary>How many, 0 or more: the sum of <see cref="Burns"/>.</summary>
    public required Credits Charged { get; init; }

    /// <summary>Where they came from, in the order of spending.</summary>
    public required Burn[] Burns { get; init; }

    /// <summary>The product; null for none.</summary>
    public string? Product { get; init; }

    /// <summary>Requests, records or results; null where none was named.</summary>
    public long? Quantity { get; init; }

    /// <summary>The record subscriptions that this charge started.</summary>
    public RecordStart[] Records { get; init; } = [];

    /// <inheritdoc />
    public override TransactionType Type => TransactionType.Deduction;

    /// <inheritdoc />
    public override Credits Amount => -Charged;
}

/// <summary>A record subscription that a charge started.</summary>
/// <param name="Key">The record.</param>
/// <param name="LastDay">Its last day.</param>
/// <param name="Type">The record's type. Erasable.</param>
/// <param name="Id">The record's id. Erasable.</param>
public readonly record struct RecordStart(RecordKey Key, RecordDay LastDay, string Type, string Id);

/// <summary>Credits ended unused, or an operator took them away.</summary>
public sealed class CreditsRemoved : TransactionEntry
{
    /// <summary>Expiration or adjustment.</summary>
    public required TransactionType Kind { get; init; }

    /// <summary>How many, above zero: the sum of <see cref="Burns"/>.</summary>
    public required Credits Removed { get; init; }

    /// <summary>Where they were.</summary>
    public required Burn[] Burns { get; init; }

    /// <inheritdoc />
    public override TransactionType Type => Kind;

    /// <inheritdoc />
    public override Credits Amount => -Removed;
}

/// <summary>Spent credits came back.</summary>
public sealed class CreditsRefunded : TransactionEntry
{
    /// <summary>The number of the deduction.</summary>
    public required long RefundOf { get; init; }

    /// <summary>How many, above zero: the sum of <see cref="Restored"/>.</summary>
    public required Credits Refunded { get; init; }

    /// <summary>Where they went: the grants they came from, or a new bonus grant numbered by this entry's sequence.</summary>
    public required Burn[] Restored { get; init; }

    /// <summary>How much of the window's used monthly credits this undoes.</summary>
    public required Credits UnusedMonthly { get; init; }

    /// <summary>How much of the window's used bonus and permanent credits this undoes.</summary>
    public required Credits UnusedCarried { get; init; }

    /// <summary>The subscriptions that end with a full refund, each with the last day it had.</summary>
    public RecordStart[] EndedRecords { get; init; } = [];

    /// <inheritdoc />
    public override TransactionType Type => TransactionType.Refund;

    /// <inheritdoc />
    public override Credits Amount => Refunded;
}
