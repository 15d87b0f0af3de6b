using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Metering.Engine;
using Metering.PostgreSql.Testing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Metering.Cluster.Benchmarks;

/// <summary>Chooses stores, empty ones.</summary>
internal static class Stores
{
    public static Task Memory(CreditMeteringOptions options)
    {
        options.UseMemory();
        return Task.CompletedTask;
    }
}

/// <summary>A PostgreSQL of the benchmark's own, every commit synced, and a new database each time.</summary>
internal sealed class Databases : IAsyncDisposable
{
    private PostgreSqlServer? server;

    public async Task ConfigureAsync(CreditMeteringOptions options)
    {
        server ??= await PostgreSqlServer.StartAsync(settings: "-c max_wal_size=4GB -c shared_buffers=512MB");
        options.UsePostgreSql(server.ConnectionString(await server.CreateDatabaseAsync()));
    }

    public async ValueTask DisposeAsync()
    {
        if (server is not null)
        {
            await server.DisposeAsync();
        }
    }
}

/// <summary>A host in this process.</summary>
internal abstract class LocalHost : IMeterHost
{
    private IHost? host;

    public IServiceProvider Services => host!.Services;

    public async Task StartAsync()
    {
        var builder = Host.CreateApplicationBuilder();
        builder.Logging.SetMinimumLevel(LogLevel.Error);
        await ConfigureAsync(builder.Services);
        host = builder.Build();
        await host.StartAsync();
    }

    public async Task StopAsync()
    {
        await host!.StopAsync();
        host.Dispose();
    }

    protected abstract Task ConfigureAsync(IServiceCollection services);
}

/// <summary>The embedded meter.</summary>
internal sealed class EmbeddedMeter(Func<CreditMeteringOptions, Task> store) : LocalHost
{
    protected override async Task ConfigureAsync(IServiceCollection services)
    {
        var chosen = new CreditMeteringOptions();
        await store(chosen);
        services.AddCreditMetering(options => (options.LedgerStoreFactory, options.DirectoryStoreFactory) = (chosen.LedgerStoreFactory, chosen.DirectoryStoreFactory));
    }
}

/// <summary>A silo in this process.</summary>
internal sealed class LocalSilo(Func<CreditMeteringOptions, Task> store) : LocalHost
{
    public const string ClusterId = "benchmark";

    public static (int Silo, int Gateway) FreePorts()
    {
        using TcpListener one = new(IPAddress.Loopback, 0), other = new(IPAddress.Loopback, 0);
        one.Start();
        other.Start();
        return (((IPEndPoint)one.LocalEndpoint).Port, ((IPEndPoint)other.LocalEndpoint).Port);
    }

    public static void Add(IServiceCollection services, CreditMeteringOptions chosen, (int Silo, int Gateway) ports) => services.AddCreditMetering(options =>
    {
        (options.LedgerStoreFactory, options.DirectoryStoreFactory) = (chosen.LedgerStoreFactory, chosen.DirectoryStoreFactory);
        options.UseOrleansSilo(silo =>
        {
            silo.UseLocalhostClustering(ports.Silo, ports.Gateway, serviceId: ClusterId, clusterId: ClusterId);
            silo.UseInMemoryReminderService();
        });
    });

    protected override async Task ConfigureAsync(IServiceCollection services)
    {
        var chosen = new CreditMeteringOptions();
        await store(chosen);
        Add(services, chosen, FreePorts());
    }
}

/// <summary>A client in this process of a silo in another one, with a memory store.</summary>
internal sealed class ClientOfSilo : IMeterHost
{
    public const string Serve = "serve";

    private Process? silo;
    private IHost? client;

    public IServiceProvider Services => client!.Services;

    public TimeSpan ProcessorTime
    {
        get
        {
            silo!.Refresh();
            return Environment.CpuUsage.TotalTime + silo.TotalProcessorTime;
        }
    }

    /// <summary>Serves until its input ends.</summary>
    public static async Task ServeAsync()
    {
        var builder = Host.CreateApplicationBuilder();
        builder.Logging.SetMinimumLevel(LogLevel.Error);
        var chosen = new CreditMeteringOptions().UseMemory();
        var ports = LocalSilo.FreePorts();
        LocalSilo.Add(builder.Services, chosen, ports);
        using var host = builder.Build();
        await host.StartAsync();
        await Console.Out.WriteLineAsync($"{ports.Gateway}");
        await Console.In.ReadToEndAsync();
        await host.StopAsync();
    }

    public async Task StartAsync()
    {
        silo = Process.Start(new ProcessStartInfo(Environment.ProcessPath!, [typeof(ClientOfSilo).Assembly.Location, Serve]) { RedirectStandardInput = true, RedirectStandardOutput = true })!;
        var gateway = int.Parse((await silo.StandardOutput.ReadLineAsync())!, System.Globalization.CultureInfo.InvariantCulture);
        var builder = Host.CreateApplicationBuilder();
        builder.Logging.SetMinimumLevel(LogLevel.Error);
        builder.Services.AddCreditMetering(options =>
            options.UseOrleans(orleans => orleans.UseLocalhostClustering(gateway, LocalSilo.ClusterId, LocalSilo.ClusterId)));
        client = builder.Build();
        await client.StartAsync();
    }

    public async Task StopAsync()
    {
        await client!.StopAsync();
        client.Dispose();
        silo!.StandardInput.Close();
        await silo.WaitForExitAsync();
        silo.Dispose();
    }
}
