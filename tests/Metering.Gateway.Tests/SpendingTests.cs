using Xunit;

namespace Metering.Gateway.Tests;

/// <summary>Dialect E: deductions, batches, records, transactions.</summary>
public sealed class SpendingTests
{
    [Fact]
    public async Task A_deduction_answers_with_a_receipt_and_headers()
    {
        await using var host = await GatewayHost.StartAsync();
        var caller = await host.OpenAsync(bonus: 25);
        var answer = await caller.PostAsync("/v1/credits/deduct", """{"amount": 43.5, "description": "x", "reference": "order 1"}""");
        Assert.Equal(200, answer.Status);
        Assert.Equal("81.5", answer.Remaining);
        Assert.Equal("43.5", answer.Cost);
        var id = answer.Json.GetProperty("transactionId").GetString();
        answer.HasJson($$"""{"transactionId": "{{id}}", "charged": 43.5, "credits": 81.5, "burned": {"bonus": 25, "monthly": 18.5, "permanent": 0} }""");
        (await caller.GetAsync("/v1/transactions/" + id)).HasJson($$"""
            {"id": "{{id}}", "status": "charged", "transaction": {"id": "{{id}}", "number": 3, "type": "DEDUCTION", "amount": -43.5, "credits": 81.5,
              "description": "x", "reference": "order 1", "buckets": {"bonus": 25, "monthly": 18.5, "permanent": 0},
              "createdAt": "2026-05-01T00:00:00.000Z", "appliedAt": "2026-05-01T00:00:00.000Z"} }
            """);
    }

    [Theory]
    [InlineData("lead.search", 97, "12")]
    [InlineData("lead.search", 0, null)]
    [InlineData("email.validation", 3, "0.75")]
    [InlineData("mobile", 1, "5")]
    public async Task A_product_is_charged_at_its_price(string product, int quantity, string? cost)
    {
        await using var host = await GatewayHost.StartAsync();
        var caller = await host.OpenAsync();
        var answer = await caller.PostAsync("/v1/credits/deduct", $$"""{"product": "{{product}}", "quantity": {{quantity}}}""");
        Assert.Equal(200, answer.Status);
        Assert.Equal(cost, answer.Cost);
    }

    [Fact]
    public async Task Not_enough_credits_is_402_and_says_how_many()
    {
        await using var host = await GatewayHost.StartAsync();
        var caller = await host.OpenAsync();
        var answer = await caller.PostAsync("/v1/credits/deduct", """{"amount": 100.0001}""");
        Assert.Equal(402, answer.Status);
        Assert.Equal("application/problem+json", answer.ContentType);
        Assert.Equal("insufficient_credits", answer.Code);
        Assert.Equal("100.0001", answer.Json.GetProperty("required").GetRawText());
        Assert.Equal("100", answer.Json.GetProperty("available").GetRawText());
        Assert.Equal("100", answer.Remaining);
        Assert.Null(answer.Cost);
        Assert.Equal(answer.Headers["X-Request-Id"], answer.Json.GetProperty("requestId").GetString());
    }

    [Fact]
    public async Task A_replay_is_the_first_answer_marked_and_costs_nothing()
    {
        await using var host = await GatewayHost.StartAsync();
        var caller = await host.OpenAsync();
        var first = await caller.PostAsync("/v1/credits/deduct", """{"amount": 10}""", "order-1");
        await caller.PostAsync("/v1/credits/deduct", """{"amount": 1}""");
        var second = await caller.PostAsync("/v1/credits/deduct", """{"amount": 10.0}""", "order-1");
        Assert.False(first.IsReplay);
        Assert.True(second.IsReplay);
        Assert.Equal(first.Body, second.Body);
        Assert.Null(second.Cost);
        Assert.Equal("89", second.Remaining);
    }

