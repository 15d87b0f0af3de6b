namespace Metering.Engine;

/// <summary>Coupons in the directory's database.</summary>
internal sealed class SqlCouponStore(IDirectorySql sql) : ICouponStore
{
    private const string CouponColumns = "code, amount, expires_at, bonus_days, bonus_expires_at, max_redemptions, redeemed, plans, created_at, deactivated_at";
    private const string SlotColumns = "code, account, amount, bonus_expires_at, taken_at, attempts, granted_at, idempotency_key";

    public ValueTask<bool> TryAddAsync(Coupon coupon, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(coupon);
        return sql.AnyAsync(
            """
            INSERT INTO metering.coupons (code, amount, expires_at, bonus_days, bonus_expires_at, max_redemptions, plans, created_at, deactivated_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (code) DO NOTHING RETURNING 1
            """,
            [
                SqlValue.Of(coupon.Code), SqlValue.Of(coupon.Amount.TenThousandths), SqlValue.Of(coupon.ExpiresAt), SqlValue.Of(coupon.BonusDays),
                SqlValue.Of(coupon.BonusExpiresAt), SqlValue.Of(coupon.MaxRedemptions),
                SqlValue.Of(coupon.Plans.Count == 0 ? null : string.Join(',', coupon.Plans)), SqlValue.Of(coupon.CreatedAt), SqlValue.Of(coupon.DeactivatedAt),
            ],
            cancellationToken);
    }

    public ValueTask<Coupon?> FindAsync(string code, CancellationToken cancellationToken = default) =>
        sql.FirstAsync($"SELECT {CouponColumns} FROM metering.coupons WHERE code = $1", [SqlValue.Of(code)], CouponOf, cancellationToken);

    public async ValueTask<IReadOnlyList<Coupon>> ListAsync(string? after, int limit, CancellationToken cancellationToken = default) => await sql.ReadAsync(
        $"SELECT {CouponColumns} FROM metering.coupons WHERE code > $1 ORDER BY code LIMIT $2",
        [SqlValue.Of(after ?? string.Empty), SqlValue.Of(limit)],
        CouponOf,
        cancellationToken);

    public ValueTask<Coupon?> UpdateAsync(string code, Func<Coupon, Coupon> change, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(change);
        return sql.CommitAsync(
            async transaction =>
            {
                if (await LockAsync(transaction, code) is not { } present)
                {
                    return null;
                }

                var wanted = change(present);
                if (present.Redeemed > wanted.MaxRedemptions)
                {
                    return present;
                }

                await transaction.RunAsync(
                    "UPDATE metering.coupons SET expires_at = $2, max_redemptions = $3, deactivated_at = $4 WHERE code = $1",
                    [SqlValue.Of(code), SqlValue.Of(wanted.ExpiresAt), SqlValue.Of(wanted.MaxRedemptions), SqlValue.Of(wanted.DeactivatedAt)],
                    _ => true);
                return await LockAsync(transaction, code);
            },
            cancellationToken);
    }

    public ValueTask<(CouponTaking Taking, CouponSlot? Slot)> TakeAsync(
        string code, AccountId account, string? idempotencyKey, DateTimeOffset now, CancellationToken cancellationToken = default) => sql.CommitAsync(
        async transaction =>
        {
            var coupon = await LockAsync(transaction, code);
            return await CountAsync(transaction, code, account) is { } known ? (CouponTaking.Taken, known)
                : coupon is null ? (CouponTaking.Unknown, null)
                : !coupon.CanBeRedeemed(now) ? (CouponTaking.Ended, null)
                : coupon.Redeemed >= coupon.MaxRedemptions ? (CouponTaking.UsedUp, null)
                : (CouponTaking.Taken, await InsertAsync(transaction, coupon, account, idempotencyKey, now));
        },
        cancellationToken);

    public ValueTask<CouponSlot?> CountAttemptAsync(string code, AccountId account, CancellationToken cancellationToken = default) => sql.CommitAsync(
        async transaction =>
        {
            await LockAsync(transaction, code); // The coupon first, in the order in which slots are taken.
            return await CountAsync(transaction, code, account);
        },
        cancellationToken);

    public async ValueTask MarkGrantedAsync(string code, AccountId account, DateTimeOffset at, CancellationToken cancellationToken = default) => await sql.AnyAsync(
        "UPDATE metering.coupon_redemptions SET granted_at = coalesce(granted_at, $3) WHERE code = $1 AND account = $2 RETURNING 1",
        [SqlValue.Of(code), SqlValue.Of(account), SqlValue.Of(at)],
        cancellationToken);

    public ValueTask<bool> GiveBackAsync(string code, AccountId account, CancellationToken cancellationToken = default) => sql.CommitAsync(
        async transaction =>
        {
            // The coupon first, in the order in which slots are taken.
            await transaction.RunAsync("SELECT 1 FROM metering.coupons WHERE code = $1 FOR UPDATE", [SqlValue.Of(code)], _ => true);
            var freed = await transaction.RunAsync(
                "DELETE FROM metering.coupon_redemptions WHERE code = $1 AND account = $2 AND attempts = 1 AND granted_at IS NULL RETURNING 1",
                [SqlValue.Of(code), SqlValue.Of(account)],
                _ => true);
            if (freed.Count > 0)
            {
                await transaction.RunAsync("UPDATE metering.coupons SET redeemed = redeemed - 1 WHERE code = $1", [SqlValue.Of(code)], _ => true);
            }

            return freed.Count > 0;
        },
        cancellationToken);

