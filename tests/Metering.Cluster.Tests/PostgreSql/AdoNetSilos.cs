using Metering.Engine;
using Metering.PostgreSql.Testing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.Configuration;
using Orleans.TestingHost;
using Xunit;

namespace Metering.Cluster.Tests;

/// <summary>Two silos that know of each other only through a PostgreSQL database, on which the migration was run; as Orleans sets them up, without the meter.</summary>
public sealed class AdoNetSilos : IAsyncLifetime, IDisposable
{
    public const string Storage = "storage";
    public const string DeletingStorage = "deleting";

    private const string Invariant = "Npgsql";

    private readonly TestClusterPortAllocator ports = new();
    private PostgreSqlServer? server;
    private string database = string.Empty;

    /// <summary>The silos; none where there is no PostgreSQL, and then no test.</summary>
    public IReadOnlyList<IHost> Silos { get; private set; } = [];

    public string ConnectionString => server!.ConnectionString(database);

    public async Task InitializeAsync()
    {
        if (PostgreSqlServer.WhyNot is not null)
        {
            return;
        }

        server = await PostgreSqlServer.StartAsync();
        database = await server.CreateDatabaseAsync();
        PostgreSqlMigration.RunOrleans(ConnectionString);
        var (siloPort, gatewayPort) = ports.AllocateConsecutivePortPairs(2);
        Silos = [BuildSilo(siloPort, gatewayPort), BuildSilo(siloPort + 1, gatewayPort + 1)];
        foreach (var silo in Silos)
        {
            await silo.StartAsync();
        }
    }

    /// <summary>A silo of the cluster; the caller starts and stops it.</summary>
    public IHost BuildSilo(int siloPort, int gatewayPort, string cluster = "tests")
    {
        var builder = Host.CreateEmptyApplicationBuilder(new());
        builder.Logging.SetMinimumLevel(LogLevel.None);
        builder.UseOrleans(silo =>
        {
            silo.Configure<ClusterOptions>(options => (options.ClusterId, options.ServiceId) = (cluster, "service"));
            silo.ConfigureEndpoints("127.0.0.1", siloPort, gatewayPort);
            silo.UseAdoNetClustering(options => (options.Invariant, options.ConnectionString) = (Invariant, ConnectionString));
            silo.UseAdoNetReminderService(options => (options.Invariant, options.ConnectionString) = (Invariant, ConnectionString));
            silo.AddAdoNetGrainStorage(Storage, options => (options.Invariant, options.ConnectionString) = (Invariant, ConnectionString));
            silo.AddAdoNetGrainStorage(
                DeletingStorage, options => (options.Invariant, options.ConnectionString, options.DeleteStateOnClear) = (Invariant, ConnectionString, true));
        });
        return builder.Build();
    }

    /// <summary>A client of the cluster; the caller starts and stops it.</summary>
    public IHost BuildClient()
    {
        var builder = Host.CreateEmptyApplicationBuilder(new());
        builder.Logging.SetMinimumLevel(LogLevel.None);
        builder.UseOrleansClient(client =>
        {
            client.Configure<ClusterOptions>(options => (options.ClusterId, options.ServiceId) = ("tests", "service"));
            client.UseAdoNetClustering(options => (options.Invariant, options.ConnectionString) = (Invariant, ConnectionString));
        });
        return builder.Build();
    }

    /// <summary>Two neighbouring ports for a silo of the test's own.</summary>
    public (int Silo, int Gateway) AllocatePorts() => ports.AllocateConsecutivePortPairs(1);

    public Task<object?> ExecuteAsync(string sql) => server!.ExecuteAsync(database, sql);

    public async Task DisposeAsync()
    {
        foreach (var silo in Silos)
        {
            await silo.StopAsync();
            silo.Dispose();
        }

        if (server is not null)
        {
            await server.DropDatabaseAsync(database);
            await server.DisposeAsync();
        }
    }

    public void Dispose() => ports.Dispose();
}
