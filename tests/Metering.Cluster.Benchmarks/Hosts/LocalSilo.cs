using System.Net;
using System.Net.Sockets;
using Metering.Benchmarks;
using Metering.Engine;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Metering.Cluster.Benchmarks;

/// <summary>A silo in this process, and the meter beside it.</summary>
/// <param name="store">The meter's store.</param>
/// <param name="configure">What else the silo has.</param>
internal sealed class LocalSilo(IMeterStore store, Action<ISiloBuilder>? configure = null) : IClusterHost
{
    public const string ClusterId = "benchmark";

    private IHost? host;

    public IServiceProvider Services => host!.Services;

    /// <summary>Where clients reach it.</summary>
    public int GatewayPort { get; private set; }

    public async Task StartAsync()
    {
        using var folder = new ScratchFolder("silo");
        var metering = new CreditMeteringOptions();
        await store.ConfigureAsync(metering, folder.Path);
        var builder = Host.CreateApplicationBuilder();
        builder.Logging.SetMinimumLevel(LogLevel.Error);
        (var siloPort, GatewayPort) = FreePorts();
        builder.Services.AddCreditMetering(options =>
        {
            (options.LedgerStoreFactory, options.DirectoryStoreFactory) = (metering.LedgerStoreFactory, metering.DirectoryStoreFactory);
            options.UseOrleansSilo(silo =>
            {
                silo.UseLocalhostClustering(siloPort, GatewayPort, serviceId: ClusterId, clusterId: ClusterId);
                silo.UseInMemoryReminderService();
                configure?.Invoke(silo);
            });
        });
        host = builder.Build();
        await host.StartAsync();
    }

    public async Task StopAsync()
    {
        await host!.StopAsync();
        host.Dispose();
    }

    private static (int Silo, int Gateway) FreePorts()
    {
        using TcpListener one = new(IPAddress.Loopback, 0), other = new(IPAddress.Loopback, 0);
        one.Start();
        other.Start();
        return (((IPEndPoint)one.LocalEndpoint).Port, ((IPEndPoint)other.LocalEndpoint).Port);
    }
}
