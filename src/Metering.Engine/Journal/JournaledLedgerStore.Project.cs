using Metering.Core;

namespace Metering.Engine;

/// <summary>The projector: from the journal into pages, one step a call. And the snapshots, which travel with its steps.</summary>
internal sealed partial class JournaledLedgerStore : ITailSource
{
    // Journal records are deleted in pieces of about this size, because an append waits for each: about a millisecond.
    private const long DeletedBytes = 1 << 20;
    private const int DeletedRecords = 256;

    // Snapshots that wait for the projector; beyond it, a step is due at once, and at twice as much they are refused.
    private const long SnapshotBytes = 64L << 20;

    private readonly PagePacker packer;
    private readonly Queue<long> deletions = new();
    private readonly Dictionary<AccountId, List<LedgerSnapshot>> snapshots = [];
    private readonly Dictionary<long, byte[]> recordsRead = [];
    private long snapshotBytes;
    private long watermark;

    /// <summary>The last journal record that is in the pages.</summary>
    public long Watermark
    {
        get
        {
            lock (projecting)
            {
                return watermark;
            }
        }
    }

    /// <summary>
    /// One step of the projector: deletes a piece of the journal that the pages have, or else moves up to
    /// <see cref="JournaledLedgerOptions.StepBytes"/> of records, and all waiting snapshots, into the pages. Safe to call from any thread.
    /// </summary>
    /// <returns>True where something was done, so that another step is worth trying; false where nothing is due, or where it failed and is worth
    /// trying later.</returns>
    public bool Step()
    {
        lock (gate)
        {
            if (disposed || failed is not null)
            {
                return false;
            }
        }

        lock (projecting)
        {
            return !disposed && StepOnce();
        }
    }

    /// <summary>True where the next step should not wait for more to come: journal records to delete, a step's worth of records, a waiting append.</summary>
    public bool IsStepDue
    {
        get
        {
            lock (gate)
            {
                return !disposed && failed is null && (deletions.Count > 0 || tail.Bytes >= options.StepBytes || room is not null || snapshotBytes > SnapshotBytes);
            }
        }
    }

    /// <summary>True where there is anything to do for the projector.</summary>
    public bool HasWork
    {
        get
        {
            lock (gate)
            {
                return !disposed && failed is null && (deletions.Count > 0 || tail.Records > 0 || snapshots.Count > 0 || dueNotes.Count > 0);
            }
        }
    }

    /// <inheritdoc />
    public ValueTask SaveSnapshotAsync(AccountId account, LedgerSnapshot snapshot, CancellationToken cancellationToken = default)
    {
        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled(cancellationToken);
        }

