using Metering.Engine;
using Xunit;

namespace Metering.Gateway.Tests;

/// <summary>Dialect C, as document 004 prints it.</summary>
public sealed class CheckCreditsTests
{
    [Theory]
    [InlineData(2100, "2200")]
    [InlineData(15332.5, "15432.50")]
    [InlineData(0.0625, "100.0625")]
    [InlineData(0.25, "100.25")]
    [InlineData(0.105, "100.105")]
    public async Task Whole_amounts_are_bare_and_others_have_two_decimals_at_least(decimal bonus, string printed)
    {
        await using var host = await GatewayHost.StartAsync();
        var caller = await host.OpenAsync(bonus: bonus);
        var answer = await caller.GetAsync("/v1/credits");
        Assert.Equal(200, answer.Status);
        Assert.Equal("application/json", answer.ContentType);
        Assert.Equal($$"""{"credits":{{printed}}}""", answer.Body);
    }

    [Fact]
    public async Task The_header_is_a_plain_decimal_without_trailing_zeros()
    {
        await using var host = await GatewayHost.StartAsync();
        var caller = await host.OpenAsync(bonus: 15332.5m);
        Assert.Equal("15432.5", (await caller.GetAsync("/v1/credits")).Remaining);
    }

    [Fact]
    public async Task Checking_is_free_and_leaves_no_row()
    {
        await using var host = await GatewayHost.StartAsync();
        var caller = await host.OpenAsync();
        for (var call = 0; call < 3; call++)
        {
            Assert.Null((await caller.GetAsync("/v1/credits")).Cost);
            Assert.Equal("""{"credits":100}""", (await caller.PostAsync("/v1/credits/refresh")).Body);
        }

        Assert.Equal(1, (await host.Meter.ListTransactionsAsync(caller.Account, new())).Value.Total);
    }

    [Fact]
    public async Task Health_tells_what_the_key_is_good_for()
    {
        await using var host = await GatewayHost.StartAsync();
        var caller = await host.OpenAsync(scopes: ApiKeyScopes.Spend, keyExpiresAt: GatewayHost.Start.AddDays(1));
        (await caller.GetAsync("/v1/credits/health")).HasJson(
            """{"valid": true, "account": "account-1", "plan": "starter", "subscriptionStatus": "active", "keyExpiresAt": "2026-05-02T00:00:00.000Z", "scopes": ["spend"]}""");
    }

    [Fact]
    public async Task Health_is_401_once_the_key_has_expired()
    {
        await using var host = await GatewayHost.StartAsync();
        var caller = await host.OpenAsync(keyExpiresAt: GatewayHost.Start.AddDays(1));
        Assert.Equal(200, (await caller.GetAsync("/v1/credits/health")).Status);
        host.Clock.Advance(TimeSpan.FromDays(1));
        var answer = await caller.GetAsync("/v1/credits/health");
        Assert.Equal(401, answer.Status);
        Assert.Equal("api_key_invalid", answer.Code);
    }
}
