namespace Metering;

/// <summary>
/// Companies that visited the customer's website: each gets a record subscription by itself, free, in accounts whose level is
/// <see cref="AccessLevel.WebVisitors"/> or higher (003, "Web Visitors Customers"). An active subscription stays as it is, so that
/// reporting a visit again changes nothing.
/// </summary>
public sealed record RecordVisitsRequest
{
    /// <summary>The most records of one call.</summary>
    public const int MaxRecords = 1_000;

    /// <summary>The type of the records: companies visit, contacts do not.</summary>
    public const string RecordType = "company";

    /// <summary>How long ago a visit may be at most: reports of a month come in, and nothing is backdated further.</summary>
    public static readonly TimeSpan MaxAge = TimeSpan.FromDays(31);

    /// <summary>How far the reporter's clock may be ahead; such a visit counts as of now.</summary>
    public static readonly TimeSpan MaxLead = TimeSpan.FromMinutes(5);

    /// <summary>1 to <see cref="MaxRecords"/> records of the type <see cref="RecordType"/>, without a product.</summary>
    public required IReadOnlyList<RecordRequest> Records { get; init; }

    /// <summary>
    /// When they visited: their subscriptions last to the end (UTC) of the day twelve calendar months later. At most
    /// <see cref="MaxAge"/> back and not in the future; null for now.
    /// </summary>
    public DateTimeOffset? SeenAt { get; init; }

    /// <inheritdoc cref="DeductRequest.IdempotencyKey"/>
    public string? IdempotencyKey { get; init; }
}

/// <summary>Which active record subscriptions to list, in the order in which they began.</summary>
public sealed record RecordQuery
{
    /// <summary>The most items of a page.</summary>
    public const int MaxLimit = 100;

    /// <summary>Only records of this type; null for all.</summary>
    public string? Type { get; init; }

    /// <summary>Only subscriptions that expire before this instant; null for all.</summary>
    public DateTimeOffset? ExpiresBefore { get; init; }

    /// <summary>The <see cref="RecordPage.NextCursor"/> of the page before; null for the first.</summary>
    public string? Cursor { get; init; }

    /// <summary>How many at most, 1 to <see cref="MaxLimit"/>.</summary>
    public int Limit { get; init; } = 50;
}

/// <summary>An active record subscription.</summary>
/// <param name="Type">The record's type.</param>
/// <param name="Id">The record's id.</param>
/// <param name="StartedAt">When it was charged or entered, UTC.</param>
/// <param name="ExpiresAt">Its end, exclusive.</param>
public sealed record RecordSubscription(string Type, string Id, DateTimeOffset StartedAt, DateTimeOffset ExpiresAt);

/// <summary>
/// A page of active record subscriptions. The names of records are in the ledger alone, so a subscription whose entry was archived, or
/// whose texts were erased, is not listed, though it lasts.
/// </summary>
/// <param name="Items">The subscriptions; there may be fewer than were asked for, or none, before the end.</param>
/// <param name="NextCursor">Pass it as <see cref="RecordQuery.Cursor"/> to go on; null at the end.</param>
public sealed record RecordPage(IReadOnlyList<RecordSubscription> Items, string? NextCursor);
