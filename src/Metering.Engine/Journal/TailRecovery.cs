using Metering.Core;

namespace Metering.Engine;

/// <summary>Builds the tail at a start from the journal's records, one after the other.</summary>
/// <param name="tail">The tail.</param>
/// <param name="maxBytesInMemory">Records beyond it stay in the journal only, and are read there when they are needed.</param>
/// <param name="journal">The journal's name, for sentences.</param>
internal sealed class TailRecovery(Tail tail, long maxBytesInMemory, string journal)
{
    private readonly List<TailAccount> accounts = [];
    private readonly List<(int Offset, GroupHeader Group, ChainLink Link, long Transactions)> groups = [];
    private readonly List<ulong> fingerprints = [];
    private readonly List<long> sequences = [];

    /// <summary>Adds a checked record.</summary>
    /// <exception cref="LedgerFormatException">It does not follow the records before it.</exception>
    public void Add(long position, ReadOnlySpan<byte> bytes)
    {
        accounts.Clear();
        groups.Clear();
        fingerprints.Clear();
        sequences.Clear();
        for (var offset = JournalRecord.HeaderBytes; offset < bytes.Length;)
        {
            var group = JournalRecord.ReadGroup(bytes, offset);
            var state = StateOf(JournalRecord.ReadAccount(bytes, offset), group, position);
            var (link, transactions) = ReadRows(bytes, group, state);
            accounts.Add(state);
            groups.Add((offset, group, link, transactions));
            offset = group.RowsAt + group.RowsLength;
        }

        Publish(position, bytes);
    }

    private TailAccount StateOf(AccountId account, in GroupHeader group, long position)
    {
        if (tail.Find(account) is not { } state)
        {
            tail.Keep(state = new(account));
            return state;
        }

        return !state.HasTail || (state.Head.Sequence + 1 == group.First && state.Head.Link.A == group.FollowsLink && state.Transactions == group.NumberBefore)
            ? state
            : throw new LedgerFormatException(
                $"Record {position} of {journal} does not follow the records before it: entry {group.First} of account {account} comes after entry {state.Head.Sequence}.");
    }

    private (ChainLink Link, long Transactions) ReadRows(ReadOnlySpan<byte> bytes, in GroupHeader group, TailAccount state)
    {
        var rows = bytes.Slice(group.RowsAt, group.RowsLength);
        var (transactions, last) = (group.NumberBefore, default(ChainLink));
        for (var index = 0; index < group.Count; index++)
        {
            var shape = StoredRows.RowShape.Of(rows);
            var (key, link, _) = shape.Read(rows);
            transactions += shape.IsTransaction ? 1 : 0;
            last = link ?? last;
            if (key is { } known)
            {
                fingerprints.Add(KeyRuns.Fingerprint(state.Salt, known));
                sequences.Add(group.First + index);
            }

            rows = rows[shape.Length..];
        }

        return (last, transactions);
    }

    private void Publish(long position, ReadOnlySpan<byte> bytes)
    {
        TailChunk? chunk = null;
        if (tail.BytesInMemory + bytes.Length <= maxBytesInMemory)
        {
            chunk = tail.RoomFor(bytes.Length);
            bytes.CopyTo(chunk.Buffer.AsSpan(chunk.Used));
        }

        var record = new TailRecord
        {
            Position = position,
            Chunk = chunk,
            Offset = chunk?.Used ?? 0,
            Length = bytes.Length,
            Entries = groups.Sum(group => group.Group.Count),
            Accounts = [.. accounts],
            Fingerprints = [.. fingerprints],
            KeySequences = [.. sequences],
        };
        tail.Add(record);
        for (var index = 0; index < groups.Count; index++)
        {
            var (offset, group, link, transactions) = groups[index];
            if (!accounts[index].HasTail)
            {
                // It may have left memory while the record's other accounts came in.
                tail.Keep(accounts[index]);
            }

            accounts[index].Add(new(record, offset, group.First, group.NumberBefore), new(group.Last, link), transactions);
        }
    }
}
