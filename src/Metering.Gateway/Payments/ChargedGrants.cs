namespace Metering.Gateway.Payments;

/// <summary>What a charge granted.</summary>
internal sealed record ChargedGrant
{
    public required string Account { get; init; }

    /// <summary>The purchase or the invoice.</summary>
    public required string Paid { get; init; }

    public required Credits Granted { get; init; }

    /// <summary>What of it ended unused: it cannot be taken back again.</summary>
    public Credits Lapsed { get; init; }

    public TransactionId? GrantedBy { get; init; }

    public bool IsAllotment { get; init; }

    /// <summary>
    /// As much of it as of the money, rounded down to a ten-thousandth, all of it for all of the money; but nothing that nobody can have spent.
    /// </summary>
    public Credits Of(long cents, long amountCents) =>
        Credits.Min(new((long)((Int128)Granted.TenThousandths * Math.Min(cents, amountCents) / amountCents)), Granted - Lapsed);
}

/// <summary>Finds what a charge granted: bought credits, or the allotment of an invoice.</summary>
internal sealed class ChargedGrants(PaymentBooks books, Payments payments, CreditSales sales, SubscriptionFollowing following, ICreditMeter meter, TimeProvider time)
{
    /// <returns>The grant, or why it must be looked for again; neither where the charge is another's.</returns>
    public async ValueTask<(ChargedGrant? Grant, string? Wait)> FindAsync(Charge charge, CancellationToken cancellationToken) => charge switch
    {
        { Status: not ChargeStatus.Succeeded } => default,
        { PurchaseId: { } purchase } => await FindPurchaseAsync(charge, purchase, cancellationToken).ConfigureAwait(false),
        { InvoiceId: { } invoice } => await FindInvoiceAsync(invoice, cancellationToken).ConfigureAwait(false),
        _ => default,
    };

    private async ValueTask<(ChargedGrant? Grant, string? Wait)> FindPurchaseAsync(Charge charge, string purchaseId, CancellationToken cancellationToken)
    {
        // A refund may be told before the payment: what was never granted cannot be taken back.
        if (await sales.SettleAsync(charge.Id, purchaseId, cancellationToken).ConfigureAwait(false) is { } waiting)
        {
            return (null, waiting);
        }

        if (await books.CreditPurchases.FindAsync(purchaseId, cancellationToken).ConfigureAwait(false) is not { Value: var purchase })
        {
            return default;
        }

        // Where it is no purchase's own charge, it is a second one, which is granted as soon as it is settled.
        var isOwn = purchase.ChargeId == charge.Id;
        return isOwn && purchase.State != CreditPurchaseState.Granted
            ? (null, $"The purchase of the charge {charge.Id} is not granted yet.")
            : (new()
            {
                Account = purchase.Account,
                Paid = purchase.Id,
                Granted = Credits.Of(purchase.Credits),
                GrantedBy = isOwn && TransactionId.TryParse(purchase.GrantedBy, out var id) ? id
                    : await FindRowAsync(new(purchase.Account), LedgerReferences.OfCharge(payments.Required.Name, charge.Id), cancellationToken).ConfigureAwait(false),
            }, null);
    }

    private async ValueTask<TransactionId?> FindRowAsync(AccountId account, string reference, CancellationToken cancellationToken)
    {
        await foreach (var row in LedgerRows.ReadAsync(meter, account, cancellationToken).ConfigureAwait(false))
        {
            if (row.Reference == reference)
            {
                return row.Id;
            }
        }

        return null; // Archived, or its texts were erased: it goes in the order of spending then.
    }

