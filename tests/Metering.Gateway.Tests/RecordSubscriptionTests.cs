using Xunit;

namespace Metering.Gateway.Tests;

/// <summary>Dialect D (003): visits, the list of subscriptions, levels.</summary>
public sealed class RecordSubscriptionTests
{
    private const string Visits = "/v1/records/visits";

    [Fact]
    public async Task A_visit_starts_a_free_subscription_and_reporting_it_again_changes_nothing()
    {
        await using var host = await GatewayHost.StartAsync();
        var caller = await host.OpenAsync();
        const string Body = """{"companies": ["acme", "globex", "acme"], "seenAt": "2026-04-30T23:30:00+02:00", "unknown": 1}""";
        var answer = await caller.PostAsync(Visits, Body);
        Assert.Equal(200, answer.Status);
        Assert.Null(answer.Cost);
        Assert.Equal("100", answer.Remaining);
        answer.HasJson("""
            {"charged": 0, "credits": 100, "companies": [
              {"id": "acme", "status": "subscribed", "expiresAt": "2027-05-01T00:00:00.000Z"},
              {"id": "globex", "status": "subscribed", "expiresAt": "2027-05-01T00:00:00.000Z"},
              {"id": "acme", "status": "active", "expiresAt": "2027-05-01T00:00:00.000Z"}]}
            """);
        var again = await caller.PostAsync(Visits, """{"companies": ["globex"]}""");
        Assert.Equal(("active", "2027-05-01T00:00:00.000Z"), (again.Json.GetProperty("companies")[0].GetProperty("status").GetString(), again.Json.GetProperty("companies")[0].GetProperty("expiresAt").GetString()));
        var deep = await caller.PostAsync("/v1/records/access", """{"records": [{"type": "company", "id": "acme"}, {"type": "company", "id": "acme", "product": "company.news"}]}""");
        Assert.Null(deep.Cost);
        Assert.Equal(["company/acme", "company/globex"], await NamesAsync(caller, ""));
    }

    [Fact]
    public async Task Visits_are_idempotent_under_a_key()
    {
        await using var host = await GatewayHost.StartAsync();
        var caller = await host.OpenAsync();
        var first = await caller.PostAsync(Visits, """{"companies": ["acme"]}""", "visit-1");
        host.Clock.Advance(TimeSpan.FromDays(1));
        var retry = await caller.PostAsync(Visits, """{"companies": ["acme"]}""", "visit-1");
        Assert.True(retry.IsReplay);
        Assert.Equal(first.Body, retry.Body);
        Assert.Equal(422, (await caller.PostAsync(Visits, """{"companies": ["globex"]}""", "visit-1")).Status);
    }

    [Theory]
    [InlineData("""{}""", "companies")]
    [InlineData("""{"companies": []}""", "companies")]
    [InlineData("""{"companies": "acme"}""", "companies")]
    [InlineData("""{"companies": [null]}""", "companies[0]")]
    [InlineData("""{"companies": ["a", ""]}""", "companies[1]")]
    [InlineData("""{"companies": ["a", {"id": "b"}]}""", "companies[1]")]
    [InlineData("""{"companies": ["a\u0000"]}""", "companies[0]")]
    [InlineData("""{"companies": ["a"], "seenAt": "yesterday"}""", "seenAt")]
    [InlineData("""{"companies": ["a"], "seenAt": "2026-05-01"}""", "seenAt")]
    [InlineData("""{"companies": ["a"], "seenAt": "2026-05-02T00:00:00Z"}""", "seenAt")]
    [InlineData("""{"companies": ["a"], "seenAt": "2025-01-01T00:00:00Z"}""", "seenAt")]
    [InlineData("""{"companies": ["a"], "companies": ["b"]}""", "companies")]
    public async Task Bad_visits_are_400_and_start_nothing(string body, string field)
    {
        await using var host = await GatewayHost.StartAsync();
        var caller = await host.OpenAsync();
        var answer = await caller.PostAsync(Visits, body);
        Assert.Equal((400, field, "100"), (answer.Status, answer.Field, answer.Remaining));
        Assert.Empty(await NamesAsync(caller, ""));
    }

    [Fact]
    public async Task A_thousand_companies_may_visit_in_one_call_and_no_more()
    {
        await using var host = await GatewayHost.StartAsync();
        var caller = await host.OpenAsync();
        string Body(int count) => $$"""{"companies": [{{string.Join(",", Enumerable.Range(0, count).Select(number => $"\"c{number}\""))}}]}""";
        Assert.Equal(200, (await caller.PostAsync(Visits, Body(RecordVisitsRequest.MaxRecords))).Status);
        var answer = await caller.PostAsync(Visits, Body(RecordVisitsRequest.MaxRecords + 1));
        Assert.Equal((400, "companies"), (answer.Status, answer.Field));
        Assert.Equal(RecordVisitsRequest.MaxRecords, (await NamesAsync(caller, "limit=100")).Count);
    }

