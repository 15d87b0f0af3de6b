using System.Numerics;

namespace Metering.Core;

/// <summary>
/// Keys in the order in which they came, in a ring, with an open-addressing index over them: one look finds a key or finds that there is none,
/// however many segments the window has. Keys are hashes already, so their low bits choose the place. Not safe for concurrent use.
/// </summary>
internal struct KeyTable
{
    private const int SmallestCapacity = 4;

    // Always a power of two, the index twice as long; empty until the first key. A place of the index holds a position in the ring plus one.
    private Slot[] ring = [];
    private int[] index = [];
    private int first;

    public KeyTable()
    {
    }

    public int Count { get; private set; }

    public readonly long Bytes => (40L * ring.Length) + (sizeof(int) * index.Length);

    /// <summary>The keys, oldest first.</summary>
    public readonly (CommandKey Key, long Sequence) this[int number]
    {
        get
        {
            ref readonly var slot = ref ring[(first + number) & (ring.Length - 1)];
            return (new(slot.Id, slot.Request), slot.Sequence);
        }
    }

    public readonly bool TryFind(UInt128 id, out KeyUse use)
    {
        if (Count > 0)
        {
            var place = PlaceOf(id);
            if (index[place] != 0)
            {
                ref readonly var slot = ref ring[index[place] - 1];
                use = new(slot.Request, slot.Sequence);
                return true;
            }
        }

        use = default;
        return false;
    }

    /// <summary>Adds a key. One that is there already (it grew too old to count) is found by its new use from here on.</summary>
    public void Add(CommandKey key, long sequence)
    {
        if (Count == ring.Length)
        {
            Resize(Math.Max(SmallestCapacity, ring.Length * 2));
        }

        var position = (first + Count) & (ring.Length - 1);
        ring[position] = new(key, sequence);
        index[PlaceOf(key.Id)] = position + 1;
        Count++;
    }

    /// <summary>Takes the oldest keys out.</summary>
    /// <param name="count">How many.</param>
    /// <param name="into">Takes them; null for nowhere.</param>
    public void RemoveOldest(int count, KeyFilter? into)
    {
        for (var removed = 0; removed < count; removed++)
        {
            var id = ring[first].Id;
            into?.Add(id);
            var place = PlaceOf(id);
            if (index[place] == first + 1)
            {
                Vacate(place);
            }

            first = (first + 1) & (ring.Length - 1);
        }

        Count -= count;
        if (ring.Length > SmallestCapacity && Count < ring.Length / 8)
        {
            Resize(Math.Max(SmallestCapacity, (int)BitOperations.RoundUpToPowerOf2((uint)Count * 2)));
        }
    }

    /// <summary>The place of a key in the index, or the free one where it would be.</summary>
    private readonly int PlaceOf(UInt128 id)
    {
        var place = (int)(ulong)id & (index.Length - 1);
        while (index[place] != 0 && ring[index[place] - 1].Id != id)
        {
            place = (place + 1) & (index.Length - 1);
        }

        return place;
    }

    /// <summary>Frees a place and moves back what had to go past it, so that no search ends too early.</summary>
    private readonly void Vacate(int place)
    {
        var mask = index.Length - 1;
        for (var next = (place + 1) & mask; index[next] != 0; next = (next + 1) & mask)
        {
            var home = (int)(ulong)ring[index[next] - 1].Id & mask;
            if (((next - home) & mask) >= ((next - place) & mask))
            {
                index[place] = index[next];
                place = next;
            }
        }

        index[place] = 0;
    }

    private void Resize(int capacity)
    {
        var (oldRing, oldFirst) = (ring, first);
        (ring, index, first) = (new Slot[capacity], new int[capacity * 2], 0);
        for (var number = 0; number < Count; number++)
        {
            ring[number] = oldRing[(oldFirst + number) & (oldRing.Length - 1)];
            index[PlaceOf(ring[number].Id)] = number + 1;
        }
    }

    /// <summary>40 bytes, where two 128-bit integers and a long would be padded to 48.</summary>
    private readonly struct Slot(CommandKey key, long sequence)
    {
        private readonly ulong idLow = (ulong)key.Id;
        private readonly ulong idHigh = (ulong)(key.Id >> 64);
        private readonly ulong requestLow = (ulong)key.Request;
        private readonly ulong requestHigh = (ulong)(key.Request >> 64);

        public UInt128 Id => new(idHigh, idLow);

        public UInt128 Request => new(requestHigh, requestLow);

        public long Sequence { get; } = sequence;
    }
}
