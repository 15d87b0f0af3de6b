using System.Text;
using System.Text.Json.Nodes;
using Metering.Core;
using Metering.Gateway.Payments;
using Metering.Gateway.Payments.Sandbox;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Metering.Gateway.Tests.Sales;

/// <summary>Renewals: what an unpaid one leaves, and that a paid period's allotment comes once, whatever the provider's clock says.</summary>
public sealed class RenewalTests
{
    private static readonly DateTimeOffset FirstEnd = GatewayHost.Start.AddMonths(1);

    [Fact]
    public async Task An_unpaid_renewal_leaves_spending_for_its_grace_then_reads_only_and_its_invoice_brings_the_allotment_once()
    {
        await using var host = await SalesHost.StartAsync();
        var (caller, url) = await host.SubscribeAsync();
        Assert.Equal(200, (await caller.PostAsync("/api/v1/purchase-credits", """{"creditCount": 100}""")).Status);
        await host.PressAsync(url, "card-declines");
        host.Clock.Set(FirstEnd.AddMinutes(1));
        await host.PressAsync(url, "renew");
        await host.WorkAsync();
        Assert.Equal(("past_due", "past_due", "2026-06-08T00:00:00.000Z"), await StandingAsync(caller));
        Assert.Equal((200, "99"), await SpendAsync(caller)); // The month's are gone, what was bought is not, and nothing is granted.

        // Credits can be bought within the grace, by a card that pays again.
        await host.PressAsync(url, "card-pays");
        Assert.Equal((200, "199"), await PostAsync(caller, "/api/v1/purchase-credits", """{"creditCount": 100}"""));
        host.Clock.Set(FirstEnd.AddDays(7).AddMilliseconds(-1));
        Assert.Equal((200, "198"), await SpendAsync(caller));

        host.Clock.Set(FirstEnd.AddDays(7));
        Assert.Equal(("inactive", "inactive", null), await StandingAsync(caller));
        var refused = await caller.PostAsync("/v1/credits/deduct", """{"amount": 1}""");
        Assert.Equal((402, "subscription_inactive", "198"), (refused.Status, refused.Code, refused.Remaining));
        Assert.Equal(
            "The subscription is unpaid since 2026-06-01T00:00:00Z, and its grace period ended on 2026-06-08T00:00:00Z; pay the open invoice to spend again. Reads go on, and nothing is deleted.",
            refused.Json.GetProperty("detail").GetString());
        var bought = await caller.PostAsync("/api/v1/purchase-credits", """{"creditCount": 100}""");
        Assert.Equal((402, "subscription_inactive"), (bought.Status, bought.Json.GetProperty("error").GetString()));
        Assert.Equal(200, (await caller.GetAsync("/v1/transactions")).Status);

        await host.PressAsync(url, "renew");
        await host.WorkAsync();
        Assert.Equal(("active", "active", null), await StandingAsync(caller));
        Assert.Equal((200, "1197"), await SpendAsync(caller));
        host.Clock.Set(FirstEnd.AddMonths(1).AddMilliseconds(-1));
        Assert.Equal("1197", (await caller.GetAsync("/v1/credits")).Remaining);
        Assert.Equal(2, await ResetsAsync(host, caller));
    }

    [Fact]
    public async Task Without_a_grace_an_unpaid_renewal_ends_spending_at_once()
    {
        await using var host = await SalesHost.StartAsync(null, ("Metering:GraceDays", "0"));
        var (caller, url) = await host.SubscribeAsync();
        await host.PressAsync(url, "card-declines");
        host.Clock.Set(FirstEnd);
        await host.PressAsync(url, "renew");
        Assert.Equal((402, "0"), await SpendAsync(caller));
        Assert.Equal("inactive", (await StandingAsync(caller)).Profile);
        Assert.Equal(200, (await caller.GetAsync("/api/v1/me")).Status);
        await host.PressAsync(url, "card-pays");
        await host.PressAsync(url, "renew");
        Assert.Equal((200, "999"), await SpendAsync(caller));
    }

