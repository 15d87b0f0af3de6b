using Metering.Core;

namespace Metering.Engine;

/// <summary>Figures of an activation that its owner tunes.</summary>
/// <param name="SnapshotInterval">Entries after which a busy account's state is stored.</param>
/// <param name="Grace">How long an account whose period was not paid goes on spending.</param>
/// <param name="Left">Told, once or more, that an activation has to leave the table.</param>
/// <param name="Resized">Told by how many bytes an activation grew or shrank.</param>
/// <param name="Placement">Where accounts live; null where all of them live here.</param>
/// <param name="DueChanged">Told by the writer when something falls due on an account at another moment than before.</param>
internal sealed record ActivationSettings(
    int SnapshotInterval, TimeSpan Grace, Action<AccountActivation> Left, Action<long> Resized, IAccountPlacement? Placement, Action<AccountId, DateTimeOffset> DueChanged);

/// <summary>
/// One account in memory: the embedded host's actor. A lock around synchronous code serializes its decisions; nothing is awaited
/// inside. It is the state's own, which nobody else sees and which a decision reads anyway. The state runs ahead of the ledger by what is
/// queued; <see cref="View"/> stays behind with what is durable.
/// </summary>
internal sealed class AccountActivation : ActivationSlot
{
    private const int MeasureInterval = 64;

    /// <summary>Bytes of snapshots, at most, that an entry may cause to be written: about what it takes itself.</summary>
    private const int SnapshotBytesPerEntry = 128;

    /// <summary>Room that a snapshot begins with at most, however large its state is thought to be.</summary>
    private const long MaxSnapshotHint = 256L << 20;

    private readonly GroupCommit commit;
    private readonly ActivationSettings settings;
    private readonly AccountState state;
    private readonly TaskCompletionSource gone = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile QueuedDecision durable;
    private volatile QueuedDecision tail;
    private volatile bool isDropped;
    private volatile bool isGone;
    private bool isRetiring;
    private long verifiedAt;
    private long snapshotSequence;
    private long measuredSequence;

    public AccountActivation(
        AccountState state, LedgerHead head, long snapshotSequence, long verifiedAt, GroupCommit commit, ActivationSettings settings)
    {
        this.verifiedAt = verifiedAt;
        (this.state, this.commit, this.settings, this.snapshotSequence) = (state, commit, settings, snapshotSequence);
        CommittedHead = head;
        (Bytes, measuredSequence) = (state.EstimatedBytes, state.Sequence);
        durable = tail = new QueuedDecision(this, default, new BalanceView(state));
        _ = durable.Complete(Release.Durable);
    }

    public AccountId Account => state.Id;

    /// <summary>The ledger's head as this activation knows it. The writer's alone.</summary>
    public LedgerHead CommittedHead { get; private set; }

    /// <summary>The account's group in the commit under way, or in the last one. The writer's alone.</summary>
    public AppendGroup? Group { get; set; }

    /// <summary>What the store keeps with this account (<see cref="AppendGroup.Handle"/>). The writer's alone.</summary>
    public object? StoreHandle { get; set; }

    /// <summary>When the state was last seen to be the ledger's, as <see cref="Freshness.Now"/> counts.</summary>
    public long VerifiedAt => Volatile.Read(ref verifiedAt);

    /// <summary>The last durable decision.</summary>
    public QueuedDecision Durable => durable;

    /// <summary>The durable figures. Readable at any time without waiting.</summary>
    public BalanceView View => Durable.View;

    /// <summary>The last decision queued. It is released after everything that this activation decided.</summary>
    public QueuedDecision Tail => tail;

    /// <summary>True where the state did not last or was given up: nothing of this activation reaches the ledger any more.</summary>
    public bool IsDropped => isDropped;

    /// <summary>True once <see cref="Gone"/> has completed, or is about to.</summary>
    public bool IsGone => isGone;

    /// <summary>Completes when this activation is out of the table, so that the next one can be loaded.</summary>
    public Task Gone => gone.Task;

    /// <summary>Bytes in memory, about; refreshed from time to time.</summary>
    public long Bytes { get; private set; }

    /// <summary>Set on every use, cleared by the eviction's hand: an account gets a second chance.</summary>
    public bool WasUsed { get; set; } = true;

    /// <summary>
    /// Decides one call. What falls due is entered first. The caller holds a slot of the queue; <paramref name="attempt"/> says whether
    /// it was used.
    /// </summary>
    /// <returns>False where this activation accepts nothing any more; wait for <see cref="Gone"/> and load anew.</returns>
    public bool TryDecide(Call call, DateTimeOffset clock, out Attempt attempt)
    {
        lock (state)
        {
            attempt = default;
            if (isDropped || isRetiring)
            {
                return false;
            }

            WasUsed = true;
            var work = new Work(state, state.TimeAt(clock), settings.Grace);
            try
            {
                work.EnterDue();
                call.Decide(ref work);
                work.EnterDue();
            }
            catch
            {
                // The state may have evolved by entries that will never be queued. What was queued before is sound and goes its way.
                isRetiring = true;
                _ = LeaveAsync(null);
                throw;
            }

            var appends = work.Entries.Count > 0;
            if (appends)
            {
                // No refusal from here on: these entries are on their way.
                Queue(work.Entries);
            }

            attempt = new(work.Decision, tail, appends ? work.Entries[work.Entries.Count - 1] : null);
            return true;
        }
    }

