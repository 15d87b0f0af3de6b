namespace Metering.Engine;

/// <summary>The count of one subject: a window that begins with its first call. Not safe for concurrent use.</summary>
/// <param name="time">The clock; the monotonic one, which does not jump.</param>
internal sealed class LimitWindow(TimeProvider time)
{
    private long begunAt;
    private TimeSpan length;
    private int taken;

    /// <summary>True once the window is over: the subject may be forgotten.</summary>
    public bool IsOver => time.GetElapsedTime(begunAt) >= length;

    public LimitVerdict Take(int permits, TimeSpan window)
    {
        if (IsOver)
        {
            (begunAt, length, taken) = (time.GetTimestamp(), window, 0);
        }

        var isAllowed = taken < permits;
        taken += isAllowed ? 1 : 0;
        var left = length - time.GetElapsedTime(begunAt);
        return new(isAllowed, Math.Max(0, permits - taken), left > TimeSpan.Zero ? left : TimeSpan.Zero);
    }
}
