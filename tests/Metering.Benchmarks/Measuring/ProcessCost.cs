using System.Globalization;

namespace Metering.Benchmarks;

/// <summary>What this process spends on calls, the harness's own part included: processor time, allocation, the collector's pauses.</summary>
internal readonly struct ProcessCost
{
    private readonly TimeSpan processor;
    private readonly TimeSpan paused;
    private readonly long allocated;
    private readonly int collections;

    private ProcessCost(bool precise)
    {
        processor = Environment.CpuUsage.TotalTime;
        paused = GC.GetTotalPauseDuration();
        allocated = GC.GetTotalAllocatedBytes(precise);
        collections = GC.CollectionCount(0);
    }

    /// <summary>From here on.</summary>
    public static ProcessCost Begin() => new(precise: true);

    /// <summary>To here, in one line.</summary>
    /// <param name="calls">How many calls were made.</param>
    /// <param name="elapsed">Over how long.</param>
    public string Of(long calls, TimeSpan elapsed)
    {
        var now = Begin();
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{(now.processor - processor).TotalMicroseconds / calls:F1} µs of processor and {(now.allocated - allocated) / calls:N0} bytes a call, {now.collections - collections} collections paused it {(now.paused - paused) / elapsed:P1} of the time");
    }
}
