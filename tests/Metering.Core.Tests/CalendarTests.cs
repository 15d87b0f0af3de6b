namespace Metering.Core.Tests;

public class CalendarTests
{
    [Fact]
    public void Every_anchor_day_begins_its_months_on_that_day_or_the_months_last()
    {
        for (var day = 1; day <= 31; day++)
        {
            var anchor = new DateTimeOffset(2023, 1, day, 13, 45, 0, TimeSpan.Zero);
            for (var month = 0; month < 132; month++)
            {
                var (year, number) = (2023 + (month / 12), 1 + (month % 12));
                var expected = new DateTimeOffset(year, number, Math.Min(day, LastDayOf(year, number)), 13, 45, 0, TimeSpan.Zero);
                Assert.Equal(expected, BillingPeriods.StartOf(anchor, 1, month));
                Assert.Equal(month, BillingPeriods.NumberAt(anchor, 1, expected));
                Assert.Equal(month, BillingPeriods.NumberAt(anchor, 1, expected.AddDays(27)));
                if (month > 0)
                {
                    Assert.Equal(month - 1, BillingPeriods.NumberAt(anchor, 1, expected.AddMilliseconds(-1)));
                }
            }
        }
    }

    [Fact]
    public void Every_anchor_date_of_a_leap_year_begins_its_years_on_that_date()
    {
        var first = new DateTimeOffset(2024, 1, 1, 9, 0, 0, TimeSpan.Zero);
        for (var offset = 0; offset < 366; offset++)
        {
            var anchor = first.AddDays(offset);
            for (var year = 0; year < 10; year++)
            {
                var expected = new DateTimeOffset(2024 + year, anchor.Month, Math.Min(anchor.Day, LastDayOf(2024 + year, anchor.Month)), 9, 0, 0, TimeSpan.Zero);
                Assert.Equal(expected, BillingPeriods.StartOf(anchor, 12, year));
                Assert.Equal(year, BillingPeriods.NumberAt(anchor, 12, expected));
                if (year > 0)
                {
                    Assert.Equal(year - 1, BillingPeriods.NumberAt(anchor, 12, expected.AddMilliseconds(-1)));
                }
            }
        }
    }

    [Fact]
    public void January_31_becomes_the_end_of_February_and_March_31_again()
    {
        var anchor = new DateTimeOffset(2023, 1, 31, 0, 0, 0, TimeSpan.Zero);
        var starts = Enumerable.Range(12, 4).Select(period => BillingPeriods.StartOf(anchor, 1, period).ToString("yyyy-MM-dd", null));
        Assert.Equal(["2024-01-31", "2024-02-29", "2024-03-31", "2024-04-30"], starts);
        Assert.Equal(new(2023, 2, 28, 0, 0, 0, TimeSpan.Zero), BillingPeriods.StartOf(anchor, 1, 1));
    }

    [Fact]
    public void A_yearly_February_29_is_February_28_until_the_next_leap_year()
    {
        var anchor = new DateTimeOffset(2024, 2, 29, 0, 0, 0, TimeSpan.Zero);
        var starts = Enumerable.Range(0, 5).Select(period => BillingPeriods.StartOf(anchor, 12, period).ToString("yyyy-MM-dd", null));
        Assert.Equal(["2024-02-29", "2025-02-28", "2026-02-28", "2027-02-28", "2028-02-29"], starts);
    }

    [Theory]
    [InlineData("2024-02-29T23:59:59.999Z", "2025-03-01")]
    [InlineData("2024-02-29T00:00:00Z", "2025-03-01")]
    [InlineData("2023-02-28T12:00:00Z", "2024-02-29")]
    [InlineData("2026-05-04T00:00:00Z", "2027-05-05")]
    [InlineData("2026-12-31T10:00:00Z", "2028-01-01")]
    public void A_record_subscription_ends_with_the_day_twelve_months_later(string charged, string firstDayWithout)
    {
        var lastDay = RecordDay.LastDayFrom(DateTimeOffset.Parse(charged, null));
        var end = DateTimeOffset.Parse(firstDayWithout + "T00:00:00Z", null);
        Assert.Equal(end, lastDay.End);
        Assert.True(lastDay.IsActiveOn(RecordDay.Of(end.AddMilliseconds(-1))));
        Assert.False(lastDay.IsActiveOn(RecordDay.Of(end)));
        Assert.False(RecordDay.Ended.IsActiveOn(RecordDay.Of(end)));
    }

    [Fact]
    public void A_day_is_told_in_UTC()
    {
        var lateEveningInNewYork = new DateTimeOffset(2026, 3, 1, 22, 0, 0, TimeSpan.FromHours(-5));
        Assert.Equal(RecordDay.Of(new DateTimeOffset(2026, 3, 2, 3, 0, 0, TimeSpan.Zero)), RecordDay.Of(lateEveningInNewYork));
    }

    private static int LastDayOf(int year, int month) => month switch
    {
        2 => year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28,
        4 or 6 or 9 or 11 => 30,
        _ => 31,
    };
}
