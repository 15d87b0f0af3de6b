using Xunit;

namespace Metering.Gateway.Tests;

/// <summary>Dialect B, as document 002 prints it.</summary>
public sealed class LeadCreditsTests
{
    [Fact]
    public async Task The_documents_balance_comes_out()
    {
        await using var host = await GatewayHost.StartAsync();
        var caller = await host.OpenAsync(bonus: 25);
        Assert.Equal(200, (await caller.PostAsync("/v1/credits/deduct", """{"amount": 43}""")).Status);
        (await caller.GetAsync("/api/v1/credits/balance")).HasJson("""
            {"success": true, "data": {"monthlyCredits": 100, "bonusCredits": 25, "usedCredits": 43, "availableCredits": 82,
              "resetDay": 1, "lastResetAt": "2026-05-01T00:00:00.000Z", "carriedPermanentCredits": 0}}
            """);
    }

    [Fact]
    public async Task After_the_reset_used_is_0_and_spent_bonus_is_gone()
    {
        await using var host = await GatewayHost.StartAsync();
        var caller = await host.OpenAsync(bonus: 25);
        await caller.PostAsync("/v1/credits/deduct", """{"amount": 43}""");
        host.Clock.Advance(GatewayHost.Start.AddMonths(1) - GatewayHost.Start);
        (await caller.GetAsync("/api/v1/credits/balance")).HasJson("""
            {"success": true, "data": {"monthlyCredits": 100, "bonusCredits": 0, "usedCredits": 0, "availableCredits": 100,
              "resetDay": 1, "lastResetAt": "2026-06-01T00:00:00.000Z", "carriedPermanentCredits": 0}}
            """);
    }

    [Fact]
    public async Task Permanent_credits_count_as_carried_and_are_shown_apart()
    {
        await using var host = await GatewayHost.StartAsync();
        var caller = await host.OpenAsync(bonus: 5);
        await host.Meter.GrantAsync(caller.Account, new() { Source = GrantSource.Purchase, Amount = Credits.Of(200) });
        await caller.PostAsync("/v1/credits/deduct", """{"amount": 110}""");
        var data = (await caller.GetAsync("/api/v1/credits/balance")).Json.GetProperty("data");
        Assert.Equal(100, data.GetProperty("monthlyCredits").GetDecimal());
        Assert.Equal(205, data.GetProperty("bonusCredits").GetDecimal());
        Assert.Equal(110, data.GetProperty("usedCredits").GetDecimal());
        Assert.Equal(195, data.GetProperty("availableCredits").GetDecimal());
        Assert.Equal(195, data.GetProperty("carriedPermanentCredits").GetDecimal());
    }

    [Fact]
    public async Task The_documents_transactions_come_out()
    {
        await using var host = await GatewayHost.StartAsync();
        var caller = await host.OpenAsync();
        host.Clock.Advance(new DateTimeOffset(2026, 5, 5, 10, 1, 0, TimeSpan.Zero) - GatewayHost.Start);
        await caller.PostAsync("/v1/credits/deduct", """{"product": "lead.search", "quantity": 97, "description": "Lead search: Dentists in Austin, TX (97 results)"}""");
        var answer = await caller.GetAsync("/api/v1/credits/transactions");
        var ids = answer.Json.GetProperty("data").EnumerateArray().Select(row => row.GetProperty("id").GetString()).ToArray();
        Assert.All(ids, id => Assert.True(TransactionId.TryParse(id, out _), id));
        answer.HasJson($$"""
            {"success": true, "data": [
              {"id": "{{ids[0]}}", "type": "DEDUCTION", "amount": -12, "description": "Lead search: Dentists in Austin, TX (97 results)", "createdAt": "2026-05-05T10:01:00.000Z"},
              {"id": "{{ids[1]}}", "type": "MONTHLY_RESET", "amount": 100, "description": "Monthly credit reset", "createdAt": "2026-05-01T00:00:00.000Z"}],
             "meta": {"total": 2, "limit": 50, "offset": 0} }
            """);
    }

    [Fact]
    public async Task Pages_follow_limit_and_offset_and_a_cursor_does_not_drift()
    {
        await using var host = await GatewayHost.StartAsync();
        var caller = await host.OpenAsync();
        for (var amount = 1; amount <= 5; amount++)
        {
            await caller.PostAsync("/v1/credits/deduct", $$"""{"amount": {{amount}}}""");
        }

        var page = await caller.GetAsync("/api/v1/credits/transactions?limit=2&offset=1");
        Assert.Equal([-4m, -3m], AmountsOf(page));
        Assert.Equal("""{"total":6,"limit":2,"offset":1}""", page.Json.GetProperty("meta").GetRawText());
        var last = page.Json.GetProperty("data")[1].GetProperty("id").GetString();
        await caller.PostAsync("/v1/credits/deduct", """{"amount": 6}""");
        Assert.Equal([-2m, -1m], AmountsOf(await caller.GetAsync($"/api/v1/credits/transactions?limit=2&cursor={last}")));
        Assert.Empty(AmountsOf(await caller.GetAsync("/api/v1/credits/transactions?offset=9223372036854775807")));
    }

    [Theory]
    [InlineData("limit=0", "limit")]
    [InlineData("limit=101", "limit")]
    [InlineData("limit=ten", "limit")]
    [InlineData("limit=1.5", "limit")]
    [InlineData("limit=", "limit")]
    [InlineData("limit=1&limit=2", "limit")]
    [InlineData("offset=-1", "offset")]
    [InlineData("offset=9223372036854775808", "offset")]
    [InlineData("cursor=txn_abc", "cursor")]
    [InlineData("cursor=txn_00000000000020fghjkmnpqrst&offset=1", "cursor")]
    public async Task A_page_out_of_range_is_400_and_names_the_parameter(string query, string parameter)
    {
        await using var host = await GatewayHost.StartAsync();
        var answer = await (await host.OpenAsync()).GetAsync("/api/v1/credits/transactions?" + query);
        Assert.Equal(400, answer.Status);
        Assert.False(answer.Json.GetProperty("success").GetBoolean());
        Assert.StartsWith(parameter, answer.Json.GetProperty("error").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_missing_key_is_401_with_status_code_and_message()
    {
        await using var host = await GatewayHost.StartAsync();
        using var request = new HttpRequestMessage(HttpMethod.Get, "/api/v1/credits/balance");
        var answer = await Answer.OfAsync(host.Client, request);
        Assert.Equal(401, answer.Status);
        answer.HasJson("""
            {"success": false, "statusCode": 401, "error": "Unauthorized", "message": "An API key is needed: send Authorization: Bearer KEY or X-API-Key: KEY."}
            """);
    }

    private static decimal[] AmountsOf(Answer answer) =>
        [.. answer.Json.GetProperty("data").EnumerateArray().Select(row => row.GetProperty("amount").GetDecimal())];
}