    [Fact]
    public async Task A_subscription_that_the_provider_ended_has_no_grace()
    {
        await using var host = await SalesHost.StartAsync(ScriptedProvider.Add);
        var (caller, url) = await host.SubscribeAsync();
        Assert.Equal(200, (await caller.PostAsync("/api/v1/purchase-credits", """{"creditCount": 100}""")).Status);
        await host.PressAsync(url, "card-declines");
        host.Clock.Set(FirstEnd.AddDays(1));
        await host.PressAsync(url, "renew");
        Assert.Equal((200, "99"), await SpendAsync(caller));

        // The provider gives the subscription up; the event that says so is any that names it.
        ScriptedProvider.Of(host).HasEnded = true;
        Assert.Equal(200, await InvoiceAsync(host, "invoice.payment_failed", "in_late", FirstEnd.AddMonths(1)));
        await host.WorkAsync();
        Assert.Equal(("inactive", "inactive", null), await StandingAsync(caller));
        Assert.Equal((402, "99"), await SpendAsync(caller));
    }

    [Fact]
    public async Task A_cancelled_subscription_has_no_grace()
    {
        await using var host = await SalesHost.StartAsync();
        var (caller, url) = await host.SubscribeAsync();
        Assert.Equal(200, (await caller.PostAsync("/api/v1/subscription/cancel")).Status);
        host.Clock.Set(FirstEnd);
        Assert.Equal((402, "0"), await SpendAsync(caller));
        await host.PressAsync(url, "renew");
        await host.WorkAsync();
        Assert.Equal(("inactive", "inactive", null), await StandingAsync(caller));
    }

    /// <summary>Invoices of a year of months from the 31st, each hours before or after the account's own boundary, paid before it, at it, in the grace and after it.</summary>
    [Theory]
    [InlineData("growth", "2027-01-31T20:15:00Z", 1)]
    [InlineData("growth", "2027-12-30T00:00:00Z", 1)]
    [InlineData("annual", "2028-02-29T12:00:00Z", 12)]
    public async Task Each_paid_period_is_granted_once_however_the_providers_period_differs(string plan, string start, int months)
    {
        await using var host = await AnnualHostAsync();
        var anchor = DateTimeOffset.Parse(start, null);
        host.Clock.Set(anchor);
        var (caller, _) = await host.SubscribeAsync(plan: plan);
        var random = new Random(months);
        for (var period = 1; period <= 12; period++)
        {
            var (begins, ends) = (BillingPeriods.StartOf(anchor, months, period), BillingPeriods.StartOf(anchor, months, period + 1));
            var at = begins + (period % 4) switch { 0 => TimeSpan.FromHours(-30), 1 => TimeSpan.Zero, 2 => TimeSpan.FromDays(3), _ => TimeSpan.FromDays(12) };
            host.Clock.Set(at);
            Assert.Equal(200, await InvoiceAsync(host, "invoice.paid", $"in_{period}", ends.AddMinutes(random.Next(-36 * 60, 36 * 60))));
            Assert.Equal(200, await InvoiceAsync(host, "invoice.paid", $"in_{period}", ends.AddMinutes(random.Next(-36 * 60, 36 * 60)), "again"));
            await host.WorkAsync();
            Assert.Equal(ends, (await host.Gateway.Meter.GetBalanceAsync(caller.Account)).Value.PaidThrough);
            host.Clock.Set(at > begins ? at : begins);
            Assert.Equal((period + 1, 200), (await ResetsAsync(host, caller), (await SpendAsync(caller)).Status));
        }

        host.Clock.Set(BillingPeriods.StartOf(anchor, months, 13));
        Assert.Equal((13, "past_due"), (await ResetsAsync(host, caller), (await StandingAsync(caller)).Profile));
    }

    [Fact]
    public async Task The_invoice_of_a_planned_plan_of_another_length_counts_in_its_own_periods()
    {
        await using var host = await AnnualHostAsync();
        var (caller, _) = await host.SubscribeAsync(plan: "annual");
        Assert.Equal(200, (await caller.PostAsync("/api/v1/subscription/change-plan", """{"targetPlan": "starter"}""")).Status);
        var end = GatewayHost.Start.AddYears(1);
        host.Clock.Set(end.AddHours(-1));
        Assert.Equal(200, await InvoiceAsync(host, "invoice.paid", "in_month", end.AddMonths(1).AddHours(2)));
        await host.WorkAsync();
        var balance = (await host.Gateway.Meter.GetBalanceAsync(caller.Account)).Value;
        Assert.Equal(("starter", end.AddMonths(1)), (balance.PlannedPlan, balance.PaidThrough));
        host.Clock.Set(end);
        Assert.Equal((200, "99"), await SpendAsync(caller));
        host.Clock.Set(end.AddMonths(1).AddDays(7));
        Assert.Equal(402, (await SpendAsync(caller)).Status);
    }

