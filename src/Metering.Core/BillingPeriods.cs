namespace Metering.Core;

/// <summary>
/// Billing periods of an anchor. Every start is computed from the anchor itself, so that a day that a short month clamps comes back
/// in the next long one: January 31, February 28, March 31 (contract, dialect B).
/// </summary>
public static class BillingPeriods
{
    /// <summary>The start of a period.</summary>
    /// <param name="anchor">The anchor, UTC.</param>
    /// <param name="periodMonths">Months a period lasts.</param>
    /// <param name="period">The period's number; 0 begins at the anchor.</param>
    public static DateTimeOffset StartOf(DateTimeOffset anchor, int periodMonths, int period) => anchor.AddMonths(checked(period * periodMonths));

    /// <summary>The number of the period that an instant lies in.</summary>
    /// <param name="anchor">The anchor, UTC.</param>
    /// <param name="periodMonths">Months a period lasts.</param>
    /// <param name="instant">The instant, not before the anchor.</param>
    public static int NumberAt(DateTimeOffset anchor, int periodMonths, DateTimeOffset instant)
    {
        var months = ((instant.Year - anchor.Year) * 12) + instant.Month - anchor.Month;
        var period = months / periodMonths;
        return StartOf(anchor, periodMonths, period) <= instant ? period : period - 1;
    }
}
