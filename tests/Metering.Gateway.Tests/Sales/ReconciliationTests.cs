using Metering.Engine;
using Metering.Gateway.Payments;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Metering.Gateway.Tests.Sales;

/// <summary>What <c>--reconcile</c> prints.</summary>
public sealed class ReconciliationTests
{
    [Fact]
    public async Task Where_ledger_and_provider_agree_there_is_nothing_to_say()
    {
        await using var host = await SalesHost.StartAsync();
        var (caller, url) = await host.SubscribeAsync();
        await caller.PostAsync("/api/v1/purchase-credits", """{"creditCount": 200}""");
        await host.PressAsync(url, "refund");
        await caller.PostAsync("/api/v1/purchase-credits", """{"creditCount": 100}""");
        await host.SubscribeAsync("bob@example.com", "starter");
        Assert.Equal((true, "Accounts compared: 2; differences: 0.\n"), await RunAsync(host));
    }

    [Fact]
    public async Task A_grant_without_a_charge_a_charge_without_a_grant_and_a_refund_that_was_missed_are_told()
    {
        await using var host = await SalesHost.StartAsync(ScriptedProvider.Add, ("SandboxWebhookUrl", "http://localhost/nowhere"));
        var (url, _) = await host.PurchaseAsync();
        await host.PressAsync(url, "pay");
        host.Clock.Advance(TimeSpan.FromHours(24));
        await host.WorkAsync();
        var billing = Assert.Single(await host.DocumentsAsync("billing"));
        var account = new AccountId(billing.GetProperty("account").GetString()!);
        var caller = await host.Gateway.AddKeyAsync(account, ApiKeyScopes.Spend);
        await caller.PostAsync("/api/v1/purchase-credits", """{"creditCount": 200}""");
        await host.PressAsync(url, "refund");
        ScriptedProvider.Of(host).LosesAnswers = true;
        await caller.PostAsync("/api/v1/purchase-credits", """{"creditCount": 100}""");
        await host.Gateway.Meter.GrantAsync(account, new() { Source = GrantSource.Purchase, Amount = Credits.Of(7), ExternalReference = "sandbox:pi_made_up" });

        var (isSound, text) = await RunAsync(host);
        Assert.False(isSound);
        Assert.Contains("15.00 USD of pi_sandbox_", text, StringComparison.Ordinal);
        Assert.Contains("took 7.50 USD, and the 100 credits of crp_", text, StringComparison.Ordinal);
        Assert.Contains("granted 7 credits for sandbox:pi_made_up", text, StringComparison.Ordinal);
        Assert.EndsWith("Accounts compared: 1; differences: 3.\n", text, StringComparison.Ordinal);
    }

    private static async Task<(bool IsSound, string Text)> RunAsync(SalesHost host)
    {
        using var output = new StringWriter { NewLine = "\n" };
        return (await host.Gateway.Services.GetRequiredService<Reconciliation>().RunAsync(output, CancellationToken.None), output.ToString());
    }
}
