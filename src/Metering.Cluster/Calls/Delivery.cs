using System.Net.Sockets;

namespace Metering.Cluster;

/// <summary>The attempts to bring one call to its account.</summary>
internal sealed class Delivery(Repetition repetition, MeteringClusterOptions options, TimeProvider time)
{
    private static readonly TimeSpan LongestWait = TimeSpan.FromMilliseconds(500);

    private readonly long begunAt = time.GetTimestamp();
    private int waits;

    /// <summary>True where an attempt failed in a way that leaves open whether the call took effect.</summary>
    public bool MayHaveRun { get; private set; }

    /// <summary>True where the call must not be sent again.</summary>
    public bool IsOver => (MayHaveRun && repetition == Repetition.Once) || time.GetElapsedTime(begunAt) >= options.RetryFor;

    /// <summary>True for failures of the way, not of the call.</summary>
    public static bool IsTransient(Exception exception) =>
        exception is OrleansException or TimeoutException or SocketException or IOException or ObjectDisposedException;

    /// <summary>Notes a failure of the way.</summary>
    public void Fail(Exception exception) =>
        MayHaveRun |= repetition != Repetition.Read && !(exception is OrleansMessageRejectionException and not SiloUnavailableException);

    /// <summary>Waits before the next attempt: not at all before the first, then longer each time, with jitter.</summary>
    public ValueTask WaitAsync(CancellationToken cancellationToken)
    {
        if (waits++ == 0)
        {
            return ValueTask.CompletedTask;
        }

        var wait = TimeSpan.FromMilliseconds(Math.Min(LongestWait.TotalMilliseconds, 10 << Math.Min(waits, 8)));
        return new(Task.Delay(wait * (0.5 + Random.Shared.NextDouble()), time, cancellationToken));
    }
}
