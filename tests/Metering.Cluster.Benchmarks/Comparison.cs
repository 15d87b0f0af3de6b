using System.Diagnostics;

namespace Metering.Cluster.Benchmarks;

/// <summary>Something that can be called in a closed loop.</summary>
internal interface ICalls
{
    string Name { get; }

    /// <summary>Starts it with so many accounts, or grains, ready to be called.</summary>
    Task StartAsync(int accounts);

    /// <summary>Processor time spent so far, of this process and of others that serve it.</summary>
    TimeSpan ProcessorTime { get; }

    /// <summary>One call to one of them.</summary>
    ValueTask CallAsync(int account);

    /// <summary>Checks what was answered against what is there, and ends it.</summary>
    Task StopAsync();
}

/// <summary>Runs systems in turns and prints their rates beside the first one's.</summary>
internal static class Comparison
{
    public static async Task RunAsync(BenchmarkOptions options, IReadOnlyList<ICalls> systems)
    {
        foreach (var accounts in options.Accounts)
        {
            Console.WriteLine($"{options.Callers} callers, {(accounts == 1 ? "one account" : $"{accounts:N0} accounts")}");
            var best = new Figure[systems.Count];
            for (var round = 0; round < options.Rounds; round++)
            {
                for (var index = 0; index < systems.Count; index++)
                {
                    best[index] = Figure.Better(best[index], await MeasureAsync(options, systems[index], accounts));
                }
            }

            for (var index = 0; index < systems.Count; index++)
            {
                Console.WriteLine(
                    $"  {systems[index].Name,-12} {best[index].Rate,10:N0} /s {best[index].Rate / best[0].Rate,6:P0}   {best[index].Microseconds,6:N1} µs of processor a call, {best[index].Bytes,6:N0} bytes allocated here");
            }
        }
    }

    private static async Task<Figure> MeasureAsync(BenchmarkOptions options, ICalls system, int accounts)
    {
        await system.StartAsync(accounts);
        var (counted, isCounting, isOver) = (0L, false, false);
        var callers = Enumerable.Range(0, options.Callers).Select(caller => Task.Run(async () =>
        {
            var random = new Random(caller);
            var mine = 0L;
            while (!Volatile.Read(ref isOver))
            {
                await system.CallAsync(random.Next(accounts));
                mine += Volatile.Read(ref isCounting) ? 1 : 0;
            }

            Interlocked.Add(ref counted, mine);
        })).ToArray();
        await Task.Delay(TimeSpan.FromSeconds(Math.Max(1, options.Seconds / 3)), TimeProvider.System);
        var (clock, processor, bytes) = (Stopwatch.StartNew(), system.ProcessorTime, GC.GetTotalAllocatedBytes());
        Volatile.Write(ref isCounting, true);
        await Task.Delay(TimeSpan.FromSeconds(options.Seconds), TimeProvider.System);
        Volatile.Write(ref isOver, true);
        await Task.WhenAll(callers);
        var figure = new Figure(
            counted / clock.Elapsed.TotalSeconds, (system.ProcessorTime - processor).TotalMicroseconds / counted, (GC.GetTotalAllocatedBytes() - bytes) / (double)counted);
        await system.StopAsync();
        return figure;
    }

    /// <param name="Rate">Calls a second.</param>
    /// <param name="Microseconds">Processor time a call: it hardly changes where others use the machine too.</param>
    /// <param name="Bytes">Bytes allocated in this process, a call.</param>
    private readonly record struct Figure(double Rate, double Microseconds, double Bytes)
    {
        public static Figure Better(Figure one, Figure other) => other.Rate > one.Rate ? other : one;
    }
}