    /// <summary>The writer's word that a decision and everything before it is durable.</summary>
    /// <param name="group">The account's group in the commit.</param>
    /// <param name="decision">The decision.</param>
    /// <param name="comparedAt">A moment before the commit compared heads.</param>
    public void MakeDurable(AppendGroup group, QueuedDecision decision, long comparedAt)
    {
        (CommittedHead, StoreHandle) = (group.Next, group.Handle);
        if (decision.View.NextDue != durable.View.NextDue)
        {
            settings.DueChanged(Account, decision.View.NextDue);
        }

        durable = decision;
        Verify(comparedAt);
    }

    /// <summary>The durable state was the ledger's at a moment. The latest one counts.</summary>
    public void Verify(long at)
    {
        for (var known = VerifiedAt; known < at; known = VerifiedAt)
        {
            Interlocked.CompareExchange(ref verifiedAt, at, known);
        }
    }

    /// <summary>Another process appended to this account. Whoever finds out drops or retires the activation next.</summary>
    public void OnOvertaken() => settings.Placement?.OnOvertaken(Account);

    /// <summary>Gives up a state that did not last. The writer calls it, so nothing of it is in flight.</summary>
    public void Drop()
    {
        lock (state)
        {
            isDropped = true;
        }

        isGone = true;
        settings.Left(this);
        gone.TrySetResult();
    }

    /// <summary>
    /// Accepts nothing more, waits for what is queued and in flight, and leaves the table. Concurrent calls share it.
    /// </summary>
    /// <param name="minEntriesForSnapshot">Leave a snapshot behind where at least so many entries would have to be replayed; null for none.</param>
    public Task RetireAsync(int? minEntriesForSnapshot)
    {
        lock (state)
        {
            if (!isRetiring && !isDropped)
            {
                isRetiring = true;
                _ = LeaveAsync(minEntriesForSnapshot);
            }
        }

        return gone.Task;
    }

    /// <summary>Retires where nothing is under way; false where the account is busy.</summary>
    public bool TryRetireIdle(int minEntriesForSnapshot)
    {
        lock (state)
        {
            if (isRetiring || isDropped || !tail.IsReleased)
            {
                return false;
            }

            isRetiring = true;
            _ = LeaveAsync(minEntriesForSnapshot);
            return true;
        }
    }

    private async Task LeaveAsync(int? minEntriesForSnapshot)
    {
        if (await tail.WhenReleasedAsync() == Release.Durable && minEntriesForSnapshot is { } min && state.Sequence - snapshotSequence >= min)
        {
            var writer = new ByteWriter(1024);
            SnapshotCodec.Encode(state, writer);
            var snapshot = new LedgerSnapshot(CommittedHead, SnapshotCodec.Version, writer.Written);
            if (settings.Placement?.TryKeep(Account, snapshot) != true)
            {
                commit.EnqueueSnapshot(Account, snapshot);
            }
        }

        Drop();
    }

    private void Queue(Entries entries)
    {
        ByteWriter? snapshot = null;
        if (state.Sequence - measuredSequence >= MeasureInterval)
        {
            measuredSequence = state.Sequence;
            var before = Bytes;
            Bytes = state.EstimatedBytes;
            settings.Resized(Bytes - before);

            // A large state is stored less often, so that snapshots never write much more than the entries themselves.
            if (state.Sequence - snapshotSequence >= Math.Max(settings.SnapshotInterval, Bytes / SnapshotBytesPerEntry))
            {
                snapshot = new((int)Math.Min(Bytes, MaxSnapshotHint));
                SnapshotCodec.Encode(state, snapshot);
                snapshotSequence = state.Sequence;
            }
        }

        tail = new QueuedDecision(this, entries, new BalanceView(state)) { Snapshot = snapshot };
        commit.Enqueue(tail);
    }
}

/// <summary>What a call came to, before it is durable.</summary>
/// <param name="Decision">The decision.</param>
/// <param name="SeenThrough">The decision that has to be durable before anybody hears of this one.</param>
/// <param name="LastEntry">The last entry that the call queued; null where it queued none.</param>
internal readonly record struct Attempt(CallDecision Decision, QueuedDecision SeenThrough, Entry? LastEntry)
{
    /// <summary>True where the call queued entries and with them used its slot.</summary>
    public bool UsedSlot => LastEntry is not null;
}
