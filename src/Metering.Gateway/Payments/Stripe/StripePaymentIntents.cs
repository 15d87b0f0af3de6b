using System.Globalization;
using System.Net;
using System.Text.Json;

namespace Metering.Gateway.Payments.Stripe;

/// <summary>Payment Intents (docs.stripe.com/api/payment_intents): a saved card charged without its owner.</summary>
internal sealed class StripePaymentIntents(StripeClient client)
{
    private const string Path = "/v1/payment_intents";
    private const string PageSize = "100";

    private readonly StripeDisputes disputes = new(client);

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

    public async ValueTask<Charge?> FindAsync(string id, CancellationToken cancellationToken)
    {
        if (await client.FindAsync($"{Path}/{Uri.EscapeDataString(id)}?expand[]=latest_charge", cancellationToken).ConfigureAwait(false) is not { } intent)
        {
            return null;
        }

        var charge = ChargeOf(intent);
        if (intent.Member("latest_charge") is not { ValueKind: JsonValueKind.Object } paid)
        {
            return charge;
        }

        // A charge was disputed for ever, also where the dispute was won: only the disputes themselves tell what they hold.
        var disputed = paid.Member("disputed")?.ValueKind == JsonValueKind.True ? await disputes.SumHeldAsync(id, cancellationToken).ConfigureAwait(false) : 0;
        return charge with { ReversedCents = Math.Min(charge.AmountCents, paid.RequiredNumber("amount_refunded") + disputed) };
    }

    public async ValueTask<Charge?> CancelAsync(string id, CancellationToken cancellationToken)
    {
        try
        {
            var form = new Dictionary<string, string> { ["cancellation_reason"] = "abandoned" };
            return ChargeOf(await client.PostAsync($"{Path}/{Uri.EscapeDataString(id)}/cancel", form, $"cancel-{id}", cancellationToken).ConfigureAwait(false));
        }
        catch (StripeException error) when (error.Status is HttpStatusCode.BadRequest or HttpStatusCode.NotFound)
        {
            return await FindAsync(id, cancellationToken).ConfigureAwait(false); // Only one that waits can be given up: it tells what it is.
        }
    }

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
        InvoiceId = intent.Reference("invoice"),
        AmountCents = intent.RequiredNumber("amount"),
        Status = intent.Text("status") switch
        {
            "succeeded" => ChargeStatus.Succeeded,
            "requires_action" or "requires_confirmation" => ChargeStatus.AuthenticationRequired,
            "requires_payment_method" or "canceled" => ChargeStatus.Declined,
            _ => ChargeStatus.Processing,
        },
        PaymentUrl = intent.Member("next_action")?.Member("redirect_to_url")?.Text("url"),
        DeclineMessage = intent.Member("last_payment_error")?.Text("message"),
    };
}
