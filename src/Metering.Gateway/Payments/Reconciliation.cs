using System.Globalization;
using System.Runtime.CompilerServices;
using Metering.Engine;

namespace Metering.Gateway.Payments;

/// <summary>
/// Compares what the provider has taken with what the ledger has granted, account by account, and tells every difference. It changes nothing:
/// what is only late is made up for by the running server.
/// </summary>
internal sealed class Reconciliation(
    PaymentBooks books, Payments payments, PaymentProblems problems, SubscriptionFollowing following, ICreditMeter meter, TimeProvider time)
{
    /// <summary>Accounts that were compared.</summary>
    public int Accounts { get; private set; }

    /// <summary>Every difference.</summary>
    /// <exception cref="PaymentProviderException">The provider cannot be asked.</exception>
    /// <exception cref="LedgerUnavailableException">The ledger cannot be read.</exception>
    public async IAsyncEnumerable<PaymentDifference> CompareAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (var problem in problems.FindAsync(cancellationToken).ConfigureAwait(false))
        {
            // Of a charge, the comparison itself tells.
            if (problem.Kind is not ("charge_not_granted" or "reversal_pending"))
            {
                yield return problem;
            }
        }

        await foreach (var stored in books.Accounts.AllAsync(cancellationToken).ConfigureAwait(false))
        {
            Accounts++;
            foreach (var difference in await CompareAsync(stored.Value, cancellationToken).ConfigureAwait(false))
            {
                yield return difference;
            }
        }
    }

    private async Task<List<PaymentDifference>> CompareAsync(BillingAccount billing, CancellationToken cancellationToken)
    {
        var provider = payments.Required;
        var ledger = await AccountLedger.ReadAsync(meter, provider.Name, new(billing.Account), cancellationToken).ConfigureAwait(false);
        var found = new List<PaymentDifference>();
        var charges = await provider.ListChargesAsync(billing.CustomerId, DateTimeOffset.UnixEpoch, cancellationToken).ConfigureAwait(false);
        foreach (var charge in charges.Where(charge => charge.Status == ChargeStatus.Succeeded && (charge.PurchaseId ?? charge.InvoiceId) is not null))
        {
            if (charge.PurchaseId is { } purchase)
            {
                found.AddRange(await CompareAsync(billing, charge, purchase, ledger, cancellationToken).ConfigureAwait(false));
                ledger.Purchases.Remove(charge.Id);
            }

            found.AddRange(await CompareReversalAsync(billing, charge.Id, ledger, cancellationToken).ConfigureAwait(false));
            ledger.Reversed.Remove(charge.Id);
        }

        found.AddRange(ledger.Purchases.Select(grant => new PaymentDifference(
            "grant_not_charged", billing.Account, grant.Key, $"the ledger granted {grant.Value} credits, which {provider.Name} has not charged")));
        found.AddRange(ledger.Reversed.Where(reversed => reversed.Value != 0).Select(reversed => new PaymentDifference(
            "reversal_not_refunded", billing.Account, reversed.Key, $"the ledger took {new Credits(reversed.Value)} credits back for a charge that {provider.Name} does not know")));
        found.AddRange(await CompareSubscriptionAsync(billing, ledger, cancellationToken).ConfigureAwait(false));
        return found;
    }

    private async Task<List<PaymentDifference>> CompareAsync(BillingAccount billing, Charge charge, string purchaseId, AccountLedger ledger, CancellationToken cancellationToken)
    {
        PaymentDifference Of(string kind, string message) => new(kind, billing.Account, charge.Id, message);

        if (await books.CreditPurchases.FindAsync(purchaseId, cancellationToken).ConfigureAwait(false) is not { Value: var purchase })
        {
            return [Of("purchase_unknown", $"{Dollars(charge.AmountCents)} were taken for the purchase {purchaseId}, which is not known here")];
        }

        var found = new List<PaymentDifference>();
        if (charge.AmountCents != purchase.AmountCents)
        {
            found.Add(Of("charge_amount", $"{Dollars(charge.AmountCents)} were taken; its purchase {purchase.Id} says {Dollars(purchase.AmountCents)}"));
        }

        if ((ledger.Purchases.TryGetValue(charge.Id, out var credits) ? credits : await FindUnnamedAsync(purchase, charge, ledger, cancellationToken).ConfigureAwait(false)) is not { } granted)
        {
            found.Add(Of("charge_not_granted", $"{Dollars(charge.AmountCents)} were taken, and the {purchase.Credits} credits of {purchase.Id} are not granted"));
        }
        else if (granted != Credits.Of(purchase.Credits))
        {
            found.Add(Of("grant_amount", $"{purchase.Credits} credits were paid; the ledger granted {granted}"));
        }

        return found;
    }

    /// <summary>
    /// What a charge granted whose row does not name it: its text was erased, or the row is archived. The purchase knows its transaction; of a second
    /// charge nobody does, and what cannot be told is no difference.
    /// </summary>
    private async Task<Credits?> FindUnnamedAsync(CreditPurchase purchase, Charge charge, AccountLedger ledger, CancellationToken cancellationToken)
    {
        if (!ledger.HasUnnamed)
        {
            return null;
        }

        if (purchase.ChargeId != charge.Id || !TransactionId.TryParse(purchase.GrantedBy, out var transaction))
        {
            return Credits.Of(purchase.Credits);
        }

        var outcome = await meter.GetTransactionAsync(new(purchase.Account), transaction, cancellationToken).ConfigureAwait(false);
        return !outcome.TryGet(out var status, out var refusal) ? throw new LedgerUnavailableException(refusal.Message)
            : status.State == TransactionState.Archived ? Credits.Of(purchase.Credits)
            : status.Transaction?.Amount;
    }

    /// <summary>What went back to the customer, and the credits that were taken back for it, as the record says and as the ledger has it.</summary>
    private async Task<List<PaymentDifference>> CompareReversalAsync(BillingAccount billing, string chargeId, AccountLedger ledger, CancellationToken cancellationToken)
    {
        // A list does not tell what was refunded; the charge itself does.
        var found = new List<PaymentDifference>();
        var reversed = (await payments.Required.FindChargeAsync(chargeId, cancellationToken).ConfigureAwait(false))?.ReversedCents ?? 0;
        var reversal = (await books.Reversals.FindByKeyAsync(ChargeReversal.ChargeKey(chargeId), cancellationToken).ConfigureAwait(false))?.Value;
        if (reversed != (reversal?.ReversedCents ?? 0))
        {
            found.Add(new("reversal_missed", billing.Account, chargeId, $"{Dollars(reversed)} are refunded or disputed; the credits of {Dollars(reversal?.ReversedCents ?? 0)} are taken back"));
        }

        var taken = ledger.Reversed.GetValueOrDefault(chargeId);
        if (taken != (reversal?.TakenBack ?? 0) && reversal?.Begun is null && !ledger.HasUnnamed)
        {
            found.Add(new("reversal_amount", billing.Account, chargeId, $"{new Credits(reversal?.TakenBack ?? 0)} credits are to be taken back; the ledger took {new Credits(taken)}"));
        }

        return found;
    }

    private async Task<List<PaymentDifference>> CompareSubscriptionAsync(BillingAccount billing, AccountLedger ledger, CancellationToken cancellationToken)
    {
        var balance = (await meter.GetBalanceAsync(new(billing.Account), cancellationToken).ConfigureAwait(false)) is var outcome && outcome.TryGet(out var read, out var refusal)
            ? read
            : throw new LedgerUnavailableException(refusal!.Message);
        var found = await CompareInvoicesAsync(billing, balance, ledger, cancellationToken).ConfigureAwait(false);
        PaymentDifference Of(string kind, string message) => new(kind, billing.Account, billing.SubscriptionId, message);

        var subscription = await payments.Required.FindSubscriptionAsync(billing.SubscriptionId, cancellationToken).ConfigureAwait(false);
        if (subscription is null)
        {
            if (billing.Status != SubscriptionStatus.Ended)
            {
                found.Add(Of("subscription_unknown", $"{payments.Required.Name} does not know the subscription"));
            }

            return found;
        }

        if (following.IsElsewhere(subscription, balance))
        {
            found.Add(Of("subscription_plan", $"the plan {subscription.Plan} is paid; the account is on {balance.PlannedPlan ?? balance.Plan}"));
        }

        // A day, because the two calendars differ by their clocks.
        if (subscription.Status == SubscriptionStatus.Active && balance.PaidThrough < subscription.PeriodEnd.AddDays(-1))
        {
            found.Add(Of("subscription_paid_through", $"paid through {subscription.PeriodEnd.ToWire()}; the account through {balance.PaidThrough?.ToWire()}"));
        }

        return found;
    }

    /// <summary>Each paid period or change of plan, and the allotment that the ledger granted for it.</summary>
    private async Task<List<PaymentDifference>> CompareInvoicesAsync(BillingAccount billing, Balance balance, AccountLedger ledger, CancellationToken cancellationToken)
    {
        var invoices = await payments.Required.ListInvoicesAsync(billing.CustomerId, cancellationToken).ConfigureAwait(false);
        var matched = InvoiceGrants.Match(billing.Anchor, invoices, ledger.Allotments);
        var granted = matched.Select(grant => grant.Invoice?.Id).ToHashSet();

        // A period that is paid ahead is granted when it begins; a plan without credits grants nothing.
        var late = time.GetUtcNow().AddDays(-1);
        var found = invoices
            .Where(invoice => invoice.AmountCents > 0 && !granted.Contains(invoice.Id) && !balance.Unlimited && balance.MonthlyAllotment.IsPositive)
            .Where(invoice => ledger.Begins is not { } begins || invoice.PeriodStart >= begins) // What is archived cannot be told.
            .Where(invoice => invoice.PeriodStart < late || balance.LastResetAt >= invoice.PeriodStart || invoice.IsProration)
            .Select(invoice => new PaymentDifference(
                "invoice_not_granted", billing.Account, invoice.Id, $"{Dollars(invoice.AmountCents)} were paid for {invoice.PeriodStart.ToWire()} to {invoice.PeriodEnd.ToWire()}, and nothing is granted for it"))
            .ToList();
        found.AddRange(matched.Where(grant => grant.Invoice is null).Select(grant => new PaymentDifference(
            "allotment_not_paid", billing.Account, grant.Row!.Id.ToString(), $"the ledger granted the allotment of {grant.Granted} credits on {grant.Row.CreatedAt.ToWire()}, for which no invoice is paid")));
        return found;
    }

    private static string Dollars(long cents) => string.Create(CultureInfo.InvariantCulture, $"{cents / 100m:0.00} USD");
}

