namespace Metering.Engine;

/// <summary>
/// When to look at accounts. Notes wait in memory and travel with the projector's steps, like snapshots; what waits is seen by a claim already.
/// </summary>
internal sealed partial class JournaledLedgerStore : IDueStore
{
    // Notes that one step of the projector takes along.
    private const int StepNotes = 8_192;

    // About 100 bytes each. Whoever notes has a limit of its own; this one is for a store whose pages fail.
    private const int MaxNotes = 1_000_000;

    private readonly Dictionary<AccountId, DueNote> dueNotes = [];

    /// <inheritdoc />
    public ValueTask NoteDueAsync(IReadOnlyList<DueNote> notes, CancellationToken cancellationToken = default)
    {
        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled(cancellationToken);
        }

        try
        {
            CheckUsable();
            lock (gate)
            {
                if (dueNotes.Count + notes.Count > MaxNotes)
                {
                    throw new LedgerUnavailableException($"{dueNotes.Count} notes of what falls due wait for {pages.Name} already.", pagesUnavailable);
                }

                foreach (var note in notes)
                {
                    dueNotes[note.Account] = note;
                }
            }

            WorkArrived?.Invoke(false);
            return ValueTask.CompletedTask;
        }
        catch (Exception error)
        {
            return ValueTask.FromException(error);
        }
    }

    /// <inheritdoc />
    public ValueTask<IReadOnlyList<AccountId>> ClaimDueAsync(DateTimeOffset now, TimeSpan lease, int limit, CancellationToken cancellationToken = default) => Read<IReadOnlyList<AccountId>>(
        () =>
        {
            // What waits comes first, like the tail of a read: one that is projected meanwhile counts once, as it waited.
            Dictionary<AccountId, DueNote> waiting;
            lock (gate)
            {
                waiting = new(dueNotes);
            }

            using var view = pages.OpenView();
            return
            [
                .. view.ListDue(now, (int)Math.Min((long)limit + waiting.Count, int.MaxValue)).Where(note => !waiting.ContainsKey(note.Account))
                    .Concat(waiting.Values.Where(note => note.WakeAt <= now))
                    .OrderBy(note => note.WakeAt).ThenBy(note => note.Account.Value, StringComparer.Ordinal).Take(limit).Select(note => note.Account),
            ];
        },
        cancellationToken);

    /// <inheritdoc />
    public ValueTask<IReadOnlyList<AccountId>> ListNotedAsync(AccountId? after, AccountId through, CancellationToken cancellationToken = default) => Read<IReadOnlyList<AccountId>>(
        () =>
        {
            AccountId[] waiting;
            lock (gate)
            {
                waiting = [.. dueNotes.Keys.Where(account =>
                    string.CompareOrdinal(account.Value, after?.Value) > 0 && string.CompareOrdinal(account.Value, through.Value) <= 0)];
            }

            using var view = pages.OpenView();
            var stored = view.ListNoted(after, through);
            return waiting.Length == 0 ? stored : [.. stored.Union(waiting).OrderBy(account => account.Value, StringComparer.Ordinal)];
        },
        cancellationToken);

    /// <summary>Notes are in the pages durably, unless others took their place meanwhile.</summary>
    private void ForgetNotes(List<DueNote> stored)
    {
        lock (gate)
        {
            foreach (var note in stored)
            {
                if (dueNotes.TryGetValue(note.Account, out var waiting) && waiting == note)
                {
                    dueNotes.Remove(note.Account);
                }
            }
        }
    }
}
