using System.Text.Json;
using Metering.Engine;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Metering.Gateway.Tests.Sales;

/// <summary>Rule 5 of the pool on the routes of buying: the same key and request gets the first success again.</summary>
public sealed class RepeatedRequestTests
{
    private const string Change = "/api/v1/subscription/change-plan";
    private const string Cancel = "/api/v1/subscription/cancel";
    private const string Purchase = "/api/v1/purchase";
    private const string Growth = """{"email": "ann@example.com", "plan": "growth"}""";
    private const string ToScale = """{"targetPlan": "scale"}""";

    [Fact]
    public async Task A_repeated_change_of_plan_is_the_first_answer_and_changes_nothing_more()
    {
        await using var host = await SalesHost.StartAsync();
        var (caller, _) = await host.SubscribeAsync();
        var first = await caller.PostAsync(Change, ToScale, "key-1");
        Assert.Equal((200, false), (first.Status, first.IsReplay));
        Assert.Equal(200, (await caller.PostAsync(Change, """{"targetPlan": "starter"}""", "key-2")).Status);
        host.Clock.Advance(TimeSpan.FromHours(24) - TimeSpan.FromSeconds(1));
        var again = await caller.PostAsync(Change, ToScale, "key-1");
        Assert.Equal((200, true, first.Body), (again.Status, again.IsReplay, again.Body));
        Assert.Equal("starter", (await host.Gateway.Meter.GetBalanceAsync(caller.Account)).Value.PlannedPlan);
    }

    [Fact]
    public async Task A_key_with_another_request_is_422_also_on_another_route()
    {
        await using var host = await SalesHost.StartAsync();
        var (caller, _) = await host.SubscribeAsync();
        Assert.Equal(200, (await caller.PostAsync(Change, ToScale, "key-1")).Status);
        foreach (var other in new[] { await caller.PostAsync(Change, """{"targetPlan": "starter"}""", "key-1"), await caller.PostAsync(Cancel, null, "key-1") })
        {
            Assert.Equal((422, "idempotency_key_reused"), (other.Status, other.Json.GetProperty("error").GetString()));
        }

        // Another account's keys are its own.
        var (bob, _) = await host.SubscribeAsync("bob@example.com");
        Assert.False((await bob.PostAsync(Cancel, null, "key-1")).IsReplay);
    }

    [Fact]
    public async Task A_repeated_cancellation_does_not_cancel_what_goes_on_again()
    {
        await using var host = await SalesHost.StartAsync();
        var (caller, _) = await host.SubscribeAsync();
        var first = await caller.PostAsync(Cancel, null, "key-1");
        Assert.Equal(200, (await caller.PostAsync(Change, ToScale)).Status);
        var again = await caller.PostAsync(Cancel, null, "key-1");
        Assert.Equal((200, true, first.Body), (again.Status, again.IsReplay, again.Body));
        Assert.False((await host.Gateway.Meter.GetBalanceAsync(caller.Account)).Value.CancelAtPeriodEnd);
    }

    [Fact]
    public async Task A_refusal_is_not_kept()
    {
        await using var host = await SalesHost.StartAsync();
        var (caller, url) = await host.SubscribeAsync();
        await host.PressAsync(url, "card-declines");
        Assert.Equal(402, (await caller.PostAsync(Change, ToScale, "key-1")).Status);
        await host.PressAsync(url, "card-pays");
        var paid = await caller.PostAsync(Change, ToScale, "key-1");
        Assert.Equal((200, false), (paid.Status, paid.IsReplay));
    }

