using System.Diagnostics;
using Metering.Benchmarks;
using Microsoft.Extensions.DependencyInjection;

namespace Metering.Cluster.Benchmarks;

/// <summary>Calls to grains of a kind, as many as there would be accounts.</summary>
/// <param name="name">As tables call it.</param>
/// <param name="description">What a call does.</param>
/// <param name="host">The way to them.</param>
/// <param name="call">Calls one.</param>
internal sealed class GrainCalls<TGrain>(string name, string description, IClusterHost host, Func<TGrain, CallRequest, ValueTask<CallAnswer?>> call) : ILoadSystem
    where TGrain : IGrainWithStringKey
{
    public string Name => name;

    public string Description => description;

    public string? Missing => null;

    public int MaxCallers => 100_000;

    public async Task<LoadFigure> MeasureAsync(LoadShape shape)
    {
        await host.StartAsync();
        try
        {
            var factory = host.Services.GetRequiredService<IGrainFactory>();
            var grains = Enumerable.Range(0, shape.Accounts).Select(index => factory.GetGrain<TGrain>($"acct_{index}")).ToArray();
            await Parallel.ForEachAsync(grains, new ParallelOptions { MaxDegreeOfParallelism = 64 }, async (grain, _) => await call(grain, RequestOf("opening")));
            var loop = new ClosedLoop($"{name}, {shape}", shape, static () => null, () => host.OthersProcessorTime);
            var (calls, seconds, latency) = await loop.RunAsync(shape.Callers, caller => CallAsync(loop, grains, caller));
            return new(calls, seconds, 0, 0, latency, loop.Cost) { ProcessorMicroseconds = loop.ProcessorMicroseconds };
        }
        finally
        {
            await host.StopAsync();
        }
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    /// <summary>The same steps as the meter's callers take, so that what they cost is in both figures.</summary>
    private async Task CallAsync(ClosedLoop loop, TGrain[] grains, int caller)
    {
        var random = new Random(caller);
        var mine = 0L;
        while (!loop.IsOver)
        {
            var request = RequestOf($"{caller}-{mine}");
            var grain = grains[random.Next(grains.Length)];
            var latencies = loop.Latencies;
            var started = Stopwatch.GetTimestamp();
            await call(grain, request);
            latencies.Add(Stopwatch.GetElapsedTime(started));
            mine++;
        }
    }

    private static CallRequest RequestOf(string key) => new()
    {
        Product = "lead.search",
        Quantity = 97,
        Description = "Lead search: Restaurants in US (97 results)",
        IdempotencyKey = key,
    };
}
