using System.Text.Json;
using Xunit;

namespace Metering.Gateway.Tests.Sales;

/// <summary>Dialect A (001): the account-setup routes.</summary>
public sealed class SetupTests
{
    [Fact]
    public async Task The_lead_database_is_chosen_and_stays_for_the_cooldown()
    {
        await using var host = await SalesHost.StartAsync();
        var caller = await host.Gateway.OpenAsync();
        (await caller.GetAsync("/api/v1/settings/database")).HasJson("""{"data": {"smbType": null, "canSwitch": true, "daysRemaining": 0, "switchedAt": null}}""");
        const string Home = """{"smbType": "home_improvement"}""";
        const string Other = """{"smbType": "other"}""";
        (await caller.PostAsync("/api/v1/settings/switch-database", Other)).HasJson(
            """{"data": {"smbType": "other", "canSwitch": false, "daysRemaining": 30, "switchedAt": "2026-05-01T00:00:00.000Z"}}""");
        host.Clock.Advance(TimeSpan.FromDays(28.5));
        var refused = await caller.PostAsync("/api/v1/settings/switch-database", Home);
        Assert.Equal((403, "switch_cooldown"), (refused.Status, refused.Json.GetProperty("error").GetString()));
        Assert.Contains("in 2 days", refused.Json.GetProperty("message").GetString(), StringComparison.Ordinal);
        Assert.Equal(200, (await caller.PostAsync("/api/v1/settings/switch-database", Other)).Status);
        Assert.Equal("other", SmbTypeOf(await caller.GetAsync("/api/v1/me")));
        host.Clock.Advance(TimeSpan.FromDays(1.5));
        Assert.Equal(200, (await caller.PostAsync("/api/v1/settings/switch-database", Home)).Status);
        Assert.Equal("home_improvement", SmbTypeOf(await caller.GetAsync("/api/v1/me")));
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("""{"smbType": "Other"}""")]
    [InlineData("""{"smbType": 1}""")]
    public async Task A_database_that_is_none_is_400(string body)
    {
        await using var host = await SalesHost.StartAsync();
        Assert.Equal(400, (await (await host.Gateway.OpenAsync()).PostAsync("/api/v1/settings/switch-database", body)).Status);
    }

    [Theory]
    [InlineData("We sell bakery ovens to bakeries", "bakery")]
    [InlineData("software for hotels and motels", "hotel")]
    [InlineData("Insurance brokers", "insurance")]
    public async Task Categories_are_ranked_by_the_words_of_the_description(string description, string first)
    {
        await using var host = await SalesHost.StartAsync();
        var answer = await (await host.Gateway.OpenAsync()).PostAsync("/api/v1/ai/suggest-categories", JsonSerializer.Serialize(new { description }));
        Assert.Equal(first, answer.Json.GetProperty("data").GetProperty("categories")[0].GetProperty("category").GetString());
        Assert.Equal(("5", "4"), (answer.Headers["RateLimit-Limit"], answer.Headers["RateLimit-Remaining"]));
    }

    [Fact]
    public async Task Keywords_are_patterns_and_are_kept()
    {
        await using var host = await SalesHost.StartAsync();
        var caller = await host.Gateway.OpenAsync();
        Assert.Equal("none", (await caller.GetAsync("/api/v1/ai/keyword-status")).Json.GetProperty("data").GetProperty("status").GetString());
        var made = await caller.PostAsync("/api/v1/ai/generate-keywords", """{"description": "We sell ovens to bakeries and the like", "limit": 2}""");
        Assert.Equal(["*bakery*", "*oven*"], made.Json.GetProperty("data").GetProperty("keywords").EnumerateArray().Select(word => word.GetString()).Order());
        Assert.Equal(made.Body, (await caller.GetAsync("/api/v1/ai/keyword-status")).Body);
    }

    [Fact]
    public async Task The_sixth_call_of_a_minute_is_429()
    {
        await using var host = await SalesHost.StartAsync();
        var caller = await host.Gateway.OpenAsync();
        for (var call = 0; call < 5; call++)
        {
            Assert.Equal(200, (await caller.GetAsync("/api/v1/ai/keyword-status")).Status);
        }

        var refused = await caller.PostAsync("/api/v1/ai/suggest-categories", """{"description": "roofs"}""");
        Assert.Equal((429, "60"), (refused.Status, refused.Headers["Retry-After"]));
        host.Clock.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(200, (await caller.GetAsync("/api/v1/ai/keyword-status")).Status);
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("""{"description": " "}""")]
    [InlineData("""{"description": "x", "limit": 0}""")]
    [InlineData("""{"description": "x", "limit": 21}""")]
    public async Task A_description_that_is_none_is_400(string body)
    {
        await using var host = await SalesHost.StartAsync();
        Assert.Equal(400, (await (await host.Gateway.OpenAsync()).PostAsync("/api/v1/ai/suggest-categories", body)).Status);
    }

    private static string? SmbTypeOf(Answer me) => me.Json.GetProperty("data").GetProperty("settings").GetProperty("smbType").GetString();
}
