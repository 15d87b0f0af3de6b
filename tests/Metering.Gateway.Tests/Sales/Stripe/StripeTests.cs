using System.Text;
using Metering.Gateway.Payments;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Metering.Gateway.Tests.Sales.Stripe;

/// <summary>The whole of buying over Stripe's API, against a stand-in that knows the reference, with faults, in random order.</summary>
public sealed class StripeTests
{
    private static readonly string[] Plans = ["starter", "growth", "scale"];

    [Fact]
    public async Task A_new_customer_goes_the_whole_way()
    {
        var (host, stripe) = await StartAsync();
        await using var owned = host;
        var (caller, _) = await SubscribeAsync(host, stripe, "ann@example.com", "growth");
        var bought = await caller.PostAsync("/api/v1/purchase-credits", """{"creditCount": 101}""");
        Assert.Equal((200, "1101"), (bought.Status, bought.Remaining));
        Assert.Equal(758, Assert.Single(Purchases(stripe)).Amount);
        Assert.Equal(200, (await caller.PostAsync("/api/v1/subscription/change-plan", """{"targetPlan": "scale"}""")).Status);
        Assert.Equal(200, (await caller.PostAsync("/api/v1/subscription/cancel")).Status);
        Assert.True(Assert.Single(stripe.Subscriptions.Values).Cancels);
        await DeliverAsync(host, stripe);
        Assert.Equal("6101", (await caller.GetAsync("/v1/credits")).Remaining);
        Assert.Empty(stripe.Faults);
    }

    [Fact]
    public async Task A_time_out_after_charging_and_answers_of_500_charge_once()
    {
        var (host, stripe) = await StartAsync();
        await using var owned = host;
        var (caller, _) = await SubscribeAsync(host, stripe, "ann@example.com", "growth");
        (stripe.AnswersToLose, stripe.FailuresToCome) = (1, 1);
        Assert.Equal(200, (await caller.PostAsync("/api/v1/purchase-credits", """{"creditCount": 100}""")).Status);
        Assert.Single(Purchases(stripe));

        stripe.AnswersToLose = 20;
        Assert.Equal(503, (await caller.PostAsync("/api/v1/purchase-credits", """{"creditCount": 100}""", "key-1")).Status);
        stripe.AnswersToLose = 0;
        await DeliverAsync(host, stripe);
        var found = await caller.PostAsync("/api/v1/purchase-credits", """{"creditCount": 100}""", "key-1");
        Assert.Equal(200, found.Status);
        Assert.Equal("1200", (await caller.GetAsync("/v1/credits")).Remaining);
        Assert.Equal(1_500, Purchases(stripe).Sum(intent => intent.Amount));
        Assert.Empty(stripe.Faults);
    }

    [Fact]
    public async Task A_customer_who_comes_back_is_charged_the_rest_of_the_period_by_the_same_customer()
    {
        var (host, stripe) = await StartAsync();
        await using var owned = host;
        var (caller, customer) = await SubscribeAsync(host, stripe, "ann@example.com", "growth");
        host.Clock.Set(GatewayHost.Start.AddMonths(1));
        stripe.End(Assert.Single(stripe.Subscriptions.Keys));
        await DeliverAsync(host, stripe);
        host.Clock.Set(new(2026, 6, 16, 0, 0, 0, TimeSpan.Zero));
        Assert.Equal(402, (await caller.PostAsync("/v1/credits/deduct", """{"amount": 1}""")).Status);

        var begun = await caller.PostAsync("/api/v1/purchase", """{"email": "ann@example.com", "plan": "growth"}""");
        Assert.Equal(201, begun.Status);
        stripe.Pay(begun.Json.GetProperty("data").GetProperty("checkoutUrl").GetString()!.Split('/')[^1]);
        await DeliverAsync(host, stripe);
        Assert.Equal("500", (await caller.GetAsync("/v1/credits")).Remaining);
        Assert.Equal(customer, Assert.Single(stripe.Customers.Keys));
        Assert.Empty(stripe.Faults);
    }

