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
        Assert.Equal(758, Assert.Single(stripe.Intents.Values).Amount);
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
        Assert.Single(stripe.Intents);

        stripe.AnswersToLose = 20;
        Assert.Equal(503, (await caller.PostAsync("/api/v1/purchase-credits", """{"creditCount": 100}""", "key-1")).Status);
        stripe.AnswersToLose = 0;
        await DeliverAsync(host, stripe);
        var found = await caller.PostAsync("/api/v1/purchase-credits", """{"creditCount": 100}""", "key-1");
        Assert.Equal(200, found.Status);
        Assert.Equal("1200", (await caller.GetAsync("/v1/credits")).Remaining);
        Assert.Equal(1_500, stripe.CentsKept);
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
        var intent = Assert.Single(stripe.Intents.Values);
        Assert.Equal((402, $"https://hooks.stripe.test/{intent.Id}"), (asked.Status, asked.Json.GetProperty("paymentUrl").GetString()));
        stripe.Authenticate(intent.Id, succeeds: true);
        await DeliverAsync(host, stripe);
        Assert.Equal("1100", (await caller.GetAsync("/v1/credits")).Remaining);
        Assert.Empty(stripe.Faults);
    }

    /// <summary>
    /// A seed is a sequence of purchases, declines, authentications, refunds and upgrades of a few customers, with lost answers, answers of 500,
    /// and events that come late, twice and in any order. At its end the credits granted are those of the money taken.
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

    private static async Task RunAsync(int seed)
    {
        var random = new Random(seed);
        var (host, stripe) = await StartAsync();
        await using var owned = host;
        var customers = new List<(TestCaller Caller, string Customer, int Price)>();
        for (var number = 0; number < 2; number++)
        {
            var plan = Plans[random.Next(Plans.Length)];
            var (caller, customer) = await SubscribeAsync(host, stripe, $"c{number}@example.com", plan);
            customers.Add((caller, customer, plan switch { "starter" => 100, "growth" => 75, _ => 50 }));
        }

        for (var step = 0; step < 12; step++)
        {
            await StepAsync(host, stripe, random, customers[random.Next(customers.Count)], step);
        }

        (stripe.AnswersToLose, stripe.FailuresToCome) = (0, 0);
        await SettleAsync(host, stripe, random);
        Assert.True(stripe.Faults.Count == 0, $"Seed {seed}: {string.Join('\n', stripe.Faults)}");
        foreach (var (caller, customer, price) in customers)
        {
            var intents = stripe.Intents.Values.Where(intent => intent.Customer == customer && intent.Status == "succeeded").ToArray();
            var balance = (await host.Gateway.Meter.GetBalanceAsync(caller.Account)).Value;
            var purchases = (await host.DocumentsAsync("credit-purchase")).ToDictionary(purchase => purchase.GetProperty("id").GetString()!);
            var credits = intents.Sum(intent => Left(intent, purchases[intent.Purchase].GetProperty("credits").GetInt64()));
            Assert.True(credits == (balance.Permanent - balance.Owed).TenThousandths, $"Seed {seed}: {credits} ten-thousandths are paid, {balance.Permanent} granted.");
            Assert.All(intents, intent => Assert.Equal(CreditSales.CentsOf(purchases[intent.Purchase].GetProperty("credits").GetInt64(), price), intent.Amount));
        }
    }

    private static long Left(StripeIntent intent, long credits) => (credits * 10_000) - (long)((Int128)credits * 10_000 * intent.Refunded / intent.Amount);

    private static async Task StepAsync(SalesHost host, StripeStandIn stripe, Random random, (TestCaller Caller, string Customer, int Price) customer, int step)
    {
        stripe.AnswersToLose = random.Next(4) == 0 ? random.Next(1, 6) : 0;
        stripe.FailuresToCome = random.Next(4) == 0 ? random.Next(1, 6) : 0;
        stripe.Customers[customer.Customer].Card = random.Next(6) switch { 0 => "declines", 1 => "authenticates", _ => "pays" };
        switch (random.Next(8))
        {
            case < 5:
                var (body, key) = ($$"""{"creditCount": {{random.Next(100, 400)}}}""", random.Next(3) == 0 ? null : $"key-{step}");
                var answer = await customer.Caller.PostAsync("/api/v1/purchase-credits", body, key);
                Assert.Contains(answer.Status, (int[])[200, 402, 503]);
                if (key is not null && random.Next(2) == 0)
                {
                    Assert.Contains((await customer.Caller.PostAsync("/api/v1/purchase-credits", body, key)).Status, (int[])[200, 402, 503]);
                }

                break;
            case 5 when stripe.Intents.Values.Where(intent => intent.Status == "requires_action").ToArray() is { Length: > 0 } waiting:
                stripe.Authenticate(waiting[random.Next(waiting.Length)].Id, random.Next(3) > 0);
                break;
            case 6 when stripe.Intents.Values.Where(intent => intent.Status == "succeeded" && intent.Refunded < intent.Amount).ToArray() is { Length: > 0 } paid:
                var refunded = paid[random.Next(paid.Length)];
                stripe.Refund(refunded.Id, random.Next(2) == 0 ? refunded.Amount - refunded.Refunded : random.Next(1, (int)(refunded.Amount - refunded.Refunded) + 1));
                break;
            default:
                host.Clock.Advance(TimeSpan.FromMinutes(random.Next(1, 10)));
                await DeliverAsync(host, stripe, random, random.Next(1, 5));
                break;
        }
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