    [Fact]
    public async Task An_idempotency_key_with_another_request_is_422()
    {
        await using var host = await GatewayHost.StartAsync();
        var caller = await host.OpenAsync();
        await caller.PostAsync("/v1/credits/deduct", """{"amount": 10}""", "order-1");
        var answer = await caller.PostAsync("/v1/credits/deduct", """{"amount": 11}""", "order-1");
        Assert.Equal(422, answer.Status);
        Assert.Equal("idempotency_key_reused", answer.Code);
        Assert.Equal("90", answer.Remaining);
    }

    [Fact]
    public async Task An_idempotency_key_that_is_too_long_is_400()
    {
        await using var host = await GatewayHost.StartAsync();
        var answer = await (await host.OpenAsync()).PostAsync("/v1/credits/deduct", """{"amount": 10}""", new string('k', 256));
        Assert.Equal(400, answer.Status);
        Assert.Equal("Idempotency-Key", answer.Field);
    }

    [Fact]
    public async Task Each_item_of_a_batch_has_its_own_outcome()
    {
        await using var host = await GatewayHost.StartAsync();
        var caller = await host.OpenAsync();
        const string Body = """{"items": [{"amount": 60}, {"amount": 60}, {"product": "unknown"}, {"amount": 40}]}""";
        var answer = await caller.PostAsync("/v1/credits/deduct/batch", Body, "batch-1");
        Assert.Equal(200, answer.Status);
        Assert.Equal("100", answer.Cost);
        Assert.Equal("0", answer.Remaining);
        var items = answer.Json.GetProperty("items").EnumerateArray().ToArray();
        Assert.Equal(["charged", "refused", "refused", "charged"], items.Select(item => item.GetProperty("status").GetString()));
        Assert.Equal("insufficient_credits", items[1].GetProperty("error").GetProperty("code").GetString());
        Assert.Equal("items[2].product", items[2].GetProperty("error").GetProperty("field").GetString());
        Assert.Equal("0", items[3].GetProperty("credits").GetRawText());
        var replay = await caller.PostAsync("/v1/credits/deduct/batch", Body, "batch-1");
        Assert.True(replay.IsReplay);
        Assert.Equal(answer.Body, replay.Body);
    }

    [Fact]
    public async Task The_second_retrieval_of_a_record_costs_nothing()
    {
        await using var host = await GatewayHost.StartAsync();
        var caller = await host.OpenAsync();
        const string Body = """{"records": [{"type": "company", "id": "acme"}]}""";
        var first = await caller.PostAsync("/v1/records/access", Body);
        var id = first.Json.GetProperty("transactionId").GetString();
        Assert.Equal("1", first.Cost);
        first.HasJson($$"""
            {"transactionId": "{{id}}", "charged": 1, "credits": 99, "records": [
              {"type": "company", "id": "acme", "status": "subscribed", "charged": 1, "expiresAt": "2027-05-02T00:00:00.000Z"}]}
            """);
        var second = await caller.PostAsync("/v1/records/access", Body);
        Assert.Null(second.Cost);
        Assert.Equal("99", second.Remaining);
        second.HasJson("""
            {"transactionId": null, "charged": 0, "credits": 99, "records": [
              {"type": "company", "id": "acme", "status": "active", "charged": 0, "expiresAt": "2027-05-02T00:00:00.000Z"}]}
            """);
    }