    [Fact]
    public async Task A_card_that_asks_for_its_owner_gives_a_page_and_grants_when_it_is_paid()
    {
        var (host, stripe) = await StartAsync();
        await using var owned = host;
        var (caller, _) = await SubscribeAsync(host, stripe, "ann@example.com", "growth");
        Assert.Single(stripe.Customers.Values).Card = "authenticates";
        var asked = await caller.PostAsync("/api/v1/purchase-credits", """{"creditCount": 100}""", "key-1");
        var intent = Assert.Single(Purchases(stripe));
        Assert.Equal((402, $"https://hooks.stripe.test/{intent.Id}"), (asked.Status, asked.Json.GetProperty("paymentUrl").GetString()));
        stripe.Authenticate(intent.Id, succeeds: true);
        await DeliverAsync(host, stripe);
        Assert.Equal("1100", (await caller.GetAsync("/v1/credits")).Remaining);
        Assert.Empty(stripe.Faults);
    }

    [Fact]
    public async Task A_customer_without_a_saved_card_is_402_and_may_pay_once_one_is_saved()
    {
        var (host, stripe) = await StartAsync();
        await using var owned = host;
        var (caller, customer) = await SubscribeAsync(host, stripe, "ann@example.com", "growth");
        stripe.Customers[customer].Card = "none";
        var refused = await caller.PostAsync("/api/v1/purchase-credits", """{"creditCount": 100}""", "key-1");
        Assert.Equal((402, "payment_method_required"), (refused.Status, refused.Json.GetProperty("error").GetString()));
        stripe.Customers[customer].Card = "pays";
        Assert.Equal(200, (await caller.PostAsync("/api/v1/purchase-credits", """{"creditCount": 100}""", "key-1")).Status);
        Assert.Empty(stripe.Faults);
    }

    [Fact]
    public async Task An_authentication_that_is_given_up_is_cancelled_at_stripe()
    {
        var (host, stripe) = await StartAsync();
        await using var owned = host;
        var (caller, customer) = await SubscribeAsync(host, stripe, "ann@example.com", "growth");
        stripe.Customers[customer].Card = "authenticates";
        Assert.Equal(402, (await caller.PostAsync("/api/v1/purchase-credits", """{"creditCount": 100}""", "key-1")).Status);
        host.Clock.Advance(TimeSpan.FromHours(24));
        await host.WorkAsync();
        Assert.Equal("canceled", Assert.Single(Purchases(stripe)).Status);
        Assert.Equal("Failed", Assert.Single(await host.DocumentsAsync("credit-purchase")).GetProperty("state").GetString());
        Assert.Empty(stripe.Faults);
    }

    [Fact]
    public async Task An_authentication_that_succeeds_while_it_is_given_up_is_granted()
    {
        var (host, stripe) = await StartAsync();
        await using var owned = host;
        var (caller, customer) = await SubscribeAsync(host, stripe, "ann@example.com", "growth");
        stripe.Customers[customer].Card = "authenticates";
        Assert.Equal(402, (await caller.PostAsync("/api/v1/purchase-credits", """{"creditCount": 100}""", "key-1")).Status);
        stripe.BeforeCancel = intent => stripe.Authenticate(intent, succeeds: true);
        host.Clock.Advance(TimeSpan.FromHours(24));
        await host.WorkAsync();
        Assert.Equal("1100", (await caller.GetAsync("/v1/credits")).Remaining);
        await DeliverAsync(host, stripe);
        Assert.Equal("1100", (await caller.GetAsync("/v1/credits")).Remaining);
        Assert.Empty(stripe.Faults);
    }

    [Fact]
    public async Task A_warning_of_a_dispute_holds_nothing_and_a_lost_dispute_keeps_what_it_took()
    {
        var (host, stripe) = await StartAsync();
        await using var owned = host;
        var (caller, _) = await SubscribeAsync(host, stripe, "ann@example.com", "growth");
        await caller.PostAsync("/api/v1/purchase-credits", """{"creditCount": 100}""");
        var intent = Assert.Single(Purchases(stripe)).Id;
        stripe.Dispute(intent, "warning_needs_response");
        await DeliverAsync(host, stripe);
        Assert.Equal("1100", (await caller.GetAsync("/v1/credits")).Remaining);
        stripe.Dispute(intent);
        await DeliverAsync(host, stripe);
        Assert.Equal("1000", (await caller.GetAsync("/v1/credits")).Remaining);
        stripe.CloseDispute(stripe.Disputes[1], "lost");
        await DeliverAsync(host, stripe);
        Assert.Equal("1000", (await caller.GetAsync("/v1/credits")).Remaining);
        stripe.CloseDispute(stripe.Disputes[1], "won");
        await DeliverAsync(host, stripe);
        Assert.Equal("1100", (await caller.GetAsync("/v1/credits")).Remaining);
        Assert.Empty(stripe.Faults);
    }

