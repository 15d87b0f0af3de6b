using Xunit;

namespace Metering.Gateway.Tests.Sales;

/// <summary>Dialect A: <c>POST /api/v1/subscription/change-plan</c>, and what refunds and disputes take back.</summary>
public sealed class PlanChangeTests
{
    private const string Path = "/api/v1/subscription/change-plan";

    [Fact]
    public async Task An_upgrade_keeps_unused_credits_for_good_and_grants_the_new_allotment()
    {
        await using var host = await SalesHost.StartAsync();
        var (caller, _) = await host.SubscribeAsync();
        await caller.PostAsync("/v1/credits/deduct", """{"amount": 360}""");
        var answer = await caller.PostAsync(Path, """{"targetPlan": "scale"}""");
        Assert.Equal(200, answer.Status);
        answer.HasJson("""
            {"data": {"message": "The plan was changed; its credits are there now.", "changeType": "upgrade", "previousPlan": "growth", "newPlan": "scale",
              "newMonthlyCredits": 5000, "permanentCreditsAdded": 640}}
            """);
        Assert.Equal("5640", answer.Remaining);
        await host.WorkAsync();
        Assert.Equal("5640", (await caller.GetAsync("/v1/credits")).Remaining);
        Assert.Equal("scale", (await caller.GetAsync("/api/v1/me")).Json.GetProperty("data").GetProperty("plan").GetString());
        var subscription = Assert.Single(await host.DocumentsAsync("sandbox-subscription"));
        Assert.Equal(7_500 + 17_500, subscription.GetProperty("paidCents").GetInt64());
    }

    [Fact]
    public async Task An_upgrade_in_the_middle_of_the_period_costs_what_is_left_of_it()
    {
        await using var host = await SalesHost.StartAsync();
        var (caller, _) = await host.SubscribeAsync("ann@example.com", "starter");
        host.Clock.Advance(TimeSpan.FromDays(15.5));
        var answer = await caller.PostAsync(Path, """{"targetPlan": "growth"}""");
        Assert.Equal((200, "600"), (answer.Status, answer.Remaining)); // 100 that were left, and half of 1,000.
        Assert.Equal(1_000 + 3_250, Assert.Single(await host.DocumentsAsync("sandbox-subscription")).GetProperty("paidCents").GetInt64());
    }

    [Fact]
    public async Task A_whole_allotment_is_granted_only_where_it_was_chosen()
    {
        await using var host = await SalesHost.StartAsync(null, ("UpgradeAllotment", "whole"));
        var (caller, _) = await host.SubscribeAsync("ann@example.com", "starter");
        host.Clock.Advance(TimeSpan.FromDays(15.5));
        Assert.Equal("1100", (await caller.PostAsync(Path, """{"targetPlan": "growth"}""")).Remaining);
    }

    [Fact]
    public async Task A_declined_upgrade_leaves_a_planned_downgrade_planned()
    {
        await using var host = await SalesHost.StartAsync();
        var (caller, url) = await host.SubscribeAsync();
        Assert.Equal(200, (await caller.PostAsync(Path, """{"targetPlan": "starter"}""")).Status);
        await host.PressAsync(url, "card-declines");
        Assert.Equal(402, (await caller.PostAsync(Path, """{"targetPlan": "scale"}""")).Status);
        await host.WorkAsync();
        Assert.Equal("starter", (await host.Gateway.Meter.GetBalanceAsync(caller.Account)).Value.PlannedPlan);
        Assert.Equal("starter", Assert.Single(await host.DocumentsAsync("sandbox-subscription")).GetProperty("plan").GetString());
    }

    [Fact]
    public async Task A_declined_upgrade_is_402_and_changes_nothing()
    {
        await using var host = await SalesHost.StartAsync();
        var (caller, url) = await host.SubscribeAsync();
        await host.PressAsync(url, "card-declines");
        var answer = await caller.PostAsync(Path, """{"targetPlan": "scale"}""");
        Assert.Equal((402, "card_declined", "1000"), (answer.Status, answer.Json.GetProperty("error").GetString(), answer.Remaining));
        Assert.Equal("growth", (await caller.GetAsync("/api/v1/me")).Json.GetProperty("data").GetProperty("plan").GetString());
    }

