using Metering.Engine;
using Metering.Gateway.Admin;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Metering.Gateway.Tests;

/// <summary>How the first operator gets in.</summary>
public sealed class OperatorKeyTests
{
    private const string Key = "mtr_0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    [Fact]
    public async Task A_configured_key_works_while_it_is_configured_and_is_stored_nowhere()
    {
        await using var host = await GatewayHost.StartAsync(settings: new Dictionary<string, string?> { ["Metering:Admin:KeyHash"] = Convert.ToHexString(ApiKeys.Hash(Key)) });
        Assert.Equal(200, (await GetAsync(host, Key)).Status);
        Assert.Equal("0", (await GetAsync(host, Key)).Remaining);
        Assert.Equal(401, (await GetAsync(host, Key.Replace('0', '1'))).Status);
        var caller = await host.OpenAsync();
        Assert.Equal(200, (await caller.GetAsync("/v1/credits")).Status);
        Assert.Empty(await host.Directory.ListKeysAsync(OperatorKeys.Account));

        await using var without = await GatewayHost.StartAsync();
        Assert.Equal(401, (await GetAsync(without, Key)).Status);
    }

    [Fact]
    public async Task A_key_that_a_start_was_asked_for_works_and_is_in_the_audit_log()
    {
        await using var host = await GatewayHost.StartAsync();
        var key = await host.Services.GetRequiredService<OperatorKeys>().MakeAsync(CancellationToken.None);
        Assert.Equal(200, (await GetAsync(host, key)).Status);
        var entry = Assert.Single(await host.Services.GetRequiredService<IAuditLog>().ListAsync(new()));
        Assert.Equal(("key.create", "console", 201), (entry.Action.Action, entry.Action.RequestId, entry.Outcome!.Status));
        Assert.DoesNotContain(key, entry.Action.Summary, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Metering:Admin:KeyHash", Key)]
    [InlineData("Metering:Admin:KeyHash", "")]
    [InlineData("Metering:Admin:Key", Key)]
    public async Task A_wrong_setting_stops_the_start_and_is_not_repeated(string setting, string value)
    {
        var error = await Assert.ThrowsAsync<MeteringStartupException>(() => GatewayHost.StartAsync(settings: new Dictionary<string, string?> { [setting] = value }));
        Assert.Contains("Metering:Admin", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("0123456789abcdef", error.Message, StringComparison.Ordinal);
    }

    private static async Task<Answer> GetAsync(GatewayHost host, string key)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/admin/v1/plans") { Headers = { { "X-API-Key", key } } };
        return await Answer.OfAsync(host.Client, request);
    }
}
