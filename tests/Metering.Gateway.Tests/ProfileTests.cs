using Metering.Engine;
using Xunit;

namespace Metering.Gateway.Tests;

/// <summary>Dialect A: <c>GET</c> and <c>PATCH /api/v1/me</c> (000, 001).</summary>
public sealed class ProfileTests
{
    [Fact]
    public async Task Me_has_the_profile_the_plan_and_every_bucket()
    {
        await using var host = await GatewayHost.StartAsync();
        var caller = await host.OpenAsync(bonus: 25);
        await host.Directory.TryAddProfileAsync(new()
        {
            Account = caller.Account,
            Email = "ann@example.com",
            FirstName = "Ann",
            CompanyName = "Example",
            CreatedAt = GatewayHost.Start,
        });
        await host.Meter.GrantAsync(caller.Account, new() { Source = GrantSource.Purchase, Amount = Credits.Of(10.5m) });
        await caller.PostAsync("/v1/credits/deduct", """{"amount": 43}""");
        var answer = await caller.GetAsync("/api/v1/me");
        Assert.Equal("92.5", answer.Remaining);
        answer.HasJson("""
            {"data": {"id": "account-1", "email": "ann@example.com", "firstName": "Ann", "lastName": null, "companyName": "Example", "companyWebsite": null,
              "createdAt": "2026-05-01T00:00:00.000Z", "plan": "starter", "planName": "Starter", "accessLevel": "platform",
              "subscriptionStatus": "active", "currentPeriodEnd": "2026-06-01T00:00:00.000Z", "gracePeriodEnd": null, "unlimited": false,
              "monthlyCredits": 100, "monthlyCreditsRemaining": 82, "bonusCredits": 0, "permanentCredits": 10.5, "totalCreditsRemaining": 92.5,
              "settings": {"smbType": null}}}
            """);
    }

    [Fact]
    public async Task Plans_that_are_not_credit_based_say_so()
    {
        await using var host = await GatewayHost.StartAsync();
        var data = (await (await host.OpenAsync("platinum")).GetAsync("/api/v1/me")).Json.GetProperty("data");
        Assert.True(data.GetProperty("unlimited").GetBoolean());
        Assert.Equal("Platinum", data.GetProperty("planName").GetString());
        Assert.Equal(0, data.GetProperty("monthlyCredits").GetDecimal());
    }

    [Fact]
    public async Task An_unpaid_subscription_is_inactive_and_can_still_be_read()
    {
        await using var host = await GatewayHost.StartAsync();
        var caller = await host.OpenAsync(paidThrough: GatewayHost.Start.AddMonths(1));
        Assert.Equal("active", (await caller.GetAsync("/api/v1/me")).Json.GetProperty("data").GetProperty("subscriptionStatus").GetString());
        host.Clock.Advance(TimeSpan.FromDays(40));
        Assert.Equal("inactive", (await caller.GetAsync("/api/v1/me")).Json.GetProperty("data").GetProperty("subscriptionStatus").GetString());
        var refused = await caller.PostAsync("/v1/credits/deduct", """{"amount": 1}""");
        Assert.Equal(402, refused.Status);
        Assert.Equal("subscription_inactive", refused.Code);
    }

    [Fact]
    public async Task A_cancelled_subscription_is_active_until_its_end_and_a_suspended_or_closed_one_is_not()
    {
        await using var host = await GatewayHost.StartAsync();
        var cancelled = await host.OpenAsync();
        Assert.True((await host.Meter.CancelAsync(cancelled.Account, new())).IsSuccess);
        Assert.Equal("active", await StatusAsync(cancelled));
        host.Clock.Advance(TimeSpan.FromDays(40));
        Assert.Equal("inactive", await StatusAsync(cancelled));
        foreach (var status in new[] { AccountStatus.Suspended, AccountStatus.Closed })
        {
            var caller = await host.OpenAsync();
            Assert.True((await host.Meter.SetStatusAsync(caller.Account, new() { Status = status, Reason = "Left" })).IsSuccess);
            Assert.Equal("inactive", await StatusAsync(caller));
            Assert.Equal(status == AccountStatus.Closed ? 403 : 200, (await caller.PatchAsync("/api/v1/me", """{"firstName": "Ann"}""")).Status);
        }

        static async Task<string?> StatusAsync(TestCaller caller) => (await caller.GetAsync("/api/v1/me")).Json.GetProperty("data").GetProperty("subscriptionStatus").GetString();
    }

