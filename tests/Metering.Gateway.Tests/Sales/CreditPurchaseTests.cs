using Metering.Gateway.Payments;
using Xunit;

namespace Metering.Gateway.Tests.Sales;

/// <summary>Dialect A (000): <c>POST /api/v1/purchase-credits</c> and <c>POST /api/v1/subscription/cancel</c>.</summary>
public sealed class CreditPurchaseTests
{
    private const string Path = "/api/v1/purchase-credits";

    [Theory]
    [InlineData("starter", 100, 1_000, "0.1")]
    [InlineData("starter", 101, 1_010, "0.1")]
    [InlineData("growth", 101, 758, "0.075")]
    [InlineData("growth", 102, 765, "0.075")]
    [InlineData("scale", 101, 505, "0.05")]
    public async Task Credits_cost_what_the_plan_says_rounded_half_up(string plan, int count, long cents, string price)
    {
        await using var host = await SalesHost.StartAsync();
        var (caller, _) = await host.SubscribeAsync(plan: plan);
        var before = decimal.Parse((await caller.GetAsync("/v1/credits")).Remaining!, null);
        var answer = await caller.PostAsync(Path, $$"""{"creditCount": {{count}}}""");
        Assert.Equal(200, answer.Status);
        var charge = Assert.Single(await host.DocumentsAsync("sandbox-charge"));
        answer.HasJson($$$"""
            {"data": {"success": true, "creditsAdded": {{{count}}}, "totalPermanentCredits": {{{count}}}, "amountCharged": {{{cents / 100m}}}, "amountChargedCents": {{{cents}}},
              "pricePerCredit": {{{price}}}, "stripePaymentIntentId": "{{{charge.GetProperty("id").GetString()}}}"}}
            """);
        Assert.Equal(cents, charge.GetProperty("amountCents").GetInt64());
        Assert.Equal(before + count, decimal.Parse(answer.Remaining!, null));
        var row = (await caller.GetAsync("/api/v1/credits/transactions?limit=1")).Json.GetProperty("data")[0];
        Assert.Equal(("PURCHASE", (decimal)count), (row.GetProperty("type").GetString(), row.GetProperty("amount").GetDecimal()));
    }

    [Theory]
    [InlineData("7.5", 100, 750)]
    [InlineData("7.57", 100, 750)]
    [InlineData("7.58", 101, 758)]
    [InlineData("10", 133, 998)]
    public async Task Dollars_buy_whole_credits_and_only_those_are_charged(string dollars, int credits, long cents)
    {
        await using var host = await SalesHost.StartAsync();
        var (caller, _) = await host.SubscribeAsync();
        var data = (await caller.PostAsync(Path, $$"""{"dollarAmount": {{dollars}}}""")).Json.GetProperty("data");
        Assert.Equal((credits, cents), (data.GetProperty("creditsAdded").GetInt32(), data.GetProperty("amountChargedCents").GetInt64()));
    }

    [Theory]
    [InlineData("""{"creditCount": 99}""")]
    [InlineData("""{"creditCount": 100.5}""")]
    [InlineData("""{"creditCount": "100"}""")]
    [InlineData("""{"creditCount": 1000000000000}""")]
    [InlineData("""{"creditCount": 1e400}""")]
    [InlineData("""{"creditCount": 99999999999999999999}""")]
    [InlineData("""{"creditCount": 0}""")]
    [InlineData("""{"creditCount": -100}""")]
    [InlineData("""{"creditCount": null}""")]
    [InlineData("""{"creditCount": 100, "creditCount": 100}""")]
    [InlineData("""{"creditCount": 100, "dollarAmount": 10}""")]
    [InlineData("""{"dollarAmount": 7.49}""")]
    [InlineData("""{"dollarAmount": 10.001}""")]
    [InlineData("""{"dollarAmount": 0}""")]
    [InlineData("""{"dollarAmount": -10}""")]
    [InlineData("""{"dollarAmount": 1e400}""")]
    [InlineData("""{"dollarAmount": 79228162514264337593543950335}""")]
    [InlineData("""{"dollarAmount": "10"}""")]
    [InlineData("{}")]
    [InlineData("[]")]
    public async Task What_cannot_be_bought_is_400_and_nothing_is_charged(string body)
    {
        await using var host = await SalesHost.StartAsync();
        var (caller, _) = await host.SubscribeAsync();
        var answer = await caller.PostAsync(Path, body);
        Assert.Equal((400, "invalid_request"), (answer.Status, answer.Json.GetProperty("error").GetString()));
        Assert.Empty(await host.DocumentsAsync("sandbox-charge"));
        Assert.Empty(await host.DocumentsAsync("credit-purchase"));
        Assert.Equal("1000", answer.Remaining);
    }

