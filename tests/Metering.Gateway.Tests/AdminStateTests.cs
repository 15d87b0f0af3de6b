using Metering.Engine;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Metering.Gateway.Tests;

/// <summary>What operators change about an account beside its credits.</summary>
public sealed class AdminStateTests : IAsyncLifetime
{
    private GatewayHost host = null!;
    private TestCaller admin = null!;
    private TestCaller caller = null!;

    public async Task InitializeAsync()
    {
        host = await GatewayHost.StartAsync();
        admin = await host.AddKeyAsync(new("operator"), ApiKeyScopes.Admin);
        caller = await host.OpenAsync();
    }

    public async Task DisposeAsync() => await host.DisposeAsync();

    [Fact]
    public async Task A_suspended_account_reads_and_a_reopened_one_spends()
    {
        var suspended = await PostAsync("status", """{"status": "suspended", "reason": "Chargeback under review"}""", "key-1");
        Assert.Equal((200, "suspended", "Chargeback under review"), (suspended.Status, Text(suspended, "status"), Text(suspended, "statusReason")));
        Assert.True((await PostAsync("status", """{"status": "suspended", "reason": "Chargeback under review"}""", "key-1")).IsReplay);
        Assert.Equal(200, (await caller.GetAsync("/v1/credits")).Status);
        Assert.Equal((403, "account_suspended"), Of(await caller.PostAsync("/v1/credits/deduct", """{"amount": 1}""")));
        Assert.Equal("active", Text(await PostAsync("status", """{"status": "active"}"""), "status"));
        Assert.Equal(200, (await caller.PostAsync("/v1/credits/deduct", """{"amount": 1}""")).Status);
    }

    [Fact]
    public async Task A_closed_account_gives_its_coupon_slot_back()
    {
        await admin.PostAsync("/admin/v1/coupons", """{"code": "LAST", "amount": 1, "maxRedemptions": 1}""");
        Assert.Equal("closed", Text(await PostAsync("status", """{"status": "closed", "reason": "Left"}"""), "status"));
        Assert.Equal((403, "account_closed"), Of(await caller.PostAsync("/v1/coupons/redeem", """{"code": "LAST"}""")));
        Assert.Equal(0, (await admin.GetAsync("/admin/v1/coupons/LAST")).Json.GetProperty("redeemed").GetInt32());
    }

    [Fact]
    public async Task Spending_goes_as_far_as_the_credit_limit()
    {
        var limited = await PostAsync("credit-limit", """{"limit": 50}""");
        Assert.Equal(50, limited.Json.GetProperty("balance").GetProperty("creditLimit").GetInt32());
        Assert.Equal(200, (await caller.PostAsync("/v1/credits/deduct", """{"amount": 120}""")).Status);
        Assert.Equal((402, "insufficient_credits"), Of(await caller.PostAsync("/v1/credits/deduct", """{"amount": 31}""")));
        Assert.Equal(20, (await admin.GetAsync($"/admin/v1/accounts/{caller.Account}")).Json.GetProperty("balance").GetProperty("owed").GetInt32());
    }

    [Fact]
    public async Task A_plan_changes_now_or_at_the_periods_end()
    {
        var planned = await PostAsync("plan", """{"plan": "scale", "when": "period_end"}""");
        Assert.Equal(("starter", "scale", 0), (Text(planned, "previousPlan"), Text(planned, "plan"), planned.Json.GetProperty("creditsGranted").GetInt32()));
        Assert.Equal("scale", Text(await admin.GetAsync($"/admin/v1/accounts/{caller.Account}"), "plannedPlan"));
        var now = await PostAsync("plan", """{"plan": "growth"}""", "key-1");
        Assert.Equal((200, 1000, 100), (now.Status, now.Json.GetProperty("creditsGranted").GetInt32(), now.Json.GetProperty("permanentCreditsAdded").GetInt32()));
        Assert.True((await PostAsync("plan", """{"plan": "growth"}""", "key-1")).IsReplay);
    }

    [Fact]
    public async Task What_is_taken_back_and_spent_already_is_owed()
    {
        await caller.PostAsync("/v1/credits/deduct", """{"amount": 70}""");
        var taken = await PostAsync("take-back", """{"amount": 50, "reason": "Dispute lost", "externalReference": "dispute-1"}""");
        Assert.Equal((200, 30, 20), (taken.Status, taken.Json.GetProperty("removed").GetInt32(), taken.Json.GetProperty("owed").GetInt32()));
        Assert.Equal((409, "reference_used"), Of(await PostAsync("take-back", """{"amount": 5, "reason": "Again", "externalReference": "dispute-1"}""")));
    }

