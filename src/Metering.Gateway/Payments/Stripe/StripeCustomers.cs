namespace Metering.Gateway.Payments.Stripe;

/// <summary>Customers and their cards (docs.stripe.com/api/customers, …/payment_methods/customer_list).</summary>
internal sealed class StripeCustomers(StripeClient client)
{
    private const string Path = "/v1/customers";

    private static readonly Dictionary<string, string> FirstCard = new() { ["type"] = "card", ["limit"] = "1" };

    /// <summary>The card that the customer's invoices are charged to, else the newest one; null where none is saved.</summary>
    public async ValueTask<string?> FindCardAsync(string id, CancellationToken cancellationToken)
    {
        var path = $"{Path}/{Uri.EscapeDataString(id)}";
        var customer = await client.FindAsync(path, cancellationToken).ConfigureAwait(false);
        if (customer?.Member("invoice_settings")?.Reference("default_payment_method") is { } card)
        {
            return card;
        }

        var cards = await client.GetAsync($"{path}/payment_methods", FirstCard, cancellationToken).ConfigureAwait(false);
        return cards.Member("data") is { } data && data.GetArrayLength() > 0 ? data[0].Text("id") : null;
    }
}
