namespace Metering.Core.Tests;

public class RecordTableTests
{
    [Fact]
    public void It_behaves_like_a_dictionary_over_100_000_random_operations()
    {
        var random = new Random(20260120);
        var table = new RecordTable();
        var model = new Dictionary<UInt128, ushort>();
        ushort today = 9_000;
        for (var round = 0; round < 100_000; round++)
        {
            // Many keys share their low bits, some of them all ones, so that slots collide and wrap around the end of the table.
            var key = ((UInt128)(uint)random.Next(8) << 64) | (random.Next(500) == 0 ? uint.MaxValue : (uint)random.Next(4_096) << 3);
            switch (random.Next(10))
            {
                case < 5:
                    model[key] = (ushort)(today + random.Next(0, 400));
                    table.Set(new(key), new(model[key]), new(today));
                    break;
                case 5:
                    model[key] = RecordDay.Ended.Number;
                    table.Set(new(key), RecordDay.Ended, new(today));
                    break;
                case 6 when round % 50 == 0:
                    today += 5;
                    break;
                default:
                    AssertSame(model, table, key, today);
                    break;
            }
        }

        Assert.Equal(
            model.Where(pair => pair.Value >= today).Select(pair => (pair.Key, pair.Value)).Order(),
            table.ActiveOn(new(today)).Select(pair => (pair.Key.Value, pair.LastDay.Number)).Order());
        Assert.All(model.Keys, key => AssertSame(model, table, key, today));
    }

    [Fact]
    public void An_empty_table_knows_nothing_and_takes_nothing()
    {
        var table = new RecordTable();
        Assert.False(table.TryGet(RecordKey.Of("company", "1"), out _));
        Assert.Empty(table.ActiveOn(new(1)));
        Assert.Equal(0, table.Bytes);
    }

    [Fact]
    public void Growing_lets_go_of_what_has_ended()
    {
        var table = new RecordTable();
        for (var id = 0; id < 10_000; id++)
        {
            table.Set(RecordKey.Of("company", $"old {id}"), new(500), new(400));
        }

        var bytes = table.Bytes;
        for (var id = 0; id < 10_000; id++)
        {
            table.Set(RecordKey.Of("company", $"new {id}"), new(1_000), new(900));
        }

        Assert.True(table.Bytes <= bytes);
        Assert.Equal(10_000, table.ActiveOn(new(900)).Count());
    }

    [Fact]
    public void A_subscription_takes_24_to_48_bytes()
    {
        var table = new RecordTable();
        for (var id = 1; id <= 50_000; id++)
        {
            table.Set(RecordKey.Of("company", $"{id}"), new(500), new(400));
            Assert.True(id < 16 || (table.Bytes / (double)id is >= 23.9 and <= 48.1));
        }
    }

    [Fact]
    public void A_full_table_is_not_copied_for_what_it_holds_already()
    {
        var table = Filled(768, out var keys);
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var round = 0; round < 1_000; round++)
        {
            table.Set(keys[round % keys.Length], round % 2 == 0 ? RecordDay.Ended : new(500), new(400));
        }

        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    [Fact]
    public void A_full_table_whose_subscriptions_end_and_start_is_copied_seldom()
    {
        var table = Filled(767, out var keys);
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var round = 0; round < 500; round++)
        {
            table.Set(keys[round], RecordDay.Ended, new(400));
            table.Set(new((UInt128)(ulong)(1_000_000 + round)), new(500), new(400));
        }

        var copies = (GC.GetAllocatedBytesForCurrentThread() - before) / table.Bytes;
        Assert.InRange(copies, 1, 2);
        Assert.Equal(keys.Length, table.ActiveOn(new(400)).Count());
    }

    /// <summary>A table of 1,024 slots, of which 768 may be used before it grows.</summary>
    private static RecordTable Filled(int count, out RecordKey[] keys)
    {
        keys = [.. Enumerable.Range(1, count).Select(number => new RecordKey((UInt128)(ulong)number))];
        var table = new RecordTable();
        foreach (var key in keys)
        {
            table.Set(key, new(500), new(400));
        }

        Assert.Equal(1_024 * 18, table.Bytes);
        return table;
    }

    private static void AssertSame(Dictionary<UInt128, ushort> model, RecordTable table, UInt128 key, ushort today)
    {
        // A subscription that has ended may be forgotten, and what is told of it otherwise is the truth.
        var known = table.TryGet(new(key), out var lastDay);
        var expected = model.GetValueOrDefault(key);
        Assert.Equal(expected >= today, known && lastDay.Number >= today);
        Assert.True(!known || lastDay.Number == expected);
    }
}
