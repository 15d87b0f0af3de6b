using Metering.Core;

namespace Metering.Gateway.Payments;

/// <summary>The provider's periods in the account's calendar.</summary>
internal static class BillingCalendar
{
    /// <summary>
    /// The boundary of the account's periods nearest to an instant. The provider's clock and calendar differ from the account's by seconds or
    /// hours; a payment that reached a second into the next period would otherwise pay for all of it.
    /// </summary>
    /// <param name="anchor">The account's billing anchor.</param>
    /// <param name="periodMonths">Months a period lasts.</param>
    /// <param name="instant">The provider's end of what is paid, after the anchor.</param>
    public static DateTimeOffset Nearest(DateTimeOffset anchor, int periodMonths, DateTimeOffset instant)
    {
        var period = BillingPeriods.NumberAt(anchor, periodMonths, instant);
        var (before, after) = (BillingPeriods.StartOf(anchor, periodMonths, period), BillingPeriods.StartOf(anchor, periodMonths, period + 1));
        return instant - before <= after - instant ? before : after;
    }
}
