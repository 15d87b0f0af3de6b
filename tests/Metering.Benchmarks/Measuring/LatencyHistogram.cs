using System.Numerics;

namespace Metering.Benchmarks;

/// <summary>
/// Counts latencies from a nanosecond to eighteen minutes in buckets of at most 1.6 % width: 64 in every power of two. Safe for concurrent
/// use; every processor counts on a stripe of its own, so that thousands of callers don't fight for one line of memory.
/// </summary>
internal sealed class LatencyHistogram
{
    private const int SubBuckets = 64;
    private const int SubBucketBits = 6;
    private const int MaxBits = 40;
    private const int Buckets = (MaxBits - SubBucketBits + 1) * SubBuckets;
    private const int Stripes = 8;

    private readonly long[][] counts = [.. Enumerable.Range(0, Stripes).Select(_ => new long[Buckets])];
    private readonly long[] maxima = new long[Stripes * 8]; // One a cache line.

    /// <summary>Latencies counted.</summary>
    public long Count => counts.Sum(stripe => stripe.Sum());

    /// <summary>Counts one.</summary>
    public void Add(TimeSpan latency) => Add(latency, 1);

    /// <summary>Counts several of the same latency: what was sent and answered together.</summary>
    public void Add(TimeSpan latency, int times)
    {
        var nanoseconds = Math.Max(0, latency.Ticks * TimeSpan.NanosecondsPerTick);
        var stripe = Thread.GetCurrentProcessorId() % Stripes;
        Interlocked.Add(ref counts[stripe][BucketOf(nanoseconds)], times);
        ref var maximum = ref maxima[stripe * 8];
        for (var seen = Volatile.Read(ref maximum); nanoseconds > seen;)
        {
            var before = Interlocked.CompareExchange(ref maximum, nanoseconds, seen);
            if (before == seen)
            {
                break;
            }

            seen = before;
        }
    }

    /// <summary>The latency in milliseconds that a share of the calls stayed within: the upper end of its bucket, the exact one for 1.</summary>
    /// <param name="share">More than 0, at most 1.</param>
    /// <returns>NaN where nothing was counted.</returns>
    public double At(double share)
    {
        var maximum = maxima.Max() / 1e6;
        var rank = (long)Math.Ceiling(Count * share);
        if (rank == 0 || share >= 1)
        {
            return rank == 0 ? double.NaN : maximum;
        }

        for (var bucket = 0; bucket < Buckets; bucket++)
        {
            rank -= counts.Sum(stripe => stripe[bucket]);
            if (rank <= 0)
            {
                return Math.Min(maximum, UpperEndOf(bucket) / 1e6);
            }
        }

        return maximum;
    }

    /// <summary>The percentiles that tables show.</summary>
    public Percentiles ToPercentiles() => new(At(0.5), At(0.9), At(0.99), At(0.999), At(1));

    private static int BucketOf(long nanoseconds)
    {
        if (nanoseconds < SubBuckets)
        {
            return (int)nanoseconds;
        }

        var shift = BitOperations.Log2((ulong)nanoseconds) - SubBucketBits;
        return Math.Min(((shift + 1) * SubBuckets) + (int)((nanoseconds >> shift) - SubBuckets), Buckets - 1);
    }

    private static double UpperEndOf(int bucket)
    {
        var shift = Math.Max(0, (bucket / SubBuckets) - 1);
        var start = bucket < SubBuckets ? bucket : (long)(SubBuckets + (bucket % SubBuckets)) << shift;
        return start + (1L << shift) - 1;
    }
}

/// <summary>Latencies in milliseconds that 50, 90, 99 and 99.9 % of the calls stayed within, and the longest.</summary>
internal sealed record Percentiles(double P50, double P90, double P99, double P999, double Max)
{
    /// <summary>Where nothing was measured.</summary>
    public static readonly Percentiles None = new(double.NaN, double.NaN, double.NaN, double.NaN, double.NaN);

    public override string ToString() => $"p50 {P50:F3}  p90 {P90:F3}  p99 {P99:F3}  p99.9 {P999:F3}  max {Max:F1} ms";
}
