using Metering.Engine;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Metering.Gateway.Coupons;

/// <summary>Grants what slots are good for whose process died, or whose ledger could not answer, between slot and grant: at the start, and once a minute.</summary>
internal sealed class CouponReconciler(ICouponStore coupons, CouponRedeemer redeemer, TimeProvider time, ILogger<CouponReconciler> logger) : BackgroundService
{
    /// <summary>Between two rounds.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromMinutes(1);

    /// <summary>How old a slot is before its request is taken for dead: granting under a live one would tell it that it came too late.</summary>
    private static readonly TimeSpan MinimumAge = TimeSpan.FromMinutes(1);

    private const int PageSize = 100;

    /// <summary>Goes over every pending slot once that is old enough and whose credits have not ended.</summary>
    /// <returns>How many were granted, now or before.</returns>
    public async Task<int> RunOnceAsync(CancellationToken cancellationToken)
    {
        var (granted, now) = (0, time.GetUtcNow());
        CouponSlot? last = null;
        do
        {
            var page = await coupons.ListPendingAsync(now - MinimumAge, now, last, PageSize, cancellationToken).ConfigureAwait(false);
            foreach (var pending in page)
            {
                granted += await FinishAsync(pending, cancellationToken).ConfigureAwait(false) ? 1 : 0;
            }

            last = page.Count == PageSize ? page[^1] : null;
        }
        while (last is not null);

        return granted;
    }

    private async Task<bool> FinishAsync(CouponSlot pending, CancellationToken cancellationToken)
    {
        try
        {
            // Counted as an attempt before it is granted, so that whoever took the slot does not give it back under this one.
            var slot = await coupons.CountAttemptAsync(pending.Code, pending.Account, cancellationToken).ConfigureAwait(false);
            if (slot is not { GrantedAt: null })
            {
                return false;
            }

            // Under the key of the request that broke off, so that its retry gets its answer; unless that key became another request's.
            var outcome = await redeemer.GrantAsync(slot, slot.IdempotencyKey).ConfigureAwait(false);
            if (outcome.Refusal?.Reason == RefusalReason.IdempotencyKeyReused)
            {
                outcome = await redeemer.GrantAsync(slot, idempotencyKey: null).ConfigureAwait(false);
            }

            return outcome.IsSuccess || outcome.Refusal!.Reason == RefusalReason.ReferenceUsed;
        }
        catch (Exception exception) when (exception is not (LedgerUnavailableException or OperationCanceledException))
        {
            // A damaged account must neither end the host, which serves all the others, nor keep them from their credits.
            logger.LogError(exception, "The coupon {Code} of account {Account} could not be granted.", pending.Code, pending.Account);
            return false;
        }
    }

    /// <inheritdoc />
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await RunOnceAsync(stoppingToken).ConfigureAwait(false);
            }
            catch (LedgerUnavailableException exception)
            {
                logger.LogWarning("Coupons under way wait for the directory: {Message}", exception.Message);
            }

            await Task.Delay(Interval, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}
