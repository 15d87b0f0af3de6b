using System.Globalization;
using System.Text.Json;
using Metering.Gateway.Payments;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Metering.Gateway.Tests.Sales;

/// <summary>Changes of one subscription side by side, broken off and finished by others: in the end the ledger has what the provider has, granted once.</summary>
public sealed class PlanChangeOrderTests
{
    private const string Path = "/api/v1/subscription/change-plan";

    [Fact]
    public async Task A_change_waits_for_the_one_before_it_so_that_each_grants_what_it_is_owed()
    {
        await using var host = await SalesHost.StartAsync(ScriptedProvider.Add);
        var (caller, _) = await host.SubscribeAsync(plan: "starter");
        var (reached, go) = (new TaskCompletionSource(), new TaskCompletionSource());
        ScriptedProvider.Of(host).BehindChange = _ =>
        {
            reached.TrySetResult();
            return go.Task;
        };
        var first = caller.PostAsync(Path, """{"targetPlan": "growth"}""");
        await reached.Task;
        ScriptedProvider.Of(host).BehindChange = null;

        // The provider has it, the ledger has not: neither another call nor the event may go past.
        var second = await caller.PostAsync(Path, """{"targetPlan": "scale"}""");
        Assert.Equal((503, "change_in_progress", "1"), (second.Status, second.Json.GetProperty("error").GetString(), second.Headers["Retry-After"]));
        await host.WorkAsync();
        go.SetResult();
        Assert.Equal(100, AddedBy(await first));
        Assert.Equal(1_000, AddedBy(await caller.PostAsync(Path, """{"targetPlan": "scale"}""")));
        await AssertAlikeAsync(host, caller, "scale", permanent: 1_100, monthly: 5_000);
    }

    [Fact]
    public async Task A_cancellation_does_not_go_past_a_change()
    {
        await using var host = await SalesHost.StartAsync(ScriptedProvider.Add);
        var (caller, _) = await host.SubscribeAsync();
        var (reached, go) = (new TaskCompletionSource(), new TaskCompletionSource());
        ScriptedProvider.Of(host).BehindChange = _ =>
        {
            reached.TrySetResult();
            return go.Task;
        };
        var change = caller.PostAsync(Path, """{"targetPlan": "scale"}""");
        await reached.Task;
        Assert.Equal(503, (await caller.PostAsync("/api/v1/subscription/cancel")).Status);
        go.SetResult();
        Assert.Equal(200, (await change).Status);
        Assert.Equal(200, (await caller.PostAsync("/api/v1/subscription/cancel")).Status);
        Assert.True((await host.Gateway.Meter.GetBalanceAsync(caller.Account)).Value.CancelAtPeriodEnd);
    }

    [Fact]
    public async Task A_change_whose_holder_hangs_is_finished_by_others_and_granted_once()
    {
        await using var host = await SalesHost.StartAsync(ScriptedProvider.Add);
        var (caller, _) = await host.SubscribeAsync();
        var (reached, go) = (new TaskCompletionSource(), new TaskCompletionSource());
        ScriptedProvider.Of(host).BehindChange = _ =>
        {
            reached.TrySetResult();
            return go.Task;
        };
        var hanging = caller.PostAsync(Path, """{"targetPlan": "scale"}""");
        await reached.Task;
        host.Clock.Advance(TimeSpan.FromMinutes(1));
        await host.WorkAsync();
        Assert.Equal("scale", (await host.Gateway.Meter.GetBalanceAsync(caller.Account)).Value.Plan);
        go.SetResult();
        Assert.Equal(1_000, AddedBy(await hanging));
        Assert.True((await host.Gateway.Meter.GetBalanceAsync(caller.Account)).Value is { Plan: "scale" } balance && balance.Permanent == Credits.Of(1_000));
    }

    [Fact]
    public async Task A_planned_downgrade_outlives_an_upgrade_that_breaks_off()
    {
        await using var host = await SalesHost.StartAsync(ScriptedProvider.Add);
        var (caller, _) = await host.SubscribeAsync();
        Assert.Equal(200, (await caller.PostAsync(Path, """{"targetPlan": "starter"}""")).Status);

        // The first call puts the present price back, the second one is lost.
        ScriptedProvider.Of(host).BeforeChange = plan =>
        {
            if (plan == "scale")
            {
                throw ScriptedProvider.Unreachable;
            }
        };
        Assert.Equal(503, (await caller.PostAsync(Path, """{"targetPlan": "scale"}""")).Status);
        await host.WorkAsync();
        Assert.Equal("starter", Assert.Single(await host.DocumentsAsync("sandbox-subscription")).GetProperty("plan").GetString());
        Assert.Equal("starter", (await host.Gateway.Meter.GetBalanceAsync(caller.Account)).Value.PlannedPlan);

        ScriptedProvider.Of(host).BeforeChange = null;
        Assert.Equal(1_000, AddedBy(await caller.PostAsync(Path, """{"targetPlan": "scale"}""")));
        await AssertAlikeAsync(host, caller, "scale", permanent: 1_000, monthly: 5_000);
    }

