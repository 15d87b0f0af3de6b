using Metering.Engine;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Metering.Cluster.Tests;

public sealed class CallLimitTests
{
    [Fact]
    public async Task A_limit_holds_on_the_whole_cluster()
    {
        await using var silos = await TestSilos.StartAsync(2, new());
        ICallLimits[] everywhere =
        [
            .. silos.Silos.Select(silo => silo.ServiceProvider.GetRequiredService<ICallLimits>()),
            silos.Cluster.Client.ServiceProvider.GetRequiredService<ICallLimits>(),
        ];
        var limit = new CallLimit("minute", 90, TimeSpan.FromHours(1));
        var verdicts = await Task.WhenAll(Enumerable.Range(0, 120).Select(call => Task.Run(() => everywhere[call % 3].TakeAsync(limit, "key_1").AsTask())));
        Assert.Equal(90, verdicts.Count(verdict => verdict.IsAllowed));
        Assert.True((await everywhere[0].TakeAsync(limit, "key_2")).IsAllowed);
    }

    [Fact]
    public async Task A_days_limit_outlasts_the_idleness_of_its_caller()
    {
        await using var silos = await TestSilos.StartAsync(1, new());
        var limits = silos.Cluster.Client.ServiceProvider.GetRequiredService<ICallLimits>();
        var limit = new CallLimit("day", 2, TimeSpan.FromDays(1));
        Assert.True((await limits.TakeAsync(limit, "key_1")).IsAllowed);
        Assert.True((await limits.TakeAsync(limit, "key_1")).IsAllowed);
        await silos.CollectAsync();
        Assert.False((await limits.TakeAsync(limit, "key_1")).IsAllowed);
    }
}
