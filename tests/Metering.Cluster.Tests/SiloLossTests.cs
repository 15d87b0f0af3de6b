using Metering.Engine;
using Orleans.TestingHost;
using Xunit;

namespace Metering.Cluster.Tests;

/// <summary>Silos come and go under load: killed, stopped, started. Nothing acknowledged is lost, nothing is charged twice.</summary>
public sealed class SiloLossTests
{
    private const int Callers = 16;
    private const int Accounts = 40;

    [Fact]
    public async Task A_killed_silo_loses_nothing_and_its_accounts_are_served_again()
    {
        var ledger = new MemoryLedgerStore();
        await using var silos = await TestSilos.StartAsync(3, ledger);
        var accounts = await ClusterLoad.OpenAccountsAsync(silos.Client, "kill", Accounts);
        var client = silos.Client;
        await using var load = new ClusterLoad(_ => client, accounts, Callers);
        await load.MoreAsync(500);
        var victim = silos.Silos[^1];
        var lost = accounts.Where(account => silos.SiloOf(account) == victim).ToArray();
        Assert.NotEmpty(lost);
        await silos.Cluster.KillSiloAsync(victim);
        await load.MoreAsync(2_000);
        foreach (var account in lost)
        {
            Assert.True((await client.GetBalanceAsync(account)).IsSuccess);
        }

        await load.StopAsync();
        Assert.All(load.Refused, refusal => Assert.StartsWith(nameof(RefusalReason.OutcomeUnknown), refusal, StringComparison.Ordinal));
        await load.VerifyAsync(ledger);
    }

    [Fact]
    public async Task A_silo_that_is_stopped_hands_its_accounts_over_without_a_failed_call()
    {
        var ledger = new MemoryLedgerStore();
        await using var silos = await TestSilos.StartAsync(3, ledger);
        var accounts = await ClusterLoad.OpenAccountsAsync(silos.Client, "stop", Accounts);
        var meters = silos.Silos.Take(2).Select(TestSilos.MeterOf).Append(silos.Client).ToArray();
        await using var load = new ClusterLoad(call => meters[call % meters.Length], accounts, Callers);
        await load.MoreAsync(500);
        var leaving = silos.Silos[^1];
        Assert.NotEqual(0, TestSilos.AccountsOn(leaving));
        await silos.Cluster.StopSiloAsync(leaving);
        await load.MoreAsync(500);
        await load.StopAsync();
        Assert.Empty(load.Refused);
        await load.VerifyAsync(ledger);
    }

    [Fact]
    public async Task A_rolling_restart_fails_no_call()
    {
        var ledger = new MemoryLedgerStore();
        await using var silos = await TestSilos.StartAsync(3, ledger);
        var accounts = await ClusterLoad.OpenAccountsAsync(silos.Client, "roll", Accounts);
        var client = silos.Client;
        await using var load = new ClusterLoad(_ => client, accounts, Callers);
        await load.MoreAsync(500);
        foreach (var silo in silos.Silos.ToArray())
        {
            await silos.Cluster.RestartSiloAsync(silo);
            await load.MoreAsync(500);
        }

        await load.StopAsync();
        Assert.Empty(load.Refused);
        await load.VerifyAsync(ledger);
    }

    [Fact]
    public async Task Two_clusters_on_one_ledger_spend_nothing_twice()
    {
        var ledger = new MemoryLedgerStore();
        await using var one = await TestSilos.StartAsync(2, ledger);
        await using var other = await TestSilos.StartAsync(2, ledger);
        var accounts = await ClusterLoad.OpenAccountsAsync(one.Client, "split", 4);
        InProcessTestCluster[] clusters = [one.Cluster, other.Cluster];
        ICreditMeter[] meters = [one.Client, other.Client];
        await using var load = new ClusterLoad(call => meters[call % clusters.Length], accounts, Callers);
        await load.MoreAsync(2_000);
        await load.StopAsync();
        await load.VerifyAsync(ledger);
        Assert.NotEqual(0, one.Watch.Overtaken + other.Watch.Overtaken);
    }
}
