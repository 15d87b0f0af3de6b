using Metering.Engine;
using Xunit;

namespace Metering.Cluster.Tests;

public sealed class ThinPathTests
{
    [Fact]
    public async Task A_client_spends_and_another_silo_sees_it()
    {
        var ledger = new MemoryLedgerStore();
        await using var silos = await TestSilos.StartAsync(2, ledger);
        var account = new AccountId("thin");
        Assert.True((await silos.Client.OpenAccountAsync(account, new() { Plan = "starter" })).IsSuccess);
        var deduction = await silos.Client.DeductAsync(account, new() { Amount = Credits.Of(1) });
        Assert.True(deduction.IsSuccess);
        foreach (var silo in silos.Silos)
        {
            Assert.Equal(deduction.Value.Credits, (await TestSilos.MeterOf(silo).GetBalanceAsync(account)).Value.Available);
        }

        Assert.NotNull(silos.SiloOf(account));
    }
}
