using Metering.Gateway.Tests;
using Xunit;

namespace Metering.PostgreSql.Tests;

/// <summary>What becomes of a transaction id on a ledger that other servers write too.</summary>
public sealed class TransactionStatusTests : IAsyncLifetime
{
    private GatewayHost host = null!;

    public async Task InitializeAsync() => host = await GatewayHost.StartAsync();

    public async Task DisposeAsync() => await host.DisposeAsync();

    [Fact]
    public async Task Not_charged_is_made_sure_of_once_a_second_and_unknown_says_when_to_ask_again()
    {
        var caller = await host.OpenAsync(bonus: 10);
        var path = $"/v1/transactions/{new TransactionId(77, 5)}";
        var sure = await caller.GetAsync(path);
        Assert.Equal("not_charged", sure.Json.GetProperty("status").GetString());
        Assert.DoesNotContain("Retry-After", sure.Headers.Keys);

        var soon = await caller.GetAsync(path);
        Assert.Equal("unknown", soon.Json.GetProperty("status").GetString());
        Assert.Equal("1", soon.Headers["Retry-After"]);

        host.Clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal("not_charged", (await caller.GetAsync(path)).Json.GetProperty("status").GetString());
    }
}
