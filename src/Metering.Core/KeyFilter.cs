using System.Runtime.InteropServices;

namespace Metering.Core;

/// <summary>
/// What remains of keys that memory had to let go of: 24 bits each, which tell for certain that a key was not among them, and wrongly that it
/// may have been for about one new key in 10,000. A blocked Bloom filter: a key's bits lie in one block of 64 bytes, one in each of its eight words,
/// so that a look costs one or two cache lines. Keys are uniformly random already; their bits are the hashes.
/// </summary>
internal sealed class KeyFilter
{
    private const int BitsPerKey = 24;
    private const int BlockWords = 8;
    private const int BlockBits = BlockWords * 64;

    private readonly ulong[] words;

    /// <summary>Makes an empty filter.</summary>
    /// <param name="capacity">Keys that it has room for, 1 to 2^24.</param>
    /// <param name="oldest">When the first of its keys came.</param>
    public KeyFilter(int capacity, DateTimeOffset oldest)
    {
        Invariant.Holds(capacity is > 0 and <= 1 << 24, "A filter has room for 1 to 2^24 keys.");
        (Capacity, Oldest, Newest) = (capacity, oldest, oldest);
        words = new ulong[BlocksFor(capacity) * BlockWords];
    }

    private KeyFilter(int capacity, DateTimeOffset oldest, ReadOnlySpan<byte> bits)
        : this(capacity, oldest) => bits.CopyTo(MemoryMarshal.AsBytes(words.AsSpan()));

    public int Capacity { get; }

    public int Count { get; private set; }

    public DateTimeOffset Oldest { get; }

    public DateTimeOffset Newest { get; private set; }

    /// <summary>The entry of its last key.</summary>
    public long LastSequence { get; private set; }

    public long Bytes => sizeof(ulong) * (long)words.Length;

    public bool MayHold(UInt128 id)
    {
        var block = BlockOf(id);
        var bits = (ulong)(id >> 64);
        for (var word = 0; word < BlockWords; word++, bits >>= 6)
        {
            if ((block[word] & (1UL << (int)(bits & 63))) == 0)
            {
                return false;
            }
        }

        return true;
    }

    public void Add(UInt128 id)
    {
        var block = BlockOf(id);
        var bits = (ulong)(id >> 64);
        for (var word = 0; word < BlockWords; word++, bits >>= 6)
        {
            block[word] |= 1UL << (int)(bits & 63);
        }
    }

    /// <summary>Counts the keys of a segment among those that this filter is made of.</summary>
    public void Extend(in KeyWindow.Segment segment) =>
        (Count, Newest, LastSequence) = (Count + segment.Count, segment.Newest, segment.LastSequence);

    public void Encode(ByteWriter writer)
    {
        writer.Unsigned((ulong)Capacity);
        writer.Unsigned((ulong)Count);
        writer.Time(Oldest);
        writer.Time(Newest);
        writer.Unsigned((ulong)LastSequence);
        writer.Bytes(MemoryMarshal.AsBytes(words.AsSpan()));
    }

    public static KeyFilter Decode(ref ByteReader reader)
    {
        var (capacity, count, oldest, newest, lastSequence) = (reader.Number(), reader.Number(), reader.Time(), reader.Time(), reader.Number());
        var bits = reader.Bytes();
        if (capacity is < 1 or > 1 << 24 || count > capacity || bits.Length != BlocksFor((int)capacity) * BlockWords * sizeof(ulong))
        {
            throw new LedgerFormatException("A filter of keys is of another size than it says.");
        }

        return new((int)capacity, oldest, bits) { Count = (int)count, Newest = newest, LastSequence = lastSequence };
    }

    private static int BlocksFor(int capacity) => (int)((((long)capacity * BitsPerKey) + BlockBits - 1) / BlockBits);

    private Span<ulong> BlockOf(UInt128 id)
    {
        // The low half of the key chooses the block, scaled instead of divided; the bits come from the high half.
        var block = (int)(((ulong)(uint)id * (ulong)(words.Length / BlockWords)) >> 32);
        return words.AsSpan(block * BlockWords, BlockWords);
    }
}
