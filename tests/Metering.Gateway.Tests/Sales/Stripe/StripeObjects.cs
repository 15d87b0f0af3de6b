using System.Text.Json.Nodes;

namespace Metering.Gateway.Tests.Sales.Stripe;

internal sealed class StripeCustomer(string id, string email)
{
    public string Id => id;

    public string Email => email;

    /// <summary>pays, declines or authenticates.</summary>
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

    private DateTimeOffset End => wholeFrom ?? start.AddMonths(1);

    public JsonObject ToJson() => new()
    {
        ["id"] = id,
        ["object"] = "subscription",
        ["status"] = Status,
        ["customer"] = customer,
        ["cancel_at_period_end"] = Cancels,
        ["current_period_start"] = start.ToUnixTimeSeconds(),
        ["current_period_end"] = End.ToUnixTimeSeconds(),
        ["latest_invoice"] = Invoice,
        ["metadata"] = new JsonObject { ["purchase"] = purchase },
        ["items"] = new JsonObject { ["data"] = new JsonArray(new JsonObject { ["id"] = $"si_{id}", ["price"] = new JsonObject { ["id"] = Price } }) },
    };

    public JsonObject InvoiceJson() => new()
    {
        ["id"] = Invoice,
        ["object"] = "invoice",
        ["status"] = "paid",
        ["customer"] = customer,
        ["subscription"] = id,
        ["lines"] = new JsonObject
        {
            ["data"] = new JsonArray(new JsonObject { ["period"] = new JsonObject { ["start"] = start.ToUnixTimeSeconds(), ["end"] = End.ToUnixTimeSeconds() } }),
        },
    };
}

internal sealed class StripeIntent(string id, string customer, string purchase, string attempt, long amount, DateTimeOffset created)
{
    public string Id => id;

    public string Customer => customer;

    public string Purchase => purchase;

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
        ["metadata"] = new JsonObject { ["purchase"] = purchase, ["attempt"] = attempt },
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
        ["disputed"] = false,
    };
}