    [Fact]
    public async Task A_downgrade_begins_with_the_next_period_and_can_be_withdrawn()
    {
        await using var host = await SalesHost.StartAsync();
        var (caller, url) = await host.SubscribeAsync();
        var answer = await caller.PostAsync(Path, """{"targetPlan": "starter"}""");
        answer.HasJson("""
            {"data": {"message": "The plan changes with the next period.", "changeType": "downgrade", "previousPlan": "growth", "newPlan": "starter",
              "newMonthlyCredits": 100, "permanentCreditsAdded": 0}}
            """);
        Assert.Equal("1000", answer.Remaining);
        Assert.Equal("unchanged", (await caller.PostAsync(Path, """{"targetPlan": "growth"}""")).Json.GetProperty("data").GetProperty("changeType").GetString());
        Assert.Equal(200, (await caller.PostAsync(Path, """{"targetPlan": "starter"}""")).Status);
        host.Clock.Set(GatewayHost.Start.AddMonths(1));
        await host.PressAsync(url, "renew");
        Assert.Equal("100", (await caller.GetAsync("/v1/credits")).Remaining);
        Assert.Equal(7_500 + 1_000, Assert.Single(await host.DocumentsAsync("sandbox-subscription")).GetProperty("paidCents").GetInt64());
    }

    [Fact]
    public async Task An_upgrade_behind_a_planned_downgrade_is_charged_from_what_was_paid()
    {
        await using var host = await SalesHost.StartAsync();
        var (caller, _) = await host.SubscribeAsync();
        await caller.PostAsync(Path, """{"targetPlan": "starter"}""");
        Assert.Equal("upgrade", (await caller.PostAsync(Path, """{"targetPlan": "scale"}""")).Json.GetProperty("data").GetProperty("changeType").GetString());
        Assert.Equal(7_500 + 17_500, Assert.Single(await host.DocumentsAsync("sandbox-subscription")).GetProperty("paidCents").GetInt64());
        await host.WorkAsync();
        var me = (await caller.GetAsync("/api/v1/me")).Json.GetProperty("data");
        Assert.Equal(("scale", 6_000), (me.GetProperty("plan").GetString(), me.GetProperty("totalCreditsRemaining").GetInt32()));
    }

    [Theory]
    [InlineData("""{"targetPlan": "platinum"}""")]
    [InlineData("""{"targetPlan": "growth"}""")]
    [InlineData("""{"targetPlan": 7}""")]
    [InlineData("""{"targetPlan": null}""")]
    [InlineData("{}")]
    public async Task A_plan_that_is_none_or_the_own_is_400(string body)
    {
        await using var host = await SalesHost.StartAsync();
        var (caller, _) = await host.SubscribeAsync();
        var answer = await caller.PostAsync(Path, body);
        Assert.Equal((400, "invalid_request"), (answer.Status, answer.Json.GetProperty("error").GetString()));
    }

    [Fact]
    public async Task Without_a_subscription_it_is_404()
    {
        await using var host = await SalesHost.StartAsync();
        Assert.Equal(404, (await (await host.Gateway.OpenAsync()).PostAsync(Path, """{"targetPlan": "scale"}""")).Status);
    }

    [Fact]
    public async Task A_plan_change_takes_a_cancellation_back()
    {
        await using var host = await SalesHost.StartAsync();
        var (caller, url) = await host.SubscribeAsync();
        await caller.PostAsync("/api/v1/subscription/cancel");
        Assert.Equal(200, (await caller.PostAsync(Path, """{"targetPlan": "scale"}""")).Status);
        host.Clock.Set(GatewayHost.Start.AddMonths(1));
        await host.PressAsync(url, "renew");
        Assert.Equal(200, (await caller.PostAsync("/v1/credits/deduct", """{"amount": 1}""")).Status);
    }

    [Theory]
    [InlineData("refund")]
    [InlineData("dispute")]
    public async Task A_refund_takes_unspent_credits_back_once(string button)
    {
        await using var host = await SalesHost.StartAsync();
        var (caller, url) = await host.SubscribeAsync();
        await caller.PostAsync("/api/v1/purchase-credits", """{"creditCount": 200}""");
        Assert.Equal(303, (await host.PressAsync(url, button)).Status);
        Assert.Equal("1000", (await caller.GetAsync("/v1/credits")).Remaining);
        await host.WorkAsync();
        Assert.Equal("1000", (await caller.GetAsync("/v1/credits")).Remaining);
    }

    [Fact]
    public async Task What_is_spent_of_refunded_credits_is_owed_and_settled_by_the_next_grant()
    {
        await using var host = await SalesHost.StartAsync();
        var (caller, url) = await host.SubscribeAsync();
        await caller.PostAsync("/api/v1/purchase-credits", """{"creditCount": 200}""");
        await caller.PostAsync("/v1/credits/deduct", """{"amount": 1150}""");
        await host.PressAsync(url, "refund");
        Assert.Equal("0", (await caller.GetAsync("/v1/credits")).Remaining);
        Assert.Equal(Credits.Of(150), (await host.Gateway.Meter.GetBalanceAsync(caller.Account)).Value.Owed);
        await caller.PostAsync("/api/v1/purchase-credits", """{"creditCount": 400}""");
        Assert.Equal("250", (await caller.GetAsync("/v1/credits")).Remaining);
    }
}
