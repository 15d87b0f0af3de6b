using System.Text.Json;
using Metering.Gateway.Payments;
using Metering.Gateway.Payments.Sandbox;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Metering.Gateway.Tests.Sales;

/// <summary>Refunds and disputes take credits back, once however often they are told; a dispute that is won gives back what it took.</summary>
public sealed class ReversalTests
{
    [Fact]
    public async Task A_refunded_subscription_loses_its_allotment_and_what_was_spent_is_owed_until_the_next_one()
    {
        await using var host = await SalesHost.StartAsync();
        var (caller, url) = await host.SubscribeAsync();
        await caller.PostAsync("/v1/credits/deduct", """{"amount": 300}""");
        await host.PressAsync(url, "refund-subscription");
        Assert.Equal("0", (await caller.GetAsync("/v1/credits")).Remaining);
        Assert.Equal(300, (await host.Gateway.Meter.GetBalanceAsync(caller.Account)).Value.Owed.ToDecimal());

        host.Clock.Set(GatewayHost.Start.AddMonths(1).AddMinutes(1));
        await host.PressAsync(url, "renew");
        Assert.Equal("700", (await caller.GetAsync("/v1/credits")).Remaining);
        Assert.Equal(0, (await host.Gateway.Meter.GetBalanceAsync(caller.Account)).Value.Owed.ToDecimal());
    }

    [Fact]
    public async Task Operators_see_what_was_taken_back_and_what_became_a_debt()
    {
        await using var host = await SalesHost.StartAsync();
        var (caller, url) = await host.SubscribeAsync();
        await caller.PostAsync("/api/v1/purchase-credits", """{"creditCount": 100}""");
        await caller.PostAsync("/v1/credits/deduct", """{"amount": 300}""");
        await host.PressAsync(url, "refund-subscription");
        await host.PressAsync(url, "refund");
        var admin = await host.Gateway.AddKeyAsync(new("operator"), Metering.Engine.ApiKeyScopes.Admin);
        var reversals = (await admin.GetAsync($"/admin/v1/accounts/{caller.Account}/reversals?limit=1")).Json;
        var first = Assert.Single(reversals.GetProperty("reversals").EnumerateArray());
        var second = Assert.Single((await admin.GetAsync($"/admin/v1/accounts/{caller.Account}/reversals?limit=1&cursor={reversals.GetProperty("nextCursor").GetString()}")).Json.GetProperty("reversals").EnumerateArray());
        var both = new[] { first, second }.OrderBy(reversal => reversal.GetProperty("amountCents").GetInt64()).ToArray();
        Assert.Equal((750, 100m, false), (both[0].GetProperty("reversedCents").GetInt64(), both[0].GetProperty("takenBack").GetDecimal(), both[0].GetProperty("pending").GetBoolean()));
        Assert.Equal((7_500, 1_000m), (both[1].GetProperty("reversedCents").GetInt64(), both[1].GetProperty("takenBack").GetDecimal()));
        Assert.Equal(300m, both.Sum(reversal => reversal.GetProperty("addedToDebt").GetDecimal()));
        Assert.Equal(300, (await admin.GetAsync($"/admin/v1/accounts/{caller.Account}")).Json.GetProperty("balance").GetProperty("owed").GetInt32());
        var entries = (await admin.GetAsync($"/admin/v1/audit?account={caller.Account}&action=payment.reversed")).Json.GetProperty("entries").EnumerateArray().ToArray();
        Assert.Equal(["100", "1000"], entries.Select(entry => entry.GetProperty("request").GetProperty("credits").GetString()));
        Assert.All(entries, entry => Assert.Equal(200, entry.GetProperty("outcome").GetProperty("status").GetInt32()));
    }

    [Theory]
    [InlineData("dispute", "1100", "1000")]
    [InlineData("dispute-subscription", "1100", "100")]
    public async Task A_dispute_takes_and_a_won_one_gives_back_once_however_often_it_is_told(string button, string before, string disputed)
    {
        await using var host = await SalesHost.StartAsync();
        var (caller, url) = await host.SubscribeAsync();
        await caller.PostAsync("/api/v1/purchase-credits", """{"creditCount": 100}""");
        Assert.Equal(before, (await caller.GetAsync("/v1/credits")).Remaining);
        for (var time = 0; time < 2; time++)
        {
            await host.PressAsync(url, button);
            var charge = (await host.DocumentsAsync("charge-reversal"))[0].GetProperty("chargeId").GetString()!;
            await SecondCharge.ReceiveAsync(host, "charge.dispute.created", charge);
            Assert.Equal(disputed, (await caller.GetAsync("/v1/credits")).Remaining);
            await host.PressAsync(url, "win-dispute");
            await SecondCharge.ReceiveAsync(host, "charge.dispute.funds_reinstated", charge);
            await SecondCharge.ReceiveAsync(host, "charge.dispute.created", charge);
            Assert.Equal(before, (await caller.GetAsync("/v1/credits")).Remaining);
        }
    }

    [Fact]
    public async Task A_won_dispute_settles_the_debt_that_it_made()
    {
        await using var host = await SalesHost.StartAsync();
        var (caller, url) = await host.SubscribeAsync();
        await caller.PostAsync("/v1/credits/deduct", """{"amount": 400}""");
        await host.PressAsync(url, "dispute-subscription");
        Assert.Equal(400, (await host.Gateway.Meter.GetBalanceAsync(caller.Account)).Value.Owed.ToDecimal());
        await host.PressAsync(url, "win-dispute");
        var balance = (await host.Gateway.Meter.GetBalanceAsync(caller.Account)).Value;
        Assert.Equal((600m, 0m), (balance.Available.ToDecimal(), balance.Owed.ToDecimal()));
    }

