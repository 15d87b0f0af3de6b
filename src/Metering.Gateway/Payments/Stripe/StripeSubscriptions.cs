using System.Net;
using System.Text.Json;

namespace Metering.Gateway.Payments.Stripe;

/// <summary>Subscriptions (docs.stripe.com/api/subscriptions).</summary>
/// <param name="client">Stripe.</param>
/// <param name="plans">Prices by plan.</param>
internal sealed class StripeSubscriptions(StripeClient client, IReadOnlyDictionary<string, PlanPrice> plans)
{
    private const string Path = "/v1/subscriptions";

    public async ValueTask<ProviderSubscription?> FindAsync(string id, CancellationToken cancellationToken) =>
        await client.FindAsync($"{Path}/{Uri.EscapeDataString(id)}", cancellationToken).ConfigureAwait(false) is { } subscription ? SubscriptionOf(subscription) : null;

    public async ValueTask<ProviderSubscription> CancelAtPeriodEndAsync(string id, string idempotencyKey, CancellationToken cancellationToken) => SubscriptionOf(
        await client.PostAsync(
            $"{Path}/{Uri.EscapeDataString(id)}", new Dictionary<string, string> { ["cancel_at_period_end"] = "true" }, idempotencyKey, cancellationToken).ConfigureAwait(false));

    public async ValueTask<ProviderSubscription?> ChangePlanAsync(PlanPriceChange change, string price, CancellationToken cancellationToken)
    {
        var path = $"{Path}/{Uri.EscapeDataString(change.SubscriptionId)}";
        var item = (await client.GetAsync(path, [], cancellationToken).ConfigureAwait(false)).FirstItem()?.RequiredText("id")
            ?? throw new StripeException($"The subscription {change.SubscriptionId} has no item.", isTransient: false);
        var form = new Dictionary<string, string>
        {
            ["items[0][id]"] = item,
            ["items[0][price]"] = price,
            ["cancel_at_period_end"] = "false",
            ["proration_behavior"] = change.IsProrated ? "always_invoice" : "none",

            // Declined: 402, and the subscription stays as it was.
            ["payment_behavior"] = change.IsProrated ? "error_if_incomplete" : "allow_incomplete",
        };
        try
        {
            return SubscriptionOf(await client.PostAsync(path, form, change.IdempotencyKey, cancellationToken).ConfigureAwait(false));
        }
        catch (StripeException error) when (error.Status == HttpStatusCode.PaymentRequired)
        {
            return null;
        }
    }

    private ProviderSubscription SubscriptionOf(JsonElement subscription)
    {
        // Since 2025 a subscription's period stands with its item.
        var period = subscription.Member("current_period_end") is not null ? subscription
            : subscription.FirstItem() ?? subscription;
        var price = subscription.FirstItem()?.Reference("price");
        return new()
        {
            Id = subscription.RequiredText("id"),
            CustomerId = subscription.Reference("customer") ?? throw new StripeException("Stripe's answer has no customer.", isTransient: true),
            PurchaseId = subscription.Member("metadata")?.Text("purchase"),
            Status = subscription.Text("status") switch
            {
                "active" or "trialing" => SubscriptionStatus.Active,
                "canceled" or "incomplete_expired" => SubscriptionStatus.Ended,
                _ => SubscriptionStatus.PastDue, // past_due, unpaid, incomplete, paused: not paid, not over.
            },
            PeriodStart = DateTimeOffset.FromUnixTimeSeconds(period.RequiredNumber("current_period_start")),
            PeriodEnd = DateTimeOffset.FromUnixTimeSeconds(period.RequiredNumber("current_period_end")),
            Plan = price is null ? null : plans.FirstOrDefault(plan => plan.Value.StripePrice == price).Key,
            LastInvoice = subscription.Reference("latest_invoice"),
            CancelsAtPeriodEnd = subscription.Member("cancel_at_period_end")?.ValueKind == JsonValueKind.True,
        };
    }
}
