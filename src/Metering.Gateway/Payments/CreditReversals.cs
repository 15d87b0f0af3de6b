using Microsoft.Extensions.Logging;

namespace Metering.Gateway.Payments;

/// <summary>
/// Takes back the credits of charges that were refunded or disputed, as much of them as of the money: unspent ones at once, spent ones as a
/// debt that the next credits settle.
/// </summary>
internal sealed class CreditReversals(PaymentBooks books, Payments payments, CreditSales sales, ICreditMeter meter, ILogger<CreditReversals> logger)
{
    private const int Rounds = 10;

    /// <summary>Brings a purchase to where the refunds of its charge are.</summary>
    /// <returns>Why it must be tried again; null where it is done, also where the charge bought no credits.</returns>
    public async ValueTask<string?> FollowAsync(string chargeId, CancellationToken cancellationToken)
    {
        if (await payments.Required.FindChargeAsync(chargeId, cancellationToken).ConfigureAwait(false) is not { } charge)
        {
            return null;
        }

        // A refund may be told before the payment: what was never granted cannot be taken back.
        if (await sales.SettleAsync(chargeId, charge.PurchaseId, cancellationToken).ConfigureAwait(false) is { } waiting)
        {
            return waiting;
        }

        for (var round = 0; round < Rounds; round++)
        {
            var stored = await books.CreditPurchases.FindByKeyAsync(CreditPurchase.ChargeKey(chargeId), cancellationToken).ConfigureAwait(false);
            if (stored is { Value.State: not CreditPurchaseState.Granted })
            {
                // Somebody else is granting it at this moment: taking back comes after that.
                return $"The purchase of the charge {chargeId} is not granted yet.";
            }

            if (stored is not { Value: var purchase })
            {
                logger.LogWarning("{Cents} cents of the charge {Charge} were refunded or are disputed; it bought no credits that are known here, so an operator must judge it.", charge.ReversedCents, chargeId);
                return null;
            }

            if (purchase.ReversingCents is null && purchase.ReversedCents >= charge.ReversedCents)
            {
                return null;
            }

            var (change, fault) = purchase.ReversingCents is { } begun
                ? (purchase with { ReversedCents = begun, ReversingCents = null }, await TakeBackAsync(purchase, begun, cancellationToken).ConfigureAwait(false))
                : (purchase with { ReversingCents = charge.ReversedCents }, null);
            if (fault is not null)
            {
                return fault;
            }

            await books.SaveAsync(cancellationToken, books.CreditPurchases.Change(change, stored.Value.Version)).ConfigureAwait(false);
        }

        return $"The purchase of the charge {chargeId} is being changed by others over and over.";
    }

    /// <summary>The credits that a part of the charge bought, rounded down to a ten-thousandth; all of them for all of it.</summary>
    public static Credits CreditsOf(CreditPurchase purchase, long cents) =>
        new((long)((Int128)Credits.Of(purchase.Credits).TenThousandths * Math.Min(cents, purchase.AmountCents) / purchase.AmountCents));

    private async ValueTask<string?> TakeBackAsync(CreditPurchase purchase, long toCents, CancellationToken cancellationToken)
    {
        var amount = CreditsOf(purchase, toCents) - CreditsOf(purchase, purchase.ReversedCents);
        if (!amount.IsPositive)
        {
            return null;
        }

        var request = new TakeBackRequest
        {
            Amount = amount,
            ExternalReference = $"{payments.Required.Name}:{purchase.ChargeId}:reversed:{toCents}",
            Reason = $"Refund of the purchase of {purchase.Credits} credits",
            GrantedBy = purchase.GrantedBy is { } id && TransactionId.TryParse(id, out var transaction) ? transaction : null,
        };
        var outcome = await meter.TakeBackAsync(new(purchase.Account), request, cancellationToken).ConfigureAwait(false);
        if (outcome.TryGet(out var taken, out var refusal))
        {
            if (taken.Owed.IsPositive)
            {
                logger.LogWarning("The account {Account} owes {Owed} credits after a refund of credits that were spent.", purchase.Account, taken.Owed);
            }

            return null;
        }

        return refusal.Reason == RefusalReason.ReferenceUsed ? null : refusal.Message;
    }
}
