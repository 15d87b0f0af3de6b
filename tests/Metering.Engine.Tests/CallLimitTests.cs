using Metering.Conformance;
using Xunit;

namespace Metering.Engine.Tests;

public sealed class CallLimitTests
{
    private static readonly CallLimit FivePerHour = new("purchase", 5, TimeSpan.FromHours(1));

    private readonly ManualTimeProvider clock = new(new(2026, 5, 1, 0, 0, 0, TimeSpan.Zero));

    [Fact]
    public async Task A_window_begins_with_its_first_call_and_refuses_what_is_too_much_until_it_ends()
    {
        var limits = new LocalCallLimits(clock);
        for (var call = 1; call <= 5; call++)
        {
            Assert.Equal(new(true, 5 - call, TimeSpan.FromMinutes(61 - call)), await limits.TakeAsync(FivePerHour, "192.0.2.1"));
            clock.Advance(TimeSpan.FromMinutes(1));
        }

        Assert.Equal(new(false, 0, TimeSpan.FromMinutes(55)), await limits.TakeAsync(FivePerHour, "192.0.2.1"));
        clock.Advance(TimeSpan.FromMinutes(55));
        Assert.Equal(new(true, 4, TimeSpan.FromHours(1)), await limits.TakeAsync(FivePerHour, "192.0.2.1"));
    }

    [Fact]
    public async Task Subjects_and_limits_are_counted_apart()
    {
        var limits = new LocalCallLimits(clock);
        Assert.Equal(4, (await limits.TakeAsync(FivePerHour, "one")).Remaining);
        Assert.Equal(4, (await limits.TakeAsync(FivePerHour, "other")).Remaining);
        Assert.Equal(4, (await limits.TakeAsync(FivePerHour with { Name = "claim" }, "one")).Remaining);
        Assert.Equal(3, (await limits.TakeAsync(FivePerHour, "one")).Remaining);
    }

    [Fact]
    public async Task However_many_subjects_come_the_memory_is_bounded_and_windows_that_ended_are_forgotten()
    {
        var limits = new LocalCallLimits(clock);
        for (var subject = 0; subject < LocalCallLimits.Capacity + 1_000; subject++)
        {
            await limits.TakeAsync(FivePerHour, $"s{subject}");
        }

        Assert.Equal(LocalCallLimits.Capacity, limits.Count);
        clock.Advance(TimeSpan.FromHours(1));
        for (var subject = 0; subject < LocalCallLimits.Capacity / 2; subject++)
        {
            await limits.TakeAsync(FivePerHour, $"t{subject}");
        }

        Assert.Equal(LocalCallLimits.Capacity / 2, limits.Count);
    }
}
