using Metering.Engine;
using Metering.PostgreSql.Testing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.Configuration;
using Orleans.TestingHost;

namespace Metering.Cluster.Tests;

/// <summary>Three silos in processes of their own on one PostgreSQL, as shipped, and an Orleans client of them in this process.</summary>
internal sealed class SiloFleet : IAsyncDisposable
{
    /// <summary>How many silos.</summary>
    public const int Size = 3;

    private readonly PostgreSqlServer server;
    private readonly string connection;
    private readonly (int Silo, int Gateway) ports;
    private readonly TestClusterPortAllocator allocator;
    private readonly SiloProcess[] silos = new SiloProcess[Size];
    private IHost? client;

    private SiloFleet(PostgreSqlServer server, string connection)
    {
        (this.server, this.connection, allocator) = (server, connection, new());
        ports = allocator.AllocateConsecutivePortPairs(Size);
    }

    public ICreditMeter Client => client!.Services.GetRequiredService<ICreditMeter>();

    public static async Task<SiloFleet> StartAsync()
    {
        var server = await PostgreSqlServer.StartAsync();
        var fleet = new SiloFleet(server, server.ConnectionString(await server.CreateDatabaseAsync()));
        PostgreSqlMigration.Run(fleet.connection);
        PostgreSqlMigration.RunOrleans(fleet.connection);
        for (var silo = 0; silo < Size; silo++)
        {
            await fleet.StartAsync(silo);
        }

        var builder = Host.CreateEmptyApplicationBuilder(new());
        builder.Logging.SetMinimumLevel(LogLevel.None);
        builder.Services.AddCreditMetering(options => options.UseOrleans(orleans =>
        {
            orleans.UseAdoNetClustering(clustering => (clustering.Invariant, clustering.ConnectionString) = ("Npgsql", fleet.connection));
            orleans.Configure<ClusterOptions>(cluster => (cluster.ClusterId, cluster.ServiceId) = ("metering", "metering"));
            orleans.Configure<GatewayOptions>(gateways => gateways.GatewayListRefreshPeriod = TimeSpan.FromSeconds(2));
        }));
        fleet.client = builder.Build();
        await fleet.client.StartAsync();
        return fleet;
    }

    /// <summary>Starts a silo, which serves when this returns.</summary>
    public async Task StartAsync(int silo) => silos[silo] = await SiloProcess.StartAsync(
        ("Store", "postgres"),
        ("Connection", connection),
        ("Cluster:Clustering", "postgres"),
        ("Cluster:Address", "127.0.0.1"),
        ("Cluster:SiloPort", $"{ports.Silo + silo}"),
        ("Cluster:GatewayPort", $"{ports.Gateway + silo}"));

    public Task KillAsync(int silo) => silos[silo].KillAsync();

    /// <summary>Stops a silo gracefully.</summary>
    /// <returns>Its exit code.</returns>
    public Task<int> StopAsync(int silo) => silos[silo].StopAsync();

    /// <summary>Where a silo's gateway listens.</summary>
    public Uri UrlOf(int silo) => silos[silo].Url;

    public PostgreSqlDirectoryStore OpenDirectory() => PostgreSqlDirectoryStore.Open(connection);

    public PostgreSqlLedgerStore OpenLedger() => PostgreSqlLedgerStore.Open(connection);

    public async ValueTask DisposeAsync()
    {
        if (client is not null)
        {
            await client.StopAsync();
            client.Dispose();
        }

        foreach (var silo in silos.OfType<SiloProcess>())
        {
            await silo.DisposeAsync();
        }

        await server.DisposeAsync();
        allocator.Dispose();
    }
}
