using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Metering.Conformance;
using Metering.Gateway.Payments.Stripe;

namespace Metering.Gateway.Tests.Sales.Stripe;

/// <summary>
/// A server that answers like Stripe, as far as this product calls it. Every request is held to the public reference (docs.stripe.com/api):
/// method, path, parameters and headers; what does not fit fails the test. It keeps state, idempotency keys and the events that it
/// would send.
/// </summary>
internal sealed class StripeStandIn(ManualTimeProvider clock) : HttpMessageHandler
{
    private readonly Lock gate = new();
    private readonly Dictionary<string, (string Request, HttpStatusCode Status, string Body)> keys = [];
    private int made;

    /// <summary>Requests that the reference does not know.</summary>
    public List<string> Faults { get; } = [];

    public Dictionary<string, StripeCustomer> Customers { get; } = [];

    public Dictionary<string, StripeSession> Sessions { get; } = [];

    public Dictionary<string, StripeSubscription> Subscriptions { get; } = [];

    public Dictionary<string, StripeIntent> Intents { get; } = [];

    public Dictionary<string, StripeInvoice> Invoices { get; } = [];

    public List<StripeDispute> Disputes { get; } = [];

    /// <summary>Events in the order in which they came to pass, not sent yet.</summary>
    public List<string> Events { get; } = [];

    /// <summary>How many of the next requests take effect and are then answered by nothing.</summary>
    public int AnswersToLose { get; set; }

    /// <summary>How many of the next requests are answered with 500 and take no effect.</summary>
    public int FailuresToCome { get; set; }

    /// <summary>What happens between a cancellation's coming and its taking effect.</summary>
    public Action<string>? BeforeCancel { get; set; }

    /// <summary>Cents of an intent that are with the customer.</summary>
    public long ReversedOf(StripeIntent intent) => Math.Min(intent.Amount, intent.Refunded + Disputes.Where(dispute => dispute.Intent == intent).Sum(dispute => dispute.Held));

    /// <summary>The customer pays a page: a subscription, with the card kept.</summary>
    public void Pay(string sessionId)
    {
        lock (gate)
        {
            var session = Sessions[sessionId];
            var customer = session.Customer is { } known ? Customers[known] : new StripeCustomer(Id("cus"), session.Email);
            Customers[customer.Id] = customer;
            var subscription = new StripeSubscription(Id("sub"), customer.Id, session.Purchase, session.Price, clock.GetUtcNow(), session.WholeFrom);
            Subscriptions.Add(subscription.Id, subscription);
            (session.Status, session.Subscription, session.Customer) = ("complete", subscription.Id, customer.Id);
            Tell("checkout.session.completed", session.ToJson());
            var cents = StripeSubscription.CentsOf(session.Price);
            Bill(subscription, session.WholeFrom is { } whole ? (long)Math.Round(cents * ((whole - clock.GetUtcNow()) / (whole - whole.AddMonths(-1)))) : cents, isProration: false);
        }
    }

    /// <summary>A charge of a purchase that was on its way for long comes through beside the one that took its place.</summary>
    public void ChargeAgain(string intentId)
    {
        lock (gate)
        {
            var first = Intents[intentId];
            var second = new StripeIntent(Id("pi"), first.Customer, first.Purchase, first.Attempt, first.Amount, clock.GetUtcNow()) { Status = "succeeded" };
            Intents.Add(second.Id, second);
            Tell("payment_intent.succeeded", second.ToJson());
        }
    }

    /// <summary>The cardholder's bank takes back what is not refunded.</summary>
    public void Dispute(string intentId, string status = "needs_response")
    {
        lock (gate)
        {
            var intent = Intents[intentId];
            intent.WasDisputed = true;
            var dispute = new StripeDispute(Id("dp"), intent, intent.Amount - intent.Refunded) { Status = status };
            Disputes.Add(dispute);
            Tell("charge.dispute.created", dispute.ToJson());
        }
    }

    public void CloseDispute(StripeDispute dispute, string status)
    {
        lock (gate)
        {
            dispute.Status = status;
            Tell("charge.dispute.closed", dispute.ToJson());
            if (status == "won")
            {
                Tell("charge.dispute.funds_reinstated", dispute.ToJson());
            }
        }
    }