    [Fact]
    public async Task Calls_on_an_unlimited_plan_are_recorded_at_0_and_credits_is_what_the_account_holds()
    {
        await using var host = await GatewayHost.StartAsync();
        foreach (var plan in (string[])["platinum", "enterprise"])
        {
            var caller = await host.OpenAsync(plan, bonus: 7.5m);
            var spent = await caller.PostAsync("/v1/credits/deduct", """{"product": "mobile", "quantity": 1000}""");
            Assert.Equal(200, spent.Status);
            Assert.Equal(0, spent.Json.GetProperty("charged").GetDecimal());
            Assert.Null(spent.Cost);
            Assert.Equal("7.5", spent.Remaining);
            Assert.Equal("""{"credits":7.50}""", (await caller.GetAsync("/v1/credits")).Body);
            var data = (await caller.GetAsync("/api/v1/me")).Json.GetProperty("data");
            Assert.True(data.GetProperty("unlimited").GetBoolean());
            Assert.Equal(7.5m, data.GetProperty("totalCreditsRemaining").GetDecimal());
            var row = (await caller.GetAsync("/v1/transactions")).Json.GetProperty("transactions")[0];
            Assert.Equal(("DEDUCTION", 0m, 1000L), (row.GetProperty("type").GetString(), row.GetProperty("amount").GetDecimal(), row.GetProperty("quantity").GetInt64()));
        }

        Assert.False((await (await host.OpenAsync("scale")).GetAsync("/api/v1/me")).Json.GetProperty("data").GetProperty("unlimited").GetBoolean());
    }

    [Fact]
    public async Task A_patch_changes_only_what_is_sent()
    {
        await using var host = await GatewayHost.StartAsync();
        var caller = await host.OpenAsync();
        await host.Directory.TryAddProfileAsync(new()
        {
            Account = caller.Account, Email = "ann@example.com", FirstName = "Ann", LastName = "Lee", CompanyName = "Old", CompanyWebsite = "old.example", CreatedAt = GatewayHost.Start,
        });
        var answer = await caller.PatchAsync("/api/v1/me", """{"companyName": "New", "companyWebsite": "https://new.example/about", "email": "ignored@example.com", "nonsense": {"deep": [1]}}""");
        Assert.Equal(200, answer.Status);
        Assert.Equal("100", answer.Remaining);
        Assert.Equal(("ann@example.com", "Ann", "Lee", "New", "https://new.example/about"), TextsOf(answer));
        Assert.Equal(("ann@example.com", "Ann", null, "New", "https://new.example/about"), TextsOf(await caller.PatchAsync("/api/v1/me", """{"lastName": null}""")));
        Assert.Equal(("ann@example.com", "Zoë", "O'Neil", "New", "https://new.example/about"), TextsOf(await caller.PatchAsync("/api/v1/me", """{"firstName": "Zoë", "lastName": "O'Neil"}""")));
        var me = await caller.GetAsync("/api/v1/me");
        Assert.Equal(("ann@example.com", "Zoë", "O'Neil", "New", "https://new.example/about"), TextsOf(me));
        Assert.Equal("2026-05-01T00:00:00.000Z", me.Json.GetProperty("data").GetProperty("createdAt").GetString());
    }

    [Fact]
    public async Task An_account_without_a_profile_gets_one_with_the_first_patch()
    {
        await using var host = await GatewayHost.StartAsync();
        var caller = await host.OpenAsync();
        Assert.Equal((null, null, null, "Example", null), TextsOf(await caller.PatchAsync("/api/v1/me", """{"companyName": "Example"}""")));
        Assert.Equal((null, null, null, "Example", null), TextsOf(await caller.GetAsync("/api/v1/me")));
    }

