using Metering.Engine;
using Metering.Gateway.Payments;
using Metering.Gateway.Payments.Sandbox;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Metering.Gateway.Tests.Sales;

/// <summary>Customers who come back after their subscription has ended: what has waited for them, and who gets it.</summary>
public sealed class ReturningCustomerTests
{
    private const string Purchase = "/api/v1/purchase";
    private static readonly DateTimeOffset HalfOfJune = new(2026, 6, 16, 0, 0, 0, TimeSpan.Zero);

    [Fact]
    public async Task A_purchase_with_the_accounts_key_renews_it_for_the_rest_of_its_period_and_then_whole_ones()
    {
        await using var host = await SalesHost.StartAsync();
        var caller = await LeaveAsync(host, HalfOfJune);
        Assert.Equal(402, (await caller.PostAsync("/v1/credits/deduct", """{"amount": 1}""")).Status);

        var (url, key) = await RenewAsync(host, caller, "growth");
        Assert.Equal(caller.Account, key.Account);
        await host.WorkAsync();
        Assert.Equal("599", (await caller.PostAsync("/v1/credits/deduct", """{"amount": 1}""")).Remaining); // 100 that have waited, half of 1,000.
        Assert.Equal("598", (await key.PostAsync("/v1/credits/deduct", """{"amount": 1}""")).Remaining);
        var balance = (await host.Gateway.Meter.GetBalanceAsync(caller.Account)).Value;
        Assert.Equal(("growth", Credits.Of(100), false), (balance.Plan, balance.Permanent, balance.CancelAtPeriodEnd));
        Assert.Equal(new DateTimeOffset(2026, 7, 1, 0, 0, 0, TimeSpan.Zero), balance.PaidThrough);
        var subscriptions = await host.DocumentsAsync("sandbox-subscription");
        Assert.Equal([3_750, 7_500], subscriptions.Select(subscription => subscription.GetProperty("paidCents").GetInt64()).Order());
        Assert.Single(await host.DocumentsAsync("sandbox-customer"));
        Assert.Single(await host.DocumentsAsync("billing"));
        Assert.Contains(host.Mails, mail => mail.Contains("Your account was renewed", StringComparison.Ordinal));

        host.Clock.Set(new(2026, 7, 1, 0, 0, 0, TimeSpan.Zero));
        await host.PressAsync(url, "renew");
        Assert.Equal("1100", (await caller.GetAsync("/v1/credits")).Remaining);
        Assert.Equal(200, (await caller.PostAsync("/api/v1/purchase-credits", """{"creditCount": 100}""")).Status);
    }

    [Fact]
    public async Task Payments_of_both_subscriptions_are_the_accounts_also_when_the_purchase_is_forgotten()
    {
        await using var host = await SalesHost.StartAsync();
        var caller = await LeaveAsync(host, HalfOfJune);
        await RenewAsync(host, caller, "growth");
        await host.WorkAsync();
        Assert.Empty(await host.Gateway.Services.GetRequiredService<Reconciliation>().CompareAsync(CancellationToken.None).ToListAsync());

        host.Clock.Advance(TimeSpan.FromDays(100));
        await host.WorkAsync();
        Assert.DoesNotContain(await host.DocumentsAsync("plan-purchase"), purchase => !purchase.TryGetProperty("renews", out var renews) || !renews.GetBoolean());
        var books = host.Gateway.Services.GetRequiredService<SandboxBooks>();
        var first = (await host.DocumentsAsync("sandbox-invoice")).MinBy(invoice => invoice.GetProperty("createdAt").GetDateTimeOffset()).GetProperty("chargeId").GetString()!;
        var stored = (await books.Invoices.FindByKeyAsync(first, CancellationToken.None))!.Value;
        Assert.True(await books.SaveAsync(CancellationToken.None, books.Invoices.Change(stored.Value with { RefundedCents = 7_500 }, stored.Version)));
        await SecondCharge.ReceiveAsync(host, "charge.refunded", first);
        var reversal = Assert.Single(await host.DocumentsAsync("charge-reversal"));
        Assert.Equal((caller.Account.Value, 7_500), (reversal.GetProperty("account").GetString(), reversal.GetProperty("reversedCents").GetInt64()));
    }

    [Fact]
    public void A_renewal_within_the_period_that_an_ended_subscription_had_paid_has_a_row_of_its_own()
    {
        var (begin, half, end) = (HalfOfJune.AddDays(-15), HalfOfJune, HalfOfJune.AddDays(15));
        PaidInvoice[] invoices = [Invoice("in_1", "sub_1", begin, end, 7_500), Invoice("in_2", "sub_2", half, end, 3_750)];
        var matched = InvoiceGrants.Match(begin, invoices, [Allotment(2, half, 500), Allotment(1, begin, 1_000)]);
        Assert.Equal([("in_1", 1), ("in_2", 2)], matched.Select(grant => (grant.Invoice!.Id, grant.Row!.Id.Number)));
    }

