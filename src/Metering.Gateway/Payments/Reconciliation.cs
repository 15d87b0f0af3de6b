using System.Globalization;
using Metering.Engine;

namespace Metering.Gateway.Payments;

/// <summary>
/// Compares what the provider has taken with what the ledger has granted, account by account, and says every difference. It changes nothing:
/// what is only late is made up for by the running server.
/// </summary>
internal sealed class Reconciliation(PaymentBooks books, Payments payments, ICreditMeter meter)
{
    private const int PageSize = 100;
    private const int TransactionPageSize = 1_000;

    /// <summary>Writes a line for each difference and one for the sum.</summary>
    /// <returns>True where there is none.</returns>
    /// <exception cref="PaymentProviderException">The provider cannot be asked.</exception>
    /// <exception cref="LedgerUnavailableException">The ledger cannot be read.</exception>
    public async Task<bool> RunAsync(TextWriter output, CancellationToken cancellationToken)
    {
        var (accounts, differences) = (0, 0);
        string? after = null;
        while (await books.Accounts.ListAsync(after, PageSize, cancellationToken).ConfigureAwait(false) is { Count: > 0 } page)
        {
            foreach (var stored in page)
            {
                accounts++;
                foreach (var difference in await CompareAsync(stored.Value, cancellationToken).ConfigureAwait(false))
                {
                    differences++;
                    await output.WriteLineAsync($"{stored.Value.Account}: {difference}").ConfigureAwait(false);
                }
            }

            after = page[^1].Value.Account;
        }

        await output.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"Accounts compared: {accounts}; differences: {differences}.")).ConfigureAwait(false);
        return differences == 0;
    }

    private async Task<List<string>> CompareAsync(BillingAccount billing, CancellationToken cancellationToken)
    {
        var provider = payments.Required;
        var granted = await GrantsAsync(new(billing.Account), cancellationToken).ConfigureAwait(false);
        var found = new List<string>();
        var charges = await provider.ListChargesAsync(billing.CustomerId, DateTimeOffset.UnixEpoch, cancellationToken).ConfigureAwait(false);
        foreach (var charge in charges.Where(charge => charge is { Status: ChargeStatus.Succeeded, PurchaseId: not null }))
        {
            found.AddRange(await CompareAsync(charge, granted, cancellationToken).ConfigureAwait(false));
            granted.Remove($"{provider.Name}:{charge.Id}");
        }

        found.AddRange(granted.Select(grant => $"the ledger granted {grant.Value} credits for {grant.Key}, which {provider.Name} has not charged"));
        found.AddRange(await CompareSubscriptionAsync(billing, cancellationToken).ConfigureAwait(false));
        return found;
    }

    private async Task<List<string>> CompareAsync(Charge charge, Dictionary<string, Credits> granted, CancellationToken cancellationToken)
    {
        var found = new List<string>();
        if (await books.CreditPurchases.FindAsync(charge.PurchaseId!, cancellationToken).ConfigureAwait(false) is not { Value: var purchase })
        {
            return [$"{payments.Required.Name} took {Dollars(charge.AmountCents)} by {charge.Id} for the purchase {charge.PurchaseId}, which is not known here"];
        }

        if (charge.AmountCents != purchase.AmountCents)
        {
            found.Add($"{charge.Id} took {Dollars(charge.AmountCents)}; its purchase {purchase.Id} says {Dollars(purchase.AmountCents)}");
        }

        if (!granted.TryGetValue($"{payments.Required.Name}:{charge.Id}", out var credits))
        {
            found.Add($"{charge.Id} took {Dollars(charge.AmountCents)}, and the {purchase.Credits} credits of {purchase.Id} are not granted");
        }
        else if (credits != Credits.Of(purchase.Credits))
        {
            found.Add($"{charge.Id} paid for {purchase.Credits} credits; the ledger granted {credits}");
        }

        // A list does not tell what was refunded; the charge itself does.
        var reversed = (await payments.Required.FindChargeAsync(charge.Id, cancellationToken).ConfigureAwait(false))?.ReversedCents ?? 0;
        if (purchase.ChargeId == charge.Id && reversed != purchase.ReversedCents)
        {
            found.Add($"{Dollars(reversed)} of {charge.Id} were refunded; the credits of {Dollars(purchase.ReversedCents)} are taken back");
        }

        return found;
    }

    private async Task<List<string>> CompareSubscriptionAsync(BillingAccount billing, CancellationToken cancellationToken)
    {
        var subscription = await payments.Required.FindSubscriptionAsync(billing.SubscriptionId, cancellationToken).ConfigureAwait(false);
        if (subscription is null)
        {
            return billing.Status == SubscriptionStatus.Ended ? [] : [$"the subscription {billing.SubscriptionId} is not known to {payments.Required.Name}"];
        }

        var balance = Require(await meter.GetBalanceAsync(new(billing.Account), cancellationToken).ConfigureAwait(false));
        var found = new List<string>();
        if (subscription is { Status: SubscriptionStatus.Active, Plan: { } plan } && plan != (balance.PlannedPlan ?? balance.Plan))
        {
            found.Add($"the subscription {subscription.Id} pays for the plan {plan}; the account is on {balance.PlannedPlan ?? balance.Plan}");
        }

        // A day, because the two calendars differ by their clocks.
        if (subscription.Status == SubscriptionStatus.Active && balance.PaidThrough < subscription.PeriodEnd.AddDays(-1))
        {
            found.Add($"the subscription {subscription.Id} is paid through {subscription.PeriodEnd.ToWire()}; the account through {balance.PaidThrough?.ToWire()}");
        }

        return found;
    }

    /// <summary>What the ledger granted for purchases, by the reference of the charge.</summary>
    private async Task<Dictionary<string, Credits>> GrantsAsync(AccountId account, CancellationToken cancellationToken)
    {
        var found = new Dictionary<string, Credits>(StringComparer.Ordinal);
        long? before = null;
        do
        {
            var page = Require(await meter.ListTransactionsAsync(account, new() { Limit = TransactionPageSize, Before = before }, cancellationToken).ConfigureAwait(false));
            foreach (var row in page.Items.Where(row => row is { Type: TransactionType.Purchase, Reference: not null }))
            {
                if (row.Reference!.StartsWith($"{payments.Required.Name}:", StringComparison.Ordinal))
                {
                    found[row.Reference] = row.Amount;
                }
            }

            before = page.NextBefore;
        }
        while (before is not null);
        return found;
    }

    private static T Require<T>(Outcome<T> outcome)
        where T : class => outcome.TryGet(out var value, out var refusal) ? value : throw new LedgerUnavailableException(refusal.Message);

    private static string Dollars(long cents) => string.Create(CultureInfo.InvariantCulture, $"{cents / 100m:0.00} USD");
}
