using System.Diagnostics;
using System.Globalization;
using Metering.Benchmarks;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Metering.Cluster.Benchmarks;

/// <summary>A client in this process of a silo in another one: this program once more, on a memory store, reached over loopback.</summary>
internal sealed class SiloProcess : IClusterHost
{
    /// <summary>The command of the other process.</summary>
    public const string Command = "silo";

    private Process? silo;
    private IHost? client;

    public IServiceProvider Services => client!.Services;

    public TimeSpan OthersProcessorTime
    {
        get
        {
            silo!.Refresh();
            return silo.TotalProcessorTime;
        }
    }

    /// <summary>Tells its port and serves until its input ends, which it does with the process that started it.</summary>
    public static async Task ServeAsync()
    {
        var silo = new LocalSilo(new MemoryMeterStore());
        await silo.StartAsync();
        Console.WriteLine(silo.GatewayPort.ToString(CultureInfo.InvariantCulture));
        await Console.In.ReadToEndAsync();
        await silo.StopAsync();
    }

    public async Task StartAsync()
    {
        var start = OwnProcess.Again([Command]);
        (start.RedirectStandardInput, start.RedirectStandardOutput) = (true, true);
        silo = Process.Start(start)!;
        var port = await silo.StandardOutput.ReadLineAsync() ?? throw new InvalidOperationException("The silo's process did not start.");
        var builder = Host.CreateApplicationBuilder();
        builder.Logging.SetMinimumLevel(LogLevel.Error);
        builder.Services.AddCreditMetering(options => options.UseOrleans(orleans =>
            orleans.UseLocalhostClustering(int.Parse(port, CultureInfo.InvariantCulture), LocalSilo.ClusterId, LocalSilo.ClusterId)));
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
