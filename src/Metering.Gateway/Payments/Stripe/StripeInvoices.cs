using System.Text.Json;

namespace Metering.Gateway.Payments.Stripe;

/// <summary>Invoices of subscriptions (docs.stripe.com/api/invoices).</summary>
internal sealed class StripeInvoices(StripeClient client)
{
    private const string Path = "/v1/invoices";
    private const string PageSize = "100";

    public async ValueTask<PaidInvoice?> FindAsync(string id, CancellationToken cancellationToken) =>
        await client.FindAsync($"{Path}/{Uri.EscapeDataString(id)}", cancellationToken).ConfigureAwait(false) is { } invoice && invoice.Text("status") == "paid"
            ? InvoiceOf(invoice)
            : null;

    public async ValueTask<IReadOnlyList<PaidInvoice>> ListAsync(string customerId, CancellationToken cancellationToken)
    {
        var found = new List<PaidInvoice>();
        var query = new Dictionary<string, string> { ["customer"] = customerId, ["status"] = "paid", ["limit"] = PageSize };
        while (true)
        {
            var page = await client.GetAsync(Path, query, cancellationToken).ConfigureAwait(false);
            JsonElement[] data = [.. (page.Member("data") ?? throw new StripeException("Stripe's answer has no data.", isTransient: true)).EnumerateArray()];
            found.AddRange(data.Select(InvoiceOf).OfType<PaidInvoice>());
            if (data.Length == 0 || page.Member("has_more")?.ValueKind != JsonValueKind.True)
            {
                found.Reverse(); // Stripe lists the newest first.
                return found;
            }

            query["starting_after"] = data[^1].RequiredText("id");
        }
    }

    /// <summary>Null where it is of no subscription, or pays for no time.</summary>
    private static PaidInvoice? InvoiceOf(JsonElement invoice)
    {
        if (invoice.Reference("subscription") is not { } subscription || InvoiceLines.LastPeriod(invoice) is not var (start, end))
        {
            return null;
        }

        return new()
        {
            Id = invoice.RequiredText("id"),
            SubscriptionId = subscription,
            CreatedAt = DateTimeOffset.FromUnixTimeSeconds(invoice.RequiredNumber("created")),
            AmountCents = invoice.RequiredNumber("amount_paid"),
            PeriodStart = start,
            PeriodEnd = end,
            IsProration = invoice.Text("billing_reason") == "subscription_update",
            ChargeId = invoice.Reference("payment_intent"),
        };
    }
}
