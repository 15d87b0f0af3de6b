using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Orleans.Configuration;
using Orleans.Messaging;
using Orleans.Runtime;
using Orleans.Runtime.MembershipService;
using Xunit;

namespace Metering.Cluster.Tests;

/// <summary>Membership on our tables and queries: what Orleans' provider makes of them, in a running cluster and call by call.</summary>
public sealed class AdoNetMembershipTests(AdoNetSilos silos) : IClassFixture<AdoNetSilos>
{
    private static readonly DateTime Now = new(2026, 11, 21, 12, 0, 0, DateTimeKind.Utc);

    [PostgreSqlFact]
    public async Task Two_silos_are_one_cluster_and_a_client_finds_both()
    {
        var table = silos.Silos[1].Services.GetRequiredService<IMembershipTable>();
        var members = (await table.ReadAll()).Members.Select(member => member.Item1).ToArray();
        Assert.Equal(2, members.Count(member => member.Status == SiloStatus.Active));
        Assert.Equal(members.Length, members.Select(member => member.SiloAddress).Distinct().Count());

        using var client = silos.BuildClient();
        await client.StartAsync();
        var gateways = await client.Services.GetRequiredService<IGatewayListProvider>().GetGateways();
        Assert.Equal(2, gateways.Count);

        // Grains land on either silo; the cluster knows one place for each.
        var grains = client.Services.GetRequiredService<IGrainFactory>();
        var places = new HashSet<string>();
        for (var number = 0; number < 64; number++)
        {
            places.Add(await grains.GetGrain<IStatefulGrain>($"place-{number}").WhereAsync());
        }

        Assert.Equal(2, places.Count);
        await client.StopAsync();
    }

    [PostgreSqlFact]
    public async Task A_silo_that_stops_is_dead_in_the_table_and_one_that_starts_again_is_another()
    {
        var (siloPort, gatewayPort) = silos.AllocatePorts();
        var addresses = new List<SiloAddress>();
        for (var life = 0; life < 2; life++)
        {
            using var silo = silos.BuildSilo(siloPort, gatewayPort, "short");
            await silo.StartAsync();
            addresses.Add(silo.Services.GetRequiredService<ILocalSiloDetails>().SiloAddress);
            await silo.StopAsync();
        }

        var table = Table("short");
        await table.InitializeMembershipTable(false);
        var members = (await table.ReadAll()).Members.Select(member => member.Item1).ToArray();
        Assert.Equal(addresses.Order(), members.Select(member => member.SiloAddress).Order());
        Assert.All(members, member => Assert.Equal(SiloStatus.Dead, member.Status));
    }

    [PostgreSqlFact]
    public async Task The_version_fences_every_change()
    {
        var table = Table("fenced");
        await table.InitializeMembershipTable(true);
        await table.InitializeMembershipTable(true);
        var first = await table.ReadAll();
        Assert.Empty(first.Members);

        var entry = Entry(1);
        Assert.True(await table.InsertRow(entry, first.Version.Next()));
        Assert.False(await table.InsertRow(Entry(2), first.Version.Next())); // a version that has passed
        var second = await table.ReadAll();
        Assert.Equal(first.Version.Version + 1, second.Version.Version);
        Assert.False(await table.InsertRow(entry, second.Version.Next())); // a silo that is there
        Assert.Equal(second.Version.Version, (await table.ReadAll()).Version.Version);

        entry.Status = SiloStatus.Active;
        entry.SuspectTimes = [Tuple.Create(Entry(9).SiloAddress, Now)];
        Assert.False(await table.UpdateRow(entry, string.Empty, first.Version.Next()));
        Assert.True(await table.UpdateRow(entry, string.Empty, second.Version.Next()));
        var third = await table.ReadRow(entry.SiloAddress);
        Assert.False(await table.UpdateRow(Entry(3), string.Empty, third.Version.Next())); // no such silo
        Assert.Equal(third.Version.Version, (await table.ReadAll()).Version.Version);

        var read = Assert.Single(third.Members).Item1;
        Assert.Equal((entry.SiloAddress, entry.SiloName, entry.HostName, SiloStatus.Active), (read.SiloAddress, read.SiloName, read.HostName, read.Status));
        Assert.Equal((entry.ProxyPort, entry.StartTime, entry.IAmAliveTime), (read.ProxyPort, read.StartTime, read.IAmAliveTime));
        Assert.Equal(entry.SuspectTimes, read.SuspectTimes);
        Assert.Empty((await table.ReadRow(Entry(3).SiloAddress)).Members);
    }

    [PostgreSqlFact]
    public async Task Of_many_that_change_one_version_one_does()
    {
        var table = Table("raced");
        await table.InitializeMembershipTable(true);
        var version = (await table.ReadAll()).Version;
        var inserted = await Task.WhenAll(Enumerable.Range(1, 8).Select(number => table.InsertRow(Entry(number), version.Next())));
        Assert.Single(inserted, won => won);
        var after = await table.ReadAll();
        Assert.Single(after.Members);
        Assert.Equal(version.Version + 1, after.Version.Version);
    }

    [PostgreSqlFact]
    public async Task Signs_of_life_move_no_version_and_the_silent_are_cleared_away()
    {
        var table = Table("lively");
        await table.InitializeMembershipTable(true);
        foreach (var (number, status, days) in new[] { (1, SiloStatus.Active, 0), (2, SiloStatus.Active, -10), (3, SiloStatus.Joining, -10), (4, SiloStatus.Dead, -10), (5, SiloStatus.Dead, 0) })
        {
            var entry = Entry(number);
            (entry.Status, entry.IAmAliveTime) = (status, Now.AddDays(days));
            Assert.True(await table.InsertRow(entry, (await table.ReadAll()).Version.Next()));
        }

        var before = await table.ReadAll();
        var alive = Entry(1);
        alive.IAmAliveTime = Now.AddMinutes(5);
        await table.UpdateIAmAlive(alive);
        Assert.Equal(before.Version.Version, (await table.ReadAll()).Version.Version);
        Assert.Equal(alive.IAmAliveTime, Assert.Single((await table.ReadRow(alive.SiloAddress)).Members).Item1.IAmAliveTime);

        await table.CleanupDefunctSiloEntries(new DateTimeOffset(Now.AddDays(-3)));
        Assert.Equal([1, 2, 5], (await table.ReadAll()).Members.Select(member => member.Item1.SiloAddress.Endpoint.Port).Order());

        await table.DeleteMembershipTableEntries("lively");
        Assert.Equal(0L, await silos.ExecuteAsync("SELECT count(*) FROM orleans.silos WHERE cluster_id = 'lively'"));
        Assert.NotEqual(0L, await silos.ExecuteAsync("SELECT count(*) FROM orleans.silos WHERE cluster_id = 'tests'"));
    }

    private AdoNetClusteringTable Table(string cluster) => new(
        silos.Silos[0].Services,
        Options.Create(new ClusterOptions { ClusterId = cluster, ServiceId = "service" }),
        Options.Create(new AdoNetClusteringSiloOptions { Invariant = "Npgsql", ConnectionString = silos.ConnectionString }),
        NullLogger<AdoNetClusteringTable>.Instance);

    private static MembershipEntry Entry(int port) => new()
    {
        SiloAddress = SiloAddress.New(IPAddress.Loopback, port, generation: 7),
        SiloName = $"silo {port}",
        HostName = "host",
        Status = SiloStatus.Joining,
        ProxyPort = 30_000 + port,
        StartTime = Now.AddMinutes(-1),
        IAmAliveTime = Now,
    };
}
