using Metering.Engine;
using Xunit;

namespace Metering.PostgreSql.Tests;

/// <summary>Servers that share one database share what falls due.</summary>
public sealed class DueSharingTests : IAsyncLifetime
{
    private static readonly DateTimeOffset Noon = new(2026, 5, 5, 12, 0, 0, TimeSpan.Zero);
    private static readonly TimeSpan Lease = TimeSpan.FromMinutes(2);

    private Database database = null!;

    public async Task InitializeAsync() => database = await Databases.CreateAsync();

    public async Task DisposeAsync() => await database.DisposeAsync();

    [Fact]
    public async Task No_account_is_given_out_twice_until_its_lease_is_over()
    {
        await using var one = database.OpenLedger();
        await using var other = database.OpenLedger();
        await one.NoteDueAsync([.. Enumerable.Range(0, 300).Select(number => new DueNote(new($"due-{number}"), Noon.AddSeconds(number % 7)))]);

        var claims = await Task.WhenAll(Enumerable.Range(0, 6).Select(number => Task.Run(async () => await (number % 2 == 0 ? one : other).ClaimDueAsync(Noon.AddMinutes(1), Lease, 40))));
        var claimed = claims.SelectMany(claim => claim).ToList();
        Assert.Equal(240, claimed.Count);
        Assert.Equal(240, claimed.Distinct().Count());
        Assert.Equal(60, (await other.ClaimDueAsync(Noon.AddMinutes(2), Lease, 100)).Count);

        // One server noted what it looked at, the other died: its accounts come again.
        await one.NoteDueAsync([.. claimed.Take(100).Select(account => new DueNote(account, Noon.AddDays(30)))]);
        Assert.Empty(await one.ClaimDueAsync(Noon.AddMinutes(2.9), Lease, 1_000));
        Assert.Equal(200, (await one.ClaimDueAsync(Noon.AddMinutes(5), Lease, 1_000)).Count);
    }
}
