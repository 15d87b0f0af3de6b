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
/// The idempotency keys of the last 24 hours, in segments of at most an hour, up to a budget. What the budget pushed out is still in
/// the ledger and has to be looked up there; <see cref="MustLookUp"/> says when. Not safe for concurrent use.
/// </summary>
public sealed class KeyWindow
{
    /// <summary>How long a key is kept (contract, rules of the pool, 5).</summary>
    public static readonly TimeSpan Kept = TimeSpan.FromHours(24);

    /// <summary>Keys that one account holds in memory at most; 56 bytes each. Beyond it, the oldest are looked up in the ledger.</summary>
    public const int Budget = 65_536;

    private const int SegmentBudget = Budget / 8;
    private static readonly TimeSpan SegmentSpan = TimeSpan.FromHours(1);

    private readonly List<Segment> segments = [];
    private DateTimeOffset forgottenNewest = DateTimeOffset.MinValue;

    /// <summary>Keys in memory.</summary>
    public int Count { get; private set; }

    /// <summary>The last entry whose key the budget pushed out; 0 for none.</summary>
    public long ForgottenThrough { get; private set; }

    /// <summary>The segments, oldest first, for a snapshot.</summary>
    internal IReadOnlyList<Segment> Segments => segments;

    internal DateTimeOffset ForgottenNewest => forgottenNewest;

    /// <summary>Finds a key in memory.</summary>
    /// <param name="id">The key's hash.</param>
    /// <param name="use">Its use, or the default.</param>
    public bool TryFind(UInt128 id, out KeyUse use)
    {
        for (var index = segments.Count - 1; index >= 0; index--)
        {
            if (segments[index].Uses.TryGetValue(id, out use))
            {
                return true;
            }
        }

        use = default;
        return false;
    }

    /// <summary>True where a key that is not in memory may still be in the ledger, beyond what was looked up.</summary>
    /// <param name="lookedUpThrough">The last entry that a look-up covered; 0 for none.</param>
    /// <param name="now">The account's time.</param>
    public bool MustLookUp(long lookedUpThrough, DateTimeOffset now) =>
        ForgottenThrough > lookedUpThrough && forgottenNewest + Kept > now;

    /// <summary>Adds the key of an entry and lets go of what is too old or too much.</summary>
    internal void Add(CommandKey key, long sequence, DateTimeOffset at)
    {
        while (segments.Count > 0 && segments[0].Newest + Kept <= at)
        {
            Count -= segments[0].Uses.Count;
            segments.RemoveAt(0);
        }

        if (segments.Count == 0 || segments[^1].Uses.Count >= SegmentBudget || at - segments[^1].Oldest >= SegmentSpan)
        {
            segments.Add(new Segment(at));
        }

        segments[^1].Add(key, sequence, at);
        Count++;
        while (Count > Budget)
        {
            Count -= segments[0].Uses.Count;
            (ForgottenThrough, forgottenNewest) = (segments[0].LastSequence, segments[0].Newest);
            segments.RemoveAt(0);
        }
    }

    internal void Restore(long forgottenThrough, DateTimeOffset newestForgotten)
    {
        (ForgottenThrough, forgottenNewest) = (forgottenThrough, newestForgotten);
    }

    internal void Restore(Segment segment)
    {
        segments.Add(segment);
        Count += segment.Uses.Count;
    }

    /// <summary>Keys of a stretch of time.</summary>
    internal sealed class Segment(DateTimeOffset oldest)
    {
        public DateTimeOffset Oldest { get; } = oldest;

        public DateTimeOffset Newest { get; private set; } = oldest;

        public long LastSequence { get; private set; }

        public Dictionary<UInt128, KeyUse> Uses { get; } = [];

        public void Add(CommandKey key, long sequence, DateTimeOffset at)
        {
            Uses[key.Id] = new(key.Request, sequence);
            (Newest, LastSequence) = (at, sequence);
        }

        public void Restore(DateTimeOffset newest, long lastSequence) => (Newest, LastSequence) = (newest, lastSequence);
    }
}