    [Fact]
    public async Task A_cancelled_subscription_with_a_lower_price_stays_cancelled_and_is_followed_once()
    {
        await using var host = await SalesHost.StartAsync();
        var (caller, _) = await host.SubscribeAsync();
        await caller.PostAsync(Path, """{"targetPlan": "starter"}""");
        Assert.Equal(200, (await caller.PostAsync("/api/v1/subscription/cancel")).Status);
        await host.WorkAsync();
        var before = (await host.Gateway.Meter.GetBalanceAsync(caller.Account)).Value;
        Assert.Equal(200, (await caller.PostAsync("/api/v1/subscription/cancel")).Status);
        await host.WorkAsync();
        var after = (await host.Gateway.Meter.GetBalanceAsync(caller.Account)).Value;
        Assert.Equal((true, before.Sequence), (after.CancelAtPeriodEnd, after.Sequence));
    }

    /// <summary>
    /// Callers that change and cancel at once, with the provider's answers and events in whatever order they come. What the upgrades answered is
    /// what the ledger holds, and the plan is the provider's.
    /// </summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(6)]
    public async Task Whatever_the_order_the_ledger_ends_where_the_provider_does(int seed)
    {
        await using var host = await SalesHost.StartAsync(ScriptedProvider.Add);
        var (caller, _) = await host.SubscribeAsync(plan: "starter");
        ScriptedProvider.Of(host).BehindChange = async _ => await Task.Yield();
        var added = 0L;
        async Task GoAsync(Random random)
        {
            for (var step = 0; step < 6; step++)
            {
                var wish = random.Next(5);
                var answer = wish switch
                {
                    0 => await caller.PostAsync("/api/v1/subscription/cancel"),
                    1 => await caller.PostAsync(Path, """{"targetPlan": "starter"}"""),
                    2 or 3 => await caller.PostAsync(Path, """{"targetPlan": "growth"}"""),
                    _ => await caller.PostAsync(Path, """{"targetPlan": "scale"}"""),
                };
                Assert.True(answer.Status is 200 or 400 or 503, answer.Body);
                Interlocked.Add(ref added, wish > 0 && answer.Status == 200 ? AddedBy(answer) : 0);
                await (random.Next(3) == 0 ? host.WorkAsync() : Task.CompletedTask);
            }
        }

        await Task.WhenAll(Enumerable.Range(0, 4).Select(number => Task.Run(() => GoAsync(new((seed * 100) + number)))));
        await host.WorkAsync();
        await host.WorkAsync();
        var balance = (await host.Gateway.Meter.GetBalanceAsync(caller.Account)).Value;
        Assert.Equal(Credits.Of(added), balance.Permanent);
        var subscription = Assert.Single(await host.DocumentsAsync("sandbox-subscription"));
        Assert.Equal(subscription.GetProperty("cancelsAtPeriodEnd").GetBoolean(), balance.CancelAtPeriodEnd);
        var plan = subscription.GetProperty("plan").GetString();
        Assert.True(plan == (balance.PlannedPlan ?? balance.Plan) || balance.CancelAtPeriodEnd, string.Create(CultureInfo.InvariantCulture, $"{plan} is not {balance}."));
    }

    [Fact]
    public async Task Whoever_has_a_plan_that_is_not_for_sale_any_more_goes_on_with_it()
    {
        await using var host = await SalesHost.StartAsync();
        var (caller, _) = await host.SubscribeAsync();
        var plans = (Dictionary<string, PlanPrice>)host.Gateway.Services.GetRequiredService<PaymentOptions>().Plans;
        plans["growth"] = plans["growth"] with { IsForSale = false };
        Assert.Equal(200, (await caller.PostAsync("/api/v1/purchase-credits", """{"creditCount": 100}""")).Status);
        Assert.Equal(200, (await caller.PostAsync(Path, """{"targetPlan": "starter"}""")).Status);
        Assert.Equal("unchanged", (await caller.PostAsync(Path, """{"targetPlan": "growth"}""")).Json.GetProperty("data").GetProperty("changeType").GetString());

        Assert.Equal(200, (await caller.PostAsync(Path, """{"targetPlan": "scale"}""")).Status);
        var back = await caller.PostAsync(Path, """{"targetPlan": "growth"}""");
        Assert.Equal((400, "targetPlan must be one of starter, scale."), (back.Status, back.Json.GetProperty("message").GetString()));
    }

    private static long AddedBy(Answer answer)
    {
        Assert.Equal(200, answer.Status);
        return answer.Json.GetProperty("data").GetProperty("permanentCreditsAdded").GetInt64();
    }

    private static async Task AssertAlikeAsync(SalesHost host, TestCaller caller, string plan, int permanent, int monthly)
    {
        await host.WorkAsync();
        var balance = (await host.Gateway.Meter.GetBalanceAsync(caller.Account)).Value;
        Assert.Equal((plan, null, Credits.Of(permanent), Credits.Of(monthly)), (balance.Plan, balance.PlannedPlan, balance.Permanent, balance.Monthly));
        Assert.Equal(plan, Assert.Single(await host.DocumentsAsync("sandbox-subscription")).GetProperty("plan").GetString());
        Assert.DoesNotContain(await host.DocumentsAsync("billing"), billing => billing.TryGetProperty("claim", out _));
    }
}