    [Fact]
    public async Task A_refund_of_an_upgrade_takes_back_what_the_upgrade_granted_as_much_as_of_the_money()
    {
        var (host, stripe) = await StartAsync();
        await using var owned = host;
        var (caller, _) = await SubscribeAsync(host, stripe, "ann@example.com", "growth");
        Assert.Equal(200, (await caller.PostAsync("/api/v1/subscription/change-plan", """{"targetPlan": "scale"}""")).Status);
        await DeliverAsync(host, stripe);
        Assert.Equal("6000", (await caller.GetAsync("/v1/credits")).Remaining);
        var upgrade = stripe.Intents[stripe.Invoices.Values.Single(invoice => invoice.IsProration).Intent!];
        stripe.Refund(upgrade.Id, upgrade.Amount / 5);
        await DeliverAsync(host, stripe);
        Assert.Equal("5000", (await caller.GetAsync("/v1/credits")).Remaining);
        stripe.Refund(upgrade.Id, upgrade.Amount - upgrade.Refunded);
        await DeliverAsync(host, stripe);
        Assert.Equal("1000", (await caller.GetAsync("/v1/credits")).Remaining);
        Assert.Empty(await ReconcileAsync(host));
        Assert.Empty(stripe.Faults);
    }

    /// <summary>
    /// A seed is a sequence of purchases, declines, authentications, second charges, refunds and disputes of purchases and of subscriptions, disputes
    /// that are won or lost, spending and upgrades of a few customers, with lost answers, answers of 500, and events that come late, twice and
    /// in any order. At its end the credits granted are those of the money taken, and provider and ledger agree on everything.
    /// </summary>
    [Theory]
    [MemberData(nameof(Seeds))]
    public async Task Money_taken_is_credits_granted(int firstSeed)
    {
        for (var seed = firstSeed; seed < firstSeed + 20; seed++)
        {
            await RunAsync(seed);
        }
    }

    public static TheoryData<int> Seeds() => [.. Enumerable.Range(0, 10).Select(block => block * 20)];

    private static IEnumerable<StripeIntent> Purchases(StripeStandIn stripe) => stripe.Intents.Values.Where(intent => intent.Purchase is not null);

    private static async Task RunAsync(int seed)
    {
        var random = new Random(seed);
        var (host, stripe) = await StartAsync();
        await using var owned = host;
        var customers = new List<Customer>();
        for (var number = 0; number < 2; number++)
        {
            var (caller, customer) = await SubscribeAsync(host, stripe, $"c{number}@example.com", Plans[random.Next(Plans.Length)]);
            customers.Add(new(caller, customer));
        }

        for (var step = 0; step < 16; step++)
        {
            await StepAsync(host, stripe, random, customers[random.Next(customers.Count)], step);
        }

        (stripe.AnswersToLose, stripe.FailuresToCome) = (0, 0);
        await SettleAsync(host, stripe, random);
        Assert.True(stripe.Faults.Count == 0, $"Seed {seed}: {string.Join('\n', stripe.Faults)}");
        foreach (var customer in customers)
        {
            await CheckAsync(host, stripe, customer, seed);
        }

        var differences = await ReconcileAsync(host);
        Assert.True(differences.Count == 0, $"Seed {seed}: {string.Join('\n', differences)}");
    }

    /// <summary>What is left of all that was paid, less what was spent, is the balance; computed from the provider's side and the allotments' rows.</summary>
    private static async Task CheckAsync(SalesHost host, StripeStandIn stripe, Customer customer, int seed)
    {
        var purchases = (await host.DocumentsAsync("credit-purchase")).ToDictionary(purchase => purchase.GetProperty("id").GetString()!);
        var intents = Purchases(stripe).Where(intent => intent.Customer == customer.Id && intent.Status == "succeeded").ToArray();
        var bought = intents.Sum(intent => Left(stripe, intent, purchases[intent.Purchase!].GetProperty("credits").GetInt64() * 10_000));
        Assert.All(intents, intent => Assert.Equal(
            CreditSales.CentsOf(purchases[intent.Purchase!].GetProperty("credits").GetInt64(), purchases[intent.Purchase!].GetProperty("priceTenthCents").GetInt32()), intent.Amount));

        var rows = (await host.Gateway.Meter.ListTransactionsAsync(customer.Caller.Account, new() { Limit = 1_000 })).Value.Items;
        var allotments = rows.Where(row => row.Type == TransactionType.MonthlyReset).Select(row => row.Amount.TenThousandths).Reverse().ToArray();
        var invoices = stripe.Invoices.Values.Where(invoice => invoice.Customer == customer.Id).ToArray();
        var changes = invoices[1..];
        long[] shares = changes.Length == allotments.Length - 1
            ? allotments
            : [allotments[0], .. changes.Select(invoice => (long)((Int128)allotments[1..].Sum() * invoice.Cents / changes.Sum(change => change.Cents)))];
        var reversed = invoices.Zip(shares, (invoice, share) => share - Left(stripe, stripe.Intents[invoice.Intent!], share)).Sum();
        var balance = (await host.Gateway.Meter.GetBalanceAsync(customer.Caller.Account)).Value;
        var expected = bought + allotments.Sum() - reversed - (customer.Spent * 10_000);
        Assert.True(
            expected == (balance.Available - balance.Owed).TenThousandths,
            $"Seed {seed}: {bought} bought, {allotments.Sum()} allotted, {reversed} reversed, {customer.Spent} spent; {balance.Available} available, {balance.Owed} owed.");
    }

