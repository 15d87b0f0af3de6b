namespace Metering.Gateway.Payments;

/// <summary>
/// When to try again what failed: as long after now as it has been failing, so that one bad document is neither forgotten nor in the way of
/// what is due behind it.
/// </summary>
internal static class BackOff
{
    private static readonly TimeSpan Shortest = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan Longest = TimeSpan.FromHours(1);

    /// <param name="since">When it should have been done.</param>
    /// <param name="now">Now.</param>
    /// <returns>The next try: 1 minute to 1 hour from now.</returns>
    public static DateTimeOffset Next(DateTimeOffset since, DateTimeOffset now)
    {
        var wait = now - since;
        return now + (wait < Shortest ? Shortest : wait < Longest ? wait : Longest);
    }
}
