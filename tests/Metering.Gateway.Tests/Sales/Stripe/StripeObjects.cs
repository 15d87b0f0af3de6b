using System.Text.Json.Nodes;

namespace Metering.Gateway.Tests.Sales.Stripe;

internal sealed class StripeCustomer(string id, string email)
{
    public string Id => id;

    public string Email => email;

    /// <summary>pays, declines, authenticates, or none: no card is saved.</summary>
    public string Card { get; set; } = "pays";

    public JsonObject ToJson() => new() { ["id"] = id, ["object"] = "customer", ["email"] = email, ["invoice_settings"] = new JsonObject { ["default_payment_method"] = null } };
}

internal sealed class StripeSession(string id, string email, string purchase, string price)
{
    public string Id => id;

    public string Email => email;

    public string Purchase => purchase;

    public string Price => price;

    public string Status { get; set; } = "open";

    public string? Subscription { get; set; }

    public string? Customer { get; set; }

    public DateTimeOffset? WholeFrom { get; init; }

    public JsonObject ToJson() => new()
    {
        ["id"] = id,
        ["object"] = "checkout.session",
        ["mode"] = "subscription",
        ["status"] = Status,
        ["payment_status"] = Status == "complete" ? "paid" : "unpaid",
        ["client_reference_id"] = purchase,
        ["customer"] = Customer,
        ["subscription"] = Subscription,
        ["url"] = Status == "open" ? $"https://checkout.stripe.test/{id}" : null,
    };
}

internal sealed class StripeSubscription(string id, string customer, string purchase, string price, DateTimeOffset start, DateTimeOffset? wholeFrom = null)
{
    public string Id => id;

    public string Customer => customer;

    public string Price { get; set; } = price;

    public bool Cancels { get; set; }

    public string? Invoice { get; set; }

    /// <summary>canceled once it is over.</summary>
    public string Status { get; set; } = "active";

    public (DateTimeOffset Start, DateTimeOffset End) Period => (start, wholeFrom ?? start.AddMonths(1));

    public JsonObject ToJson() => new()
    {
        ["id"] = id,
        ["object"] = "subscription",
        ["status"] = Status,
        ["customer"] = customer,
        ["cancel_at_period_end"] = Cancels,
        ["current_period_start"] = start.ToUnixTimeSeconds(),
        ["current_period_end"] = Period.End.ToUnixTimeSeconds(),
        ["latest_invoice"] = Invoice,
        ["metadata"] = new JsonObject { ["purchase"] = purchase },
        ["items"] = new JsonObject { ["data"] = new JsonArray(new JsonObject { ["id"] = $"si_{id}", ["price"] = new JsonObject { ["id"] = Price } }) },
    };

    /// <summary>What a period costs.</summary>
    public static long CentsOf(string price) => price switch { "price_starter" => 1_000, "price_growth" => 7_500, "price_scale" => 25_000, _ => 100_000 };
}

/// <summary>A paid invoice; the intent that paid it stands among the others.</summary>
internal sealed class StripeInvoice(string id, StripeSubscription subscription, string? intent, long cents, DateTimeOffset created, bool isProration)
{
    public string Id => id;

    public string Customer => subscription.Customer;

    public string? Intent => intent;

    public long Cents => cents;

    public bool IsProration => isProration;

    public JsonObject ToJson() => new()
    {
        ["id"] = id,
        ["object"] = "invoice",
        ["status"] = "paid",
        ["billing_reason"] = isProration ? "subscription_update" : "subscription_create",
        ["customer"] = Customer,
        ["subscription"] = subscription.Id,
        ["payment_intent"] = intent,
        ["amount_paid"] = cents,
        ["created"] = created.ToUnixTimeSeconds(),
        ["lines"] = new JsonObject { ["object"] = "list", ["data"] = new JsonArray(new JsonObject { ["object"] = "line_item", ["period"] = Period() }) },
    };

    private JsonObject Period() => new()
    {
        ["start"] = (isProration ? created : subscription.Period.Start).ToUnixTimeSeconds(),
        ["end"] = subscription.Period.End.ToUnixTimeSeconds(),
    };
}

internal sealed class StripeDispute(string id, StripeIntent intent, long cents)
{
    public StripeIntent Intent => intent;

    /// <summary>As Stripe names them: needs_response, won, lost, warning_needs_response, …</summary>
    public string Status { get; set; } = "needs_response";

    /// <summary>Cents that it holds.</summary>
    public long Held => Status is "needs_response" or "under_review" or "lost" ? cents : 0;

    public JsonObject ToJson() => new()
    {
        ["id"] = id,
        ["object"] = "dispute",
        ["amount"] = cents,
        ["charge"] = $"ch_{intent.Id}",
        ["payment_intent"] = intent.Id,
        ["status"] = Status,
    };
}

internal sealed class StripeIntent(string id, string customer, string? purchase, string? attempt, long amount, DateTimeOffset created)
{
    public string Id => id;

    public string Customer => customer;

    public string? Purchase => purchase;

    public string? Attempt => attempt;

    /// <summary>The invoice that it pays; null for a purchase of credits.</summary>
    public string? Invoice { get; init; }

    public bool WasDisputed { get; set; }

    public long Amount => amount;

    public DateTimeOffset Created => created;

    public string Status { get; set; } = "requires_confirmation";

    public long Refunded { get; set; }

    public JsonObject ToJson(bool withCharge = false) => new()
    {
        ["id"] = id,
        ["object"] = "payment_intent",
        ["status"] = Status,
        ["customer"] = customer,
        ["amount"] = amount,
        ["created"] = created.ToUnixTimeSeconds(),
        ["invoice"] = Invoice,
        ["metadata"] = purchase is null ? [] : new JsonObject { ["purchase"] = purchase, ["attempt"] = attempt },
        ["latest_charge"] = withCharge && Status == "succeeded" ? ChargeJson() : $"ch_{id}",
        ["next_action"] = Status == "requires_action"
            ? new JsonObject { ["type"] = "redirect_to_url", ["redirect_to_url"] = new JsonObject { ["url"] = $"https://hooks.stripe.test/{id}" } }
            : null,
    };

    public JsonObject ChargeJson() => new()
    {
        ["id"] = $"ch_{id}",
        ["object"] = "charge",
        ["payment_intent"] = id,
        ["amount"] = amount,
        ["amount_refunded"] = Refunded,
        ["disputed"] = WasDisputed,
    };
}
