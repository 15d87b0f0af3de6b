using System.Collections.Immutable;
using Metering.Engine;

namespace Metering.Simulation;

/// <summary>The two files of a journalled ledger, as they stand on the disk. Processes come and go; these stay.</summary>
internal sealed class SimulatedDisk(UInt128 identity)
{
    /// <summary>The journal; null where nobody made one, or somebody took it away.</summary>
    public JournalFile? Journal { get; set; }

    /// <summary>The pages, as the last commit left them.</summary>
    public PageFile Pages { get; set; } = new() { Identity = identity };
}

/// <summary>A journal's file. A record lasts when it was appended; a deletion may be undone by a crash.</summary>
internal sealed class JournalFile(UInt128 identity, long deletedThrough)
{
    private readonly SortedDictionary<long, byte[]> deleted = [];
    private long durablyDeletedThrough = deletedThrough;

    public SortedDictionary<long, byte[]> Records { get; } = [];

    public long DeletedThrough { get; private set; } = deletedThrough;

    public long Last => Records.Count == 0 ? DeletedThrough : Records.Keys.Last();

    public JournalState State => new(identity, Records.Count == 0 ? 0 : Records.Keys.First(), Last, DeletedThrough);

    public void Append(long position, byte[] record) => Records.Add(position, record);

    public void Delete(long through)
    {
        foreach (var position in Records.Keys.TakeWhile(position => position <= through).ToArray())
        {
            deleted.Add(position, Records[position]);
            Records.Remove(position);
        }

        DeletedThrough = Math.Max(DeletedThrough, through);
    }

    /// <summary>What a crash makes of deletions that did not last: the newest of them never were.</summary>
    /// <returns>How many records came back.</returns>
    public int LoseDeletions(Random random)
    {
        var through = random.NextInt64(durablyDeletedThrough, DeletedThrough + 1);
        var back = deleted.Where(record => record.Key > through).ToArray();
        foreach (var (position, record) in back)
        {
            Records.Add(position, record);
        }

        DeletedThrough = through;
        SyncDeletions();
        return back.Length;
    }

    /// <summary>From here on, what was deleted stays so.</summary>
    public void SyncDeletions()
    {
        deleted.Clear();
        durablyDeletedThrough = DeletedThrough;
    }

    public JournalFile Copy()
    {
        var copy = new JournalFile(identity, DeletedThrough);
        foreach (var (position, record) in Records)
        {
            copy.Records.Add(position, record);
        }

        return copy;
    }
}

/// <summary>The pages' file at one moment.</summary>
internal sealed record PageFile
{
    public required UInt128 Identity { get; init; }

    public long Watermark { get; init; }

    public bool NeedsJournal { get; init; }

    public ImmutableSortedDictionary<string, long> Accounts { get; init; } = ImmutableSortedDictionary.Create<string, long>(StringComparer.Ordinal);

    /// <summary>Pages by account, in order.</summary>
    public ImmutableDictionary<long, ImmutableList<StoredPage>> Pages { get; init; } = ImmutableDictionary<long, ImmutableList<StoredPage>>.Empty;

    /// <summary>Runs of keys by bucket, oldest first.</summary>
    public ImmutableDictionary<int, ImmutableList<(long Run, byte[] Body)>> Keys { get; init; } = ImmutableDictionary<int, ImmutableList<(long Run, byte[] Body)>>.Empty;

    /// <summary>Snapshots by account, newest first.</summary>
    public ImmutableDictionary<long, ImmutableList<LedgerSnapshot>> Snapshots { get; init; } = ImmutableDictionary<long, ImmutableList<LedgerSnapshot>>.Empty;

    /// <summary>What accounts begin with.</summary>
    public ImmutableDictionary<long, LedgerBase> Bases { get; init; } = ImmutableDictionary<long, LedgerBase>.Empty;

    /// <summary>When to look at accounts.</summary>
    public ImmutableDictionary<long, DueNote> Dues { get; init; } = ImmutableDictionary<long, DueNote>.Empty;

    public ImmutableList<StoredPage> PagesOf(AccountId account) =>
        Accounts.TryGetValue(account.Value, out var number) ? Pages.GetValueOrDefault(number, []) : [];
}
