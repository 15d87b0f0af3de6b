using System.Globalization;
using System.Text.Json;

namespace Metering.Gateway.Payments.Stripe;

/// <summary>Payment Intents (docs.stripe.com/api/payment_intents): a saved card charged without its owner.</summary>
internal sealed class StripePaymentIntents(StripeClient client)
{
    private const string Path = "/v1/payment_intents";
    private const string PageSize = "100";

    public async ValueTask<Charge> ChargeAsync(ChargeRequest request, string card, CancellationToken cancellationToken)
    {
        var form = new Dictionary<string, string>
        {
            ["amount"] = request.AmountCents.ToString(CultureInfo.InvariantCulture),
            ["currency"] = "usd",
            ["customer"] = request.CustomerId,
            ["payment_method"] = card,
            ["payment_method_types[0]"] = "card",
            ["off_session"] = "true",
            ["confirm"] = "true",
            ["description"] = request.Description,
            ["metadata[purchase]"] = request.PurchaseId,
            ["metadata[attempt]"] = request.Attempt.ToString(CultureInfo.InvariantCulture),
            ["metadata[account]"] = request.Account.Value,
        };
        try
        {
            return ChargeOf(await client.PostAsync(Path, form, request.IdempotencyKey, cancellationToken).ConfigureAwait(false));
        }
        catch (StripeException error) when (error is { Type: "card_error", PaymentIntent.ValueKind: JsonValueKind.Object })
        {
            return error.Code == "authentication_required"
                ? await AskForAuthenticationAsync(request, error.PaymentIntent.RequiredText("id"), card, cancellationToken).ConfigureAwait(false)
                : ChargeOf(error.PaymentIntent) with { Status = ChargeStatus.Declined };
        }
    }

    public async ValueTask<Charge?> FindAsync(string id, CancellationToken cancellationToken) =>
        await client.FindAsync($"{Path}/{Uri.EscapeDataString(id)}?expand[]=latest_charge", cancellationToken).ConfigureAwait(false) is { } intent ? ChargeOf(intent) : null;

    public async ValueTask<IReadOnlyList<Charge>> ListAsync(string customerId, DateTimeOffset since, CancellationToken cancellationToken)
    {
        var found = new List<Charge>();
        var query = new Dictionary<string, string>
        {
            ["customer"] = customerId,
            ["created[gte]"] = since.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture),
            ["limit"] = PageSize,
        };
        while (true)
        {
            var page = await client.GetAsync(Path, query, cancellationToken).ConfigureAwait(false);
            found.AddRange((page.Member("data") ?? throw new StripeException("Stripe's answer has no data.", isTransient: true)).EnumerateArray().Select(ChargeOf));
            if (found.Count == 0 || page.Member("has_more")?.ValueKind != JsonValueKind.True)
            {
                return found;
            }

            query["starting_after"] = found[^1].Id;
        }
    }

    /// <summary>Confirms the intent again with its owner present, which gives the page on which the bank asks.</summary>
    private async ValueTask<Charge> AskForAuthenticationAsync(ChargeRequest request, string id, string card, CancellationToken cancellationToken)
    {
        var form = new Dictionary<string, string> { ["payment_method"] = card, ["return_url"] = $"{request.PublicUrl}/checkout/done" };
        try
        {
            return ChargeOf(await client.PostAsync($"{Path}/{Uri.EscapeDataString(id)}/confirm", form, $"{request.IdempotencyKey}-confirm", cancellationToken).ConfigureAwait(false));
        }
        catch (StripeException error) when (error is { Type: "card_error", PaymentIntent.ValueKind: JsonValueKind.Object })
        {
            return ChargeOf(error.PaymentIntent) with { Status = ChargeStatus.Declined };
        }
    }

    private static Charge ChargeOf(JsonElement intent) => new()
    {
        Id = intent.RequiredText("id"),
        PurchaseId = intent.Member("metadata")?.Text("purchase"),
        Attempt = int.TryParse(intent.Member("metadata")?.Text("attempt"), NumberStyles.None, CultureInfo.InvariantCulture, out var attempt) ? attempt : null,
        AmountCents = intent.RequiredNumber("amount"),
        Status = intent.Text("status") switch
        {
            "succeeded" => ChargeStatus.Succeeded,
            "requires_action" or "requires_confirmation" => ChargeStatus.AuthenticationRequired,
            "requires_payment_method" or "canceled" => ChargeStatus.Declined,
            _ => ChargeStatus.Processing,
        },
        PaymentUrl = intent.Member("next_action")?.Member("redirect_to_url")?.Text("url"),
        ReversedCents = intent.Member("latest_charge") is not { ValueKind: JsonValueKind.Object } charge ? 0
            : charge.Member("disputed")?.ValueKind == JsonValueKind.True ? intent.RequiredNumber("amount")
            : charge.RequiredNumber("amount_refunded"),
        DeclineMessage = intent.Member("last_payment_error")?.Text("message"),
    };
}
