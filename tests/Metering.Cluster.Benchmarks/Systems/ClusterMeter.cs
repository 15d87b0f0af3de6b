using Metering.Benchmarks;
using Microsoft.Extensions.DependencyInjection;

namespace Metering.Cluster.Benchmarks;

/// <summary>Deductions through the cluster's meter, everything on.</summary>
internal sealed class ClusterMeter(string description, IClusterHost host) : ILoadSystem
{
    public string Name => ComparedSystems.Cluster;

    public string Description => description;

    public string? Missing => null;

    public int MaxCallers => 50_000;

    public async Task<LoadFigure> MeasureAsync(LoadShape shape)
    {
        await host.StartAsync();
        try
        {
            var meter = host.Services.GetRequiredService<ICreditMeter>();
            var accounts = await MeterCallers.OpenAccountsAsync(meter, shape.Accounts);
            var callers = new MeterCallers(meter, accounts, shape, new($"{Name}, {shape}", shape, static () => null, () => host.OthersProcessorTime));
            var (calls, seconds, latency) = await callers.RunAsync();
            await callers.CheckBooksAsync();
            return new(calls, seconds, 0, callers.Refused, latency, callers.Cost) { ProcessorMicroseconds = callers.ProcessorMicroseconds };
        }
        finally
        {
            await host.StopAsync();
        }
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
