namespace Metering.Core;

/// <summary>
/// The last day of a record subscription, as days since 2000-01-01 in two bytes (to the year 2179). A subscription lasts to the end,
/// in UTC, of the day twelve calendar months after its first charge; February 29 gives February 28 (contract, dialect D).
/// </summary>
/// <param name="Number">Days since 2000-01-01.</param>
public readonly record struct RecordDay(ushort Number)
{
    private static readonly DateOnly Epoch = new(2000, 1, 1);

    /// <summary>A day long past: the mark of a subscription that was ended.</summary>
    public static readonly RecordDay Ended = new(1);

    /// <summary>The last day of a subscription that begins at an instant.</summary>
    /// <param name="firstCharge">The instant of the first charge, UTC.</param>
    public static RecordDay LastDayFrom(DateTimeOffset firstCharge) => Of(DateOnly.FromDateTime(firstCharge.UtcDateTime).AddMonths(12));

    /// <summary>The last day of a subscription that ends at an instant: the day is given whole, and midnight ends the day before it.</summary>
    /// <param name="end">The instant, exclusive.</param>
    public static RecordDay LastDayBefore(DateTimeOffset end) => Of(end.AddTicks(-1));

    /// <summary>The day of an instant.</summary>
    /// <param name="instant">The instant, UTC.</param>
    public static RecordDay Of(DateTimeOffset instant) => Of(DateOnly.FromDateTime(instant.UtcDateTime));

    /// <summary>The first instant after the day: until then, exclusive, the subscription is active.</summary>
    public DateTimeOffset End => new(Epoch.AddDays(Number + 1).ToDateTime(TimeOnly.MinValue), TimeSpan.Zero);

    /// <summary>True where a subscription with this last day is active on a day.</summary>
    /// <param name="today">The day.</param>
    public bool IsActiveOn(RecordDay today) => Number >= today.Number;

    private static RecordDay Of(DateOnly day) => new(checked((ushort)(day.DayNumber - Epoch.DayNumber)));
}
