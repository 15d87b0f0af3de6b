using System.Globalization;

namespace Metering.Benchmarks;

/// <summary>What this process spends on calls, the harness's own part included: processor time, allocation, the collector's pauses.</summary>
internal readonly struct ProcessCost
{
    private readonly Func<TimeSpan>? others;
    private readonly TimeSpan processor;
    private readonly TimeSpan paused;
    private readonly long allocated;
    private readonly int collections;

    private ProcessCost(bool precise, Func<TimeSpan>? others)
    {
        this.others = others;
        processor = Environment.CpuUsage.TotalTime + (others?.Invoke() ?? TimeSpan.Zero);
        paused = GC.GetTotalPauseDuration();
        allocated = GC.GetTotalAllocatedBytes(precise);
        collections = GC.CollectionCount(0);
    }

    /// <summary>From here on.</summary>
    /// <param name="others">Processor time so far of other processes that serve the calls; null for none.</param>
    public static ProcessCost Begin(Func<TimeSpan>? others = null) => new(precise: true, others);

    /// <summary>Processor time to here, a call.</summary>
    public double MicrosecondsOf(long calls) => (Begin(others).processor - processor).TotalMicroseconds / calls;

    /// <summary>To here, in one line.</summary>
    /// <param name="calls">How many calls were made.</param>
    /// <param name="elapsed">Over how long.</param>
    public string Of(long calls, TimeSpan elapsed)
    {
        var now = Begin(others);
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{(now.processor - processor).TotalMicroseconds / calls:F1} µs of processor and {(now.allocated - allocated) / calls:N0} bytes a call, {now.collections - collections} collections paused it {(now.paused - paused) / elapsed:P1} of the time");
    }
}
