namespace Metering.Core;

/// <summary>An idempotency key as the ledger keeps it: hashes, never the text.</summary>
/// <param name="Id">The first 128 bits of SHA-256 of the key.</param>
/// <param name="Request">The first 128 bits of SHA-256 of the canonical request that came with it.</param>
public readonly record struct CommandKey(UInt128 Id, UInt128 Request);

/// <summary>What an idempotency key was used for.</summary>
/// <param name="Request">The hash of the request.</param>
/// <param name="Sequence">The entry that holds its answer.</param>
public readonly record struct KeyUse(UInt128 Request, long Sequence);

/// <summary>
/// The idempotency keys of the last 24 hours. The newest, up to a budget, are held whole. Those that the budget pushed out are in the
/// ledger, and filters tell which keys may be among them: a key that no filter knows is new without a look-up. What even the filters had to
/// forget must be looked up (<see cref="MustLookUp"/>). Not safe for concurrent use.
/// </summary>
public sealed class KeyWindow
{
    /// <summary>How long a key is kept (contract, rules of the pool, 5).</summary>
    public static readonly TimeSpan Kept = TimeSpan.FromHours(24);

    /// <summary>Keys that one account holds whole at most, 48 to 96 bytes each.</summary>
    public const int Budget = 65_536;

    /// <summary>Keys beyond them that one account's filters know at most, 3 bytes each. Older ones of the 24 hours are looked up in the ledger.</summary>
    public const long FilterBudget = Budget * 320L;

    private const int SegmentBudget = Budget / 8;
    private static readonly TimeSpan SegmentSpan = TimeSpan.FromHours(1);

    // In place and not behind references: every call with a key passes here, and each further object is another miss of the processor's cache.
    private readonly List<Segment> full = [];
    private readonly List<KeyFilter> filters = [];
    private KeyTable table = new();
    private Segment newest;
    private DateTimeOffset nothingEndsBefore = DateTimeOffset.MaxValue;
    private long filtered;

    /// <summary>Keys held whole.</summary>
    public int Count => table.Count;

    /// <summary>Keys that filters know.</summary>
    public long FilteredCount => filtered;

    /// <summary>The last entry whose key even the filters have forgotten; 0 for none.</summary>
    public long ForgottenThrough { get; private set; }

    /// <summary>Bytes that the window takes, about.</summary>
    public long Bytes
    {
        get
        {
            var bytes = table.Bytes + (40L * full.Count);
            foreach (var filter in filters)
            {
                bytes += filter.Bytes;
            }

            return bytes;
        }
    }

    internal DateTimeOffset ForgottenNewest { get; private set; } = DateTimeOffset.MinValue;

    /// <summary>The stretches of the keys held whole, oldest first.</summary>
    internal IReadOnlyList<Segment> Segments => newest.Count > 0 ? [.. full, newest] : full;

    /// <summary>The keys held whole, oldest first.</summary>
    internal ref readonly KeyTable Table => ref table;

    internal IReadOnlyList<KeyFilter> Filters => filters;

    // A filter begins with room for a few segments; while an account fills them, each has twice the room of the one before.
    private static int MinFilterKeys => SegmentBudget * 4;

    private static int MaxFilterKeys => SegmentBudget * 256;

    /// <summary>Finds a key that is held whole.</summary>
    /// <param name="id">The key's hash.</param>
    /// <param name="use">Its use, or the default.</param>
    public bool TryFind(UInt128 id, out KeyUse use) => table.TryFind(id, out use);

