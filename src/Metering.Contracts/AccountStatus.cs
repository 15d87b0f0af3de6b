namespace Metering;

/// <summary>Whether an account may be used. The numbers are part of the stored format.</summary>
public enum AccountStatus : byte
{
    /// <summary>It may.</summary>
    Active = 0,

    /// <summary>
    /// Reads go on, and so do billing, grants and refunds; spending is refused, and so is access to records, subscribed ones included: it
    /// hands out data.
    /// </summary>
    Suspended = 1,

    /// <summary>
    /// Nothing but reads. Credits and record subscriptions stay where they are until they expire by themselves, and no period grants any more,
    /// so that an account that was closed by mistake comes back whole when it is made active again.
    /// </summary>
    Closed = 2,
}

/// <summary>The names that the dialects use for <see cref="AccountStatus"/>.</summary>
public static class AccountStatuses
{
    /// <summary>The name, for example <c>suspended</c>.</summary>
    /// <param name="status">The status.</param>
    public static string ToName(this AccountStatus status) => status switch
    {
        AccountStatus.Active => "active",
        AccountStatus.Suspended => "suspended",
        AccountStatus.Closed => "closed",
        _ => throw new ArgumentOutOfRangeException(nameof(status), status, "Not a status."),
    };
}

/// <summary>Suspends, closes or reopens an account. The same status again only changes the reason.</summary>
public sealed record AccountStatusRequest
{
    /// <summary>The status from now on.</summary>
    public required AccountStatus Status { get; init; }

    /// <summary>
    /// Why, for people; 1 to 500 characters; null only for <see cref="AccountStatus.Active"/>. It is told with every refusal and is part of the
    /// ledger's facts, which cannot be erased: no personal data.
    /// </summary>
    public string? Reason { get; init; }

    /// <inheritdoc cref="DeductRequest.IdempotencyKey"/>
    public string? IdempotencyKey { get; init; }
}