    [Fact]
    public async Task A_refund_of_a_second_charge_takes_its_credits_back_and_leaves_the_first_ones()
    {
        await using var host = await SalesHost.StartAsync();
        var (caller, _) = await host.SubscribeAsync();
        await caller.PostAsync("/api/v1/purchase-credits", """{"creditCount": 100}""");
        var second = await SecondCharge.MakeAsync(host, isTold: true);
        Assert.Equal("1200", (await caller.GetAsync("/v1/credits")).Remaining);
        var books = host.Gateway.Services.GetRequiredService<SandboxBooks>();
        var stored = (await books.Charges.FindAsync(second, CancellationToken.None))!.Value;
        Assert.True(await books.SaveAsync(CancellationToken.None, books.Charges.Change(stored.Value with { RefundedCents = 375 }, stored.Version)));
        await SecondCharge.ReceiveAsync(host, "charge.refunded", second);
        await SecondCharge.ReceiveAsync(host, "charge.refunded", second);
        Assert.Equal("1150", (await caller.GetAsync("/v1/credits")).Remaining);
    }

    [Fact]
    public async Task A_refund_that_is_told_before_the_payment_waits_for_it()
    {
        await using var host = await SalesHost.StartAsync(null, ("SandboxWebhookUrl", "http://localhost/nowhere"));
        var (url, _) = await host.PurchaseAsync();
        await host.PressAsync(url, "pay");
        var invoice = Assert.Single(await host.DocumentsAsync("sandbox-invoice")).GetProperty("chargeId").GetString()!;
        await host.PressAsync(url, "refund-subscription");
        await SecondCharge.ReceiveAsync(host, "charge.refunded", invoice);
        Assert.Contains(await host.DocumentsAsync("event"), received => received.TryGetProperty("fault", out _));

        host.Clock.Advance(TimeSpan.FromHours(24));
        await host.WorkAsync(); // The account is made.
        host.Clock.Advance(TimeSpan.FromHours(1));
        await host.WorkAsync();
        var account = new AccountId(Assert.Single(await host.DocumentsAsync("billing")).GetProperty("account").GetString()!);
        Assert.Equal(0m, (await host.Gateway.Meter.GetBalanceAsync(account)).Value.Available.ToDecimal());
        Assert.Equal(7_500, Assert.Single(await host.DocumentsAsync("charge-reversal")).GetProperty("reversedCents").GetInt64());
    }

    [Fact]
    public async Task Credits_that_ended_unused_are_not_taken_back_again()
    {
        await using var host = await SalesHost.StartAsync();
        var (caller, url) = await host.SubscribeAsync();
        await caller.PostAsync("/v1/credits/deduct", """{"amount": 300}""");
        var charge = Assert.Single(await host.DocumentsAsync("sandbox-invoice")).GetProperty("chargeId").GetString()!;
        host.Clock.Set(GatewayHost.Start.AddMonths(1).AddMinutes(1));
        await host.PressAsync(url, "renew");
        Assert.Equal("1000", (await caller.GetAsync("/v1/credits")).Remaining);
        var books = host.Gateway.Services.GetRequiredService<SandboxBooks>();
        var stored = (await books.Invoices.FindByKeyAsync(charge, CancellationToken.None))!.Value;
        Assert.True(await books.SaveAsync(CancellationToken.None, books.Invoices.Change(stored.Value with { RefundedCents = 7_500 }, stored.Version)));
        await SecondCharge.ReceiveAsync(host, "charge.refunded", charge);
        Assert.Equal("700", (await caller.GetAsync("/v1/credits")).Remaining);
    }

    [Fact]
    public async Task A_step_that_was_begun_before_a_crash_is_ended_once()
    {
        await using var host = await SalesHost.StartAsync();
        var (caller, url) = await host.SubscribeAsync();
        await caller.PostAsync("/api/v1/purchase-credits", """{"creditCount": 100}""");
        await host.PressAsync(url, "refund");
        Assert.Equal("1000", (await caller.GetAsync("/v1/credits")).Remaining);

        // As if the process had died between the ledger and the record.
        var books = host.Gateway.Services.GetRequiredService<PaymentBooks>();
        var charge = Assert.Single(await host.DocumentsAsync("charge-reversal")).GetProperty("chargeId").GetString()!;
        var stored = (await books.Reversals.FindByKeyAsync(ChargeReversal.ChargeKey(charge), CancellationToken.None))!.Value;
        var begun = stored.Value with { ReversedCents = 0, TakenBack = 0, Steps = 0, Begun = new(750, 1_000_000) };
        Assert.True(await books.SaveAsync(CancellationToken.None, books.Reversals.Change(begun, stored.Version)));
        await SecondCharge.ReceiveAsync(host, "charge.refunded", charge);
        Assert.Equal("1000", (await caller.GetAsync("/v1/credits")).Remaining);
        var after = Assert.Single(await host.DocumentsAsync("charge-reversal"));
        Assert.Equal((750, 1, JsonValueKind.Undefined), (after.GetProperty("reversedCents").GetInt64(), after.GetProperty("steps").GetInt32(), after.TryGetProperty("begun", out var left) ? left.ValueKind : default));
    }
}