        try
        {
            CheckUsable();
            if (CanTakeSnapshot(account, snapshot.Head.Sequence))
            {
                var isUrgent = Keep(account, snapshot with { State = snapshot.State.ToArray() });
                WorkArrived?.Invoke(isUrgent);
            }

            return ValueTask.CompletedTask;
        }
        catch (Exception error)
        {
            return ValueTask.FromException(error);
        }
    }

    /// <inheritdoc />
    void ITailSource.AddSpans(TailAccount state, long through, List<TailSpan> spans)
    {
        lock (gate)
        {
            foreach (var span in state.Spans)
            {
                if (span.Record.Position > through)
                {
                    return;
                }

                spans.Add(span);
            }
        }
    }

    /// <inheritdoc />
    ReadOnlyMemory<byte> ITailSource.BytesOf(TailRecord record) => record.Bytes ?? recordsRead[record.Position];

    /// <summary>The two newest of some snapshots; of two at one sequence, the first.</summary>
    private static LedgerSnapshot[] Newest(IEnumerable<LedgerSnapshot> snapshots) =>
        [.. snapshots.DistinctBy(snapshot => snapshot.Head.Sequence).OrderByDescending(snapshot => snapshot.Head.Sequence).Take(2)];

    private bool StepOnce()
    {
        try
        {
            if (deletions.Count > 0 && TryDelete())
            {
                return true;
            }

            // Also where the journal does not let go: else appends that wait for the pages would wait for the journal, with nobody to refuse them.
            var isDone = Project();
            lock (gate)
            {
                pagesUnavailable = null;
            }

            return isDone;
        }
        catch (LedgerUnavailableException error)
        {
            // The backlog grows until appends are refused, and this is tried again: it recovers by itself.
            lock (gate)
            {
                pagesUnavailable = error;
            }

            LetAppendsThrough();
            return false;
        }
        catch (LedgerFatalException error)
        {
            Fail(error);
            return false;
        }
        catch (Exception error) when (error is LedgerFormatException or LedgerContentException)
        {
            Fail(new($"{journal.Name} cannot be moved into {pages.Name}: {error.Message}. What was acknowledged stays in {journal.Name}.", error));
            return false;
        }
    }

    /// <returns>False where the journal does not let go of its records now. That costs room, and is no trouble of the pages.</returns>
    private bool TryDelete()
    {
        try
        {
            journal.Delete(deletions.Peek());
            lock (gate)
            {
                deletions.Dequeue();
            }

            if (deletions.Count == 0)
            {
                journal.Maintain();
            }

            return true;
        }
        catch (LedgerUnavailableException)
        {
            return false;
        }
    }

    private bool Project()
    {
        List<TailRecord> records;
        List<(AccountId Account, LedgerSnapshot Snapshot)> waiting;
        List<DueNote> notes;
        lock (gate)
        {
            records = tail.Oldest(options.StepBytes);
            waiting = [.. snapshots.SelectMany(account => account.Value.AsEnumerable().Reverse().Select(snapshot => (account.Key, snapshot)))];
            notes = [.. dueNotes.Values.Take(StepNotes)];
        }

        if (records.Count == 0 && waiting.Count == 0 && notes.Count == 0)
        {
            return false;
        }

        ReadMissing(records);
        var through = records.Count == 0 ? watermark : records[^1].Position;
        using (var commit = pages.Begin())
        {
            if (records.Count > 0)
            {
                using var view = pages.OpenView();
                packer.Pack(records, commit, view, this);
            }

            waiting.RemoveAll(item => !commit.SaveSnapshot(item.Account, item.Snapshot));
            notes.RemoveAll(note => !commit.NoteDue(note));
            commit.Commit(through);
        }

        ForgetNotes(notes);
        Settle(records, waiting);
        return records.Count > 0 || waiting.Count > 0 || notes.Count > 0;
    }

    /// <summary>Everything is in the pages durably: the tail and the waiting snapshots can forget it.</summary>
    private void Settle(List<TailRecord> records, List<(AccountId Account, LedgerSnapshot Snapshot)> stored)
    {
        recordsRead.Clear();
        lock (gate)
        {
            foreach (var (account, snapshot) in stored)
            {
                if (snapshots.TryGetValue(account, out var pending) && pending.Remove(snapshot))
                {
                    snapshotBytes -= snapshot.State.Length;
                    if (pending.Count == 0)
                    {
                        snapshots.Remove(account);
                    }
                }
            }

            if (records.Count > 0)
            {
                packer.Settle();
                Forget(records);
            }
        }

        LetAppendsThrough();
    }

    private void Forget(List<TailRecord> records)
    {
        var before = tail.Bytes;
        var (bytes, count) = (0L, 0);
        foreach (var record in records)
        {
            foreach (var state in record.Accounts)
            {
                state.RemoveOldest(1);
            }

            tail.RemoveOldest();
            (bytes, count) = (bytes + record.Length, count + 1);
            if (bytes >= DeletedBytes || count >= DeletedRecords || record == records[^1])
            {
                deletions.Enqueue(record.Position);
                (bytes, count) = (0, 0);
            }
        }

        watermark = records[^1].Position;
        var isFull = tail.Bytes >= options.MaxBacklogBytes || tail.Entries >= options.MaxBacklogEntries;
        credit = isFull ? Math.Max(0, credit) + ((before - tail.Bytes) / 2) : 0;
    }

    /// <summary>Reads the records of a batch whose bytes are in the journal only.</summary>
    private void ReadMissing(List<TailRecord> records)
    {
        recordsRead.Clear();
        if (records.Find(record => record.Chunk is null) is not { } first)
        {
            return;
        }

        var last = records[^1].Position;
        journal.Read(first.Position, (found, record) =>
        {
            if (found <= last)
            {
                JournalRecord.Check(record, found, journal.Name);
                recordsRead[found] = record.ToArray();
            }

            return found < last;
        });
    }

    private bool CanTakeSnapshot(AccountId account, long sequence)
    {
        lock (gate)
        {
            if (tail.Find(account) is { HasTail: true } state && sequence >= state.Spans[0].First)
            {
                return true;
            }
        }

        using var view = pages.OpenView();
        return view.FindAccount(account) is { } stored && sequence > stored.Archived;
    }

    /// <returns>True where the projector should write them at once.</returns>
    private bool Keep(AccountId account, LedgerSnapshot snapshot)
    {
        lock (gate)
        {
            if (snapshotBytes > SnapshotBytes * 2)
            {
                throw new LedgerUnavailableException(
                    $"Snapshots of {snapshotBytes >> 20} MB wait for {pages.Name} already{(pagesUnavailable is { } reason ? $", and it fails: {reason.Message}" : ".")}", pagesUnavailable);
            }

            if (!snapshots.TryGetValue(account, out var pending))
            {
                snapshots.Add(account, pending = []);
            }

            if (pending.Count > 0 && pending[0].Head.Sequence > snapshot.Head.Sequence)
            {
                return false;
            }

            snapshotBytes -= pending.Sum(older => (long)older.State.Length);
            pending.Insert(0, snapshot);
            snapshots[account] = [.. Newest(pending)];
            snapshotBytes += snapshots[account].Sum(kept => (long)kept.State.Length);
            return snapshotBytes > SnapshotBytes;
        }
    }
}
