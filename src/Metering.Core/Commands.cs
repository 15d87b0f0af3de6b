namespace Metering.Core;

/// <summary>What an account is asked to do: a request whose prices, keys and hashes the shell has worked out.</summary>
public abstract class Command
{
    /// <summary>The idempotency key; null for none.</summary>
    public CommandKey? Key { get; init; }

    /// <summary>The tag of the transaction to be (see <see cref="TransactionId"/>).</summary>
    public ulong Tag { get; init; }
}

/// <summary>Opens the account.</summary>
public sealed class Open : Command
{
    /// <summary>What the account is promised.</summary>
    public required PlanTerms Terms { get; init; }

    /// <summary>The billing anchor; null for now.</summary>
    public DateTimeOffset? Anchor { get; init; }

    /// <summary>Paid up to here; null where the account is not billed.</summary>
    public DateTimeOffset? PaidThrough { get; init; }
}

/// <summary>Spends credits.</summary>
public sealed class Deduct : Command
{
    /// <summary>The price, 0 or more; above zero where the caller named the amount.</summary>
    public required Credits Price { get; init; }

    /// <summary>The lowest level that may use the product.</summary>
    public AccessLevel Level { get; init; }

    /// <summary>The product; null for none.</summary>
    public string? Product { get; init; }

    /// <summary>Requests, records or results; null where none was named.</summary>
    public long? Quantity { get; init; }

    /// <summary>For people.</summary>
    public string Description { get; init; } = string.Empty;

    /// <summary>The caller's reference; null for none.</summary>
    public string? Reference { get; init; }
}

/// <summary>One record of a call, priced.</summary>
/// <param name="Key">The record that the subscription is of: the record itself, or the one that covers the product.</param>
/// <param name="Type">Its type.</param>
/// <param name="Id">Its id.</param>
/// <param name="Price">What it costs without an active subscription.</param>
/// <param name="Starts">True where paying starts a subscription, false for a covered product.</param>
/// <param name="Level">The lowest level that may use the product.</param>
public readonly record struct PricedRecord(RecordKey Key, string Type, string Id, Credits Price, bool Starts, AccessLevel Level);

/// <summary>Pays for records without an active subscription.</summary>
public sealed class AccessRecords : Command
{
    /// <summary>The records, 1 to <see cref="RecordAccessRequest.MaxRecords"/>.</summary>
    public required PricedRecord[] Records { get; init; }

    /// <summary>What to do where not every record can be paid.</summary>
    public AccessMode Mode { get; init; }

    /// <summary>The most that the call may cost; null for no limit.</summary>
    public Credits? MaxCredits { get; init; }

    /// <summary>The product that the transaction is listed under.</summary>
    public string? Product { get; init; }

    /// <summary>For people.</summary>
    public string Description { get; init; } = string.Empty;

    /// <summary>The caller's reference; null for none.</summary>
    public string? Reference { get; init; }
}

/// <summary>Starts free subscriptions of records that visited the customer's website.</summary>
public sealed class VisitRecords : Command
{
    /// <summary>The records, 1 to <see cref="RecordVisitsRequest.MaxRecords"/>.</summary>
    public required VisitedRecord[] Records { get; init; }

    /// <summary>When they visited; null for now.</summary>
    public DateTimeOffset? SeenAt { get; init; }
}

/// <summary>A record that visited.</summary>
/// <param name="Key">The record.</param>
/// <param name="Type">Its type.</param>
/// <param name="Id">Its id.</param>
public readonly record struct VisitedRecord(RecordKey Key, string Type, string Id);

/// <summary>Starts free subscriptions that an operator brings, each to an end of its own.</summary>
public sealed class StartRecords : Command
{
    /// <summary>The records, 1 to <see cref="StartRecordsRequest.MaxRecords"/>.</summary>
    public required BroughtRecord[] Records { get; init; }

    /// <summary>The hash of the outside event, not zero.</summary>
    public required UInt128 ExternalReference { get; init; }
}

/// <summary>A record that an operator brings a subscription of.</summary>
/// <param name="Key">The record.</param>
/// <param name="Type">Its type.</param>
/// <param name="Id">Its id.</param>
/// <param name="ExpiresAt">The subscription's end, exclusive, before it is rounded up to a day's end.</param>
public readonly record struct BroughtRecord(RecordKey Key, string Type, string Id, DateTimeOffset ExpiresAt);

/// <summary>Adds credits.</summary>
public sealed class Grant : Command
{
    /// <summary>Bonus, coupon, purchase or top-up.</summary>
    public required TransactionType Kind { get; init; }

    /// <summary>How many, above zero.</summary>
    public required Credits Amount { get; init; }

    /// <summary>When they end, in the future; null for never.</summary>
    public DateTimeOffset? ExpiresAt { get; init; }

    /// <summary>For people.</summary>
    public string Description { get; init; } = string.Empty;

    /// <summary>The outside event; null for none.</summary>
    public string? Reference { get; init; }

    /// <summary>The hash of the outside event; zero for none.</summary>
    public UInt128 ExternalReference { get; init; }
}

/// <summary>Corrects the balance by hand.</summary>
public sealed class Adjust : Command
{
    /// <summary>Signed, not zero.</summary>
    public required Credits Amount { get; init; }

    /// <summary>Why.</summary>
    public required string Reason { get; init; }
}

/// <summary>Gives spent credits back.</summary>
public sealed class Refund : Command
{
    /// <summary>The transaction as the ledger holds it, read by the shell; null where it holds none of that id.</summary>
    public required TransactionEntry? Original { get; init; }

    /// <summary>True where the ledger held it and it was archived, so that <see cref="Original"/> is null.</summary>
    public bool IsArchived { get; init; }

    /// <summary>How much, above zero; null for all that is left.</summary>
    public Credits? Amount { get; init; }

    /// <summary>For people.</summary>
    public string Description { get; init; } = string.Empty;
}

/// <summary>Records that periods are paid.</summary>
public sealed class RecordPayment : Command
{
    /// <summary>Paid up to here.</summary>
    public required DateTimeOffset PaidThrough { get; init; }

    /// <summary>The hash of the outside event.</summary>
    public required UInt128 ExternalReference { get; init; }
}

/// <summary>Keeps the answer of a batch whose items were decided one by one, under the batch's key.</summary>
public sealed class KeepAnswer : Command
{
    /// <summary>The encoded answer.</summary>
    public required ReadOnlyMemory<byte> Answer { get; init; }
}

/// <summary>
/// A request that the shell refuses (a product that left the catalogue, say) but that came with a key: where the key was answered before, the
/// first answer stands.
/// </summary>
public sealed class Refused : Command
{
    /// <summary>The shell's refusal.</summary>
    public required Refusal Refusal { get; init; }
}
