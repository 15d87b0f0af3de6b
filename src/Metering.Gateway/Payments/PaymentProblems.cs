using System.Runtime.CompilerServices;

namespace Metering.Gateway.Payments;

/// <summary>What this side knows to be undone by itself, without asking the provider: what operators look at first.</summary>
internal sealed class PaymentProblems(PaymentBooks books)
{
    /// <summary>Events that were given up, charges whose credits or reversals are not in the ledger yet, and documents that cannot be read.</summary>
    public async IAsyncEnumerable<PaymentDifference> FindAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (var stored in books.GivenUpEvents.AllAsync(cancellationToken).ConfigureAwait(false))
        {
            var (id, type, fault, at) = stored.Value;
            yield return new("event_given_up", null, id, $"{type} was given up on {at.ToWire()}: {fault} Mend the cause, and retry it.");
        }

        await foreach (var stored in books.CreditPurchases.AllAsync(cancellationToken).ConfigureAwait(false))
        {
            if (stored.Value is { State: CreditPurchaseState.Charged } purchase)
            {
                yield return new("charge_not_granted", purchase.Account, purchase.Id, $"{purchase.ChargeId} is paid, and its {purchase.Credits} credits are not granted yet");
            }
        }

        await foreach (var stored in books.Reversals.AllAsync(cancellationToken).ConfigureAwait(false))
        {
            if (stored.Value is { Begun: { } step } reversal)
            {
                yield return new("reversal_pending", reversal.Account, reversal.ChargeId, $"{new Credits(Math.Abs(step.Amount))} credits of {reversal.Paid} are not {(step.Amount > 0 ? "taken" : "given")} back yet");
            }
        }

        await foreach (var (kind, id) in books.UnreadableAsync(cancellationToken).ConfigureAwait(false))
        {
            yield return new("document_unreadable", null, id, $"the document of kind {kind} cannot be read and is passed over");
        }
    }
}