    [Theory]
    [InlineData("platinum")]
    [InlineData("enterprise")]
    public async Task Plans_without_credits_are_403(string plan)
    {
        await using var host = await SalesHost.StartAsync();
        var (caller, _) = await host.SubscribeAsync(plan: plan);
        var answer = await caller.PostAsync(Path, """{"creditCount": 100}""");
        Assert.Equal((403, "plan_not_eligible"), (answer.Status, answer.Json.GetProperty("error").GetString()));
    }

    [Fact]
    public async Task An_account_without_a_saved_card_and_one_that_is_over_are_402()
    {
        await using var host = await SalesHost.StartAsync();
        var operators = await (await host.Gateway.OpenAsync()).PostAsync(Path, """{"creditCount": 100}""");
        Assert.Equal((402, "payment_method_required"), (operators.Status, operators.Json.GetProperty("error").GetString()));
        var (caller, _) = await host.SubscribeAsync();
        host.Clock.Advance(TimeSpan.FromDays(40));
        var over = await caller.PostAsync(Path, """{"creditCount": 100}""");
        Assert.Equal((402, "subscription_inactive"), (over.Status, over.Json.GetProperty("error").GetString()));
    }

    [Fact]
    public async Task A_declined_card_is_402_grants_nothing_and_the_same_key_may_succeed_later()
    {
        await using var host = await SalesHost.StartAsync();
        var (caller, url) = await host.SubscribeAsync();
        await host.PressAsync(url, "card-declines");
        var declined = await caller.PostAsync(Path, """{"creditCount": 100}""", "key-1");
        Assert.Equal((402, "card_declined", "1000"), (declined.Status, declined.Json.GetProperty("error").GetString(), declined.Remaining));
        Assert.Equal(402, (await caller.PostAsync(Path, """{"creditCount": 100}""", "key-1")).Status);
        await host.PressAsync(url, "card-pays");
        var paid = await caller.PostAsync(Path, """{"creditCount": 100}""", "key-1");
        Assert.Equal((200, "1100", false), (paid.Status, paid.Remaining, paid.IsReplay));
    }

    [Fact]
    public async Task A_card_that_asks_for_authentication_is_402_with_a_page_and_grants_once_it_is_paid()
    {
        await using var host = await SalesHost.StartAsync();
        var (caller, _) = await host.SubscribeAsync(button: "authenticate");
        var asked = await caller.PostAsync(Path, """{"creditCount": 100}""", "key-1");
        Assert.Equal((402, "authentication_required", "1000"), (asked.Status, asked.Json.GetProperty("error").GetString(), asked.Remaining));
        var url = asked.Json.GetProperty("paymentUrl").GetString()!;
        Assert.StartsWith("http://localhost/sandbox/payments/", url, StringComparison.Ordinal);
        Assert.Equal(url, (await caller.PostAsync(Path, """{"creditCount": 100}""", "key-1")).Json.GetProperty("paymentUrl").GetString());

        Assert.Equal(303, (await host.PressAsync(url, "authenticate")).Status);
        Assert.Equal("1100", (await caller.GetAsync("/v1/credits")).Remaining);
        var replayed = await caller.PostAsync(Path, """{"creditCount": 100}""", "key-1");
        Assert.Equal((200, true, "1100"), (replayed.Status, replayed.IsReplay, replayed.Remaining));
        Assert.Single(await host.DocumentsAsync("sandbox-charge"));
    }

    [Fact]
    public async Task A_failed_authentication_grants_nothing_and_the_next_attempt_is_a_new_charge()
    {
        await using var host = await SalesHost.StartAsync();
        var (caller, checkout) = await host.SubscribeAsync(button: "authenticate");
        var url = (await caller.PostAsync(Path, """{"creditCount": 100}""", "key-1")).Json.GetProperty("paymentUrl").GetString()!;
        await host.PressAsync(url, "decline");
        Assert.Equal("1000", (await caller.GetAsync("/v1/credits")).Remaining);
        await host.PressAsync(checkout, "card-pays");
        Assert.Equal(200, (await caller.PostAsync(Path, """{"creditCount": 100}""", "key-1")).Status);
        Assert.Equal("1100", (await caller.GetAsync("/v1/credits")).Remaining);
    }

