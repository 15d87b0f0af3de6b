namespace Metering.Engine;

/// <summary>A piece of memory that records are encoded into, one after the other.</summary>
internal sealed class TailChunk(int size)
{
    /// <summary>What most chunks have: large enough that a commit of thousands fits, so that few are wasted at their ends.</summary>
    public const int UsualBytes = 4 << 20;

    public byte[] Buffer { get; } = new byte[size];

    /// <summary>Bytes taken.</summary>
    public int Used { get; set; }

    /// <summary>Records in it that are in the tail.</summary>
    public int Records { get; set; }
}

/// <summary>A journal record that the pages do not have yet. Nothing of it changes once it is in the tail.</summary>
internal sealed class TailRecord
{
    public required long Position { get; init; }

    /// <summary>Its bytes; null where they are in the journal only, because more is unprojected than memory may hold.</summary>
    public required TailChunk? Chunk { get; init; }

    /// <summary>Where its bytes begin.</summary>
    public required int Offset { get; init; }

    public required int Length { get; init; }

    public required int Entries { get; init; }

    /// <summary>One a group, in order.</summary>
    public required TailAccount[] Accounts { get; init; }

    /// <summary>The fingerprints of its idempotency keys (<see cref="KeyRuns"/>), in order.</summary>
    public required ulong[] Fingerprints { get; init; }

    /// <summary>The sequences of the entries with these keys.</summary>
    public required long[] KeySequences { get; init; }

    public ReadOnlyMemory<byte>? Bytes => Chunk?.Buffer.AsMemory(Offset, Length);
}

/// <summary>One group of an account in the tail.</summary>
/// <param name="Record">The record.</param>
/// <param name="Offset">Where the group begins in it.</param>
/// <param name="First">The first entry's sequence.</param>
/// <param name="NumberBefore">The account's transactions before it.</param>
internal readonly record struct TailSpan(TailRecord Record, int Offset, long First, long NumberBefore);

/// <summary>
/// What is known in memory of an account: its head, and what of it is in the journal only. An account with a tail is always in memory.
/// </summary>
internal sealed class TailAccount(AccountId account)
{
    private TailSpan[] spans = [];
    private int start;
    private int count;

    public AccountId Account { get; } = account;

    /// <summary>Stands for the account in fingerprints.</summary>
    public ulong Salt { get; } = KeyRuns.Salt(account);

    /// <summary>The last durable entry.</summary>
    public LedgerHead Head { get; set; }

    /// <summary>Transactions up to there.</summary>
    public long Transactions { get; set; }

    /// <summary>True where <see cref="Stored"/> is known; the projector asks the pages for it otherwise.</summary>
    public bool IsLocated { get; set; }

    /// <summary>The account in the pages; null where it has none there.</summary>
    public StoredAccount? Stored { get; set; }

    /// <summary>The last batch that the account was in, to find accounts that are in one twice.</summary>
    public long Batch { get; set; }

    /// <summary>The tail that has the account in memory; null once it is forgotten.</summary>
    public Tail? Memory { get; set; }

    /// <summary>The turn of that memory in which the account was used last; without a tail it is forgotten two turns later.</summary>
    public long Turn { get; set; }

    /// <summary>The last step of the projector that the account was in.</summary>
    public long Step { get; set; }

    public bool HasTail => count > 0;

    public ReadOnlySpan<TailSpan> Spans => spans.AsSpan(start, count);

    /// <summary>Adds a group after the head.</summary>
    public void Add(in TailSpan span, LedgerHead head, long transactions)
    {
        if (start + count == spans.Length)
        {
            if (start > count)
            {
                Spans.CopyTo(spans);
                spans.AsSpan(count).Clear();
            }
            else
            {
                var larger = new TailSpan[Math.Max(4, count * 2)];
                Spans.CopyTo(larger);
                spans = larger;
            }

            start = 0;
        }

        spans[start + count++] = span;
        (Head, Transactions) = (head, transactions);
    }

    /// <summary>Forgets the oldest groups.</summary>
    public void RemoveOldest(int groups)
    {
        spans.AsSpan(start, groups).Clear();
        (start, count) = (start + groups, count - groups);
        if (count == 0)
        {
            start = 0;
        }
    }

    /// <summary>The index of the group that holds a sequence, or of the last one before it; -1 before the first.</summary>
    public int IndexOf(long sequence)
    {
        var (low, high) = (0, count);
        while (low < high)
        {
            var middle = (low + high) / 2;
            (low, high) = Spans[middle].First <= sequence ? (middle + 1, high) : (low, middle);
        }

        return low - 1;
    }

    /// <summary>The index of the last group that begins with fewer transactions before it than a number; -1 for none.</summary>
    public int IndexOfNumber(long number)
    {
        var (low, high) = (0, count);
        while (low < high)
        {
            var middle = (low + high) / 2;
            (low, high) = Spans[middle].NumberBefore < number ? (middle + 1, high) : (low, middle);
        }

        return low - 1;
    }
}

