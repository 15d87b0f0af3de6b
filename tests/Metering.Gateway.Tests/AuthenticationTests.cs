using Metering.Engine;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Metering.Gateway.Tests;

/// <summary>API keys in either header (contract, "Authentication").</summary>
public sealed class AuthenticationTests
{
    private static readonly string Malformed = ApiKeys.DefaultPrefix + new string('g', 64);
    private static readonly string Unknown = ApiKeys.DefaultPrefix + new string('a', 64);

    [Theory]
    [InlineData("Authorization", "Bearer {0}")]
    [InlineData("authorization", "bearer {0}")]
    [InlineData("X-API-Key", "{0}")]
    [InlineData("x-api-key", "{0}")]
    [InlineData("X-API-KEY", " {0} ")]
    public async Task Either_header_opens_every_route_in_any_case(string name, string format)
    {
        await using var host = await GatewayHost.StartAsync();
        var caller = await host.OpenAsync();
        foreach (var path in (string[])["/v1/credits", "/api/v1/credits/balance", "/api/v1/me", "/v1/transactions"])
        {
            var answer = await SendAsync(host, path, (name, string.Format(null, format, caller.Key.Key)));
            Assert.Equal(200, answer.Status);
            Assert.Equal("100", answer.Remaining);
        }
    }

    [Fact]
    public async Task The_same_key_in_both_headers_is_fine_and_different_ones_are_400()
    {
        await using var host = await GatewayHost.StartAsync();
        var (one, two) = (await host.OpenAsync(), await host.OpenAsync());
        Assert.Equal(200, (await SendAsync(host, "/v1/credits", ("Authorization", "Bearer " + one.Key.Key), ("X-API-Key", one.Key.Key))).Status);
        var both = await SendAsync(host, "/v1/credits", ("Authorization", "Bearer " + one.Key.Key), ("X-API-Key", two.Key.Key));
        Assert.Equal(400, both.Status);
        Assert.Null(both.Remaining);
        Assert.Equal(400, (await SendAsync(host, "/v1/credits", ("X-API-Key", one.Key.Key), ("X-API-Key", two.Key.Key))).Status);
    }

    [Fact]
    public async Task Another_scheme_is_no_key_and_does_not_stand_in_the_way_of_one()
    {
        await using var host = await GatewayHost.StartAsync();
        var caller = await host.OpenAsync();
        Assert.Equal(401, (await SendAsync(host, "/v1/credits", ("Authorization", "Basic dXNlcjpwYXNz"))).Status);
        Assert.Equal(200, (await SendAsync(host, "/v1/credits", ("Authorization", "Basic dXNlcjpwYXNz"), ("X-API-Key", caller.Key.Key))).Status);
    }

    [Fact]
    public async Task A_key_that_does_not_work_is_401_without_a_balance_on_every_route()
    {
        await using var host = await GatewayHost.StartAsync();
        var expired = await host.OpenAsync(keyExpiresAt: GatewayHost.Start.AddHours(1));
        var revoked = await host.OpenAsync();
        host.Clock.Advance(TimeSpan.FromHours(1));
        await host.Services.GetRequiredService<ApiKeyDirectory>().RevokeAsync(revoked.Account, revoked.Key.Stored.Id);
        string?[] keys = [null, "", "x", Malformed, Unknown, Unknown.ToUpperInvariant(), expired.Key.Key, revoked.Key.Key, revoked.Key.Key + "0", revoked.Key.Key[..^1]];
        foreach (var key in keys)
        {
            foreach (var path in (string[])["/v1/credits", "/v1/credits/health", "/api/v1/credits/balance", "/api/v1/me"])
            {
                var answer = await SendAsync(host, path, key is null ? [] : [("X-API-Key", key)]);
                Assert.Equal(401, answer.Status);
                Assert.Null(answer.Remaining);
                Assert.StartsWith("Bearer", answer.Headers["WWW-Authenticate"], StringComparison.Ordinal);
                Assert.NotEmpty(answer.Headers["X-Request-Id"]);
                Assert.DoesNotContain(string.IsNullOrEmpty(key) || key == "x" ? "no key" : key, answer.Body, StringComparison.Ordinal);
            }
        }
    }

    [Fact]
    public async Task A_revoked_key_stops_working_at_once_though_it_was_used_before()
    {
        await using var host = await GatewayHost.StartAsync();
        var caller = await host.OpenAsync();
        Assert.Equal(200, (await caller.GetAsync("/v1/credits")).Status);
        Assert.True(await host.Services.GetRequiredService<ApiKeyDirectory>().RevokeAsync(caller.Account, caller.Key.Stored.Id));
        Assert.Equal(401, (await caller.GetAsync("/v1/credits")).Status);
        Assert.False(await host.Services.GetRequiredService<ApiKeyDirectory>().RevokeAsync(caller.Account, "key_000000000000000000000000"));
    }

    [Fact]
    public async Task A_missing_scope_is_403_with_the_balance_and_changes_nothing()
    {
        await using var host = await GatewayHost.StartAsync();
        var reader = await host.OpenAsync(scopes: ApiKeyScopes.Read);
        var answer = await reader.PostAsync("/v1/credits/deduct", """{"amount": 1}""");
        Assert.Equal(403, answer.Status);
        Assert.Equal("scope_missing", answer.Code);
        Assert.Equal("100", answer.Remaining);
        var spender = await host.AddKeyAsync(reader.Account, ApiKeyScopes.Spend);
        Assert.Equal(403, (await spender.GetAsync("/api/v1/me")).Status);
        Assert.Equal(200, (await spender.PostAsync("/v1/credits/deduct", """{"amount": 1}""")).Status);
    }

    [Theory]
    [InlineData("smbk_", 200)]
    [InlineData("ll_", 200)]
    [InlineData("other_", 401)]
    public async Task Only_configured_prefixes_are_looked_up(string prefix, int status)
    {
        await using var host = await GatewayHost.StartAsync();
        var account = (await host.OpenAsync()).Account;
        var caller = await host.AddKeyAsync(account, ApiKeyScopes.Read, prefix: prefix);
        Assert.Equal(status, (await caller.GetAsync("/v1/credits")).Status);
    }

    [Fact]
    public void A_new_key_is_a_prefix_and_64_hex_digits_and_only_its_hash_is_stored()
    {
        var key = ApiKeys.Create(new("a"), "Mine", ApiKeyScopes.Read, GatewayHost.Start);
        Assert.Matches("^mtr_[0-9a-f]{64}\\z", key.Key);
        Assert.Matches("^key_[0-9a-f]{24}\\z", key.Stored.Id);
        Assert.Equal(key.Key[..12], key.Stored.Display);
        Assert.Equal(ApiKeys.Hash(key.Key), key.Stored.Hash.ToArray());
        Assert.Equal(32, key.Stored.Hash.Length);
        Assert.DoesNotContain(key.Key, key.Stored.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain(key.Key, key.ToString() ?? string.Empty, StringComparison.Ordinal);
    }

    private static async Task<Answer> SendAsync(GatewayHost host, string path, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        foreach (var (name, value) in headers)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }

        return await Answer.OfAsync(host.Client, request);
    }
}