    [Fact]
    public async Task Of_the_same_request_at_once_one_changes_and_the_others_wait_for_it()
    {
        await using var host = await SalesHost.StartAsync();
        var (caller, _) = await host.SubscribeAsync();
        var answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => caller.PostAsync(Change, ToScale, "key-1")));
        Assert.All(answers, answer => Assert.Equal((200, answers[0].Body), (answer.Status, answer.Body)));
        Assert.Single(answers, answer => !answer.IsReplay);
        Assert.Equal(7_500 + 17_500, Assert.Single(await host.DocumentsAsync("sandbox-subscription")).GetProperty("paidCents").GetInt64());
    }

    [Fact]
    public async Task The_retry_of_a_change_that_broke_off_tells_what_it_came_to()
    {
        await using var host = await SalesHost.StartAsync(ScriptedProvider.Add);
        var (caller, _) = await host.SubscribeAsync();
        await caller.PostAsync("/v1/credits/deduct", """{"amount": 360}""");
        ScriptedProvider.Of(host).BehindChange = _ => throw ScriptedProvider.Unreachable;
        Assert.Equal(503, (await caller.PostAsync(Change, ToScale, "key-1")).Status);
        ScriptedProvider.Of(host).BehindChange = null;
        await host.WorkAsync();
        Assert.Equal("5640", (await caller.GetAsync("/v1/credits")).Remaining);

        var retry = await caller.PostAsync(Change, ToScale, "key-1");
        Assert.Equal(200, retry.Status);
        var data = retry.Json.GetProperty("data");
        Assert.Equal(("upgrade", "growth", 640), (data.GetProperty("changeType").GetString(), data.GetProperty("previousPlan").GetString(), data.GetProperty("permanentCreditsAdded").GetInt32()));
        Assert.Equal("5640", retry.Remaining);
        Assert.True((await caller.PostAsync(Change, ToScale, "key-1")).IsReplay);
    }

    [Fact]
    public async Task A_purchases_key_with_another_address_is_422_also_where_the_first_one_failed()
    {
        await using var host = await SalesHost.StartAsync(ScriptedProvider.Add);
        ScriptedProvider.Of(host).IsDown = true;
        Assert.Equal(503, (await host.PostAsync(Purchase, Growth, "key-1")).Status);
        ScriptedProvider.Of(host).IsDown = false;
        var other = await host.PostAsync(Purchase, """{"email": "bob@example.com", "plan": "growth"}""", "key-1");
        Assert.Equal((422, "idempotency_key_reused"), (other.Status, other.Json.GetProperty("error").GetString()));
        var retry = await host.PostAsync(Purchase, Growth, "key-1");
        Assert.Equal((201, false, JsonValueKind.String), (retry.Status, retry.IsReplay, retry.Json.GetProperty("data").GetProperty("claimToken").ValueKind));
    }

    [Fact]
    public async Task A_purchase_that_a_later_one_has_replaced_is_still_the_first_answer()
    {
        await using var host = await SalesHost.StartAsync();
        var first = await host.PostAsync(Purchase, Growth, "key-1");
        await host.PurchaseAsync(plan: "scale");
        var again = await host.PostAsync(Purchase, Growth, "key-1");
        Assert.Equal((201, true), (again.Status, again.IsReplay));
        Assert.Equal(
            first.Json.GetProperty("data").GetProperty("checkoutUrl").GetString(), again.Json.GetProperty("data").GetProperty("checkoutUrl").GetString());
        Assert.Equal(2, (await host.DocumentsAsync("plan-purchase")).Count);
    }

    [Fact]
    public async Task A_repeated_claim_says_that_the_key_was_told_and_does_not_tell_it()
    {
        await using var host = await SalesHost.StartAsync();
        var (url, token) = await host.PurchaseAsync();
        var body = $$"""{"email": "ann@example.com", "claimToken": "{{token}}"}""";
        Assert.Equal(202, (await host.PostAsync("/api/v1/claim-key", body, "key-1")).Status); // Pending is not kept.
        await host.PressAsync(url, "pay");
        var first = await host.PostAsync("/api/v1/claim-key", body, "key-1");
        Assert.StartsWith("mtr_", first.Json.GetProperty("data").GetProperty("apiKey").GetString(), StringComparison.Ordinal);
        var again = await host.PostAsync("/api/v1/claim-key", body, "key-1");
        Assert.Equal((200, true, JsonValueKind.Null), (again.Status, again.IsReplay, again.Json.GetProperty("data").GetProperty("apiKey").ValueKind));
        Assert.Equal(409, (await host.PostAsync("/api/v1/claim-key", body)).Status);
        Assert.Equal(422, (await host.PostAsync("/api/v1/claim-key", body.Replace("ann@", "bob@", StringComparison.Ordinal), "key-1")).Status);
    }

    [Fact]
    public async Task Settings_and_keywords_are_repeated_too_and_erased_with_their_account()
    {
        await using var host = await SalesHost.StartAsync();
        var (caller, _) = await host.SubscribeAsync();
        var switched = await caller.PostAsync("/api/v1/settings/switch-database", """{"smbType": "other"}""", "key-1");
        host.Clock.Advance(TimeSpan.FromHours(3));
        var again = await caller.PostAsync("/api/v1/settings/switch-database", """{"smbType": "other"}""", "key-1");
        Assert.Equal((200, true, switched.Body), (again.Status, again.IsReplay, again.Body));

        const string Roofers = """{"description": "We sell tiles to roofers"}""";
        var keywords = await caller.PostAsync("/api/v1/ai/generate-keywords", Roofers, "key-2");
        host.Clock.Advance(TimeSpan.FromHours(3));
        var repeated = await caller.PostAsync("/api/v1/ai/generate-keywords", Roofers, "key-2");
        Assert.Equal((200, true, keywords.Body), (repeated.Status, repeated.IsReplay, repeated.Body));

        var admin = await host.Gateway.AddKeyAsync(new("ops"), ApiKeyScopes.Admin);
        Assert.Equal(200, (await admin.PostAsync($"/admin/v1/accounts/{caller.Account}/erase")).Status);
        Assert.False((await caller.PostAsync("/api/v1/ai/generate-keywords", Roofers, "key-2")).IsReplay);
    }

    [Fact]
    public async Task The_pages_that_customers_come_back_to_are_texts_in_nobodys_frame()
    {
        await using var host = await SalesHost.StartAsync();
        foreach (var path in new[] { "/checkout/done", "/checkout/cancelled" })
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, path);
            var page = await Answer.OfAsync(host.Client, request);
            Assert.Equal((200, "text/plain"), (page.Status, page.ContentType));
            Assert.Equal("nosniff", page.Headers["X-Content-Type-Options"]);
            Assert.Equal("no-referrer", page.Headers["Referrer-Policy"]);
            Assert.Equal("no-store", page.Headers["Cache-Control"]);
            Assert.Equal("default-src 'none'; frame-ancestors 'none'", page.Headers["Content-Security-Policy"]);
        }
    }

    [Fact]
    public async Task A_name_that_somebody_writes_into_a_request_is_no_address_to_pay_at()
    {
        await using var host = await SalesHost.StartAsync();
        using var request = new HttpRequestMessage(HttpMethod.Post, Purchase) { Content = new StringContent(Growth, System.Text.Encoding.UTF8, "application/json") };
        request.Headers.Host = "evil.example";
        var answer = await Answer.OfAsync(host.Client, request);
        Assert.Equal((503, "payments_unavailable"), (answer.Status, answer.Json.GetProperty("error").GetString()));
        Assert.Contains("Metering:Payments:PublicUrl", answer.Json.GetProperty("message").GetString(), StringComparison.Ordinal);
        Assert.Empty(await host.DocumentsAsync("plan-purchase"));
    }
}
