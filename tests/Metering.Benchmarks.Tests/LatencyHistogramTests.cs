using Xunit;

namespace Metering.Benchmarks.Tests;

public sealed class LatencyHistogramTests
{
    [Fact]
    public void Nothing_counted_has_no_percentile()
    {
        var histogram = new LatencyHistogram();
        Assert.True(double.IsNaN(histogram.At(0.5)));
        Assert.True(double.IsNaN(histogram.At(1)));
        Assert.Equal(0, histogram.Count);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(63)]
    [InlineData(64)]
    [InlineData(1_000)]
    [InlineData(123_456)]
    [InlineData(99_999_999)]
    public void A_percentile_is_at_least_the_true_one_and_at_most_two_percent_above(int microseconds)
    {
        var histogram = new LatencyHistogram();
        histogram.Add(TimeSpan.FromMicroseconds(microseconds));
        histogram.Add(TimeSpan.FromMicroseconds(microseconds * 2.0));
        Assert.InRange(histogram.At(0.5), microseconds / 1e3, microseconds / 1e3 * 1.02);
    }

    [Fact]
    public void Percentiles_count_ranks_and_the_last_is_exact()
    {
        var histogram = new LatencyHistogram();
        for (var milliseconds = 1; milliseconds <= 1_000; milliseconds++)
        {
            histogram.Add(TimeSpan.FromMilliseconds(milliseconds));
        }

        Assert.Equal(1_000, histogram.Count);
        Assert.InRange(histogram.At(0.5), 500, 510);
        Assert.InRange(histogram.At(0.99), 990, 1_000);
        Assert.Equal(1_000, histogram.At(1));
    }

    [Fact]
    public void Calls_answered_together_count_one_by_one()
    {
        var histogram = new LatencyHistogram();
        histogram.Add(TimeSpan.FromMilliseconds(1), 99);
        histogram.Add(TimeSpan.FromMilliseconds(100));
        Assert.Equal(100, histogram.Count);
        Assert.InRange(histogram.At(0.99), 1, 1.02);
    }

    [Fact]
    public void What_is_longer_than_its_range_stays_the_exact_maximum()
    {
        var histogram = new LatencyHistogram();
        histogram.Add(TimeSpan.FromHours(2));
        Assert.Equal(TimeSpan.FromHours(2).TotalMilliseconds, histogram.At(1));
    }

    [Fact]
    public async Task No_count_is_lost_among_threads()
    {
        var histogram = new LatencyHistogram();
        await Task.WhenAll(Enumerable.Range(0, 8).Select(thread => Task.Run(() =>
        {
            for (var index = 0; index < 10_000; index++)
            {
                histogram.Add(TimeSpan.FromMicroseconds(thread + 1));
            }
        })));
        Assert.Equal(80_000, histogram.Count);
    }
}
