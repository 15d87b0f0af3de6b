using System.Diagnostics;

namespace Metering.Benchmarks;

/// <summary>Callers that each wait for their answer before they ask again: a warm-up first, then the measurement.</summary>
/// <param name="title">For the progress line.</param>
/// <param name="shape">How many callers, and how long.</param>
/// <param name="backlog">What waits to be moved to its final place; null for none.</param>
/// <param name="others">Processor time so far of other processes that serve the calls; null for none.</param>
internal sealed class ClosedLoop(string title, LoadShape shape, Func<long?> backlog, Func<TimeSpan>? others = null)
{
    private volatile LatencyHistogram latencies = new();
    private volatile bool isOver;

    /// <summary>True once callers should stop asking.</summary>
    public bool IsOver => isOver;

    /// <summary>What the process spent on the calls measured, for people.</summary>
    public string Cost { get; private set; } = string.Empty;

    /// <summary>Processor time a call measured, other processes' included.</summary>
    public double ProcessorMicroseconds { get; private set; } = double.NaN;

    /// <summary>Where callers count what they waited.</summary>
    public LatencyHistogram Latencies => latencies;

    /// <summary>Runs one task a caller until the time is up; each ends by itself when <see cref="IsOver"/>.</summary>
    /// <returns>The calls measured, the seconds to the last caller's last answer, the latencies.</returns>
    public async Task<(long Calls, double Seconds, Percentiles Latency)> RunAsync(int callers, Func<int, Task> call)
    {
        var running = Task.WhenAll(Enumerable.Range(0, callers).Select(caller => Task.Run(() => call(caller))));
        await WaitAsync($"{title}, warm-up", shape.WarmupSeconds, running);
        var counted = latencies = new();
        var cost = ProcessCost.Begin(others);
        var clock = Stopwatch.StartNew();
        await WaitAsync(title, shape.Seconds, running);
        isOver = true;
        await running;
        var seconds = clock.Elapsed.TotalSeconds;
        ProcessorMicroseconds = cost.MicrosecondsOf(counted.Count);
        Cost = cost.Of(counted.Count, clock.Elapsed);
        return (counted.Count, seconds, counted.ToPercentiles());
    }

    private async Task WaitAsync(string phase, int seconds, Task running)
    {
        var line = new ProgressLine();
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(1));
        for (var second = 1; second <= seconds && await timer.WaitForNextTickAsync(); second++)
        {
            if (running.IsCompleted)
            {
                await running; // Callers end early only by a fault.
            }

            line.Show(phase, seconds, latencies, backlog());
        }

        line.End();
    }
}