    public ValueTask<CouponSlot?> FindSlotAsync(string code, AccountId account, CancellationToken cancellationToken = default) => sql.FirstAsync(
        $"SELECT {SlotColumns} FROM metering.coupon_redemptions WHERE code = $1 AND account = $2", [SqlValue.Of(code), SqlValue.Of(account)], SlotOf, cancellationToken);

    public async ValueTask<IReadOnlyList<CouponSlot>> ListSlotsAsync(string code, AccountId? after, int limit, CancellationToken cancellationToken = default) => await sql.ReadAsync(
        $"SELECT {SlotColumns} FROM metering.coupon_redemptions WHERE code = $1 AND account > $2 ORDER BY account LIMIT $3",
        [SqlValue.Of(code), SqlValue.Of(after?.Value ?? string.Empty), SqlValue.Of(limit)],
        SlotOf,
        cancellationToken);

    public async ValueTask<IReadOnlyList<CouponSlot>> ListPendingAsync(
        DateTimeOffset takenBefore, DateTimeOffset now, CouponSlot? after, int limit, CancellationToken cancellationToken = default) => await sql.ReadAsync(
        $"""
        SELECT {SlotColumns} FROM metering.coupon_redemptions
        WHERE granted_at IS NULL AND (code, account) > ($1, $2) AND taken_at < $4 AND (bonus_expires_at IS NULL OR bonus_expires_at > $5)
        ORDER BY code, account LIMIT $3
        """,
        [
            SqlValue.Of(after?.Code ?? string.Empty), SqlValue.Of(after?.Account.Value ?? string.Empty), SqlValue.Of(limit), SqlValue.Of(takenBefore), SqlValue.Of(now),
        ],
        SlotOf,
        cancellationToken);

    /// <summary>A coupon, whose row is its actor: whoever holds it decides alone, in whatever process.</summary>
    private static async ValueTask<Coupon?> LockAsync(ISqlTransaction transaction, string code) =>
        (await transaction.RunAsync($"SELECT {CouponColumns} FROM metering.coupons WHERE code = $1 FOR UPDATE", [SqlValue.Of(code)], CouponOf)).FirstOrDefault();

    private static async ValueTask<CouponSlot?> CountAsync(ISqlTransaction transaction, string code, AccountId account) => (await transaction.RunAsync(
        $"UPDATE metering.coupon_redemptions SET attempts = attempts + 1 WHERE code = $1 AND account = $2 RETURNING {SlotColumns}",
        [SqlValue.Of(code), SqlValue.Of(account)],
        SlotOf)).FirstOrDefault();

    private static async ValueTask<CouponSlot> InsertAsync(ISqlTransaction transaction, Coupon coupon, AccountId account, string? idempotencyKey, DateTimeOffset now)
    {
        await transaction.RunAsync("UPDATE metering.coupons SET redeemed = redeemed + 1 WHERE code = $1", [SqlValue.Of(coupon.Code)], _ => true);
        var added = await transaction.RunAsync(
            $"""
            INSERT INTO metering.coupon_redemptions (code, account, amount, bonus_expires_at, taken_at, attempts, idempotency_key)
            VALUES ($1, $2, $3, $4, $5, 1, $6) RETURNING {SlotColumns}
            """,
            [
                SqlValue.Of(coupon.Code), SqlValue.Of(account), SqlValue.Of(coupon.Amount.TenThousandths), SqlValue.Of(coupon.BonusEnd(now)), SqlValue.Of(now),
                SqlValue.Of(idempotencyKey),
            ],
            SlotOf);
        return added[0];
    }

    private static Coupon CouponOf(ISqlRow row) => new()
    {
        Code = row.Required(0),
        Amount = new(row.Whole(1)),
        ExpiresAt = row.Time(2),
        BonusDays = (int?)row.Number(3),
        BonusExpiresAt = row.Time(4),
        MaxRedemptions = row.Number(5),
        Redeemed = row.Whole(6),
        Plans = row.Text(7)?.Split(',') ?? [],
        CreatedAt = row.Time(8)!.Value,
        DeactivatedAt = row.Time(9),
    };

    private static CouponSlot SlotOf(ISqlRow row) => new()
    {
        Code = row.Required(0),
        Account = new(row.Required(1)),
        Amount = new(row.Whole(2)),
        BonusExpiresAt = row.Time(3),
        TakenAt = row.Time(4)!.Value,
        Attempts = row.Whole(5),
        GrantedAt = row.Time(6),
        IdempotencyKey = row.Text(7),
    };
}

/// <summary>What follows from a coupon's definition.</summary>
internal static class CouponTerms
{
    /// <summary>True where an account may take a slot now, if there is one left.</summary>
    public static bool CanBeRedeemed(this Coupon coupon, DateTimeOffset now) =>
        coupon.DeactivatedAt is null && !(coupon.ExpiresAt <= now) && !(coupon.BonusExpiresAt <= now);

    /// <summary>When credits end that are granted for a slot taken now; whole milliseconds.</summary>
    public static DateTimeOffset? BonusEnd(this Coupon coupon, DateTimeOffset now) =>
        coupon.BonusDays is { } days ? DateTimeOffset.FromUnixTimeMilliseconds(now.AddDays(days).ToUnixTimeMilliseconds()) : coupon.BonusExpiresAt;
}
