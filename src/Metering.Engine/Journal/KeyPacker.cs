namespace Metering.Engine;

/// <summary>Packs idempotency keys into runs (<see cref="KeyRuns"/>). One thread at a time.</summary>
internal sealed class KeyPacker
{
    // As for pages: what a step may rewrite just so that runs become long.
    private const int RewrittenKeys = 64 << 10;

    private readonly (long Run, int Keys)[] newest = new (long, int)[KeyRuns.Buckets];
    private readonly List<(int Bucket, long Run, int Keys)> learned = [];
    private readonly int[] starts = new int[KeyRuns.Buckets + 1];
    private readonly List<ulong> added = [];
    private readonly List<long> addedSequences = [];
    private ulong[] fingerprints = [];
    private long[] sequences = [];
    private byte[] body = [];
    private int rewritable;

    /// <summary>Forgets what was added and not written.</summary>
    public void Clear()
    {
        added.Clear();
        addedSequences.Clear();
    }

    /// <summary>Adds keys, in the order of their entries.</summary>
    public void Add(ReadOnlySpan<ulong> keys, ReadOnlySpan<long> entries)
    {
        added.AddRange(keys);
        addedSequences.AddRange(entries);
    }

    /// <summary>Writes what was added as runs, and begins anew.</summary>
    /// <param name="run">The number of new runs; higher than all before.</param>
    /// <param name="commit">Takes the runs.</param>
    /// <param name="view">The runs as they are; null where none is to be gone on with.</param>
    public void Write(long run, IPageCommit commit, IPageView? view)
    {
        learned.Clear();
        rewritable = RewrittenKeys;
        Sort();
        for (var bucket = 0; bucket < KeyRuns.Buckets; bucket++)
        {
            // After sorting, a bucket's start stands where the next bucket's began.
            var (from, to) = (bucket == 0 ? 0 : starts[bucket - 1], starts[bucket]);
            if (from < to)
            {
                Write(bucket, from, to, run, commit, view);
            }
        }
    }

    /// <summary>The commit is durable.</summary>
    public void Settle()
    {
        foreach (var (bucket, run, keys) in learned)
        {
            newest[bucket] = (run, keys);
        }
    }

    /// <summary>Sorts by bucket, keeping the order within: counted, then placed.</summary>
    private void Sort()
    {
        Array.Clear(starts);
        foreach (var fingerprint in added)
        {
            starts[KeyRuns.BucketOf(fingerprint) + 1]++;
        }

        if (fingerprints.Length < added.Count)
        {
            (fingerprints, sequences) = (new ulong[added.Count], new long[added.Count]);
        }

        for (var bucket = 1; bucket <= KeyRuns.Buckets; bucket++)
        {
            starts[bucket] += starts[bucket - 1];
        }

        for (var index = 0; index < added.Count; index++)
        {
            var at = starts[KeyRuns.BucketOf(added[index])]++;
            (fingerprints[at], sequences[at]) = (added[index], addedSequences[index]);
        }

        Clear();
    }

    private void Write(int bucket, int from, int to, long position, IPageCommit commit, IPageView? view)
    {
        var (run, keys, older) = (position, to - from, Array.Empty<byte>());
        var (last, lastKeys) = newest[bucket];
        if (view is not null && lastKeys > 0 && lastKeys + keys <= KeyRuns.MaxKeys && (lastKeys <= keys * 3 || rewritable > 0))
        {
            rewritable -= lastKeys;
            view.ReadKeys(bucket, found =>
            {
                older = found.ToArray();
                return false;
            });
            (run, keys) = (last, keys + lastKeys);
        }

        if (body.Length < KeyRuns.Size(keys))
        {
            body = new byte[KeyRuns.Size(Math.Max(keys, KeyRuns.MaxKeys))];
        }

        var length = KeyRuns.Pack(body, older, fingerprints.AsSpan(from, to - from), sequences.AsSpan(from, to - from));
        commit.WriteKeys(bucket, run, body.AsSpan(0, length), replaces: run != position);
        learned.Add((bucket, run, keys));
    }
}
