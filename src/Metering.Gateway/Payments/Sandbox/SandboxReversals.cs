using Metering.Engine;

namespace Metering.Gateway.Payments.Sandbox;

/// <summary>Gives the sandbox's money back: refunds, disputes, and disputes that are won.</summary>
internal sealed class SandboxReversals(SandboxBooks books, SandboxEvents events, SandboxProvider provider)
{
    /// <summary>Presses a button of a paid page.</summary>
    /// <returns>The page with a word about it, and what changes beside it.</returns>
    public async ValueTask<(SandboxPage Page, PaymentChange[] Others)> PressAsync(SandboxPage page, SandboxCustomer customer, string button, CancellationToken cancellationToken) => button switch
    {
        "win-dispute" => await WinAsync(page, customer, cancellationToken).ConfigureAwait(false),
        "refund-subscription" or "dispute-subscription" => await ReverseInvoiceAsync(page, customer, button == "dispute-subscription", cancellationToken).ConfigureAwait(false),
        _ => await ReversePurchaseAsync(page, customer, button == "dispute", cancellationToken).ConfigureAwait(false),
    };

    private async ValueTask<(SandboxPage Page, PaymentChange[] Others)> ReversePurchaseAsync(SandboxPage page, SandboxCustomer customer, bool isDispute, CancellationToken cancellationToken)
    {
        var charges = await provider.ListAsync(customer.Id, cancellationToken).ConfigureAwait(false);
        var last = charges.Where(charge => charge is { Status: ChargeStatus.Succeeded, RefundedCents: 0, IsDisputed: false }).MaxBy(charge => charge.CreatedAt);
        if (last is null || await books.Charges.FindAsync(last.Id, cancellationToken).ConfigureAwait(false) is not { } stored)
        {
            return (page with { Notice = "There is no purchase of credits to give back." }, []);
        }

        var reversed = isDispute ? stored.Value with { IsDisputed = true } : stored.Value with { RefundedCents = stored.Value.AmountCents };
        return (page with { Notice = isDispute ? "The last purchase of credits is disputed." : "The last purchase of credits was refunded." },
            [books.Charges.Change(reversed, stored.Version), events.Reversed(TypeOf(isDispute), reversed.ToCharge())]);
    }

    private async ValueTask<(SandboxPage Page, PaymentChange[] Others)> ReverseInvoiceAsync(SandboxPage page, SandboxCustomer customer, bool isDispute, CancellationToken cancellationToken)
    {
        var invoices = await provider.ListInvoicesOfAsync(customer.Id, cancellationToken).ConfigureAwait(false);
        var last = invoices.Where(invoice => invoice is { AmountCents: > 0, RefundedCents: 0, IsDisputed: false }).MaxBy(invoice => invoice.CreatedAt);
        if (last is null || await books.Invoices.FindAsync(last.Id, cancellationToken).ConfigureAwait(false) is not { } stored)
        {
            return (page with { Notice = "There is no payment of the subscription to give back." }, []);
        }

        var reversed = isDispute ? stored.Value with { IsDisputed = true } : stored.Value with { RefundedCents = stored.Value.AmountCents };
        return (page with { Notice = isDispute ? "The last payment of the subscription is disputed." : "The last payment of the subscription was refunded." },
            [books.Invoices.Change(reversed, stored.Version), events.Reversed(TypeOf(isDispute), reversed.ToCharge())]);
    }

    private async ValueTask<(SandboxPage Page, PaymentChange[] Others)> WinAsync(SandboxPage page, SandboxCustomer customer, CancellationToken cancellationToken)
    {
        var won = page with { Notice = "The dispute was won." };
        var charge = (await provider.ListAsync(customer.Id, cancellationToken).ConfigureAwait(false)).Find(candidate => candidate.IsDisputed);
        if (charge is not null && await books.Charges.FindAsync(charge.Id, cancellationToken).ConfigureAwait(false) is { } purchase)
        {
            var kept = purchase.Value with { IsDisputed = false };
            return (won, [books.Charges.Change(kept, purchase.Version), events.Reversed("charge.dispute.closed", kept.ToCharge())]);
        }

        var invoice = (await provider.ListInvoicesOfAsync(customer.Id, cancellationToken).ConfigureAwait(false)).Find(candidate => candidate.IsDisputed);
        if (invoice is not null && await books.Invoices.FindAsync(invoice.Id, cancellationToken).ConfigureAwait(false) is { } paid)
        {
            var kept = paid.Value with { IsDisputed = false };
            return (won, [books.Invoices.Change(kept, paid.Version), events.Reversed("charge.dispute.closed", kept.ToCharge())]);
        }

        return (page with { Notice = "There is no dispute to win." }, []);
    }

    private static string TypeOf(bool isDispute) => isDispute ? "charge.dispute.created" : "charge.refunded";
}
