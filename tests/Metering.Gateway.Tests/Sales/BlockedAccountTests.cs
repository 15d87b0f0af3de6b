using Metering.Engine;
using Xunit;

namespace Metering.Gateway.Tests.Sales;

/// <summary>Accounts that an operator suspends or closes: what becomes of their cards and subscriptions.</summary>
public sealed class BlockedAccountTests
{
    [Fact]
    public async Task Closing_an_account_ends_its_subscription_with_the_paid_period_and_says_so()
    {
        await using var host = await SalesHost.StartAsync();
        var (caller, url) = await host.SubscribeAsync();
        var admin = await host.Gateway.AddKeyAsync(new("ops"), ApiKeyScopes.Admin);
        var closed = await admin.PostAsync($"/admin/v1/accounts/{caller.Account}/status", """{"status": "closed", "reason": "Fraud."}""");
        Assert.Equal((200, "closed"), (closed.Status, closed.Json.GetProperty("status").GetString()));
        Assert.EndsWith("ends with the paid period, at 2026-06-01T00:00:00.000Z; no further period is charged.", closed.Json.GetProperty("subscription").GetString(), StringComparison.Ordinal);
        Assert.True(Assert.Single(await host.DocumentsAsync("sandbox-subscription")).GetProperty("cancelsAtPeriodEnd").GetBoolean());
        Assert.False(Assert.Single(await host.DocumentsAsync("billing")).TryGetProperty("closingSince", out _));
        Assert.Contains("ends_with_period", (await admin.GetAsync("/admin/v1/audit")).Body, StringComparison.Ordinal);

        host.Clock.Set(GatewayHost.Start.AddMonths(1));
        await host.PressAsync(url, "renew");
        Assert.Equal(7_500, Assert.Single(await host.DocumentsAsync("sandbox-subscription")).GetProperty("paidCents").GetInt64());
    }

    [Fact]
    public async Task What_cannot_be_ended_at_once_is_ended_as_soon_as_the_provider_is_there()
    {
        await using var host = await SalesHost.StartAsync(ScriptedProvider.Add);
        var (caller, _) = await host.SubscribeAsync();
        var admin = await host.Gateway.AddKeyAsync(new("ops"), ApiKeyScopes.Admin);
        ScriptedProvider.Of(host).IsDown = true;
        var closed = await admin.PostAsync($"/admin/v1/accounts/{caller.Account}/status", """{"status": "closed", "reason": "Fraud."}""");
        Assert.Equal(200, closed.Status);
        Assert.Contains("is not ended at the payment provider yet", closed.Json.GetProperty("subscription").GetString(), StringComparison.Ordinal);
        await host.WorkAsync();
        ScriptedProvider.Of(host).IsDown = false;
        host.Clock.Advance(TimeSpan.FromHours(1));
        await host.WorkAsync();
        Assert.True(Assert.Single(await host.DocumentsAsync("sandbox-subscription")).GetProperty("cancelsAtPeriodEnd").GetBoolean());
        await host.WorkAsync();
        var billing = Assert.Single(await host.DocumentsAsync("billing"));
        Assert.False(billing.TryGetProperty("closingSince", out _) || billing.TryGetProperty("claim", out _));
    }

    [Fact]
    public async Task An_account_that_could_not_be_closed_keeps_its_subscription()
    {
        await using var host = await SalesHost.StartAsync();
        var (caller, _) = await host.SubscribeAsync();
        var admin = await host.Gateway.AddKeyAsync(new("ops"), ApiKeyScopes.Admin);
        Assert.Equal(400, (await admin.PostAsync($"/admin/v1/accounts/{caller.Account}/status", $$"""{"status": "closed", "reason": "{{new string('x', 501)}}"}""")).Status);
        host.Clock.Advance(TimeSpan.FromMinutes(10));
        await host.WorkAsync();
        Assert.False(Assert.Single(await host.DocumentsAsync("sandbox-subscription")).GetProperty("cancelsAtPeriodEnd").GetBoolean());
        Assert.False(Assert.Single(await host.DocumentsAsync("billing")).TryGetProperty("closingSince", out _));
    }

    [Theory]
    [InlineData(AccountStatus.Suspended, "account_suspended")]
    [InlineData(AccountStatus.Closed, "account_closed")]
    public async Task A_blocked_account_is_not_charged(AccountStatus status, string error)
    {
        await using var host = await SalesHost.StartAsync(ScriptedProvider.Add);
        var (caller, _) = await host.SubscribeAsync();
        Assert.True((await host.Gateway.Meter.SetStatusAsync(caller.Account, new() { Status = status, Reason = "Under review." })).IsSuccess);
        var bought = await caller.PostAsync("/api/v1/purchase-credits", """{"creditCount": 100}""");
        Assert.Equal((403, error), (bought.Status, bought.Json.GetProperty("error").GetString()));
        var changed = await caller.PostAsync("/api/v1/subscription/change-plan", """{"targetPlan": "scale"}""");
        Assert.Equal((403, error), (changed.Status, changed.Json.GetProperty("error").GetString()));
        Assert.Equal(0, ScriptedProvider.Of(host).Charges);
        Assert.Equal(7_500, Assert.Single(await host.DocumentsAsync("sandbox-subscription")).GetProperty("paidCents").GetInt64());
        Assert.False(Assert.Single(await host.DocumentsAsync("billing")).TryGetProperty("claim", out _));
    }
}