/// <summary>What an account's ledger says of payments.</summary>
internal sealed class AccountLedger
{
    private AccountLedger()
    {
    }

    /// <summary>Bought credits by the charge that paid them.</summary>
    public Dictionary<string, Credits> Purchases { get; } = new(StringComparer.Ordinal);

    /// <summary>What was taken back, less what was given back, by charge, in ten-thousandths.</summary>
    public Dictionary<string, long> Reversed { get; } = new(StringComparer.Ordinal);

    /// <summary>True where rows may lack the charge that they are of: an account's texts were erased, or its old rows archived.</summary>
    public bool HasUnnamed { get; private set; }

    /// <summary>The oldest row that is not archived; null where none is.</summary>
    public DateTimeOffset? Begins { get; private set; }

    /// <summary>Allotments and what ended unused, newest first.</summary>
    public List<Transaction> Allotments { get; } = [];

    public static async Task<AccountLedger> ReadAsync(ICreditMeter meter, string provider, AccountId account, CancellationToken cancellationToken)
    {
        var ledger = new AccountLedger();
        Transaction? oldest = null;
        await foreach (var row in LedgerRows.ReadAsync(meter, account, cancellationToken).ConfigureAwait(false))
        {
            oldest = row;

            // Whatever is bought has a reference; a row without has lost it.
            ledger.HasUnnamed |= row is { Type: TransactionType.Purchase, Reference: null };
            if (row.Type is TransactionType.MonthlyReset or TransactionType.Expiration)
            {
                ledger.Allotments.Add(row);
            }
            else if (row.Reference is { } reference && LedgerReferences.ReadStep(provider, reference) is var (charge, amount))
            {
                ledger.Reversed[charge] = ledger.Reversed.GetValueOrDefault(charge) + amount;
            }
            else if (row is { Type: TransactionType.Purchase, Reference: { } paid } && LedgerReferences.ReadCharge(provider, paid) is { } id)
            {
                ledger.Purchases[id] = row.Amount;
            }
        }

        if (oldest is { Id.Number: > 1 })
        {
            (ledger.HasUnnamed, ledger.Begins) = (true, oldest.CreatedAt);
        }

        return ledger;
    }
}