    [Theory]
    [InlineData("""{}""", "firstName, lastName, companyName, companyWebsite")]
    [InlineData("""{"email": "a@example.com"}""", "firstName, lastName, companyName, companyWebsite")]
    [InlineData("""{"FirstName": "Ann"}""", "firstName, lastName, companyName, companyWebsite")]
    [InlineData("""{"firstName": 5}""", "firstName must be a text")]
    [InlineData("""{"nonsense": 1, "companyName": ["x"]}""", "companyName must be a text")]
    [InlineData("""{"firstName": ""}""", "firstName must be a text of 1 to 100")]
    [InlineData("""{"lastName": "  "}""", "lastName must be a text of 1 to 100")]
    [InlineData("""{"firstName": "a\u0000b"}""", "control character")]
    [InlineData("""{"firstName": "\ud800"}""", "surrogate")]
    [InlineData("""{"firstName": "a", "firstName": "b"}""", "twice")]
    [InlineData("""{"companyWebsite": "javascript:alert(1)"}""", "companyWebsite must be an address")]
    [InlineData("""{"companyWebsite": "javascript:80/alert(1)"}""", "companyWebsite must be an address")]
    [InlineData("""{"companyWebsite": "localhost:8080/"}""", "companyWebsite must be an address")]
    [InlineData("""{"companyWebsite": "example.com:x/"}""", "companyWebsite must be an address")]
    [InlineData("""{"companyWebsite": "ftp://example.com"}""", "companyWebsite must be an address")]
    [InlineData("""{"companyWebsite": "https://user:secret@example.com"}""", "companyWebsite must be an address")]
    [InlineData("""{"companyWebsite": "not a site"}""", "companyWebsite must be an address")]
    [InlineData("""[]""", "JSON object")]
    [InlineData("", "empty")]
    public async Task A_bad_patch_is_400_and_changes_nothing(string body, string says)
    {
        await using var host = await GatewayHost.StartAsync();
        var caller = await host.OpenAsync();
        await host.Directory.TryAddProfileAsync(new() { Account = caller.Account, Email = "ann@example.com", FirstName = "Ann", CreatedAt = GatewayHost.Start });
        var answer = await caller.PatchAsync("/api/v1/me", body);
        Assert.Equal(400, answer.Status);
        Assert.Equal("invalid_request", answer.Json.GetProperty("error").GetString());
        Assert.Contains(says, answer.Json.GetProperty("message").GetString(), StringComparison.Ordinal);
        Assert.Equal("100", answer.Remaining);
        Assert.Equal(("ann@example.com", "Ann", null, null, null), TextsOf(await caller.GetAsync("/api/v1/me")));
    }

    [Theory]
    [InlineData("firstName", 100)]
    [InlineData("lastName", 100)]
    [InlineData("companyName", 200)]
    public async Task A_name_may_be_as_long_as_its_limit_and_no_longer(string field, int limit)
    {
        await using var host = await GatewayHost.StartAsync();
        var caller = await host.OpenAsync();
        Assert.Equal(200, (await caller.PatchAsync("/api/v1/me", $$"""{"{{field}}": "{{new string('é', limit)}}"}""")).Status);
        var answer = await caller.PatchAsync("/api/v1/me", $$"""{"{{field}}": "{{new string('é', limit + 1)}}"}""");
        Assert.Equal(400, answer.Status);
        Assert.Contains($"at most {limit}", answer.Json.GetProperty("message").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_key_that_may_only_read_changes_no_profile()
    {
        await using var host = await GatewayHost.StartAsync();
        var answer = await (await host.OpenAsync(scopes: ApiKeyScopes.Read)).PatchAsync("/api/v1/me", """{"firstName": "Ann"}""");
        Assert.Equal(403, answer.Status);
        Assert.Equal("scope_missing", answer.Json.GetProperty("error").GetString());
    }

    [Fact]
    public async Task An_error_has_a_code_and_a_message()
    {
        await using var host = await GatewayHost.StartAsync();
        using var request = new HttpRequestMessage(HttpMethod.Get, "/api/v1/me");
        (await Answer.OfAsync(host.Client, request)).HasJson(
            """{"error": "api_key_missing", "message": "An API key is needed: send Authorization: Bearer KEY or X-API-Key: KEY."}""");
    }

    private static (string? Email, string? First, string? Last, string? Company, string? Website) TextsOf(Answer answer)
    {
        var data = answer.Json.GetProperty("data");
        return (data.GetProperty("email").GetString(), data.GetProperty("firstName").GetString(), data.GetProperty("lastName").GetString(),
            data.GetProperty("companyName").GetString(), data.GetProperty("companyWebsite").GetString());
    }
}
