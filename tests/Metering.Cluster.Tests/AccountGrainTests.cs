using Metering.Conformance;
using Metering.Engine;
using Xunit;

namespace Metering.Cluster.Tests;

/// <summary>What the grain adds to the account: where it lives, what it leaves behind, when it wakes.</summary>
public sealed class AccountGrainTests
{
    private static readonly DateTimeOffset Now = new(2026, 5, 1, 0, 0, 0, TimeSpan.Zero);

    [Fact]
    public async Task A_reset_is_entered_when_nobody_calls()
    {
        var clock = new ManualTimeProvider(Now);
        var ledger = new MemoryLedgerStore();
        await using var silos = await TestSilos.StartAsync(2, ledger, clock);
        var account = new AccountId("sleeper");

        // The next reset is a moment away, by the clock that stands still; the reminder counts that moment by Orleans' own.
        var opened = (await silos.Client.OpenAccountAsync(account, new() { Plan = "starter", Anchor = Now.AddMonths(-1).AddMilliseconds(100) })).Value;
        var reset = silos.Watch.WhenAppendedAsync(account, opened.Sequence + 1);
        clock.Advance(TimeSpan.FromSeconds(1));
        await reset;
        Assert.Contains(
            (await silos.Client.ListTransactionsAsync(account, new())).Value.Items,
            row => row.Type == TransactionType.MonthlyReset && row.CreatedAt == Now.AddMilliseconds(100));
    }

    [Fact]
    public async Task What_calls_past_the_grain_made_due_wakes_it_as_well()
    {
        var clock = new ManualTimeProvider(Now);
        await using var silos = await TestSilos.StartAsync(1, new(), clock);
        var account = new AccountId("passed-by");
        var opened = (await silos.Client.OpenAccountAsync(account, new() { Plan = "starter" })).Value;
        var ends = Now.AddMilliseconds(100);
        var grant = new GrantRequest { Source = GrantSource.Bonus, Amount = Credits.Of(5), ExpiresAt = ends, Description = "Soon over" };
        Assert.True((await silos.Client.GrantAsync(account, grant)).IsSuccess);
        var expiry = silos.Watch.WhenAppendedAsync(account, opened.Sequence + 2);
        await silos.CollectAsync();
        clock.Advance(TimeSpan.FromSeconds(1));
        await expiry.WaitAsync(TimeSpan.FromMinutes(1));
        Assert.Contains((await silos.Client.ListTransactionsAsync(account, new())).Value.Items, row => row.Type == TransactionType.Expiration && row.CreatedAt == ends);
    }

    [Fact]
    public async Task An_account_that_was_collected_goes_on_from_its_snapshot_where_the_ledger_bears_it_out()
    {
        var ledger = new MemoryLedgerStore();
        await using var silos = await TestSilos.StartAsync(2, ledger);
        var account = new AccountId("collected");
        Assert.True((await silos.Client.OpenAccountAsync(account, new() { Plan = "starter" })).IsSuccess);
        for (var call = 0; call < 80; call++)
        {
            Assert.True((await silos.Client.DeductAsync(account, new() { Amount = Credits.Of(1) })).IsSuccess);
        }

        await silos.CollectAsync();
        Assert.Null(silos.SiloOf(account));
        Assert.Empty(await ledger.ReadSnapshotsAsync(account));
        Assert.Equal(Credits.Of(20), (await silos.Client.GetBalanceAsync(account)).Value.Available);
        Assert.NotNull(silos.SiloOf(account));
        Assert.Equal(Credits.Of(19), (await silos.Client.DeductAsync(account, new() { Amount = Credits.Of(1) })).Value.Credits);
    }

    [Fact]
    public async Task Accounts_spread_over_the_silos()
    {
        await using var silos = await TestSilos.StartAsync(3, new());
        await ClusterLoad.OpenAccountsAsync(silos.Client, "spread", 60);
        Assert.All(silos.Silos, silo => Assert.InRange(TestSilos.AccountsOn(silo), 5, 50));
        Assert.Equal(60, silos.Silos.Sum(TestSilos.AccountsOn));
    }

    [Fact]
    public async Task A_call_beside_its_account_needs_no_message()
    {
        await using var silos = await TestSilos.StartAsync(2, new());
        var account = (await ClusterLoad.OpenAccountsAsync(silos.Client, "near", 1))[0];
        var meter = TestSilos.MeterOf(silos.SiloOf(account)!);
        var near = meter.GetBalanceAsync(account);

        // A message would be answered later; the account's own silo knows the durable balance at once.
        Assert.True(near.IsCompletedSuccessfully);
        Assert.True((await near).IsSuccess);
    }

    [Fact]
    public void Accounts_wake_each_at_its_own_moment_of_the_window()
    {
        var window = TimeSpan.FromHours(1);
        var moments = Enumerable.Range(0, 1_000).Select(index => AccountReminder.JitterOf(new($"acct_{index}"), window)).ToArray();
        Assert.All(moments, moment => Assert.InRange(moment, TimeSpan.Zero, window));
        Assert.All(Enumerable.Range(0, 6), tenth => Assert.InRange(moments.Count(moment => (int)(moment / (window / 6)) == tenth), 100, 240));
        Assert.Equal(moments[7], AccountReminder.JitterOf(new("acct_7"), window));
    }
}
