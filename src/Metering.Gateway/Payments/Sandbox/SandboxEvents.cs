using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Metering.Engine;

namespace Metering.Gateway.Payments.Sandbox;

/// <summary>Makes the events that Stripe would send, as far as anybody here reads them.</summary>
internal sealed class SandboxEvents(SandboxBooks books, TimeProvider time)
{
    /// <summary>An id in the provider's style.</summary>
    public static string NewId(string prefix) => $"{prefix}_sandbox_{RandomNumberGenerator.GetHexString(32, lowercase: true)}";

    public PaymentChange PageChanged(SandboxPage page, string customerId) => Of(
        page.Status == CheckoutStatus.Paid ? "checkout.session.completed" : "checkout.session.expired",
        new()
        {
            ["id"] = page.Id,
            ["object"] = "checkout.session",
            ["mode"] = "subscription",
            ["status"] = page.Status == CheckoutStatus.Paid ? "complete" : "expired",
            ["payment_status"] = page.Status == CheckoutStatus.Paid ? "paid" : "unpaid",
            ["client_reference_id"] = page.PurchaseId,
            ["customer"] = customerId,
            ["subscription"] = page.SubscriptionId,
        });

    public PaymentChange Invoiced(SandboxSubscription subscription, long cents, bool isPaid) => Of(
        isPaid ? "invoice.paid" : "invoice.payment_failed",
        new()
        {
            ["id"] = subscription.LastInvoice,
            ["object"] = "invoice",
            ["status"] = isPaid ? "paid" : "open",
            ["customer"] = subscription.CustomerId,
            ["subscription"] = subscription.Id,
            ["amount_paid"] = isPaid ? cents : 0,
            ["lines"] = new JsonObject
            {
                ["object"] = "list",
                ["data"] = new JsonArray(new JsonObject
                {
                    ["amount"] = cents,
                    ["period"] = new JsonObject { ["start"] = subscription.PeriodStart.ToUnixTimeSeconds(), ["end"] = subscription.PeriodEnd.ToUnixTimeSeconds() },
                }),
            },
        });

    /// <summary>An invoice that was paid, and its event.</summary>
    public PaymentChange[] Paid(SandboxSubscription subscription, long cents, bool isProration)
    {
        var invoice = new SandboxInvoice
        {
            Id = subscription.LastInvoice!,
            ChargeId = NewId("pi"),
            CustomerId = subscription.CustomerId,
            SubscriptionId = subscription.Id,
            AmountCents = cents,
            CreatedAt = time.GetUtcNow(),
            PeriodStart = isProration ? time.GetUtcNow() : subscription.PeriodStart,
            PeriodEnd = subscription.PeriodEnd,
            IsProration = isProration,
        };
        return [books.Invoices.Change(invoice, 0), Invoiced(subscription, cents, isPaid: true)];
    }

    public PaymentChange SubscriptionChanged(SandboxSubscription subscription) => Of(
        subscription.Status == SubscriptionStatus.Ended ? "customer.subscription.deleted" : "customer.subscription.updated",
        new()
        {
            ["id"] = subscription.Id,
            ["object"] = "subscription",
            ["customer"] = subscription.CustomerId,
            ["metadata"] = new JsonObject { ["purchase"] = subscription.PurchaseId },
            ["cancel_at_period_end"] = subscription.CancelsAtPeriodEnd,
        });

    public PaymentChange Charged(SandboxCharge charge) => Of(
        charge.Status == ChargeStatus.Succeeded ? "payment_intent.succeeded" : "payment_intent.payment_failed",
        new()
        {
            ["id"] = charge.Id,
            ["object"] = "payment_intent",
            ["customer"] = charge.CustomerId,
            ["amount"] = charge.AmountCents,
            ["metadata"] = new JsonObject { ["purchase"] = charge.PurchaseId },
        });

    /// <param name="type"><c>charge.refunded</c>, <c>charge.dispute.created</c> or <c>charge.dispute.closed</c>.</param>
    /// <param name="charge">The charge as it is now.</param>
    public PaymentChange Reversed(string type, Charge charge)
    {
        var isDispute = type != "charge.refunded";
        return Of(type, new()
        {
            ["id"] = NewId(isDispute ? "dp" : "ch"),
            ["object"] = isDispute ? "dispute" : "charge",
            ["payment_intent"] = charge.Id,
            ["amount"] = charge.AmountCents,
            ["amount_refunded"] = isDispute ? null : charge.ReversedCents,
            ["status"] = type switch { "charge.dispute.created" => "needs_response", "charge.dispute.closed" => "won", _ => "succeeded" },
        });
    }

    private PaymentChange Of(string type, JsonObject subject)
    {
        var id = NewId("evt");
        var body = new JsonObject
        {
            ["id"] = id,
            ["object"] = "event",
            ["type"] = type,
            ["created"] = time.GetUtcNow().ToUnixTimeSeconds(),
            ["livemode"] = false,
            ["data"] = new JsonObject { ["object"] = subject },
        };

        // In the order in which they came to pass, as far as a clock of milliseconds tells.
        return books.Events.Change(new(string.Create(CultureInfo.InvariantCulture, $"{time.GetUtcNow().ToUnixTimeMilliseconds():d15}-{id}"), body.ToJsonString(), 0), 0);
    }
}
