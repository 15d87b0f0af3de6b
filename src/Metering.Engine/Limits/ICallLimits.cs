namespace Metering.Engine;

/// <summary>So many calls in so long.</summary>
/// <param name="Name">Names the limit, 1 to 32 characters of <c>a-z 0-9 -</c>: calls are counted apart for each.</param>
/// <param name="Permits">Calls allowed in a window, 1 or more.</param>
/// <param name="Window">How long a window is, 1 s to 24 h. It begins with the first call after the one before has ended.</param>
public sealed record CallLimit(string Name, int Permits, TimeSpan Window);

/// <summary>What became of a call that a limit counted.</summary>
/// <param name="IsAllowed">True where the call is within the limit.</param>
/// <param name="Remaining">Calls left in the window.</param>
/// <param name="ResetsIn">How long until the window ends and all are back; zero or more.</param>
public readonly record struct LimitVerdict(bool IsAllowed, int Remaining, TimeSpan ResetsIn);

/// <summary>
/// Counts calls of a key or an address against limits. In one process it counts in its memory; on a cluster each subject is counted in one
/// place, so that a limit holds whatever silo is called. Counts are not durable: a restart, or the loss of a silo, begins new windows. Safe
/// for concurrent use.
/// </summary>
public interface ICallLimits
{
    /// <summary>Counts a call where the limit allows it; a refused call is not counted.</summary>
    /// <param name="limit">The limit; the same every time for its name.</param>
    /// <param name="subject">Who calls: a key's id or an address, 1 to 128 characters.</param>
    /// <param name="cancellationToken">Ends the wait; the call may be counted.</param>
    ValueTask<LimitVerdict> TakeAsync(CallLimit limit, string subject, CancellationToken cancellationToken = default);
}