    [Fact]
    public async Task A_subscription_is_cancelled_at_the_end_of_what_is_paid_and_resumed()
    {
        var end = GatewayHost.Start.AddMonths(1);
        caller = await host.OpenAsync(paidThrough: end);
        var cancelled = await PostAsync("cancel", null, "key-1");
        Assert.Equal((200, end.ToWire(), false), (cancelled.Status, Text(cancelled, "endsAt"), cancelled.IsReplay));
        Assert.True((await PostAsync("cancel", null, "key-1")).IsReplay);
        Assert.Equal((422, "idempotency_key_reused"), Of(await PostAsync("resume", null, "key-1")));
        var resumed = await PostAsync("resume", null);
        Assert.Equal((200, null), (resumed.Status, Text(resumed, "endsAt")));

        await PostAsync("cancel", null);
        host.Clock.Advance(TimeSpan.FromDays(32));
        Assert.Equal((402, "subscription_inactive"), Of(await PostAsync("cancel", null)));
        var entries = await host.Services.GetRequiredService<IAuditLog>().ListAsync(new() { Target = caller.Account });
        Assert.Equal(
            [("account.cancel", 402), ("account.cancel", 200), ("account.resume", 200), ("account.resume", 422), ("account.cancel", 200), ("account.cancel", 200)],
            entries.Select(entry => (entry.Action.Action, entry.Outcome!.Status)));
    }

    [Fact]
    public async Task An_accounts_transactions_are_listed_as_it_sees_them_itself()
    {
        for (var amount = 1; amount <= 3; amount++)
        {
            await caller.PostAsync("/v1/credits/deduct", $$"""{"amount": {{amount}}}""");
        }

        var first = await admin.GetAsync($"/admin/v1/accounts/{caller.Account}/transactions?limit=2");
        Assert.Equal((200, (await caller.GetAsync("/v1/transactions?limit=2")).Body), (first.Status, first.Body));
        Assert.Equal([-3, -2], first.Json.GetProperty("transactions").EnumerateArray().Select(one => one.GetProperty("amount").GetInt32()));
        var rest = await admin.GetAsync($"/admin/v1/accounts/{caller.Account}/transactions?cursor={Text(first, "nextCursor")}");
        Assert.Equal(["DEDUCTION", "MONTHLY_RESET"], rest.Json.GetProperty("transactions").EnumerateArray().Select(one => one.GetProperty("type").GetString()));
        Assert.Equal((400, "limit"), (await admin.GetAsync($"/admin/v1/accounts/{caller.Account}/transactions?limit=101")) is var many ? (many.Status, many.Field) : default);
        Assert.Equal((400, "cursor"), (await admin.GetAsync($"/admin/v1/accounts/{caller.Account}/transactions?cursor=x")) is var wrong ? (wrong.Status, wrong.Field) : default);
        Assert.Equal((404, "account_unknown"), Of(await admin.GetAsync("/admin/v1/accounts/nobody/transactions")));
    }

    [Theory]
    [InlineData("status", """{"status": "gone", "reason": "a"}""", "status")]
    [InlineData("status", """{"status": "closed"}""", "reason")]
    [InlineData("status", """{"status": "active", "why": "a"}""", "why")]
    [InlineData("credit-limit", """{}""", "limit")]
    [InlineData("credit-limit", """{"limit": -1}""", "limit")]
    [InlineData("plan", """{"plan": "none"}""", "plan")]
    [InlineData("plan", """{"plan": "growth", "when": "later"}""", "when")]
    [InlineData("plan", """{"plan": "growth", "allotment": "half"}""", "allotment")]
    [InlineData("take-back", """{"amount": 1, "reason": "a"}""", "externalReference")]
    [InlineData("take-back", """{"amount": 1, "reason": "a", "externalReference": "b", "grantedBy": "c"}""", "grantedBy")]
    public async Task Malformed_changes_name_their_field(string route, string json, string field)
    {
        var answer = await PostAsync(route, json);
        Assert.Equal((400, field), (answer.Status, answer.Field));
    }

    [Fact]
    public async Task All_of_it_is_in_the_audit_log_without_its_reasons()
    {
        await PostAsync("status", """{"status": "suspended", "reason": "Ann asked"}""");
        await PostAsync("credit-limit", """{"limit": 5}""");
        await PostAsync("plan", """{"plan": "growth"}""");
        await PostAsync("take-back", """{"amount": 1, "reason": "Ann asked", "externalReference": "Ann"}""");
        var entries = await host.Services.GetRequiredService<IAuditLog>().ListAsync(new() { Target = caller.Account });
        Assert.Equal(["account.take_back", "account.plan", "account.credit_limit", "account.status"], entries.Select(entry => entry.Action.Action));
        Assert.All(entries, entry => Assert.DoesNotContain("Ann", entry.Action.Summary, StringComparison.Ordinal));
    }

    private static string? Text(Answer answer, string name) => answer.Json.GetProperty(name).GetString();

    private static (int Status, string? Code) Of(Answer answer) => (answer.Status, answer.Code);

    private Task<Answer> PostAsync(string route, string? json, string? key = null) => admin.PostAsync($"/admin/v1/accounts/{caller.Account}/{route}", json, key);
}
