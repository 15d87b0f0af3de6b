using Metering.Core;

namespace Metering.Engine;

/// <summary>Appending: compare, one record, one durable write; and the wait where the pages are too far behind.</summary>
internal sealed partial class JournaledLedgerStore
{
    // A record is encoded in one piece of memory, and SQLite holds no larger one.
    private const long MaxRecordBytes = 512L << 20;

    private readonly List<TailAccount> batchStates = [];
    private readonly List<(AppendGroup Group, TailAccount State, int Offset)> accepted = [];
    private readonly List<ulong> fingerprints = [];
    private readonly List<long> keySequences = [];
    private TaskCompletionSource? room;
    private long batch;
    private long credit;

    /// <inheritdoc />
    public ValueTask AppendAsync(IReadOnlyList<AppendGroup> groups, CancellationToken cancellationToken = default)
    {
        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled(cancellationToken);
        }

        try
        {
            if (WaitForRoom() is { } wait)
            {
                return AppendLaterAsync(wait, groups, cancellationToken);
            }

            Append(groups);
            return ValueTask.CompletedTask;
        }
        catch (Exception error)
        {
            return ValueTask.FromException(error);
        }
    }

    private async ValueTask AppendLaterAsync(Task wait, IReadOnlyList<AppendGroup> groups, CancellationToken cancellationToken)
    {
        for (var next = wait; next is not null; next = WaitForRoom())
        {
            WorkArrived?.Invoke(true);
            await next;
            cancellationToken.ThrowIfCancellationRequested();
        }

        Append(groups);
    }

    /// <summary>
    /// Null where an append may go on. Where the backlog is full it goes on by credit: half of what the projector takes off is given out
    /// again, so that appends keep moving at half its speed even after a start with a lag far beyond the limit, and the lag shrinks.
    /// </summary>
    private Task? WaitForRoom()
    {
        lock (gate)
        {
            if (disposed || failed is not null || (tail.Bytes < options.MaxBacklogBytes && tail.Entries < options.MaxBacklogEntries) || credit > 0)
            {
                return null;
            }

            if (pagesUnavailable is { } reason)
            {
                throw new LedgerUnavailableException(
                    $"{journal.Name} holds as much as it may before {pages.Name} takes it over ({tail.Bytes >> 20} MB), and that fails: {reason.Message}", reason);
            }

            room ??= new(TaskCreationOptions.RunContinuationsAsynchronously);
            return room.Task;
        }
    }

    private void LetAppendsThrough()
    {
        TaskCompletionSource? waiting;
        lock (gate)
        {
            (waiting, room) = (room, null);
        }

        waiting?.SetResult();
    }

    private void Append(IReadOnlyList<AppendGroup> groups)
    {
        bool isUrgent;
        lock (appending)
        {
            CheckUsable();
            AppendGroupRules.Check(groups);
            FindStates(groups);
            var chunk = Compare(groups) is var bound and > 0 ? RoomFor(bound) : null;
            if (chunk is null)
            {
                SetResults(groups);
                return;
            }

            var length = Encode(chunk.Buffer.AsSpan(chunk.Used), position + 1);
            try
            {
                journal.Append(position + 1, chunk.Buffer.AsSpan(chunk.Used, length));
            }
            catch (LedgerFatalException error)
            {
                Fail(error);
                throw;
            }

            // Durable from here on: only now may results and heads say so.
            position++;
            isUrgent = Publish(chunk, length);
            SetResults(groups);
        }

        WorkArrived?.Invoke(isUrgent);
    }

    private void CheckUsable()
    {
        lock (gate)
        {
            ObjectDisposedException.ThrowIf(disposed, this);
            if (failed is not null)
            {
                throw new LedgerFatalException(failed.Message, failed);
            }
        }
    }

    private void Fail(LedgerFatalException error)
    {
        lock (gate)
        {
            failed ??= error;
        }

        LetAppendsThrough();
    }

    /// <summary>The accounts of the groups, in their order. What is not in memory has no tail, so the pages tell where it stands.</summary>
    private void FindStates(IReadOnlyList<AppendGroup> groups)
    {
        batchStates.Clear();
        batch++;
        var missing = false;
        lock (gate)
        {
            for (var index = 0; index < groups.Count; index++)
            {
                var state = tail.Find(groups[index].Account, groups[index].Handle as TailAccount);
                missing |= state is null;
                batchStates.Add(state!);
            }
        }

        if (missing)
        {
            try
            {
                LoadStates(groups);
            }
            catch (LedgerFormatException damage)
            {
                // What it met in the way of writing, no later write may build upon.
                Fail(new($"{pages.Name} is damaged: {damage.Message}", damage));
                CheckUsable();
            }
        }

        for (var index = 0; index < groups.Count; index++)
        {
            if (batchStates[index].Batch == batch)
            {
                throw new LedgerContentException($"Account {groups[index].Account} is twice in one batch.");
            }

            batchStates[index].Batch = batch;
            groups[index].Handle = batchStates[index];
        }
    }

    private void LoadStates(IReadOnlyList<AppendGroup> groups)
    {
        using var view = pages.OpenView();
        for (var index = 0; index < groups.Count; index++)
        {
            if (batchStates[index] is not null)
            {
                continue;
            }

            var account = groups[index].Account;
            var stored = view.FindAccount(account);
            lock (gate)
            {
                if (tail.Find(account) is not { } state)
                {
                    state = new(account)
                    {
                        Head = stored?.LastPage.Head ?? LedgerHead.Empty(account),
                        Transactions = stored?.LastPage.LastNumber ?? 0,
                        Stored = stored,
                        IsLocated = true,
                    };
                    tail.Keep(state);
                }

                batchStates[index] = state;
            }
        }
    }

    /// <summary>Compares every group with its account's head.</summary>
    /// <returns>Bytes that a record of the groups that go through can take; 0 where there is none.</returns>
    private int Compare(IReadOnlyList<AppendGroup> groups)
    {
        accepted.Clear();
        var bytes = (long)JournalRecord.HeaderBytes;
        for (var index = 0; index < groups.Count; index++)
        {
            var (group, state) = (groups[index], batchStates[index]);
            if (state.Head == group.Expected)
            {
                CheckNumbers(group, state.Transactions);
                accepted.Add((group, state, 0));
                bytes += JournalRecord.Bound(group);
            }
        }

        return bytes > MaxRecordBytes
            ? throw new LedgerContentException($"A batch of {groups.Count} groups has {bytes >> 20} MB; {MaxRecordBytes >> 20} MB fit one record.")
            : accepted.Count == 0 ? 0 : (int)bytes;
    }

    // Stored rows have no numbers of their own: these follow from the rows before.
    private static void CheckNumbers(AppendGroup group, long number)
    {
        for (var index = 0; index < group.Rows.Count; index++)
        {
            var row = group.Rows[index];
            number += row.IsTransaction ? 1 : 0;
            if (row.TransactionNumber != number)
            {
                throw new LedgerContentException($"Entry {row.Sequence} of account {group.Account} has transaction number {row.TransactionNumber} where {number} is due.");
            }
        }
    }

    private TailChunk RoomFor(int bytes)
    {
        lock (gate)
        {
            return tail.RoomFor(bytes);
        }
    }

    private int Encode(Span<byte> target, long at)
    {
        fingerprints.Clear();
        keySequences.Clear();
        var length = JournalRecord.HeaderBytes;
        for (var index = 0; index < accepted.Count; index++)
        {
            var (group, state, _) = accepted[index];
            accepted[index] = (group, state, length);
            length += JournalRecord.WriteGroup(target[length..], group, state.Transactions);
            for (var row = 0; row < group.Rows.Count; row++)
            {
                if (group.Rows[row].Key is { } key)
                {
                    fingerprints.Add(KeyRuns.Fingerprint(state.Salt, key));
                    keySequences.Add(group.Rows[row].Sequence);
                }
            }
        }

        JournalRecord.Seal(target[..length], at);
        return length;
    }

    /// <summary>Puts a durable record into the tail.</summary>
    /// <returns>True where the projector should not wait for more.</returns>
    private bool Publish(TailChunk chunk, int length)
    {
        var (accounts, entries) = (new TailAccount[accepted.Count], 0);
        for (var index = 0; index < accounts.Length; index++)
        {
            accounts[index] = accepted[index].State;
            entries += accepted[index].Group.Rows.Count;
        }

        var record = new TailRecord
        {
            Position = position,
            Chunk = chunk,
            Offset = chunk.Used,
            Length = length,
            Entries = entries,
            Accounts = accounts,
            Fingerprints = [.. fingerprints],
            KeySequences = [.. keySequences],
        };
        lock (gate)
        {
            if (tail.Bytes >= options.MaxBacklogBytes || tail.Entries >= options.MaxBacklogEntries)
            {
                credit -= length;
            }

            tail.Add(record);
            foreach (var (group, state, offset) in accepted)
            {
                if (!state.HasTail)
                {
                    // It may have left memory while the batch's other accounts came in.
                    tail.Keep(state);
                }

                state.Add(new(record, offset, group.Rows[0].Sequence, state.Transactions), group.Next, group.Rows[^1].TransactionNumber);
            }

            return tail.Bytes >= options.StepBytes;
        }
    }

    private void SetResults(IReadOnlyList<AppendGroup> groups)
    {
        for (var index = 0; index < groups.Count; index++)
        {
            groups[index].Result = AppendResult.HeadMismatch;
        }

        foreach (var (group, _, _) in accepted)
        {
            group.Result = AppendResult.Appended;
        }
    }
}
