using Metering.Conformance;
using Metering.Engine;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Metering.Gateway.Tests;

/// <summary>What a caller hears whose account the ledger cannot give back.</summary>
public sealed class DamagedAccountTests
{
    [Theory]
    [InlineData("/v1/credits", "application/problem+json")]
    [InlineData("/api/v1/credits/balance", "application/json")]
    [InlineData("/api/v1/me", "application/json")]
    public async Task A_damaged_account_is_a_whole_500_in_the_dialects_shape(string path, string contentType)
    {
        var ledger = new DamagedLedgerStore();
        await using var host = await GatewayHost.StartAsync(services => services.AddSingleton<ILedgerStore>(ledger));
        var caller = await host.OpenAsync();
        ledger.IsDamaged = true;
        await caller.PostAsync("/v1/credits/refresh", "");
        var answer = await caller.GetAsync(path);
        Assert.Equal(500, answer.Status);
        Assert.StartsWith(contentType, answer.ContentType, StringComparison.Ordinal);
        Assert.False(string.IsNullOrEmpty(answer.Headers.GetValueOrDefault("X-Request-Id")));
        Assert.Null(answer.Remaining);
    }

    private sealed class DamagedLedgerStore() : DelegatingLedgerStore(new MemoryLedgerStore())
    {
        public bool IsDamaged { get; set; }

        public override async ValueTask<IReadOnlyList<LedgerRow>> ReadAsync(AccountId account, long fromSequence, int limit, CancellationToken cancellationToken = default)
        {
            var rows = await base.ReadAsync(account, fromSequence, limit, cancellationToken);
            return IsDamaged ? [.. rows.Select(row => row with { Facts = row.Facts[..^1] })] : rows;
        }
    }
}
