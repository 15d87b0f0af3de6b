using System.Text.Json;
using Metering.Engine;
using Xunit;

namespace Metering.Gateway.Tests;

/// <summary>Dialect B: an account makes keys of its sandbox itself.</summary>
public sealed class SandboxKeyTests : IAsyncLifetime
{
    private const string Path = "/api/v1/api-keys";
    private GatewayHost host = null!;
    private TestCaller caller = null!;

    public async Task InitializeAsync()
    {
        host = await GatewayHost.StartAsync();
        caller = await host.OpenAsync();
    }

    public async Task DisposeAsync() => await host.DisposeAsync();

    [Fact]
    public async Task A_sandbox_key_spends_the_sandboxs_credits_and_is_listed_and_revoked_by_the_accounts_own()
    {
        var (id, test) = await MakeAsync();
        Assert.Equal(88, (await test.PostAsync("/v1/credits/deduct", """{"amount": 12}""")).Json.GetProperty("credits").GetDecimal());
        Assert.Equal("""{"credits":100}""", (await caller.GetAsync("/v1/credits")).Body);
        Assert.Equal([("Test", false), ("Try", true)], KeysOf(await caller.GetAsync(Path)));
        Assert.Equal([("Try", true)], KeysOf(await test.GetAsync(Path)));
        Assert.Equal(200, (await caller.DeleteAsync($"{Path}/{id}")).Status);
        Assert.Equal(401, (await test.GetAsync("/v1/credits")).Status);
        Assert.Equal([("Test", false)], KeysOf(await caller.GetAsync(Path)));
    }

    [Fact]
    public async Task A_sandbox_key_makes_and_touches_no_live_key()
    {
        var (_, test) = await MakeAsync();
        var refused = await test.PostAsync(Path, """{"name": "Live", "sandbox": false}""");
        Assert.Equal(403, refused.Status);
        Assert.Contains("sandbox keys only", refused.Json.GetProperty("error").GetString(), StringComparison.Ordinal);
        foreach (var json in new[] { """{"name": "Left out"}""", """{"name": "Asked for", "sandbox": true}""" })
        {
            var data = (await test.PostAsync(Path, json)).Json.GetProperty("data");
            Assert.StartsWith("mtr_test_", data.GetProperty("key").GetString(), StringComparison.Ordinal);
            Assert.True(data.GetProperty("sandbox").GetBoolean());
        }

        Assert.Equal(404, (await test.PostAsync($"{Path}/{caller.Key.Stored.Id}/rotate")).Status);
        Assert.Equal(404, (await test.DeleteAsync($"{Path}/{caller.Key.Stored.Id}")).Status);
        Assert.Single(await host.Directory.ListKeysAsync(caller.Account));
    }

    [Fact]
    public async Task The_sandbox_has_ten_keys_of_its_own()
    {
        for (var number = 1; number <= 10; number++)
        {
            await MakeAsync();
        }

        var refused = await caller.PostAsync(Path, """{"name": "One too many", "sandbox": true}""");
        Assert.Equal(409, refused.Status);
        Assert.Contains("10 active sandbox keys", refused.Json.GetProperty("error").GetString(), StringComparison.Ordinal);
        Assert.Equal(201, (await caller.PostAsync(Path, """{"name": "Live"}""")).Status);
        Assert.Equal("""{"total":2,"limit":10}""", (await caller.GetAsync(Path)).Json.GetProperty("meta").GetRawText());
    }

    [Fact]
    public async Task A_retry_makes_no_second_sandbox_key_and_no_live_one()
    {
        const string Body = """{"name": "Try", "sandbox": true}""";
        var first = await caller.PostAsync(Path, Body, "make-1");
        var retry = await caller.PostAsync(Path, Body, "make-1");
        Assert.Equal((201, 201, true), (first.Status, retry.Status, retry.IsReplay));
        Assert.Equal(JsonValueKind.Null, retry.Json.GetProperty("data").GetProperty("key").ValueKind);
        Assert.Equal(422, (await caller.PostAsync(Path, """{"name": "Try"}""", "make-1")).Status);
        Assert.Equal(2, KeysOf(await caller.GetAsync(Path)).Length);
    }

    [Fact]
    public async Task A_rotated_sandbox_key_stays_one()
    {
        var (id, test) = await MakeAsync();
        var rotated = (await caller.PostAsync($"{Path}/{id}/rotate", """{"gracePeriodHours": 0}""")).Json.GetProperty("data");
        Assert.StartsWith("mtr_test_", rotated.GetProperty("key").GetString(), StringComparison.Ordinal);
        Assert.Equal(401, (await test.GetAsync("/v1/credits")).Status);
        Assert.Equal([("Test", false), ("Try", true)], KeysOf(await caller.GetAsync(Path)));
    }

    [Fact]
    public async Task A_key_that_may_less_makes_no_sandbox_key_that_may_more_and_leaves_no_sandbox()
    {
        var plain = await host.AddKeyAsync(caller.Account, ApiKeyScopes.Read | ApiKeyScopes.Spend);
        Assert.Equal(403, (await plain.PostAsync(Path, """{"name": "x", "scopes": ["refund"], "sandbox": true}""")).Status);
        Assert.Equal(400, (await plain.PostAsync(Path, """{"name": "x", "sandbox": "yes"}""")).Status);
        Assert.False((await host.Meter.GetBalanceAsync(new($"test:{caller.Account}"))).IsSuccess);
    }

    private static (string? Name, bool IsSandbox)[] KeysOf(Answer list) =>
        [.. list.Json.GetProperty("data").EnumerateArray().Select(key => (key.GetProperty("name").GetString(), key.GetProperty("sandbox").GetBoolean()))];

    private async Task<(string Id, TestCaller Caller)> MakeAsync()
    {
        var answer = await caller.PostAsync(Path, """{"name": "Try", "sandbox": true}""");
        Assert.Equal(201, answer.Status);
        var data = answer.Json.GetProperty("data");
        return (data.GetProperty("id").GetString()!, caller.With(data.GetProperty("key").GetString()!));
    }
}
