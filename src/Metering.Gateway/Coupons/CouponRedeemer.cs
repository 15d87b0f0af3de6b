using System.Buffers;
using Metering.Engine;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Metering.Gateway.Coupons;

/// <summary>A redeemed coupon.</summary>
/// <param name="Slot">The account's slot.</param>
/// <param name="Posting">The grant.</param>
/// <param name="IsReplay">True where the idempotency key was seen before.</param>
internal sealed record Redemption(CouponSlot Slot, Posting Posting, bool IsReplay);

/// <summary>
/// Redeems coupons: a slot first, durably, then the grant, whose reference is unique for ever in the account's ledger. Wherever that is broken off, an
/// account with a slot is granted its credits once, by a retry or by <see cref="CouponReconciler"/>, and no more slots are given than the coupon has.
/// </summary>
internal sealed class CouponRedeemer(ICouponStore coupons, ISandboxStore sandboxes, ICreditMeter meter, TimeProvider time, ILogger<CouponRedeemer> logger)
{
    /// <summary>The longest code, in characters.</summary>
    public const int MaxCode = 64;

    /// <summary>What a code must be, for errors.</summary>
    public const string CodeRule = "1 to 64 characters of A-Z 0-9 - _ (lower case is taken for upper case)";

    private static readonly SearchValues<char> CodeCharacters = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_");

    /// <summary>The code as it is stored; null where it is none. People type codes from paper, so that case does not count.</summary>
    public static string? Normalize(string? code) =>
        code is { Length: > 0 and <= MaxCode } && code.ToUpperInvariant() is var upper && !upper.AsSpan().ContainsAnyExcept(CodeCharacters) ? upper : null;

    /// <summary>Redeems a coupon for an account.</summary>
    public async ValueTask<(Redemption? Redemption, Failure? Failure)> RedeemAsync(
        string code, AccountId account, string? idempotencyKey, CancellationToken cancellationToken)
    {
        if (await FindObstacleAsync(code, account, cancellationToken).ConfigureAwait(false) is { } obstacle)
        {
            return (null, obstacle);
        }

        var (taking, slot) = await coupons.TakeAsync(code, account, idempotencyKey, time.GetUtcNow(), cancellationToken).ConfigureAwait(false);
        if (slot is null)
        {
            return (null, FailureOf(taking, code));
        }

        var outcome = await GrantAsync(slot, idempotencyKey).ConfigureAwait(false);
        return outcome.TryGet(out var posting, out var refusal) ? (new(slot, posting, outcome.IsReplay), null)
            : (null, refusal.Reason == RefusalReason.ReferenceUsed
                ? new(StatusCodes.Status409Conflict, "coupon_already_redeemed", $"This account has redeemed {code} already; a coupon can be redeemed once by an account.")
                : Failure.Of(refusal));
    }

    /// <summary>Grants what a slot is good for, and notes that it is granted.</summary>
    public async ValueTask<Outcome<Posting>> GrantAsync(CouponSlot slot, string? idempotencyKey)
    {
        // From here on nobody's cancellation counts: the slot is taken, and giving it back needs the meter's answer.
        var outcome = await meter.GrantAsync(slot.Account, RequestOf(slot, idempotencyKey)).ConfigureAwait(false);
        if (outcome.IsSuccess || outcome.Refusal!.Reason == RefusalReason.ReferenceUsed)
        {
            if (slot.GrantedAt is null)
            {
                await MarkGrantedAsync(slot).ConfigureAwait(false);
            }
        }
        else if (IsFinal(outcome.Refusal))
        {
            await coupons.GiveBackAsync(slot.Code, slot.Account).ConfigureAwait(false);
        }

        return outcome;
    }

    /// <summary>The credits are granted for good: that this cannot be noted now is no error of the caller's, and <see cref="CouponReconciler"/> notes it later.</summary>
    private async ValueTask MarkGrantedAsync(CouponSlot slot)
    {
        try
        {
            await coupons.MarkGrantedAsync(slot.Code, slot.Account, time.GetUtcNow()).ConfigureAwait(false);
        }
        catch (LedgerUnavailableException exception)
        {
            logger.LogWarning("The coupon {Code} of account {Account} is granted, which could not be noted: {Message}", slot.Code, slot.Account, exception.Message);
        }
    }

    private static GrantRequest RequestOf(CouponSlot slot, string? idempotencyKey) => new()
    {
        Source = GrantSource.Coupon,
        Amount = slot.Amount,
        ExpiresAt = slot.BonusExpiresAt,
        Description = $"Coupon {slot.Code}",
        ExternalReference = $"coupon:{slot.Code}",
        IdempotencyKey = idempotencyKey,
    };

    // Whatever may still become a grant keeps its slot.
    private static bool IsFinal(Refusal refusal) =>
        refusal.RetryAfter is null && refusal.Reason is not (RefusalReason.OutcomeUnknown or RefusalReason.Overloaded or RefusalReason.LedgerUnavailable);

    private static Failure FailureOf(CouponTaking taking, string code) => taking switch
    {
        CouponTaking.Unknown => new(StatusCodes.Status404NotFound, "coupon_unknown", $"There is no coupon {code}."),
        CouponTaking.Ended => new(StatusCodes.Status410Gone, "coupon_expired", $"The coupon {code} can no longer be redeemed."),
        CouponTaking.UsedUp => new(StatusCodes.Status409Conflict, "coupon_used_up", $"The coupon {code} has been redeemed as often as it can be."),
        CouponTaking.Taken => throw new ArgumentOutOfRangeException(nameof(taking), taking, "A taken slot is no failure."),
        _ => throw new ArgumentOutOfRangeException(nameof(taking), taking, "Not an outcome of taking a slot."),
    };

    /// <summary>What keeps an account from a coupon that has nothing to do with slots; a slot that it has already overrules all of it.</summary>
    private async ValueTask<Failure?> FindObstacleAsync(string code, AccountId account, CancellationToken cancellationToken)
    {
        if (await coupons.FindSlotAsync(code, account, cancellationToken).ConfigureAwait(false) is not null
            || await coupons.FindAsync(code, cancellationToken).ConfigureAwait(false) is not { } coupon)
        {
            return null;
        }

        if (await sandboxes.FindOwnerAsync(account, cancellationToken).ConfigureAwait(false) is not null)
        {
            return new(StatusCodes.Status403Forbidden, "sandbox_key", "A sandbox key cannot redeem coupons: it would use up a slot of a real customer. Use a key of the account itself.");
        }

        var balance = await meter.GetBalanceAsync(account, cancellationToken).ConfigureAwait(false);
        return !balance.TryGet(out var present, out var refusal) ? Failure.Of(refusal)
            : coupon.Plans.Count == 0 || coupon.Plans.Contains(present.Plan) ? null
            : new(StatusCodes.Status403Forbidden, "coupon_not_for_plan", $"The coupon {code} is for the plans {string.Join(", ", coupon.Plans)}; this account is on {present.Plan}.");
    }
}