    private async ValueTask<(ChargedGrant? Grant, string? Wait)> FindInvoiceAsync(string invoiceId, CancellationToken cancellationToken)
    {
        if (await payments.Required.FindInvoiceAsync(invoiceId, cancellationToken).ConfigureAwait(false) is not { } invoice)
        {
            return default;
        }

        var (billing, wait) = await FindAccountAsync(invoice, cancellationToken).ConfigureAwait(false);
        if (billing is null)
        {
            return (null, wait);
        }

        // The ledger first follows the provider, so that what the invoice granted is there.
        if (await following.FollowAsync(invoice.SubscriptionId, cancellationToken).ConfigureAwait(false) is { } behind)
        {
            return (null, behind);
        }

        if (!(await meter.GetBalanceAsync(new(billing.Account), cancellationToken).ConfigureAwait(false)).TryGet(out var balance, out var refusal))
        {
            return (null, refusal.Message);
        }

        // Following may have been left to another who is at it: what the ledger still lacks cannot be told from what it will never have.
        var subscription = await payments.Required.FindSubscriptionAsync(invoice.SubscriptionId, cancellationToken).ConfigureAwait(false);
        if (subscription is not null && following.IsElsewhere(subscription, balance))
        {
            return (null, $"The subscription {subscription.Id} is on the plan {subscription.Plan}, which the ledger does not know yet.");
        }

        var grant = await FindGrantAsync(billing, invoice, cancellationToken).ConfigureAwait(false);
        var isNever = balance.Unlimited || balance.MonthlyAllotment.IsZero || invoice.PeriodEnd <= time.GetUtcNow();
        return grant is null && !isNever
            ? (null, $"What the invoice {invoice.Id} pays for is not granted yet.")
            : (new()
            {
                Account = billing.Account,
                Paid = invoice.Id,
                Granted = grant?.Granted ?? Credits.Zero,
                Lapsed = grant?.Lapsed ?? Credits.Zero,
                GrantedBy = grant?.Row?.Id,
                IsAllotment = true,
            }, null);
    }

    private async ValueTask<InvoiceGrant?> FindGrantAsync(BillingAccount billing, PaidInvoice invoice, CancellationToken cancellationToken)
    {
        var invoices = await payments.Required.ListInvoicesAsync(billing.CustomerId, cancellationToken).ConfigureAwait(false);
        var oldest = invoices.Select(other => other.PeriodStart).Append(billing.Anchor).Min().AddMonths(-1);
        var rows = new List<Transaction>();
        await foreach (var row in LedgerRows.ReadAsync(meter, new(billing.Account), cancellationToken).ConfigureAwait(false))
        {
            if (row.CreatedAt < oldest)
            {
                break;
            }

            if (row.Type is TransactionType.MonthlyReset or TransactionType.Expiration)
            {
                rows.Add(row);
            }
        }

        return InvoiceGrants.Match(billing.Anchor, invoices, rows).Find(grant => grant.Invoice?.Id == invoice.Id);
    }

    /// <returns>The account, or why it must be looked for again; neither where the subscription is another's.</returns>
    private async ValueTask<(BillingAccount? Billing, string? Wait)> FindAccountAsync(PaidInvoice invoice, CancellationToken cancellationToken)
    {
        if (await books.Accounts.FindByKeyAsync(BillingAccount.SubscriptionKey(invoice.SubscriptionId), cancellationToken).ConfigureAwait(false) is { } stored)
        {
            return (stored.Value, null);
        }

        if (await books.Accounts.FindByKeyAsync(BillingAccount.EarlierKey(invoice.SubscriptionId), cancellationToken).ConfigureAwait(false) is { } renewed)
        {
            return (renewed.Value, null);
        }

        var subscription = await payments.Required.FindSubscriptionAsync(invoice.SubscriptionId, cancellationToken).ConfigureAwait(false);
        if (subscription?.PurchaseId is not { } id || await books.PlanPurchases.FindAsync(id, cancellationToken).ConfigureAwait(false) is not { Value: var purchase })
        {
            return default;
        }

        return await books.Accounts.FindAsync(purchase.Account, cancellationToken).ConfigureAwait(false) is { } earlier
            ? (earlier.Value, null)
            : (null, $"The subscription {invoice.SubscriptionId} is not begun here yet.");
    }
}