    private static long Left(StripeStandIn stripe, StripeIntent intent, long credits) => credits - (long)((Int128)credits * stripe.ReversedOf(intent) / intent.Amount);

    private static async Task StepAsync(SalesHost host, StripeStandIn stripe, Random random, Customer customer, int step)
    {
        stripe.AnswersToLose = random.Next(4) == 0 ? random.Next(1, 6) : 0;
        stripe.FailuresToCome = random.Next(4) == 0 ? random.Next(1, 6) : 0;
        stripe.Customers[customer.Id].Card = random.Next(6) switch { 0 => "declines", 1 => "authenticates", _ => "pays" };
        switch (random.Next(14))
        {
            case < 5:
                await BuyAsync(random, customer, step);
                break;
            case 5 when Any(random, stripe.Intents.Values.Where(intent => intent.Status == "requires_action")) is { } waiting:
                stripe.Authenticate(waiting.Id, random.Next(3) > 0);
                break;
            case 6 or 7 when Any(random, stripe.Intents.Values.Where(intent => intent.Status == "succeeded" && stripe.ReversedOf(intent) < intent.Amount)) is { } paid:
                var left = paid.Amount - stripe.ReversedOf(paid);
                stripe.Refund(paid.Id, random.Next(2) == 0 ? left : random.Next(1, (int)left + 1));
                break;
            case 8 when Any(random, stripe.Intents.Values.Where(intent => intent.Status == "succeeded" && stripe.ReversedOf(intent) < intent.Amount)) is { } disputed:
                stripe.Dispute(disputed.Id, random.Next(4) == 0 ? "warning_needs_response" : "needs_response");
                break;
            case 9 when Any(random, stripe.Disputes.Where(dispute => dispute.Status == "needs_response")) is { } open:
                stripe.CloseDispute(open, random.Next(3) == 0 ? "lost" : "won");
                break;
            case 10 when Any(random, Purchases(stripe).Where(intent => intent.Status == "succeeded")) is { } charged:
                stripe.ChargeAgain(charged.Id);
                break;
            case 11:
                var change = await customer.Caller.PostAsync("/api/v1/subscription/change-plan", $$"""{"targetPlan": "{{Higher(await PlanAsync(host, customer))}}"}""");
                Assert.Contains(change.Status, (int[])[200, 400, 402, 503]);
                break;
            case 12:
                var credits = random.Next(1, 300);
                customer.Spent += (await customer.Caller.PostAsync("/v1/credits/deduct", $$"""{"amount": {{credits}}}""")).Status == 200 ? credits : 0;
                break;
            default:
                host.Clock.Advance(TimeSpan.FromMinutes(random.Next(1, 10)));
                await DeliverAsync(host, stripe, random, random.Next(1, 5));
                break;
        }
    }

    private static async Task BuyAsync(Random random, Customer customer, int step)
    {
        var (body, key) = ($$"""{"creditCount": {{random.Next(100, 400)}}}""", random.Next(3) == 0 ? null : $"key-{step}");
        Assert.Contains((await customer.Caller.PostAsync("/api/v1/purchase-credits", body, key)).Status, (int[])[200, 402, 503]);
        if (key is not null && random.Next(2) == 0)
        {
            Assert.Contains((await customer.Caller.PostAsync("/api/v1/purchase-credits", body, key)).Status, (int[])[200, 402, 503]);
        }
    }

    private static T? Any<T>(Random random, IEnumerable<T> candidates)
        where T : class => candidates.ToArray() is { Length: > 0 } all ? all[random.Next(all.Length)] : null;