/// <summary>
/// The journal's records that the pages do not have yet, and the accounts in memory. Its owner holds its lock over every call; what a
/// record and a chunk hold does not change while readers are counted in.
/// </summary>
/// <param name="cachedAccounts">Accounts without a tail that stay in memory for their heads; about 300 bytes each.</param>
internal sealed class Tail(int cachedAccounts)
{
    private const int KeptChunks = 8;

    private readonly Queue<TailRecord> records = new();
    private readonly Stack<TailChunk> free = new();
    private Dictionary<AccountId, TailAccount> young = [];
    private Dictionary<AccountId, TailAccount> old = [];
    private TailChunk? chunk;
    private int readers;
    private long turn;
    private int turnAt = Math.Max(1, cachedAccounts / 2);

    /// <summary>Bytes of all records.</summary>
    public long Bytes { get; private set; }

    /// <summary>Bytes of the records that are in memory.</summary>
    public long BytesInMemory { get; private set; }

    /// <summary>Entries of all records.</summary>
    public long Entries { get; private set; }

    public int Records => records.Count;

    /// <summary>The last record's position; 0 where the tail is empty.</summary>
    public long LastPosition { get; private set; }

    /// <summary>An account in memory; null where nothing is known of it, and then it has no tail.</summary>
    /// <param name="account">The account.</param>
    /// <param name="handle">What was found the last time; null for unknown. It is forgotten meanwhile, or found without a search.</param>
    public TailAccount? Find(AccountId account, TailAccount? handle = null)
    {
        if (handle is not null && handle.Memory == this)
        {
            if (handle.Turn < turn)
            {
                Keep(handle);
            }

            return handle;
        }

        if (young.TryGetValue(account, out var state))
        {
            return state;
        }

        if (!old.TryGetValue(account, out state))
        {
            return null;
        }

        Keep(state);
        return state;
    }

    /// <summary>Puts an account into memory. What was not used since the half before last is forgotten, unless it has a tail.</summary>
    public void Keep(TailAccount state)
    {
        if (young.Count >= turnAt)
        {
            (old, young) = (young, old);
            turn++;
            foreach (var (account, kept) in young)
            {
                kept.Turn = turn;
                if (!kept.HasTail)
                {
                    kept.Memory = null;
                    young.Remove(account);
                }
            }

            // More accounts may have a tail than are cached without one; the next turn waits until it is worth its cost.
            turnAt = Math.Max(Math.Max(1, cachedAccounts / 2), young.Count * 2);
        }

        (state.Memory, state.Turn) = (this, turn);
        old.Remove(state.Account);
        young[state.Account] = state;
    }

    /// <summary>Room for a record of at most so many bytes, from <see cref="TailChunk.Used"/> on. It is taken by <see cref="Add"/>.</summary>
    public TailChunk RoomFor(int bytes)
    {
        if (chunk is null || chunk.Buffer.Length - chunk.Used < bytes)
        {
            if (chunk is { Records: 0 })
            {
                Release(chunk);
            }

            chunk = bytes <= TailChunk.UsualBytes ? free.TryPop(out var kept) ? kept : new(TailChunk.UsualBytes) : new(bytes);
        }

        return chunk;
    }

    /// <summary>Adds a record whose groups are already with their accounts, or follow at once.</summary>
    public void Add(TailRecord record)
    {
        records.Enqueue(record);
        Bytes += record.Length;
        Entries += record.Entries;
        LastPosition = record.Position;
        if (record.Chunk is { } holder)
        {
            BytesInMemory += record.Length;
            holder.Used = record.Offset + record.Length;
            holder.Records++;
        }
    }

    /// <summary>The oldest records, until they have so many bytes; one at least.</summary>
    public List<TailRecord> Oldest(long bytes)
    {
        var result = new List<TailRecord>();
        foreach (var record in records)
        {
            if (bytes <= 0)
            {
                break;
            }

            result.Add(record);
            bytes -= record.Length;
        }

        return result;
    }

    /// <summary>All records, newest first.</summary>
    public TailRecord[] NewestFirst()
    {
        var result = records.ToArray();
        Array.Reverse(result);
        return result;
    }

    /// <summary>Forgets the oldest record; its accounts have forgotten its groups.</summary>
    public void RemoveOldest()
    {
        var record = records.Dequeue();
        Bytes -= record.Length;
        Entries -= record.Entries;
        if (record.Chunk is { } holder)
        {
            BytesInMemory -= record.Length;
            if (--holder.Records == 0 && holder != chunk)
            {
                Release(holder);
            }
        }
    }

    /// <summary>Counts a reader in: chunks that it may hold are not written over until it has left.</summary>
    public void EnterReader() => readers++;

    /// <summary>Counts a reader out.</summary>
    public void LeaveReader() => readers--;

    /// <summary>The accounts that have a tail.</summary>
    public IEnumerable<AccountId> AccountsWithTail() =>
        young.Values.Concat(old.Values).Where(state => state.HasTail).Select(state => state.Account);

    // A chunk that a reader may look into is left to the garbage collector.
    private void Release(TailChunk holder)
    {
        if (readers == 0 && free.Count < KeptChunks && holder.Buffer.Length == TailChunk.UsualBytes)
        {
            holder.Used = 0;
            free.Push(holder);
        }
    }
}
