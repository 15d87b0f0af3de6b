using System.Text.Json;

namespace Metering.Gateway.Payments.Stripe;

/// <summary>Subscriptions (docs.stripe.com/api/subscriptions).</summary>
internal sealed class StripeSubscriptions(StripeClient client)
{
    private const string Path = "/v1/subscriptions";

    public async ValueTask<ProviderSubscription?> FindAsync(string id, CancellationToken cancellationToken) =>
        await client.FindAsync($"{Path}/{Uri.EscapeDataString(id)}", cancellationToken).ConfigureAwait(false) is { } subscription ? SubscriptionOf(subscription) : null;

    public async ValueTask<ProviderSubscription> CancelAtPeriodEndAsync(string id, string idempotencyKey, CancellationToken cancellationToken) => SubscriptionOf(
        await client.PostAsync(
            $"{Path}/{Uri.EscapeDataString(id)}", new Dictionary<string, string> { ["cancel_at_period_end"] = "true" }, idempotencyKey, cancellationToken).ConfigureAwait(false));

    private static ProviderSubscription SubscriptionOf(JsonElement subscription)
    {
        // Since 2025 a subscription's period stands with its item.
        var period = subscription.Member("current_period_end") is not null ? subscription
            : subscription.Member("items")?.Member("data") is { ValueKind: JsonValueKind.Array } items && items.GetArrayLength() > 0 ? items[0]
            : subscription;
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
            CancelsAtPeriodEnd = subscription.Member("cancel_at_period_end")?.ValueKind == JsonValueKind.True,
        };
    }
}