    /// <summary>True where a key that is not held whole may still be in the ledger, beyond what was looked up.</summary>
    /// <param name="id">The key's hash.</param>
    /// <param name="lookedUpThrough">The last entry that a look-up covered; 0 for none.</param>
    /// <param name="now">The account's time.</param>
    public bool MustLookUp(UInt128 id, long lookedUpThrough, DateTimeOffset now)
    {
        if (ForgottenThrough > lookedUpThrough && ForgottenNewest + Kept > now)
        {
            return true;
        }

        for (var index = filters.Count - 1; index >= 0; index--)
        {
            var filter = filters[index];
            if (filter.LastSequence > lookedUpThrough && filter.Newest + Kept > now && filter.MayHold(id))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Adds the key of an entry and lets go of what is too old or too much.</summary>
    internal void Add(CommandKey key, long sequence, DateTimeOffset at)
    {
        if (at >= nothingEndsBefore)
        {
            DropOld(at);
        }

        if (Count == Budget)
        {
            // Before the key is added, so that the table's ring never has to hold one more than a power of two.
            PushOut();
        }

        if (newest.Count == 0)
        {
            newest = new(at, at, sequence, 1);
            LookAgain();
        }
        else if (newest.Count >= SegmentBudget || at - newest.Oldest >= SegmentSpan)
        {
            full.Add(newest);
            newest = new(at, at, sequence, 1);
        }
        else
        {
            newest = newest with { Newest = at, LastSequence = sequence, Count = newest.Count + 1 };
        }

        table.Add(key, sequence);
    }

    internal void Restore(long forgottenThrough, DateTimeOffset newestForgotten) => (ForgottenThrough, ForgottenNewest) = (forgottenThrough, newestForgotten);

    internal void Restore(KeyFilter filter)
    {
        filters.Add(filter);
        filtered += filter.Count;
        LookAgain();
    }

    internal void Restore(Segment segment, ReadOnlySpan<(CommandKey Key, long Sequence)> uses)
    {
        if (newest.Count > 0)
        {
            full.Add(newest);
        }

        newest = segment;
        foreach (var (key, sequence) in uses)
        {
            table.Add(key, sequence);
        }

        LookAgain();
    }

    private void DropOld(DateTimeOffset at)
    {
        while (filters.Count > 0 && filters[0].Newest + Kept <= at)
        {
            filtered -= filters[0].Count;
            filters.RemoveAt(0);
        }

        while (Count > 0 && OldestSegment.Newest + Kept <= at)
        {
            table.RemoveOldest(TakeOldestSegment().Count, into: null);
        }

        LookAgain();
    }

    /// <summary>Filters and segments only grow at their young ends, so nothing ends before the oldest of them does as it is now.</summary>
    private void LookAgain() => nothingEndsBefore =
        filters.Count > 0 ? filters[0].Newest + Kept :
        newest.Count > 0 || full.Count > 0 ? OldestSegment.Newest + Kept :
        DateTimeOffset.MaxValue;

    private Segment OldestSegment => full.Count > 0 ? full[0] : newest;

    private Segment TakeOldestSegment()
    {
        var oldest = OldestSegment;
        if (full.Count > 0)
        {
            full.RemoveAt(0);
        }
        else
        {
            newest = default;
        }

        return oldest;
    }

    /// <summary>Moves the oldest segment to a filter, and forgets the oldest filters where they know too much.</summary>
    private void PushOut()
    {
        var segment = TakeOldestSegment();
        var filter = FilterFor(segment);
        filter.Extend(segment);
        table.RemoveOldest(segment.Count, filter);
        filtered += segment.Count;
        while (filtered > FilterBudget)
        {
            (ForgottenThrough, ForgottenNewest) = (filters[0].LastSequence, filters[0].Newest);
            filtered -= filters[0].Count;
            filters.RemoveAt(0);
        }

        LookAgain();
    }

    private KeyFilter FilterFor(in Segment segment)
    {
        var capacity = MinFilterKeys;
        if (filters.Count > 0)
        {
            var last = filters[^1];
            var isFull = last.Count + segment.Count > last.Capacity;
            if (!isFull && segment.Newest - last.Oldest < SegmentSpan)
            {
                return last;
            }

            capacity = isFull ? Math.Min(last.Capacity * 2, MaxFilterKeys) : Math.Max(last.Capacity / 2, MinFilterKeys);
        }

        filters.Add(new(capacity, segment.Oldest));
        return filters[^1];
    }

    /// <summary>A stretch of keys, of at most an hour: they grow old and are pushed out together.</summary>
    /// <param name="Oldest">When the first key came.</param>
    /// <param name="Newest">When the last one came.</param>
    /// <param name="LastSequence">The entry of the last one.</param>
    /// <param name="Count">How many keys.</param>
    internal readonly record struct Segment(DateTimeOffset Oldest, DateTimeOffset Newest, long LastSequence, int Count);
}