    [Fact]
    public async Task Each_level_opens_its_products_and_the_refusal_names_the_one_that_is_needed()
    {
        string[] levels = ["trial", "web_visitors", "api_only", "platform"];
        var settings = levels.SelectMany(level => (KeyValuePair<string, string?>[])
        [
            new($"Metering:Plans:plan-{level}:Level", level), new($"Metering:Plans:plan-{level}:MonthlyCredits", "10"),
            new($"Metering:Products:search.{level}:Level", level), new($"Metering:Products:search.{level}:PerUnit", "1"),
            new($"Metering:Products:record.{level}:Level", level), new($"Metering:Products:record.{level}:PerUnit", "1"), new($"Metering:Products:record.{level}:Unit", "record"),
        ]).ToDictionary();
        await using var host = await GatewayHost.StartAsync(settings: settings);
        foreach (var (rank, own) in levels.Index())
        {
            var caller = await host.OpenAsync("plan-" + own);
            Assert.Equal(own, (await caller.GetAsync("/api/v1/me")).Json.GetProperty("data").GetProperty("accessLevel").GetString());
            foreach (var (needed, level) in levels.Index())
            {
                foreach (var answer in new[]
                {
                    await caller.PostAsync("/v1/credits/deduct", $$"""{"product": "search.{{level}}"}"""),
                    await caller.PostAsync("/v1/records/access", $$"""{"records": [{"type": "record.{{level}}", "id": "a"}]}"""),
                })
                {
                    Assert.Equal(needed <= rank ? 200 : 403, answer.Status);
                    if (needed > rank)
                    {
                        Assert.Equal(("access_level_too_low", level), (answer.Code, answer.Json.GetProperty("requiredLevel").GetString()));
                        Assert.Contains(level, answer.Json.GetProperty("detail").GetString(), StringComparison.Ordinal);
                    }
                }
            }

            var visit = await caller.PostAsync(Visits, """{"companies": ["acme"]}""");
            Assert.Equal(rank >= 1 ? 200 : 403, visit.Status);
            if (rank == 0)
            {
                Assert.Equal("web_visitors", visit.Json.GetProperty("requiredLevel").GetString());
            }
        }
    }

    [Fact]
    public async Task Subscriptions_are_listed_by_page_type_and_nearness_of_their_end()
    {
        await using var host = await GatewayHost.StartAsync();
        var caller = await host.OpenAsync();
        await caller.PostAsync("/v1/records/access", """{"records": [{"type": "company", "id": "a"}, {"type": "contact", "id": "b"}]}""");
        host.Clock.Advance(TimeSpan.FromDays(100));
        await caller.PostAsync("/v1/records/access", """{"records": [{"type": "company", "id": "c"}]}""");
        (await caller.GetAsync("/v1/records?limit=1")).HasJson("""
            {"records": [{"type": "company", "id": "a", "startedAt": "2026-05-01T00:00:00.000Z", "expiresAt": "2027-05-02T00:00:00.000Z"}], "nextCursor": "3-1"}
            """);
        Assert.Equal(["company/a", "contact/b", "company/c"], await NamesAsync(caller, "limit=1"));
        Assert.Equal(["company/a", "company/c"], await NamesAsync(caller, "type=company"));
        Assert.Empty(await NamesAsync(caller, "expiringWithinDays=30"));
        host.Clock.Advance(TimeSpan.FromDays(240));
        Assert.Equal(["company/a", "contact/b"], await NamesAsync(caller, "expiringWithinDays=30"));
        Assert.Equal(["contact/b"], await NamesAsync(caller, "expiringWithinDays=30&type=contact"));
        host.Clock.Advance(TimeSpan.FromDays(26));
        Assert.Equal(["company/c"], await NamesAsync(caller, ""));
    }

    [Theory]
    [InlineData("limit=0", "limit")]
    [InlineData("limit=101", "limit")]
    [InlineData("cursor=x", "cursor")]
    [InlineData("cursor=", "cursor")]
    [InlineData("type=COMPANY", "type")]
    [InlineData("type=", "type")]
    [InlineData("expiringWithinDays=0", "expiringWithinDays")]
    [InlineData("expiringWithinDays=soon", "expiringWithinDays")]
    public async Task A_list_out_of_range_is_400_and_names_the_parameter(string query, string field)
    {
        await using var host = await GatewayHost.StartAsync();
        var answer = await (await host.OpenAsync()).GetAsync("/v1/records?" + query);
        Assert.Equal((400, field), (answer.Status, answer.Field));
    }

    private static async Task<List<string>> NamesAsync(TestCaller caller, string query)
    {
        var names = new List<string>();
        for (string? cursor = null; ;)
        {
            var page = (await caller.GetAsync($"/v1/records?{query}{(cursor is null ? "" : "&cursor=" + cursor)}")).Json;
            names.AddRange(page.GetProperty("records").EnumerateArray().Select(record => $"{record.GetProperty("type").GetString()}/{record.GetProperty("id").GetString()}"));
            if ((cursor = page.GetProperty("nextCursor").GetString()) is null)
            {
                return names;
            }
        }
    }
}
