using System.Diagnostics;

namespace Metering.Benchmarks;

/// <summary>One line on the error stream that is written over every second, so that nobody waits in the dark.</summary>
internal sealed class ProgressLine
{
    private readonly Stopwatch clock = Stopwatch.StartNew();
    private TimeSpan last;
    private long lastCount;
    private int width;

    /// <summary>Shows how a measurement stands.</summary>
    /// <param name="title">What is measured.</param>
    /// <param name="seconds">How long it takes.</param>
    /// <param name="latencies">What it counted so far.</param>
    /// <param name="backlog">What waits to be moved to its final place; null where that is unknown or nothing.</param>
    public void Show(string title, int seconds, LatencyHistogram latencies, long? backlog)
    {
        var (now, count) = (clock.Elapsed, latencies.Count);
        var rate = (count - lastCount) / Math.Max(1e-9, (now - last).TotalSeconds);
        (last, lastCount) = (now, count);
        Write($"{title}  {now.TotalSeconds,4:F0}/{seconds} s  now {rate,9:N0}/s  mean {count / now.TotalSeconds,9:N0}/s  " +
            $"p50 {latencies.At(0.5):F2}  p99 {latencies.At(0.99):F2} ms{(backlog is { } waiting ? $"  backlog {waiting:N0}" : string.Empty)}");
    }

    /// <summary>Shows any other text in the line's place.</summary>
    public void Write(string text)
    {
        Console.Error.Write($"\r{text.PadRight(width)}");
        width = text.Length;
    }

    /// <summary>Clears the line for what is printed next.</summary>
    public void End() => Console.Error.Write($"\r{new string(' ', width)}\r");
}