    [Fact]
    public async Task Concurrent_retrievals_of_a_record_charge_once()
    {
        await using var host = await GatewayHost.StartAsync();
        var caller = await host.OpenAsync();
        var answers = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => caller.PostAsync("/v1/records/access", """{"records": [{"type": "contact", "id": "ann"}]}""")));
        Assert.All(answers, answer => Assert.Equal(200, answer.Status));
        Assert.Single(answers, answer => answer.Cost == "1");
        Assert.Equal("""{"credits":99}""", (await caller.GetAsync("/v1/credits")).Body);
    }

    [Fact]
    public async Task Up_to_and_max_credits_limit_what_a_call_may_cost()
    {
        await using var host = await GatewayHost.StartAsync();
        var caller = await host.OpenAsync();
        var partial = await caller.PostAsync("/v1/records/access", """{"records": [{"type": "company", "id": "a"}, {"type": "company", "id": "b"}], "mode": "up_to", "maxCredits": 1}""");
        Assert.Equal(["subscribed", "refused"], partial.Json.GetProperty("records").EnumerateArray().Select(record => record.GetProperty("status").GetString()));
        var refused = await caller.PostAsync("/v1/records/access", """{"records": [{"type": "company", "id": "b"}], "maxCredits": 0}""");
        Assert.Equal(402, refused.Status);
        Assert.Equal("max_credits_exceeded", refused.Code);
        Assert.Equal("99", refused.Remaining);
    }

    [Fact]
    public async Task What_an_active_company_covers_costs_nothing()
    {
        await using var host = await GatewayHost.StartAsync();
        var caller = await host.OpenAsync();
        await caller.PostAsync("/v1/records/access", """{"records": [{"type": "company", "id": "a"}]}""");
        var news = await caller.PostAsync("/v1/records/access", """{"records": [{"type": "company", "id": "a", "product": "company.news"}]}""");
        Assert.Equal(200, news.Status);
        Assert.Null(news.Cost);
        Assert.Equal("active", news.Json.GetProperty("records")[0].GetProperty("status").GetString());
    }

    [Fact]
    public async Task A_product_above_the_accounts_level_is_403_and_names_the_level()
    {
        await using var host = await GatewayHost.StartAsync(settings: new Dictionary<string, string?>
        {
            ["Metering:Plans:visitors:Level"] = "web_visitors",
            ["Metering:Plans:visitors:MonthlyCredits"] = "10",
            ["Metering:Products:lead.search:Level"] = "platform",
        });
        var answer = await (await host.OpenAsync("visitors")).PostAsync("/v1/credits/deduct", """{"product": "lead.search", "quantity": 1}""");
        Assert.Equal(403, answer.Status);
        Assert.Equal("access_level_too_low", answer.Code);
        Assert.Equal("platform", answer.Json.GetProperty("requiredLevel").GetString());
    }

    [Fact]
    public async Task Transactions_are_paged_by_cursor_to_their_end()
    {
        await using var host = await GatewayHost.StartAsync();
        var caller = await host.OpenAsync();
        for (var amount = 1; amount <= 4; amount++)
        {
            await caller.PostAsync("/v1/credits/deduct", $$"""{"amount": {{amount}}}""");
        }

        var numbers = new List<long>();
        string? cursor = null;
        do
        {
            var page = await caller.GetAsync("/v1/transactions?limit=2" + (cursor is null ? string.Empty : "&cursor=" + cursor));
            Assert.Equal(5, page.Json.GetProperty("total").GetInt64());
            numbers.AddRange(page.Json.GetProperty("transactions").EnumerateArray().Select(row => row.GetProperty("number").GetInt64()));
            cursor = page.Json.GetProperty("nextCursor").GetString();
        }
        while (cursor is not null);
        Assert.Equal([5, 4, 3, 2, 1], numbers);
    }

    [Fact]
    public async Task A_transaction_id_that_was_never_charged_says_so_and_a_malformed_one_is_400()
    {
        await using var host = await GatewayHost.StartAsync();
        var caller = await host.OpenAsync();
        var id = new TransactionId(7, 1).ToString();
        (await caller.GetAsync("/v1/transactions/" + id)).HasJson($$"""{"id": "{{id}}", "status": "not_charged"}""");
        var malformed = await caller.GetAsync("/v1/transactions/txn_1");
        Assert.Equal(400, malformed.Status);
        Assert.Equal("id", malformed.Field);
    }

    [Theory]
    [InlineData("limit=0", "limit")]
    [InlineData("limit=101", "limit")]
    [InlineData("cursor=5", "cursor")]
    public async Task A_page_out_of_range_is_400(string query, string field)
    {
        await using var host = await GatewayHost.StartAsync();
        var answer = await (await host.OpenAsync()).GetAsync("/v1/transactions?" + query);
        Assert.Equal(400, answer.Status);
        Assert.Equal(field, answer.Field);
    }
}
