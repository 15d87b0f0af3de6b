using Metering.Core;

namespace Metering.Gateway.Payments;

/// <summary>The provider's periods in the account's calendar.</summary>
internal static class BillingCalendar
{
    /// <summary>
    /// The end of the period that a plan begins with which is taken now: its months count from where the account's current period began, as the
    /// ledger counts them.
    /// </summary>
    /// <param name="anchor">The account's billing anchor.</param>
    /// <param name="currentMonths">Months that the current period lasts.</param>
    /// <param name="currentEnd">When the current period ends.</param>
    /// <param name="periodMonths">Months that the new plan's periods last.</param>
    /// <param name="now">Now.</param>
    public static DateTimeOffset FirstEnd(DateTimeOffset anchor, int currentMonths, DateTimeOffset currentEnd, int periodMonths, DateTimeOffset now)
    {
        var begins = BillingPeriods.NumberAt(anchor, 1, currentEnd) - currentMonths;
        while (BillingPeriods.StartOf(anchor, 1, begins + periodMonths) <= now)
        {
            begins += periodMonths;
        }

        return BillingPeriods.StartOf(anchor, 1, begins + periodMonths);
    }

    /// <summary>
    /// The boundary of the account's periods nearest to an instant. The provider's clock and calendar differ from the account's by seconds or
    /// hours; a payment that reached a second into the next period would otherwise pay for all of it.
    /// </summary>
    /// <param name="anchor">The account's billing anchor, from which boundaries are counted, so that a day that a short month clamps comes back.</param>
    /// <param name="periodMonths">Months a period lasts.</param>
    /// <param name="boundary">A boundary: the anchor, or the end of any period. A change to a plan of another length counts on from where it began.</param>
    /// <param name="instant">The provider's end of what is paid.</param>
    public static DateTimeOffset Nearest(DateTimeOffset anchor, int periodMonths, DateTimeOffset boundary, DateTimeOffset instant)
    {
        var first = MonthsBetween(anchor, boundary);
        var (periods, rest) = Math.DivRem(MonthsBetween(anchor, instant) - first, periodMonths);
        var begins = first + ((rest < 0 ? periods - 1 : periods) * periodMonths);
        begins = BillingPeriods.StartOf(anchor, 1, begins) <= instant ? begins : begins - periodMonths;
        var (before, after) = (BillingPeriods.StartOf(anchor, 1, begins), BillingPeriods.StartOf(anchor, 1, begins + periodMonths));
        return instant - before <= after - instant ? before : after;
    }

    private static int MonthsBetween(DateTimeOffset from, DateTimeOffset to) => ((to.Year - from.Year) * 12) + to.Month - from.Month;
}
