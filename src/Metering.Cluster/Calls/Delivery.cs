using System.Net.Sockets;

namespace Metering.Cluster;

/// <summary>The attempts to bring one call to its account.</summary>
internal sealed class Delivery(Repetition repetition, MeteringClusterOptions options, TimeProvider time)
{
    private static readonly TimeSpan LongestWait = TimeSpan.FromMilliseconds(500);

    /// <summary>Times that a call follows its account at once, however short the time for sending again: having moved changed nothing.</summary>
    private const int FreeMoves = 2;

    private static readonly Refusal Unknown =
        new(RefusalReason.OutcomeUnknown, "The account's process did not answer, and it is not known whether this call took effect; look at the account's transactions, or retry with the same idempotency key.")
        {
            RetryAfter = TimeSpan.FromSeconds(1),
        };

    private readonly long begunAt = time.GetTimestamp();
    private int waits;
    private int moves;

    /// <summary>What the caller hears unless the call's outcome is found: an attempt may have taken effect. Null while none can have.</summary>
    public Refusal? Doubt { get; private set; }

    /// <summary>True where the call must not be sent again.</summary>
    public bool IsOver => (Doubt is not null && repetition == Repetition.Once) || time.GetElapsedTime(begunAt) >= options.RetryFor;

    /// <summary>True for failures of the way, not of the call: those travel as answers.</summary>
    /// <param name="exception">The failure.</param>
    /// <param name="cancellationToken">The caller's; an activation that is given up ends its calls as cancelled, too.</param>
    public static bool IsTransient(Exception exception, CancellationToken cancellationToken) =>
        exception is OrleansException or TimeoutException or SocketException or IOException or ObjectDisposedException
        || (exception is OperationCanceledException && !cancellationToken.IsCancellationRequested);

    /// <summary>Notes a failure of the way.</summary>
    public void Fail(Exception exception)
    {
        if (repetition != Repetition.Read && !(exception is OrleansMessageRejectionException and not SiloUnavailableException))
        {
            Doubt ??= Unknown;
        }
    }

    /// <summary>Notes that the account itself does not know whether an attempt took effect.</summary>
    /// <param name="refusal">Its answer, with the transaction that tells.</param>
    public void Fail(Refusal refusal) => Doubt = refusal;

    /// <summary>True where a call follows its account without looking at the time.</summary>
    public bool TryFollow() => moves++ < FreeMoves;

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