    /// <summary>A subscription is over.</summary>
    public void End(string subscriptionId)
    {
        lock (gate)
        {
            Subscriptions[subscriptionId].Status = "canceled";
            Tell("customer.subscription.deleted", Subscriptions[subscriptionId].ToJson());
        }
    }

    /// <summary>Money goes back to the card.</summary>
    public void Refund(string intentId, long cents)
    {
        lock (gate)
        {
            var intent = Intents[intentId];
            intent.Refunded += cents;
            Tell("charge.refunded", intent.ChargeJson());
        }
    }

    /// <summary>The owner answers the bank.</summary>
    public void Authenticate(string intentId, bool succeeds)
    {
        lock (gate)
        {
            var intent = Intents[intentId];
            intent.Status = succeeds ? "succeeded" : "requires_payment_method";
            Tell(succeeds ? "payment_intent.succeeded" : "payment_intent.payment_failed", intent.ToJson());
        }
    }

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var body = request.Content is null ? string.Empty : await request.Content.ReadAsStringAsync(cancellationToken);
        lock (gate)
        {
            Check(request);
            if (FailuresToCome > 0)
            {
                FailuresToCome--;
                return Answer(HttpStatusCode.InternalServerError, Error("api_error", null, "An error on our side."));
            }

            var (status, answer) = Replay(request, body) ?? Keep(request, body, Handle(request, Form(request, body)));
            if (AnswersToLose > 0)
            {
                AnswersToLose--;
                throw new HttpRequestException("The connection was lost.");
            }

            return Answer(status, answer);
        }
    }

    private static HttpResponseMessage Answer(HttpStatusCode status, string body) => new(status) { Content = new StringContent(body, Encoding.UTF8, "application/json") };

    private static string Error(string type, string? code, string message, JsonNode? intent = null) => new JsonObject
    {
        ["error"] = new JsonObject { ["type"] = type, ["code"] = code, ["message"] = message, ["payment_intent"] = intent },
    }.ToJsonString();

    private static Dictionary<string, string> Form(HttpRequestMessage request, string body) =>
        (request.Method == HttpMethod.Post ? body : request.RequestUri!.Query.TrimStart('?')).Split('&', StringSplitOptions.RemoveEmptyEntries)
            .Select(pair => pair.Split('=', 2)).ToDictionary(pair => WebUtility.UrlDecode(pair[0]), pair => WebUtility.UrlDecode(pair[1]));

    private void Check(HttpRequestMessage request)
    {
        void Require(bool holds, string what)
        {
            if (!holds)
            {
                Faults.Add($"{request.Method} {request.RequestUri}: {what}");
            }
        }

        var key = request.Headers.TryGetValues("Idempotency-Key", out var found) ? string.Join(',', found) : null;
        Require(request.Headers.Authorization is { Scheme: "Bearer", Parameter: "sk_test_key" }, "no secret key");
        Require(request.Headers.TryGetValues("Stripe-Version", out var version) && version.Single() == StripeClient.Version, "no pinned version");
        Require(request.Method == HttpMethod.Post == key is { Length: > 0 and <= 255 }, "an idempotency key belongs on every POST and on nothing else");
        Require(request.Content is null || request.Content.Headers.ContentType?.MediaType == "application/x-www-form-urlencoded", "not a form");
        Require(request.RequestUri!.GetLeftPart(UriPartial.Authority) == "http://stripe.test", "another host");
    }

    private (HttpStatusCode, string)? Replay(HttpRequestMessage request, string body)
    {
        if (request.Method != HttpMethod.Post || !keys.TryGetValue(request.Headers.GetValues("Idempotency-Key").Single(), out var kept))
        {
            return null;
        }

        return kept.Request == $"{request.RequestUri} {body}"
            ? (kept.Status, kept.Body)
            : (HttpStatusCode.BadRequest, Error("idempotency_error", null, "Keys for idempotent requests can only be used with the same parameters."));
    }

    private (HttpStatusCode, string) Keep(HttpRequestMessage request, string body, (HttpStatusCode Status, string Body) answer)
    {
        if (request.Method == HttpMethod.Post)
        {
            keys[request.Headers.GetValues("Idempotency-Key").Single()] = ($"{request.RequestUri} {body}", answer.Status, answer.Body);
        }

        return answer;
    }

    private (HttpStatusCode, string) Handle(HttpRequestMessage request, Dictionary<string, string> form)
    {
        var path = request.RequestUri!.AbsolutePath.Split('/', StringSplitOptions.RemoveEmptyEntries);
        var isPost = request.Method == HttpMethod.Post;
        return path switch
        {
            ["v1", "checkout", "sessions"] when isPost => OpenSession(form),
            ["v1", "checkout", "sessions", var id] when !isPost => Found(Sessions.GetValueOrDefault(id)?.ToJson()),
            ["v1", "checkout", "sessions", var id, "expire"] when isPost => ExpireSession(id),
            ["v1", "subscriptions", var id] when !isPost => Found(Subscriptions.GetValueOrDefault(id)?.ToJson()),
            ["v1", "subscriptions", var id] => ChangeSubscription(Subscriptions[id], form),
            ["v1", "customers", var id] when !isPost => Found(Customers.GetValueOrDefault(id)?.ToJson()),
            ["v1", "customers", var id, "payment_methods"] when !isPost && form is { Count: 2 } && form["type"] == "card" && form["limit"] == "1" =>
                (HttpStatusCode.OK, new JsonObject { ["data"] = Customers[id].Card == "none" ? [] : new JsonArray(new JsonObject { ["id"] = $"pm_{id}" }) }.ToJsonString()),
            ["v1", "invoices"] when !isPost => ListInvoices(form),
            ["v1", "invoices", var id] when !isPost => Found(Invoices.GetValueOrDefault(id)?.ToJson()),
            ["v1", "disputes"] when !isPost => ListDisputes(form),
            ["v1", "payment_intents"] when isPost => Charge(form),
            ["v1", "payment_intents"] => List(form),
            ["v1", "payment_intents", var id] when !isPost => Found(Intents.GetValueOrDefault(id)?.ToJson(withCharge: form.GetValueOrDefault("expand[]") == "latest_charge")),
            ["v1", "payment_intents", var id, "cancel"] when isPost => Cancel(Intents[id], form),
            ["v1", "payment_intents", var id, "confirm"] when isPost => Confirm(Intents[id], form),
            _ => Unknown(request),
        };
    }

    private (HttpStatusCode, string) Unknown(HttpRequestMessage request)
    {
        Faults.Add($"{request.Method} {request.RequestUri}: the reference has no such call");
        return (HttpStatusCode.NotFound, Error("invalid_request_error", "resource_missing", "Unrecognized request URL."));
    }

    private static (HttpStatusCode, string) Found(JsonObject? found) => found is null
        ? (HttpStatusCode.NotFound, Error("invalid_request_error", "resource_missing", "No such object."))
        : (HttpStatusCode.OK, found.ToJsonString());

    /// <summary>The parameters, all of them and no others.</summary>
    private void Expect(Dictionary<string, string> form, params string[] names)
    {
        if (!form.Keys.Order().SequenceEqual(names.Order()))
        {
            Faults.Add($"parameters are {string.Join(", ", form.Keys.Order())} instead of {string.Join(", ", names.Order())}");
        }
    }

    private (HttpStatusCode, string) OpenSession(Dictionary<string, string> form)
    {
        var wholeFrom = form.Remove("subscription_data[billing_cycle_anchor]", out var anchor) ? DateTimeOffset.FromUnixTimeSeconds(long.Parse(anchor, CultureInfo.InvariantCulture)) : (DateTimeOffset?)null;
        if (wholeFrom is { } whole && (!form.Remove("subscription_data[proration_behavior]", out var proration) || proration != "create_prorations" || whole <= clock.GetUtcNow() || whole > clock.GetUtcNow().AddMonths(1)))
        {
            Faults.Add("a session's billing_cycle_anchor or proration_behavior");
        }

        Expect(
            form, "mode", "client_reference_id", "line_items[0][price]", "line_items[0][quantity]", "metadata[purchase]", "subscription_data[metadata][purchase]",
            "payment_method_types[0]", "expires_at", "success_url", "cancel_url", form.ContainsKey("customer") ? "customer" : "customer_email");
        var open = DateTimeOffset.FromUnixTimeSeconds(long.Parse(form["expires_at"], CultureInfo.InvariantCulture)) - clock.GetUtcNow();
        if (form["mode"] != "subscription" || form["line_items[0][quantity]"] != "1" || open < TimeSpan.FromMinutes(30) || open > TimeSpan.FromHours(24))
        {
            Faults.Add("a session's mode, quantity or expires_at");
        }

        var session = new StripeSession(
            Id("cs"), form.GetValueOrDefault("customer_email") ?? Customers[form["customer"]].Email, form["client_reference_id"], form["line_items[0][price]"])
        {
            Customer = form.GetValueOrDefault("customer"),
            WholeFrom = wholeFrom,
        };
        Sessions.Add(session.Id, session);
        return (HttpStatusCode.OK, session.ToJson().ToJsonString());
    }

    private (HttpStatusCode, string) ExpireSession(string id)
    {
        if (Sessions[id].Status != "open")
        {
            return (HttpStatusCode.BadRequest, Error("invalid_request_error", null, "Only Checkout Sessions with a status in [\"open\"] can be expired."));
        }

        Sessions[id].Status = "expired";
        Tell("checkout.session.expired", Sessions[id].ToJson());
        return (HttpStatusCode.OK, Sessions[id].ToJson().ToJsonString());
    }

    private (HttpStatusCode, string) ChangeSubscription(StripeSubscription subscription, Dictionary<string, string> form)
    {
        if (form.Count == 1)
        {
            Expect(form, "cancel_at_period_end");
            subscription.Cancels = form["cancel_at_period_end"] == "true";
        }
        else
        {
            Expect(form, "items[0][id]", "items[0][price]", "cancel_at_period_end", "proration_behavior", "payment_behavior");
            var isProrated = form["proration_behavior"] == "always_invoice";
            if (isProrated && Customers[subscription.Customer].Card != "pays")
            {
                return (HttpStatusCode.PaymentRequired, Error("card_error", "card_declined", "Your card was declined."));
            }

            var before = subscription.Price;
            (subscription.Price, subscription.Cancels) = (form["items[0][price]"], false);
            if (isProrated && before != subscription.Price)
            {
                var (start, end) = subscription.Period;
                var cents = StripeSubscription.CentsOf(subscription.Price) - StripeSubscription.CentsOf(before);
                Bill(subscription, (long)Math.Round(cents * ((end - clock.GetUtcNow()) / (end - start))), isProration: true);
            }
        }

        Tell("customer.subscription.updated", subscription.ToJson());
        return (HttpStatusCode.OK, subscription.ToJson().ToJsonString());
    }

    /// <summary>A paid invoice, which the intent of its own has paid.</summary>
    private void Bill(StripeSubscription subscription, long cents, bool isProration)
    {
        var (id, intent) = (Id("in"), Id("pi"));
        subscription.Invoice = id;
        Intents.Add(intent, new(intent, subscription.Customer, null, null, cents, clock.GetUtcNow()) { Status = "succeeded", Invoice = id });
        Invoices.Add(id, new(id, subscription, intent, cents, clock.GetUtcNow(), isProration));
        Tell("invoice.paid", Invoices[id].ToJson());
        Tell("payment_intent.succeeded", Intents[intent].ToJson());
    }

    private (HttpStatusCode, string) Cancel(StripeIntent intent, Dictionary<string, string> form)
    {
        Expect(form, "cancellation_reason");
        if (form["cancellation_reason"] != "abandoned")
        {
            Faults.Add("a cancellation's reason");
        }

        BeforeCancel?.Invoke(intent.Id);
        if (intent.Status is "succeeded" or "canceled")
        {
            return (HttpStatusCode.BadRequest, Error("invalid_request_error", "payment_intent_unexpected_state", $"You cannot cancel this PaymentIntent because it has a status of {intent.Status}."));
        }

        intent.Status = "canceled";
        return (HttpStatusCode.OK, intent.ToJson().ToJsonString());
    }

    private (HttpStatusCode, string) ListInvoices(Dictionary<string, string> query)
    {
        if (query.Keys.Except(["customer", "status", "limit", "starting_after"]).Any() || query["status"] != "paid")
        {
            Faults.Add($"a list of invoices: {string.Join(", ", query)}");
        }

        return PageOf(Invoices.Values.Where(invoice => invoice.Customer == query["customer"]).Reverse().Select(invoice => (invoice.Id, invoice.ToJson())), query);
    }

    private (HttpStatusCode, string) ListDisputes(Dictionary<string, string> query)
    {
        Expect(query, "payment_intent", "limit");
        return (HttpStatusCode.OK, new JsonObject
        {
            ["object"] = "list",
            ["has_more"] = false,
            ["data"] = new JsonArray([.. Disputes.Where(dispute => dispute.Intent.Id == query["payment_intent"]).Select(dispute => (JsonNode)dispute.ToJson())]),
        }.ToJsonString());
    }

    /// <summary>Two a page, so that paging is gone through.</summary>
    private static (HttpStatusCode, string) PageOf(IEnumerable<(string Id, JsonObject Json)> items, Dictionary<string, string> query)
    {
        var all = items.ToList();
        var start = query.TryGetValue("starting_after", out var after) ? all.FindIndex(item => item.Id == after) + 1 : 0;
        return (HttpStatusCode.OK, new JsonObject
        {
            ["object"] = "list",
            ["has_more"] = all.Count > start + 2,
            ["data"] = new JsonArray([.. all.Skip(start).Take(2).Select(item => (JsonNode)item.Json)]),
        }.ToJsonString());
    }

    private (HttpStatusCode, string) Charge(Dictionary<string, string> form)
    {
        Expect(
            form, "amount", "currency", "customer", "payment_method", "payment_method_types[0]", "off_session", "confirm", "description", "metadata[purchase]", "metadata[attempt]",
            "metadata[account]");
        var customer = Customers[form["customer"]];
        if (form["currency"] != "usd" || form["off_session"] != "true" || form["confirm"] != "true" || form["payment_method"] != $"pm_{customer.Id}")
        {
            Faults.Add("a charge's currency, off_session, confirm or payment_method");
        }

        var intent = new StripeIntent(Id("pi"), customer.Id, form["metadata[purchase]"], form["metadata[attempt]"], long.Parse(form["amount"], CultureInfo.InvariantCulture), clock.GetUtcNow());
        Intents.Add(intent.Id, intent);
        intent.Status = customer.Card == "pays" ? "succeeded" : "requires_payment_method";
        Tell(customer.Card == "pays" ? "payment_intent.succeeded" : "payment_intent.payment_failed", intent.ToJson());
        return customer.Card switch
        {
            "pays" => (HttpStatusCode.OK, intent.ToJson().ToJsonString()),
            "declines" => (HttpStatusCode.PaymentRequired, Error("card_error", "card_declined", "Your card was declined.", intent.ToJson())),
            _ => (HttpStatusCode.PaymentRequired, Error("card_error", "authentication_required", "Your card was declined. This transaction requires authentication.", intent.ToJson())),
        };
    }

    private (HttpStatusCode, string) Confirm(StripeIntent intent, Dictionary<string, string> form)
    {
        Expect(form, "payment_method", "return_url");
        intent.Status = "requires_action";
        return (HttpStatusCode.OK, intent.ToJson().ToJsonString());
    }

    private (HttpStatusCode, string) List(Dictionary<string, string> query)
    {
        if (query.Keys.Except(["customer", "created[gte]", "limit", "starting_after"]).Any())
        {
            Faults.Add($"a list's parameters are {string.Join(", ", query.Keys)}");
        }

        var since = long.Parse(query["created[gte]"], CultureInfo.InvariantCulture);
        return PageOf(
            Intents.Values.Where(intent => intent.Customer == query["customer"] && intent.Created.ToUnixTimeSeconds() >= since).Reverse().Select(intent => (intent.Id, intent.ToJson())), query);
    }

    private string Id(string prefix) => string.Create(CultureInfo.InvariantCulture, $"{prefix}_{++made}");

    private void Tell(string type, JsonObject subject) => Events.Add(new JsonObject
    {
        ["id"] = Id("evt"),
        ["object"] = "event",
        ["type"] = type,
        ["data"] = new JsonObject { ["object"] = subject },
    }.ToJsonString());
}
