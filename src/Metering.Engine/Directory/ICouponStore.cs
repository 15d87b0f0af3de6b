namespace Metering.Engine;

/// <summary>A coupon: a code that gives an account bonus credits, once.</summary>
public sealed record Coupon
{
    /// <summary>1 to 64 characters of <c>A-Z 0-9 - _</c>.</summary>
    public required string Code { get; init; }

    /// <summary>What an account gets, above zero.</summary>
    public required Credits Amount { get; init; }

    /// <summary>From when on it can no longer be redeemed; null for never.</summary>
    public DateTimeOffset? ExpiresAt { get; init; }

    /// <summary>Days that its credits last from the redemption; null where <see cref="BonusExpiresAt"/> says when they end, or they do not.</summary>
    public int? BonusDays { get; init; }

    /// <summary>When its credits end, whenever it was redeemed; null where <see cref="BonusDays"/> says so, or they do not.</summary>
    public DateTimeOffset? BonusExpiresAt { get; init; }

    /// <summary>How many accounts may redeem it; null for any number.</summary>
    public long? MaxRedemptions { get; init; }

    /// <summary>How many slots are taken, those of redemptions under way included; never above <see cref="MaxRedemptions"/>.</summary>
    public long Redeemed { get; init; }

    /// <summary>The plans whose accounts may redeem it; empty for all.</summary>
    public IReadOnlyList<string> Plans { get; init; } = [];

    /// <summary>When it was made, UTC, whole milliseconds.</summary>
    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>When an operator ended it; null where it was not.</summary>
    public DateTimeOffset? DeactivatedAt { get; init; }
}

/// <summary>An account's slot of a coupon.</summary>
public sealed record CouponSlot
{
    /// <summary>The coupon.</summary>
    public required string Code { get; init; }

    /// <summary>The account.</summary>
    public required AccountId Account { get; init; }

    /// <summary>What it gets, as the coupon said when the slot was taken.</summary>
    public required Credits Amount { get; init; }

    /// <summary>When those credits end; null for never. Fixed with the slot, so that every attempt grants the same.</summary>
    public DateTimeOffset? BonusExpiresAt { get; init; }

    /// <summary>When the slot was taken.</summary>
    public required DateTimeOffset TakenAt { get; init; }

    /// <summary>How many attempts to grant it there were, this one included.</summary>
    public required long Attempts { get; init; }

    /// <summary>
    /// The idempotency key of the request that took the slot; null for none. Whoever finishes that request grants under its key, so that its
    /// retry gets its answer.
    /// </summary>
    public string? IdempotencyKey { get; init; }

    /// <summary>When the credits were seen to be granted; null while that is not known.</summary>
    public DateTimeOffset? GrantedAt { get; init; }
}

/// <summary>What became of taking a slot.</summary>
public enum CouponTaking
{
    /// <summary>The slot is the account's, by this call or an earlier one.</summary>
    Taken,

    /// <summary>There is no such coupon.</summary>
    Unknown,

    /// <summary>It expired, or was deactivated, or its credits would have ended already.</summary>
    Ended,

    /// <summary>All of its slots are taken.</summary>
    UsedUp,
}

/// <summary>
/// Coupons and who redeemed them. A slot is taken, durably, before anything is granted, and is unique for (coupon, account): whatever happens in
/// between, no more accounts get credits than the coupon allows, and an account with a slot can always be granted its credits later.
/// Safe for concurrent use, also by several processes on one database. What a call wrote is durable when it returns.
/// </summary>
/// <remarks>All members throw <see cref="LedgerUnavailableException"/> where the store cannot serve now.</remarks>
public interface ICouponStore
{
    /// <summary>Adds a coupon; false, and nothing is changed, where the code is taken.</summary>
    ValueTask<bool> TryAddAsync(Coupon coupon, CancellationToken cancellationToken = default);

    /// <summary>A coupon; null for none.</summary>
    ValueTask<Coupon?> FindAsync(string code, CancellationToken cancellationToken = default);