    [Fact]
    public async Task Another_plan_may_be_chosen_and_all_who_provision_at_once_renew_once()
    {
        await using var host = await SalesHost.StartAsync();
        var caller = await LeaveAsync(host, HalfOfJune);
        var answer = await caller.PostAsync(Purchase, """{"email": "ann@example.com", "plan": "scale"}""");
        await host.Gateway.Services.GetRequiredService<SandboxActions>().PressAsync(
            answer.Json.GetProperty("data").GetProperty("checkoutUrl").GetString()!.Split('/')[^1], "pay", CancellationToken.None);
        var purchase = (await host.DocumentsAsync("plan-purchase")).Single(document => document.TryGetProperty("renews", out var renews) && renews.GetBoolean());
        var subscription = (await host.DocumentsAsync("sandbox-subscription")).Single(document => document.GetProperty("plan").GetString() == "scale");
        var provider = host.Gateway.Services.GetRequiredService<SandboxProvider>();
        var paid = (await provider.FindSubscriptionAsync(subscription.GetProperty("id").GetString()!))!;
        await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => Task.Run(async () =>
            await host.Gateway.Services.GetRequiredService<Provisioning>().CompleteAsync(purchase.GetProperty("id").GetString()!, paid, CancellationToken.None))));
        await host.WorkAsync();
        await host.WorkAsync();
        Assert.Equal("2600", (await caller.GetAsync("/v1/credits")).Remaining);
        Assert.Equal(2, (await host.Gateway.Directory.ListKeysAsync(caller.Account)).Count);
    }

    [Fact]
    public async Task Right_before_the_billing_day_a_whole_period_is_charged()
    {
        await using var host = await SalesHost.StartAsync();
        var caller = await LeaveAsync(host, new(2026, 6, 30, 12, 0, 0, TimeSpan.Zero));
        await RenewAsync(host, caller, "growth");
        Assert.Equal("116.6666", (await caller.GetAsync("/v1/credits")).Remaining); // 100, and 12 of the month's 720 hours.
        host.Clock.Set(new(2026, 7, 1, 0, 0, 0, TimeSpan.Zero));
        Assert.Equal("1100", (await caller.GetAsync("/v1/credits")).Remaining);
        Assert.Equal([7_500, 7_500], (await host.DocumentsAsync("sandbox-subscription")).Select(subscription => subscription.GetProperty("paidCents").GetInt64()));
    }

    [Fact]
    public async Task A_year_that_begins_in_another_month_than_the_account_did_is_paid_to_its_end()
    {
        await using var host = await SalesHost.StartAsync(
            null, ("Metering:Plans:yearly:MonthlyCredits", "12000"), ("Metering:Plans:yearly:PeriodMonths", "12"), ("Plans:yearly:AmountCents", "80000"), ("Plans:yearly:CreditTenthCents", "75"));
        var caller = await LeaveAsync(host, HalfOfJune);
        var (url, _) = await RenewAsync(host, caller, "yearly");
        Assert.Equal(new DateTimeOffset(2027, 6, 1, 0, 0, 0, TimeSpan.Zero), (await host.Gateway.Meter.GetBalanceAsync(caller.Account)).Value.PaidThrough);
        host.Clock.Set(new(2027, 6, 1, 0, 0, 0, TimeSpan.Zero));
        await host.PressAsync(url, "renew");
        var balance = (await host.Gateway.Meter.GetBalanceAsync(caller.Account)).Value;
        Assert.Equal((new DateTimeOffset(2028, 6, 1, 0, 0, 0, TimeSpan.Zero), Credits.Of(12_000)), (balance.PaidThrough, balance.Monthly));
    }

    [Fact]
    public async Task Whoever_only_types_the_address_buys_a_new_account_and_no_key_to_the_old_one()
    {
        await using var host = await SalesHost.StartAsync();
        var caller = await LeaveAsync(host, HalfOfJune);
        var (stranger, _) = await host.SubscribeAsync();
        Assert.NotEqual(caller.Account, stranger.Account);
        Assert.Equal("1000", (await stranger.GetAsync("/v1/credits")).Remaining);
        Assert.Equal("100", (await caller.GetAsync("/v1/credits")).Remaining);
        Assert.Equal(402, (await caller.PostAsync("/v1/credits/deduct", """{"amount": 1}""")).Status);
        await host.WorkAsync();
        Assert.Single(host.Mails, mail => mail.Contains("An earlier account of this address", StringComparison.Ordinal));
        Assert.Equal(2, (await host.DocumentsAsync("sandbox-customer")).Count);

        // The address has an active subscription now: one at a time.
        Assert.Equal(409, (await caller.PostAsync(Purchase, """{"email": "ann@example.com", "plan": "growth"}""")).Status);
    }

    [Fact]
    public async Task What_cannot_be_renewed_says_why_and_opens_no_page()
    {
        await using var host = await SalesHost.StartAsync(null, ("PurchasesAnHour", "100"));
        var caller = await LeaveAsync(host, HalfOfJune);
        var pages = (await host.DocumentsAsync("sandbox-page")).Count;
        const string Ann = """{"email": "ann@example.com", "plan": "growth"}""";
        async Task RefusesAsync(TestCaller by, string body, int status, string error)
        {
            var answer = await by.PostAsync(Purchase, body);
            Assert.Equal((status, error), (answer.Status, answer.Json.GetProperty("error").GetString()));
        }

        await RefusesAsync(caller, """{"email": "eve@example.com", "plan": "growth"}""", 403, "email_mismatch");
        await RefusesAsync(await host.Gateway.AddKeyAsync(caller.Account, ApiKeyScopes.Read), Ann, 403, "scope_missing");
        await RefusesAsync(await host.Gateway.AddKeyAsync(caller.Account, ApiKeyScopes.Spend, HalfOfJune.AddDays(1)), Ann, 403, "key_expires");
        await RefusesAsync(caller.With("mtr_" + new string('0', 64)), Ann, 401, "api_key_invalid");
        await RefusesAsync(await host.Gateway.OpenAsync(), Ann, 409, "not_renewable");
        Assert.True((await host.Gateway.Meter.SetStatusAsync(caller.Account, new() { Status = AccountStatus.Suspended, Reason = "Under review." })).IsSuccess);
        await RefusesAsync(caller, Ann, 403, "account_suspended");
        var (bob, _) = await host.SubscribeAsync("bob@example.com");
        await RefusesAsync(bob, """{"email": "bob@example.com", "plan": "growth"}""", 409, "subscription_active");
        Assert.Equal(pages + 1, (await host.DocumentsAsync("sandbox-page")).Count);
    }

    /// <summary>Subscribes to Growth on May 1, buys 100 credits, cancels; the subscription has ended on June 1.</summary>
    private static PaidInvoice Invoice(string id, string subscription, DateTimeOffset from, DateTimeOffset to, long cents) => new()
    {
        Id = id,
        SubscriptionId = subscription,
        CreatedAt = from,
        AmountCents = cents,
        PeriodStart = from,
        PeriodEnd = to,
        IsProration = false,
    };

    private static Transaction Allotment(long number, DateTimeOffset at, long credits) => new()
    {
        Id = new(number, 0),
        Type = TransactionType.MonthlyReset,
        Amount = Credits.Of(credits),
        Credits = Credits.Of(credits),
        Description = string.Empty,
        Buckets = default,
        CreatedAt = at,
        AppliedAt = at,
    };

    private static async Task<TestCaller> LeaveAsync(SalesHost host, DateTimeOffset returns)
    {
        var (caller, url) = await host.SubscribeAsync();
        Assert.Equal(200, (await caller.PostAsync("/api/v1/purchase-credits", """{"creditCount": 100}""")).Status);
        Assert.Equal(200, (await caller.PostAsync("/api/v1/subscription/cancel")).Status);
        host.Clock.Set(GatewayHost.Start.AddMonths(1));
        Assert.Equal(303, (await host.PressAsync(url, "renew")).Status);
        host.Clock.Set(returns);
        return caller;
    }

    private static async Task<(string Url, TestCaller Key)> RenewAsync(SalesHost host, TestCaller caller, string plan)
    {
        var answer = await caller.PostAsync(Purchase, $$"""{"email": "Ann@example.com", "plan": "{{plan}}"}""");
        Assert.Equal(201, answer.Status);
        var data = answer.Json.GetProperty("data");
        var url = data.GetProperty("checkoutUrl").GetString()!;
        Assert.Equal(303, (await host.PressAsync(url, "pay")).Status);
        var claim = await host.ClaimAsync(data.GetProperty("claimToken").GetString()!);
        Assert.Equal(200, claim.Status);
        return (url, await host.CallerAsync(claim.Json.GetProperty("data").GetProperty("apiKey").GetString()!));
    }
}
