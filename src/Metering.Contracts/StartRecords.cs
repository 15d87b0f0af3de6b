namespace Metering;

/// <summary>
/// Record subscriptions that an operator brings from another system: free, each to an end of its own, and no transaction. An active
/// subscription is never shortened: of its end and the given one the later counts.
/// </summary>
public sealed record StartRecordsRequest
{
    /// <summary>The most records of one call.</summary>
    public const int MaxRecords = 1_000;

    /// <summary>1 to <see cref="MaxRecords"/> records.</summary>
    public required IReadOnlyList<GivenRecord> Records { get; init; }

    /// <summary>
    /// The outside event, 1 to 200 characters, unique for ever: a second call with it is refused
    /// (<see cref="RefusalReason.ReferenceUsed"/>), also where the first one found every record subscribed for longer.
    /// </summary>
    public required string ExternalReference { get; init; }

    /// <inheritdoc cref="DeductRequest.IdempotencyKey"/>
    public string? IdempotencyKey { get; init; }
}

/// <summary>A record whose subscription is given.</summary>
/// <param name="Type">Its type, a product of the catalogue that is priced by the record ("company", "contact").</param>
/// <param name="Id">Its id, 1 to 128 characters without control characters.</param>
/// <param name="ExpiresAt">
/// The end, exclusive, rounded up to the end of a day in UTC: noon gives the whole day, and midnight is the end of the day before it
/// already, so that what <see cref="RecordSubscription.ExpiresAt"/> says comes out as it went in. In the future, and not after the end
/// of a subscription that would begin now (twelve calendar months from today, to that day's end).
/// </param>
public sealed record GivenRecord(string Type, string Id, DateTimeOffset ExpiresAt);