    /// <summary>Coupons in the order of their codes, after a given one; at most <paramref name="limit"/>.</summary>
    ValueTask<IReadOnlyList<Coupon>> ListAsync(string? after, int limit, CancellationToken cancellationToken = default);

    /// <summary>
    /// Changes when a coupon expires, how many accounts may redeem it, and whether it is active; all else stays. Changes at once follow one another.
    /// </summary>
    /// <param name="code">The coupon.</param>
    /// <param name="change">What it becomes of what it is; may be asked more than once.</param>
    /// <param name="cancellationToken">Cancels before the commit.</param>
    /// <returns>Null where there is no such coupon; the coupon as it is, unchanged, where more slots are taken than the new limit allows.</returns>
    ValueTask<Coupon?> UpdateAsync(string code, Func<Coupon, Coupon> change, CancellationToken cancellationToken = default);

    /// <summary>
    /// Takes the account's slot, or finds the one that it has, and counts an attempt to grant it. A slot that is there already is found whatever became
    /// of the coupon since.
    /// </summary>
    /// <param name="code">The coupon.</param>
    /// <param name="account">The account.</param>
    /// <param name="idempotencyKey">The request's idempotency key, kept with a new slot; null for none.</param>
    /// <param name="now">The time.</param>
    /// <param name="cancellationToken">Cancels before the commit.</param>
    /// <returns>Whether the account has a slot, and the slot where it does.</returns>
    ValueTask<(CouponTaking Taking, CouponSlot? Slot)> TakeAsync(
        string code, AccountId account, string? idempotencyKey, DateTimeOffset now, CancellationToken cancellationToken = default);

    /// <summary>Counts an attempt to grant a slot that is there. It never takes one: a slot that was given back since may be another account's by now.</summary>
    /// <param name="code">The coupon.</param>
    /// <param name="account">The account.</param>
    /// <param name="cancellationToken">Cancels before the commit.</param>
    /// <returns>The slot; null where the account has none.</returns>
    ValueTask<CouponSlot?> CountAttemptAsync(string code, AccountId account, CancellationToken cancellationToken = default);

    /// <summary>Notes that a slot's credits are granted.</summary>
    ValueTask MarkGrantedAsync(string code, AccountId account, DateTimeOffset at, CancellationToken cancellationToken = default);

    /// <summary>
    /// Gives a slot back where its first attempt was the only one and granted nothing; else it stays the account's: another attempt may still grant
    /// it, and a slot that somebody else took meanwhile would be one too many.
    /// </summary>
    /// <returns>True where the slot is free again.</returns>
    ValueTask<bool> GiveBackAsync(string code, AccountId account, CancellationToken cancellationToken = default);

    /// <summary>The slot of an account; null for none.</summary>
    ValueTask<CouponSlot?> FindSlotAsync(string code, AccountId account, CancellationToken cancellationToken = default);

    /// <summary>Slots of a coupon in the order of their accounts, after a given one; at most <paramref name="limit"/>.</summary>
    ValueTask<IReadOnlyList<CouponSlot>> ListSlotsAsync(string code, AccountId? after, int limit, CancellationToken cancellationToken = default);

    /// <summary>
    /// Slots of all coupons whose credits are not known to be granted and can still be: no slot whose credits would have ended by now. In the order of
    /// code and account.
    /// </summary>
    /// <param name="takenBefore">Only slots taken before this: a later one's request may still be at work.</param>
    /// <param name="now">The time.</param>
    /// <param name="after">The slot to go on behind; null for the first.</param>
    /// <param name="limit">The most slots.</param>
    /// <param name="cancellationToken">Cancels the read.</param>
    ValueTask<IReadOnlyList<CouponSlot>> ListPendingAsync(
        DateTimeOffset takenBefore, DateTimeOffset now, CouponSlot? after, int limit, CancellationToken cancellationToken = default);
}
