namespace Metering.Engine;

/// <summary>Packs the keys of some journal records into runs (<see cref="KeyRuns"/>). One thread at a time.</summary>
internal sealed class KeyPacker
{
    private readonly (long Run, int Keys)[] newest = new (long, int)[KeyRuns.Buckets];
    private readonly List<(int Bucket, long Run, int Keys)> learned = [];
    private readonly int[] starts = new int[KeyRuns.Buckets + 1];
    private ulong[] fingerprints = [];
    private long[] sequences = [];
    private byte[] body = [];

    /// <summary>Packs all keys of records, in their order.</summary>
    public void Pack(IReadOnlyList<TailRecord> records, bool isBusy, IPageCommit commit, IPageView view)
    {
        learned.Clear();
        Sort(records);
        for (var bucket = 0; bucket < KeyRuns.Buckets; bucket++)
        {
            // After sorting, a bucket's start stands where the next bucket's began.
            var (from, to) = (bucket == 0 ? 0 : starts[bucket - 1], starts[bucket]);
            if (from < to)
            {
                Write(bucket, from, to, records[^1].Position, isBusy, commit, view);
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
    private void Sort(IReadOnlyList<TailRecord> records)
    {
        Array.Clear(starts);
        var count = 0;
        foreach (var record in records)
        {
            count += record.Fingerprints.Length;
            foreach (var fingerprint in record.Fingerprints)
            {
                starts[KeyRuns.BucketOf(fingerprint) + 1]++;
            }
        }

        if (fingerprints.Length < count)
        {
            (fingerprints, sequences) = (new ulong[count], new long[count]);
        }

        for (var bucket = 1; bucket <= KeyRuns.Buckets; bucket++)
        {
            starts[bucket] += starts[bucket - 1];
        }

        foreach (var record in records)
        {
            for (var index = 0; index < record.Fingerprints.Length; index++)
            {
                var at = starts[KeyRuns.BucketOf(record.Fingerprints[index])]++;
                (fingerprints[at], sequences[at]) = (record.Fingerprints[index], record.KeySequences[index]);
            }
        }
    }

    private void Write(int bucket, int from, int to, long position, bool isBusy, IPageCommit commit, IPageView view)
    {
        var (run, keys, older) = (position, to - from, Array.Empty<byte>());
        var (last, lastKeys) = newest[bucket];
        if (lastKeys > 0 && lastKeys + keys <= KeyRuns.MaxKeys && (!isBusy || lastKeys <= keys * 3))
        {
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