    private static async Task<string> PlanAsync(SalesHost host, Customer customer) => (await host.Gateway.Meter.GetBalanceAsync(customer.Caller.Account)).Value.Plan;

    private static string Higher(string plan) => plan == "starter" ? "growth" : "scale";

    private static async Task<List<PaymentDifference>> ReconcileAsync(SalesHost host) =>
        await host.Gateway.Services.GetRequiredService<Reconciliation>().CompareAsync(CancellationToken.None).ToListAsync();

    private sealed class Customer(TestCaller caller, string id)
    {
        public TestCaller Caller => caller;

        public string Id => id;

        public long Spent { get; set; }
    }

    /// <summary>Everything is delivered in the end, and what is due is done.</summary>
    private static async Task SettleAsync(SalesHost host, StripeStandIn stripe, Random random)
    {
        // The host's own loops work beside this one: an event that one of them has taken is not done yet.
        for (var round = 0; round < 4 || (round < 1_000 && await HasWaitingEventsAsync(host)); round++)
        {
            await DeliverAsync(host, stripe, random, int.MaxValue);
            host.Clock.Advance(TimeSpan.FromMinutes(20));
            await host.WorkAsync();
        }

        Assert.False(await HasWaitingEventsAsync(host));
        Assert.All(await host.DocumentsAsync("event"), received => Assert.False(received.TryGetProperty("fault", out _)));
    }

    private static async Task<bool> HasWaitingEventsAsync(SalesHost host) =>
        (await host.DocumentsAsync("event")).Any(received => received.GetProperty("body").GetString() is not "");

    private static async Task<(SalesHost Host, StripeStandIn Stripe)> StartAsync()
    {
        StripeStandIn? stripe = null;
        var host = await SalesHost.StartAsync(
            services => services.AddHttpClient("metering-stripe").ConfigurePrimaryHttpMessageHandler(_ => stripe!),
            ("Provider", "stripe"), ("PublicUrl", "http://localhost"), ("Stripe:ApiKey", "sk_test_key"), ("Stripe:ApiBase", "http://stripe.test"), ("Stripe:WebhookSecrets:0", "whsec_old"),
            ("Stripe:WebhookSecrets:1", "whsec_new"), ("Stripe:FirstRetryMilliseconds", "0"), ("Stripe:Retries", "2"),
            ("Plans:starter:StripePrice", "price_starter"), ("Plans:growth:StripePrice", "price_growth"), ("Plans:scale:StripePrice", "price_scale"),
            ("Plans:platinum:StripePrice", "price_platinum"), ("Plans:enterprise:ForSale", "false"));
        stripe = new(host.Clock);
        return (host, stripe);
    }

    private static async Task<(TestCaller Caller, string Customer)> SubscribeAsync(SalesHost host, StripeStandIn stripe, string email, string plan)
    {
        var (url, token) = await host.PurchaseAsync(email, plan);
        var session = url[(url.LastIndexOf('/') + 1)..];
        stripe.Pay(session);
        await DeliverAsync(host, stripe);
        var claim = await host.ClaimAsync(token, email);
        Assert.Equal(200, claim.Status);
        return (await host.CallerAsync(claim.Json.GetProperty("data").GetProperty("apiKey").GetString()!), stripe.Sessions[session].Customer!);
    }

    private static Task DeliverAsync(SalesHost host, StripeStandIn stripe) => DeliverAsync(host, stripe, new(0), int.MaxValue);

    /// <summary>Delivers some events in any order, some of them twice.</summary>
    private static async Task DeliverAsync(SalesHost host, StripeStandIn stripe, Random random, int most)
    {
        for (var sent = 0; sent < most && stripe.Events.Count > 0; sent++)
        {
            var at = random.Next(stripe.Events.Count);
            var body = Encoding.UTF8.GetBytes(stripe.Events[at]);
            stripe.Events.RemoveAt(at);
            for (var time = 0; time <= (random.Next(4) == 0 ? 1 : 0); time++)
            {
                using var request = new HttpRequestMessage(HttpMethod.Post, "/webhooks/stripe") { Content = new ByteArrayContent(body) };
                request.Headers.Add(WebhookSignature.Header, WebhookSignature.Sign(body, random.Next(2) == 0 ? "whsec_old" : "whsec_new", host.Clock.GetUtcNow()));
                Assert.Equal(200, (await Answer.OfAsync(host.Client, request)).Status);
            }
        }
    }
}
