namespace Metering.Core;

/// <summary>
/// The record subscriptions of an account: an open-addressing table of 16-byte keys and 2-byte days, 18 bytes a slot, 24 to 58 a
/// subscription, where a dictionary takes over a hundred. Keys are uniformly random bits, so their low bits are the hash. Not safe
/// for concurrent use.
/// </summary>
public sealed class RecordTable
{
    private const int SmallestCapacity = 16;

    private UInt128[] keys = [];
    private ushort[] days = []; // 0 marks a free slot: no subscription ends on 2000-01-01.
    private int used;

    /// <summary>Slots in use, subscriptions that have ended since the last growth included.</summary>
    public int Count => used;

    /// <summary>Bytes that the table takes.</summary>
    public long Bytes => (long)keys.Length * (16 + sizeof(ushort));

    /// <summary>The last day of a record's subscription; false where it never had one. The day may be past.</summary>
    /// <param name="key">The record.</param>
    /// <param name="lastDay">The day, or the default.</param>
    public bool TryGet(RecordKey key, out RecordDay lastDay)
    {
        if (keys.Length > 0)
        {
            var slot = SlotOf(keys, days, key.Value);
            lastDay = new(days[slot]);
            return lastDay.Number != 0;
        }

        lastDay = default;
        return false;
    }

    /// <summary>Starts, renews or ends a subscription.</summary>
    /// <param name="key">The record.</param>
    /// <param name="lastDay">Its last day.</param>
    /// <param name="today">The day of the account's time; what ended before it may be forgotten.</param>
    public void Set(RecordKey key, RecordDay lastDay, RecordDay today)
    {
        Invariant.Holds(lastDay.Number != 0, "A subscription has a last day.");
        var slot = keys.Length > 0 ? SlotOf(keys, days, key.Value) : -1;
        if (slot < 0 || days[slot] == 0)
        {
            if ((used + 1) * 4L > keys.Length * 3L)
            {
                Grow(today);
                slot = SlotOf(keys, days, key.Value);
            }

            keys[slot] = key.Value;
            used++;
        }

        days[slot] = lastDay.Number;
    }

    /// <summary>All subscriptions that have not ended before a day, in no order.</summary>
    /// <param name="today">The day.</param>
    public IEnumerable<(RecordKey Key, RecordDay LastDay)> ActiveOn(RecordDay today)
    {
        for (var slot = 0; slot < keys.Length; slot++)
        {
            if (days[slot] >= today.Number && days[slot] != 0)
            {
                yield return (new(keys[slot]), new(days[slot]));
            }
        }
    }

    private static int SlotOf(UInt128[] keys, ushort[] days, UInt128 key)
    {
        var mask = keys.Length - 1;
        var slot = (int)(ulong)key & mask;
        while (days[slot] != 0 && keys[slot] != key)
        {
            slot = (slot + 1) & mask;
        }

        return slot;
    }

    private void Grow(RecordDay today)
    {
        var active = 0;
        foreach (var day in days)
        {
            active += day >= today.Number && day != 0 ? 1 : 0;
        }

        // An eighth of the slots is left to fill before the next growth: a table whose subscriptions end and start is not copied for a few of them.
        var capacity = SmallestCapacity;
        while (active * 8L > capacity * 5L)
        {
            capacity *= 2;
        }

        var (newKeys, newDays) = (new UInt128[capacity], new ushort[capacity]);
        foreach (var (key, lastDay) in ActiveOn(today))
        {
            var slot = SlotOf(newKeys, newDays, key.Value);
            (newKeys[slot], newDays[slot]) = (key.Value, lastDay.Number);
        }

        (keys, days, used) = (newKeys, newDays, active);
    }
}
