using System.Text;
using Metering.Engine;
using Metering.Gateway.Payments;
using Metering.Gateway.Payments.Sandbox;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Metering.Gateway.Tests.Sales;

/// <summary>What differs between the provider and the ledger; <c>metering reconcile</c> prints it.</summary>
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
        await host.PressAsync(url, "refund-subscription");
        await host.PressAsync(url, "dispute");
        Assert.Empty(await RunAsync(host));
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

        var found = await RunAsync(host);
        Assert.Equal(["charge_not_granted", "grant_not_charged", "reversal_missed"], found.Select(difference => difference.Kind).Order());
        Assert.All(found, difference => Assert.Equal(account.Value, difference.Account));
        Assert.Contains("15.00 USD are refunded", found.Single(difference => difference.Kind == "reversal_missed").Message, StringComparison.Ordinal);
        Assert.Contains("7.50 USD were taken, and the 100 credits of crp_", found.Single(difference => difference.Kind == "charge_not_granted").Message, StringComparison.Ordinal);
        Assert.Contains("granted 7 credits", found.Single(difference => difference.Kind == "grant_not_charged").Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_second_charge_is_compared_like_the_first()
    {
        await using var host = await SalesHost.StartAsync(ScriptedProvider.Add);
        var (caller, _) = await host.SubscribeAsync();
        Assert.Equal(200, (await caller.PostAsync("/api/v1/purchase-credits", """{"creditCount": 100}""")).Status);
        await SecondCharge.MakeAsync(host, isTold: false);
        Assert.Equal("charge_not_granted", Assert.Single(await RunAsync(host)).Kind);
        await SecondCharge.MakeAsync(host, isTold: true);
        Assert.Single(await RunAsync(host));
    }

    [Fact]
    public async Task Paid_invoices_and_granted_allotments_are_compared_both_ways()
    {
        await using var host = await SalesHost.StartAsync(null, ("SandboxWebhookUrl", "http://localhost/nowhere"));
        var (url, _) = await host.PurchaseAsync();
        await host.PressAsync(url, "pay");
        host.Clock.Advance(TimeSpan.FromHours(24));
        await host.WorkAsync();
        Assert.Empty(await RunAsync(host));
        var account = new AccountId(Assert.Single(await host.DocumentsAsync("billing")).GetProperty("account").GetString()!);

        // Renewed at the provider, and no event says so.
        host.Clock.Set(GatewayHost.Start.AddMonths(1).AddDays(2));
        await host.PressAsync(url, "renew");
        Assert.Equal(["invoice_not_granted", "subscription_paid_through"], (await RunAsync(host)).Select(difference => difference.Kind));

        // An allotment that somebody granted, and two months that nobody paid.
        Assert.True((await host.Gateway.Meter.RecordPaymentAsync(account, new() { PaidThrough = GatewayHost.Start.AddMonths(2), ExternalReference = "by hand" })).IsSuccess);
        Assert.Empty(await RunAsync(host));
        Assert.True((await host.Gateway.Meter.RecordPaymentAsync(account, new() { PaidThrough = GatewayHost.Start.AddMonths(3), ExternalReference = "by hand again" })).IsSuccess);
        host.Clock.Set(GatewayHost.Start.AddMonths(2).AddDays(2));
        Assert.Equal(["allotment_not_paid"], (await RunAsync(host)).Select(difference => difference.Kind));
    }

    [Fact]
    public async Task What_erased_texts_do_not_tell_any_more_is_no_difference()
    {
        await using var host = await SalesHost.StartAsync();
        var (caller, url) = await host.SubscribeAsync();
        await caller.PostAsync("/api/v1/purchase-credits", """{"creditCount": 200}""");
        await caller.PostAsync("/api/v1/purchase-credits", """{"creditCount": 300}""");
        await host.PressAsync(url, "refund");
        Assert.Empty(await RunAsync(host));
        await host.Gateway.Services.GetRequiredService<IPersonalTexts>().EraseTextsAsync(caller.Account);
        Assert.Empty(await RunAsync(host));

        // What comes after is compared as before.
        await caller.PostAsync("/api/v1/purchase-credits", """{"creditCount": 100}""");
        Assert.Empty(await RunAsync(host));
    }

    [Fact]
    public async Task A_cancellation_behind_a_planned_downgrade_is_no_difference_and_stays()
    {
        await using var host = await SalesHost.StartAsync();
        var (caller, url) = await host.SubscribeAsync();
        Assert.Equal(200, (await caller.PostAsync("/api/v1/subscription/change-plan", """{"targetPlan": "starter"}""")).Status);
        Assert.Equal(200, (await caller.PostAsync("/api/v1/subscription/cancel", "")).Status);
        await host.WorkAsync();
        Assert.Empty(await RunAsync(host));
        Assert.True((await host.Gateway.Meter.GetBalanceAsync(caller.Account)).Value.CancelAtPeriodEnd);

        // A refund of the subscription finds what it paid for, whatever the price says by now.
        await host.PressAsync(url, "refund-subscription");
        await host.WorkAsync();
        Assert.Empty(await RunAsync(host));
        Assert.True((await host.Gateway.Meter.GetBalanceAsync(caller.Account)).Value.Monthly.IsZero);
    }

    private static async Task<List<PaymentDifference>> RunAsync(SalesHost host) =>
        await host.Gateway.Services.GetRequiredService<Reconciliation>().CompareAsync(CancellationToken.None).ToListAsync();
}

/// <summary>A charge of a purchase that comes through beside the one that took its place.</summary>
internal static class SecondCharge
{
    /// <summary>Charges the sandbox's customer once more for the last purchase of credits.</summary>
    /// <param name="host">The gateway.</param>
    /// <param name="isTold">True where the sandbox tells of it.</param>
    /// <returns>The charge.</returns>
    public static async Task<string> MakeAsync(SalesHost host, bool isTold)
    {
        var purchase = (await host.DocumentsAsync("credit-purchase"))[^1];
        var charge = new SandboxCharge
        {
            Id = SandboxEvents.NewId("pi"),
            PurchaseId = purchase.GetProperty("id").GetString()!,
            Attempt = 1,
            CustomerId = purchase.GetProperty("customerId").GetString()!,
            AmountCents = purchase.GetProperty("amountCents").GetInt64(),
            Description = "100 credits",
            IdempotencyKey = Guid.NewGuid().ToString("N"),
            PublicUrl = "http://localhost",
            CreatedAt = host.Clock.GetUtcNow(),
            Status = ChargeStatus.Succeeded,
        };
        var books = host.Gateway.Services.GetRequiredService<SandboxBooks>();
        Assert.True(await books.SaveAsync(CancellationToken.None, books.Charges.Change(charge, 0)));
        if (isTold)
        {
            await ReceiveAsync(host, "payment_intent.succeeded", charge.Id);
        }

        return charge.Id;
    }

    /// <summary>Has the gateway receive an event about a charge, and waits until it is handled.</summary>
    public static async Task ReceiveAsync(SalesHost host, string type, string chargeId)
    {
        var isIntent = type.StartsWith("payment_intent", StringComparison.Ordinal);
        var body = Encoding.UTF8.GetBytes($$$"""
            {"id": "evt_{{{Guid.NewGuid():N}}}", "type": "{{{type}}}", "data": {"object": {"id": "{{{(isIntent ? chargeId : "dp_1")}}}", "payment_intent": "{{{chargeId}}}" } } }
            """);
        await host.Gateway.Services.GetRequiredService<EventInbox>().ReceiveAsync(PaymentEvent.Read(body)!, body, CancellationToken.None);
    }
}
