using Metering.Engine;
using Metering.Gateway.Coupons;
using Metering.Gateway.Tests;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Metering.PostgreSql.Tests;

/// <summary>Two servers on one database: a coupon's limit holds across them, and either finishes what the other left.</summary>
public sealed class CouponSharingTests : IAsyncLifetime
{
    private Database database = null!;
    private GatewayHost first = null!;
    private GatewayHost second = null!;

    public async Task InitializeAsync()
    {
        database = await Databases.CreateAsync();
        var settings = new Dictionary<string, string?> { ["Metering:Store"] = "postgres", ["Metering:Connection"] = database.ConnectionString };
        (first, second) = (await GatewayHost.StartOnAsync(settings), await GatewayHost.StartOnAsync(settings));
    }

    public async Task DisposeAsync()
    {
        await first.DisposeAsync();
        await second.DisposeAsync();
        await database.DisposeAsync();
    }

    [Fact]
    public async Task No_more_accounts_get_a_coupon_than_it_allows_whichever_server_they_ask()
    {
        await AddAsync(new() { Code = "RUSH", Amount = Credits.Of(5), MaxRedemptions = 7, CreatedAt = GatewayHost.Start });
        var accounts = Enumerable.Range(0, 20).Select(number => new AccountId($"a{number}")).ToArray();
        foreach (var account in accounts)
        {
            Assert.True((await first.Meter.OpenAccountAsync(account, new() { Plan = "starter" })).IsSuccess);
        }

        // Every account asks both servers at once, half of them under one idempotency key.
        var answers = await Task.WhenAll(accounts.SelectMany((account, index) => new[] { first, second }.Select(host =>
            Redeemer(host).RedeemAsync("RUSH", account, index % 2 == 0 ? "key-1" : null, CancellationToken.None).AsTask())));
        Assert.InRange(answers.Count(answer => answer.Redemption is not null), 7, 14);
        var granted = new List<Credits>();
        foreach (var account in accounts)
        {
            granted.Add((await second.Meter.RefreshAsync(account)).Value.Bonus);
        }

        Assert.Equal(7, granted.Count(bonus => bonus == Credits.Of(5)));
        Assert.Equal(13, granted.Count(bonus => bonus.IsZero));
        Assert.Equal(7, (await Coupons.FindAsync("RUSH"))!.Redeemed);
        Assert.Empty(await Coupons.ListPendingAsync(GatewayHost.Start.AddYears(1), GatewayHost.Start, null, 10));
    }

    [Fact]
    public async Task What_one_server_left_between_slot_and_grant_the_other_finishes_once()
    {
        await AddAsync(new() { Code = "LEFT", Amount = Credits.Of(5), MaxRedemptions = 1, CreatedAt = GatewayHost.Start });
        await first.Meter.OpenAccountAsync(new("a"), new() { Plan = "starter" });
        await Coupons.TakeAsync("LEFT", new("a"), "key-1", GatewayHost.Start.AddMinutes(-2));
        await Task.WhenAll(new[] { first, second }.Select(host => host.Services.GetRequiredService<CouponReconciler>().RunOnceAsync(CancellationToken.None)));
        Assert.Equal(Credits.Of(5), (await second.Meter.RefreshAsync(new("a"))).Value.Bonus);
        Assert.True((await Redeemer(second).RedeemAsync("LEFT", new("a"), "key-1", CancellationToken.None)).Redemption!.IsReplay);
    }

    private ICouponStore Coupons => first.Services.GetRequiredService<ICouponStore>();

    private static CouponRedeemer Redeemer(GatewayHost host) => host.Services.GetRequiredService<CouponRedeemer>();

    private async Task AddAsync(Coupon coupon) => Assert.True(await Coupons.TryAddAsync(coupon));
}