    [Fact]
    public async Task The_same_key_charges_once_and_another_request_with_it_is_422()
    {
        await using var host = await SalesHost.StartAsync();
        var (caller, _) = await host.SubscribeAsync();
        var answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => caller.PostAsync(Path, """{"creditCount": 100}""", "key-1")));
        Assert.Contains(answers, answer => answer.Status == 200);
        Assert.All(answers, answer => Assert.True(answer.Status is 200 or 503, answer.Body));
        var again = await caller.PostAsync(Path, """{"creditCount": 100}""", "key-1");
        Assert.Equal((200, true, "1100"), (again.Status, again.IsReplay, again.Remaining));
        Assert.Single(await host.DocumentsAsync("sandbox-charge"));
        Assert.Equal(422, (await caller.PostAsync(Path, """{"creditCount": 101}""", "key-1")).Status);
        Assert.Equal(200, (await caller.PostAsync(Path, """{"creditCount": 100}""")).Status);
        Assert.Equal("1200", (await caller.GetAsync("/v1/credits")).Remaining);
    }

    [Fact]
    public async Task What_was_bought_is_answered_again_whatever_would_refuse_the_same_order_now()
    {
        await using var host = await SalesHost.StartAsync(ScriptedProvider.Add);
        var (caller, _) = await host.SubscribeAsync();
        var first = await caller.PostAsync(Path, """{"creditCount": 100}""", "key-1");
        Assert.Equal(200, first.Status);
        Assert.True((await host.Gateway.Meter.ChangePlanAsync(caller.Account, new() { Plan = "platinum" })).IsSuccess);
        await AssertReplayAsync("key-1");
        Assert.Equal(422, (await caller.PostAsync(Path, """{"creditCount": 101}""", "key-1")).Status);
        Assert.True((await host.Gateway.Meter.ChangePlanAsync(caller.Account, new() { Plan = "growth" })).IsSuccess);
        host.Clock.Advance(TimeSpan.FromDays(40));
        await AssertReplayAsync("key-1");
        Assert.True((await host.Gateway.Meter.SetStatusAsync(caller.Account, new() { Status = AccountStatus.Closed, Reason = "Asked for." })).IsSuccess);
        await AssertReplayAsync("key-1");

        async Task AssertReplayAsync(string key)
        {
            var again = await caller.PostAsync(Path, """{"creditCount": 100}""", key);
            Assert.Equal((200, true, first.Body), (again.Status, again.IsReplay, again.Body));
        }
    }

    [Fact]
    public async Task One_amount_of_dollars_is_one_order_however_it_is_written()
    {
        await using var host = await SalesHost.StartAsync();
        var (caller, _) = await host.SubscribeAsync();
        Assert.Equal(200, (await caller.PostAsync(Path, """{"dollarAmount": 10.0}""", "key-1")).Status);
        foreach (var same in (string[])["10", "10.00"])
        {
            var again = await caller.PostAsync(Path, $$"""{"dollarAmount": {{same}}}""", "key-1");
            Assert.Equal((200, true), (again.Status, again.IsReplay));
        }

        Assert.Equal(422, (await caller.PostAsync(Path, """{"dollarAmount": 10.01}""", "key-1")).Status);
        Assert.Single(await host.DocumentsAsync("sandbox-charge"));
    }

    [Fact]
    public async Task A_charge_whose_answer_was_lost_is_503_and_a_retry_finds_it()
    {
        await using var host = await SalesHost.StartAsync(ScriptedProvider.Add);
        var (caller, _) = await host.SubscribeAsync();
        ScriptedProvider.Of(host).LosesAnswers = true;
        var unknown = await caller.PostAsync(Path, """{"creditCount": 100}""", "key-1");
        Assert.Equal((503, "outcome_unknown"), (unknown.Status, unknown.Json.GetProperty("error").GetString()));
        ScriptedProvider.Of(host).LosesAnswers = false;
        Assert.Equal(200, (await caller.PostAsync(Path, """{"creditCount": 100}""", "key-1")).Status);
        Assert.Single(await host.DocumentsAsync("sandbox-charge"));
        Assert.Equal("1100", (await caller.GetAsync("/v1/credits")).Remaining);
    }

    [Fact]
    public async Task A_charge_whose_answer_was_lost_is_found_by_the_reconciler_without_any_event()
    {
        await using var host = await SalesHost.StartAsync(ScriptedProvider.Add, ("SandboxWebhookUrl", "http://localhost/nowhere"));
        var (url, token) = await host.PurchaseAsync();
        await host.PressAsync(url, "pay");
        host.Clock.Advance(TimeSpan.FromHours(23.9));
        Assert.Equal(202, (await host.ClaimAsync(token)).Status);
        host.Clock.Advance(TimeSpan.FromHours(0.1));
        await host.WorkAsync();
        var account = (await host.DocumentsAsync("billing"))[0].GetProperty("account").GetString()!;
        var caller = await host.Gateway.AddKeyAsync(new(account), Metering.Engine.ApiKeyScopes.Spend | Metering.Engine.ApiKeyScopes.Read);

        ScriptedProvider.Of(host).LosesAnswers = true;
        Assert.Equal(503, (await caller.PostAsync(Path, """{"creditCount": 100}""")).Status);
        Assert.Equal("1000", (await caller.GetAsync("/v1/credits")).Remaining);
        host.Clock.Advance(CreditPurchase.SettlingTime);
        await host.WorkAsync();
        Assert.Equal("1100", (await caller.GetAsync("/v1/credits")).Remaining);
        await host.WorkAsync();
        Assert.Equal("1100", (await caller.GetAsync("/v1/credits")).Remaining);
    }

    [Fact]
    public async Task A_charge_that_never_reached_the_provider_is_given_up_and_the_key_may_charge_anew()
    {
        await using var host = await SalesHost.StartAsync(ScriptedProvider.Add);
        var (caller, _) = await host.SubscribeAsync();
        ScriptedProvider.Of(host).IsDown = true;
        Assert.Equal(503, (await caller.PostAsync(Path, """{"creditCount": 100}""", "key-1")).Status);
        ScriptedProvider.Of(host).IsDown = false;
        host.Clock.Advance(CreditPurchase.LostAfter);
        await host.WorkAsync();
        Assert.Equal("Failed", Assert.Single(await host.DocumentsAsync("credit-purchase")).GetProperty("state").GetString());
        Assert.Equal(200, (await caller.PostAsync(Path, """{"creditCount": 100}""", "key-1")).Status);
        Assert.Equal("1100", (await caller.GetAsync("/v1/credits")).Remaining);
    }

    [Fact]
    public async Task Cancelling_keeps_access_until_the_period_ends_and_twice_is_the_same()
    {
        await using var host = await SalesHost.StartAsync();
        var (caller, url) = await host.SubscribeAsync();
        var first = await caller.PostAsync("/api/v1/subscription/cancel");
        Assert.Equal(200, first.Status);
        var data = first.Json.GetProperty("data");
        Assert.True(data.GetProperty("cancelAtPeriodEnd").GetBoolean());
        Assert.Equal(GatewayHost.Start.AddMonths(1).ToUnixTimeSeconds(), data.GetProperty("currentPeriodEnd").GetInt64());
        Assert.Equal("active", data.GetProperty("status").GetString());
        Assert.Equal(first.Body, (await caller.PostAsync("/api/v1/subscription/cancel")).Body);
        Assert.Equal(200, (await caller.PostAsync("/v1/credits/deduct", """{"amount": 1}""")).Status);

        host.Clock.Set(GatewayHost.Start.AddMonths(1));
        await host.PressAsync(url, "renew");
        Assert.Equal(402, (await caller.PostAsync("/v1/credits/deduct", """{"amount": 1}""")).Status);
        Assert.Equal(200, (await caller.GetAsync("/api/v1/me")).Status);
        var over = await caller.PostAsync("/api/v1/subscription/cancel");
        Assert.Equal((404, "subscription_unknown"), (over.Status, over.Json.GetProperty("error").GetString()));
        await host.PurchaseAsync();
    }

    [Fact]
    public async Task Cancelling_needs_a_subscription_and_a_provider()
    {
        await using var host = await SalesHost.StartAsync(ScriptedProvider.Add);
        Assert.Equal(404, (await (await host.Gateway.OpenAsync()).PostAsync("/api/v1/subscription/cancel")).Status);
        var (caller, _) = await host.SubscribeAsync();
        ScriptedProvider.Of(host).IsDown = true;
        Assert.Equal(503, (await caller.PostAsync("/api/v1/subscription/cancel")).Status);
        ScriptedProvider.Of(host).IsDown = false;
        Assert.Equal(200, (await caller.PostAsync("/api/v1/subscription/cancel")).Status);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Cancelling_what_the_provider_has_ended_is_404(bool isCancelled)
    {
        await using var host = await SalesHost.StartAsync(ScriptedProvider.Add);
        var (caller, _) = await host.SubscribeAsync();
        if (isCancelled)
        {
            Assert.Equal(200, (await caller.PostAsync("/api/v1/subscription/cancel")).Status);
        }

        ScriptedProvider.Of(host).HasEnded = true;
        var answer = await caller.PostAsync("/api/v1/subscription/cancel");
        Assert.Equal((404, "subscription_unknown"), (answer.Status, answer.Json.GetProperty("error").GetString()));
    }
}
