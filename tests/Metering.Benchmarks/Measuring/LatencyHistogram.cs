namespace Metering.Benchmarks;

/// <summary>Counts latencies in buckets that grow by 2 %, from a microsecond to over a minute; safe for concurrent use.</summary>
internal sealed class LatencyHistogram
{
    private const double Growth = 1.02;
    private readonly long[] counts = new long[1_024];

    public long Count => counts.Sum();

    public void Add(TimeSpan latency)
    {
        var bucket = (int)(Math.Log(Math.Max(1, latency.TotalMicroseconds)) / Math.Log(Growth));
        Interlocked.Increment(ref counts[Math.Min(bucket, counts.Length - 1)]);
    }

    /// <summary>The latency in milliseconds that a share of the calls stayed within.</summary>
    public double At(double share)
    {
        var rank = (long)Math.Ceiling(counts.Sum() * share);
        for (var bucket = 0; bucket < counts.Length; bucket++)
        {
            rank -= counts[bucket];
            if (rank <= 0)
            {
                return Math.Pow(Growth, bucket + 1) / 1_000;
            }
        }

        return double.NaN;
    }
}
