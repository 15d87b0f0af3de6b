using Microsoft.Extensions.DependencyInjection;
using Orleans.Runtime;
using Xunit;

namespace Metering.Cluster.Tests;

/// <summary>Reminders on our tables and queries.</summary>
public sealed class AdoNetReminderTests(AdoNetSilos silos) : IClassFixture<AdoNetSilos>
{
    private static readonly DateTime Start = new(2027, 1, 1, 0, 0, 0, DateTimeKind.Utc);

    [PostgreSqlFact]
    public async Task A_grain_registers_finds_and_removes_its_reminder()
    {
        var grain = silos.Silos[1].Services.GetRequiredService<IGrainFactory>().GetGrain<IStatefulGrain>("reminded");
        Assert.False(await grain.HasReminderAsync("reset"));
        await grain.RemindAsync("reset");
        await grain.RemindAsync("reset"); // moved on
        await grain.RemindAsync("expiry");
        Assert.True(await grain.HasReminderAsync("reset"));
        Assert.Equal(2L, await silos.ExecuteAsync("SELECT count(*) FROM orleans.reminders WHERE grain_id LIKE '%/reminded'"));
        Assert.Equal(40L * 24 * 3600 * 1000, await silos.ExecuteAsync("SELECT max(period) FROM orleans.reminders WHERE grain_id LIKE '%/reminded'"));
        Assert.True(await grain.ForgetAsync("reset"));
        Assert.False(await grain.HasReminderAsync("reset"));
        Assert.True(await grain.HasReminderAsync("expiry"));
    }

    [PostgreSqlFact]
    public async Task Etags_let_only_the_newest_be_removed()
    {
        var grain = GrainId.Create("g", "etags");
        var first = await Table.UpsertRow(Entry(grain, "a", TimeSpan.FromMinutes(1)));
        var second = await Table.UpsertRow(Entry(grain, "a", TimeSpan.FromDays(90)));
        Assert.NotEqual(first, second);

        var read = await Table.ReadRow(grain, "a");
        Assert.Equal((grain, "a", Start, TimeSpan.FromDays(90), second), (read!.GrainId, read.ReminderName, read.StartAt, read.Period, read.ETag));
        Assert.False(await Table.RemoveRow(grain, "a", first!));
        Assert.True(await Table.RemoveRow(grain, "a", second!));
        Assert.False(await Table.RemoveRow(grain, "a", second!));
        Assert.Null(await Table.ReadRow(grain, "a"));
        Assert.Empty((await Table.ReadRows(grain)).Reminders);
    }

    [PostgreSqlFact]
    public async Task Every_piece_of_the_ring_has_its_reminders_and_no_others()
    {
        var grains = Enumerable.Range(0, 40).Select(number => GrainId.Create("ring", $"r-{number}")).OrderBy(grain => grain.GetUniformHashCode()).ToArray();
        foreach (var grain in grains)
        {
            await Table.UpsertRow(Entry(grain, "a", TimeSpan.FromDays(1)));
        }

        var hashes = grains.Select(grain => grain.GetUniformHashCode()).ToArray();
        (uint Begin, uint End)[] pieces =
        [
            (hashes[3], hashes[20]), (hashes[20], hashes[3]), (hashes[5], hashes[5]), (0, hashes[9]), (hashes[35], 0), (0, uint.MaxValue), (int.MaxValue, 1u << 31),
        ];
        foreach (var (begin, end) in pieces)
        {
            var expected = grains.Where(grain => IsBetween(grain.GetUniformHashCode(), begin, end)).Select(grain => grain.ToString()).Order();
            var found = (await Table.ReadRows(begin, end)).Reminders.Select(reminder => reminder.GrainId.ToString()).Where(id => id.StartsWith("ring/", StringComparison.Ordinal)).Order();
            Assert.Equal(expected, found);
        }
    }

    private IReminderTable Table => silos.Silos[0].Services.GetRequiredService<IReminderTable>();

    /// <summary>The ring: after its beginning, up to and with its end; all of it where both are one.</summary>
    private static bool IsBetween(uint hash, uint begin, uint end) => begin < end ? hash > begin && hash <= end : hash > begin || hash <= end;

    private static ReminderEntry Entry(GrainId grain, string name, TimeSpan period) => new() { GrainId = grain, ReminderName = name, StartAt = Start, Period = period };
}
