using Xunit;

namespace Metering.Gateway.Tests;

/// <summary>Dialect A: <c>GET /api/v1/me</c> (000).</summary>
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
              "subscriptionStatus": "active", "currentPeriodEnd": "2026-06-01T00:00:00.000Z", "unlimited": false,
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
    public async Task An_error_has_a_code_and_a_message()
    {
        await using var host = await GatewayHost.StartAsync();
        using var request = new HttpRequestMessage(HttpMethod.Get, "/api/v1/me");
        (await Answer.OfAsync(host.Client, request)).HasJson(
            """{"error": "api_key_missing", "message": "An API key is needed: send Authorization: Bearer KEY or X-API-Key: KEY."}""");
    }
}