    [Fact]
    public void A_boundary_is_found_from_days_away_and_from_wherever_the_plans_length_changed()
    {
        var random = new Random(7);
        for (var round = 0; round < 20_000; round++)
        {
            var anchor = new DateTimeOffset(2020, random.Next(1, 13), 28, random.Next(24), random.Next(60), 0, TimeSpan.Zero).AddDays(random.Next(4));
            var (months, offset, period) = (random.Next(2) == 0 ? 1 : 12, random.Next(-3, 40), random.Next(-2, 30));
            DateTimeOffset Boundary(int number) => anchor.AddMonths(offset + (number * months));
            var instant = Boundary(period).AddMinutes(random.Next(-13 * 24 * 60, 13 * 24 * 60));
            Assert.Equal(Boundary(period), BillingCalendar.Nearest(anchor, months, Boundary(random.Next(-2, 30)), instant));
        }
    }

    private static Task<SalesHost> AnnualHostAsync() => SalesHost.StartAsync(
        null,
        ("Metering:Plans:annual:Name", "Annual"), ("Metering:Plans:annual:MonthlyCredits", "12000"), ("Metering:Plans:annual:PeriodMonths", "12"), ("Metering:Plans:annual:Level", "platform"),
        ("Plans:annual:AmountCents", "70000"), ("Plans:annual:CreditTenthCents", "75"), ("Plans:annual:ForSale", "true"));

    private static async Task<(int Status, string? Remaining)> SpendAsync(TestCaller caller) => await PostAsync(caller, "/v1/credits/deduct", """{"amount": 1}""");

    private static async Task<(int Status, string? Remaining)> PostAsync(TestCaller caller, string path, string json)
    {
        var answer = await caller.PostAsync(path, json);
        return (answer.Status, answer.Remaining);
    }

    /// <summary>What the profile and the key's health say of the subscription.</summary>
    private static async Task<(string? Profile, string? Health, string? GraceEnd)> StandingAsync(TestCaller caller)
    {
        var profile = (await caller.GetAsync("/api/v1/me")).Json.GetProperty("data");
        var health = (await caller.GetAsync("/v1/credits/health")).Json;
        return (profile.GetProperty("subscriptionStatus").GetString(), health.GetProperty("subscriptionStatus").GetString(), profile.GetProperty("gracePeriodEnd").GetString());
    }

    private static async Task<int> ResetsAsync(SalesHost host, TestCaller caller) =>
        (await host.Gateway.Meter.ListTransactionsAsync(caller.Account, new() { Limit = 1_000 })).Value.Items.Count(row => row.Type == TransactionType.MonthlyReset);

    /// <summary>Sends an event of an invoice of the only subscription, signed as the provider signs.</summary>
    private static async Task<int> InvoiceAsync(SalesHost host, string type, string invoice, DateTimeOffset end, string delivery = "first")
    {
        var subscription = Assert.Single(await host.DocumentsAsync(SandboxSubscription.Kind)).GetProperty("id").GetString();
        var body = Encoding.UTF8.GetBytes(new JsonObject
        {
            ["id"] = $"evt_{invoice}_{delivery}",
            ["type"] = type,
            ["data"] = new JsonObject
            {
                ["object"] = new JsonObject
                {
                    ["id"] = invoice,
                    ["object"] = "invoice",
                    ["subscription"] = subscription,
                    ["lines"] = new JsonObject { ["data"] = new JsonArray(new JsonObject { ["period"] = new JsonObject { ["end"] = end.ToUnixTimeSeconds() } }) },
                },
            },
        }.ToJsonString());
        using var request = new HttpRequestMessage(HttpMethod.Post, "/webhooks/stripe") { Content = new ByteArrayContent(body) };
        request.Headers.Add(WebhookSignature.Header, WebhookSignature.Sign(body, host.Gateway.Services.GetRequiredService<SandboxDelivery>().Secret, host.Clock.GetUtcNow()));
        return (await Answer.OfAsync(host.Client, request)).Status;
    }
}
