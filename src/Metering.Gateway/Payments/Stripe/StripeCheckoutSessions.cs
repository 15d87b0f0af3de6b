using System.Globalization;
using System.Net;
using System.Text.Json;

namespace Metering.Gateway.Payments.Stripe;

/// <summary>Checkout Sessions (docs.stripe.com/api/checkout/sessions). In mode subscription the card is kept for later charges.</summary>
internal sealed class StripeCheckoutSessions(StripeClient client)
{
    private const string Path = "/v1/checkout/sessions";

    // A page may be open for at most 24 hours by Stripe's clock, which may be behind ours.
    private static readonly TimeSpan ClockMargin = TimeSpan.FromMinutes(2);

    public async ValueTask<CheckoutSession> CreateAsync(CheckoutRequest request, string price, CancellationToken cancellationToken)
    {
        var form = new Dictionary<string, string>
        {
            ["mode"] = "subscription",
            ["client_reference_id"] = request.PurchaseId,
            ["line_items[0][price]"] = price,
            ["line_items[0][quantity]"] = "1",
            ["metadata[purchase]"] = request.PurchaseId,
            ["subscription_data[metadata][purchase]"] = request.PurchaseId,
            ["payment_method_types[0]"] = "card",
            ["expires_at"] = (request.ExpiresAt - ClockMargin).ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture),
            ["success_url"] = $"{request.PublicUrl}/checkout/done",
            ["cancel_url"] = $"{request.PublicUrl}/checkout/cancelled",
            [request.CustomerId is null ? "customer_email" : "customer"] = request.CustomerId ?? request.Email,
        };
        if (request.WholeFrom is { } whole)
        {
            form["subscription_data[billing_cycle_anchor]"] = whole.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
            form["subscription_data[proration_behavior]"] = "create_prorations";
        }

        return SessionOf(await client.PostAsync(Path, form, request.PurchaseId, cancellationToken).ConfigureAwait(false));
    }

    public async ValueTask<CheckoutSession?> FindAsync(string id, CancellationToken cancellationToken) =>
        await client.FindAsync($"{Path}/{Uri.EscapeDataString(id)}", cancellationToken).ConfigureAwait(false) is { } session ? SessionOf(session) : null;

    public async ValueTask<CheckoutSession?> ExpireAsync(string id, CancellationToken cancellationToken)
    {
        try
        {
            return SessionOf(await client.PostAsync($"{Path}/{Uri.EscapeDataString(id)}/expire", [], $"expire-{id}", cancellationToken).ConfigureAwait(false));
        }
        catch (StripeException error) when (error.Status is HttpStatusCode.BadRequest or HttpStatusCode.NotFound)
        {
            return await FindAsync(id, cancellationToken).ConfigureAwait(false); // Only an open one can be closed: it tells what it is.
        }
    }

    private static CheckoutSession SessionOf(JsonElement session) => new(
        session.RequiredText("id"),
        session.Text("url"),
        session.Text("status") switch
        {
            "complete" when session.Text("payment_status") is "paid" or "no_payment_required" => CheckoutStatus.Paid,
            "expired" => CheckoutStatus.Expired,
            _ => CheckoutStatus.Open, // Completed by a payment that is still on its way, too: it is not paid yet.
        },
        session.Text("client_reference_id"),
        session.Reference("subscription"));
}
