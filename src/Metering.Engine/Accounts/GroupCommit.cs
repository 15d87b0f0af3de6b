using Metering.Core;
using Microsoft.Extensions.Logging;

namespace Metering.Engine;

/// <summary>
/// Commits the decisions of all accounts together. Callers enqueue; one writer takes what is queued and commits it at once, and while
/// a commit runs the next batch gathers (design, "Group commit"). Nothing lingers: an idle queue commits its first decision alone.
/// </summary>
internal sealed class GroupCommit
{
    /// <summary>
    /// Bytes of snapshots that may wait. One is written a commit, and accounts that leave memory under pressure leave more than that behind.
    /// </summary>
    private const long MaxSnapshotBytes = 64L << 20;

    /// <summary>Commits that a caller makes on the spot, its own first: more of them are others', and it has its own call to answer.</summary>
    private const int CommitsOnTheSpot = 4;

    private readonly ILedgerStore store;
    private readonly TaskScheduler scheduler;
    private readonly ILogger logger;
    private readonly int capacity;
    private readonly int maxBatch;
    private readonly Lock gate = new();
    private readonly Queue<(AccountId Account, LedgerSnapshot Snapshot)> snapshots = new();
    private readonly TaskCompletionSource<LedgerFatalException> fatal = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Releases releases;
    private readonly Freshness freshness;

    // The writer's own: what it took from the queue and has not committed yet, from `takenFrom` on, and what it needs for a commit.
    private readonly CommitBuilder builder = new();
    private readonly List<QueuedDecision> batch = [];
    private List<QueuedDecision> taken = [];
    private int takenFrom;
    private int freed;

    private List<QueuedDecision> queue = [];
    private TaskCompletionSource? idle;
    private volatile bool isStopping;
    private volatile bool running;
    private bool isClosed;
    private int slots;
    private long snapshotBytes;

    public GroupCommit(ILedgerStore store, CreditMeteringOptions options, Freshness freshness, ILogger logger)
    {
        this.freshness = freshness;
        this.store = store;
        this.logger = logger;
        scheduler = options.Scheduler;
        releases = new(scheduler);
        capacity = options.QueueCapacity;
        maxBatch = options.MaxBatch;
    }

    /// <summary>Completes when the store failed in a way that this process cannot judge; nothing is accepted from then on.</summary>
    public Task<LedgerFatalException> Fatal => fatal.Task;

    /// <summary>True once <see cref="Stop"/> was called.</summary>
    public bool IsStopping => isStopping;

    /// <summary>Decisions that hold a slot.</summary>
    public int Depth => Volatile.Read(ref slots);

    /// <summary>
    /// Gives out no more slots. A call takes its slot after it has its activation, so whoever retires all activations after this call
    /// has the last word: what was decided before is waited for, and nothing is decided afterwards.
    /// </summary>
    public void Stop() => isStopping = true;

    /// <summary>Takes a place in the queue before anything is decided, so that a full queue refuses while nothing has changed.</summary>
    public bool TryTakeSlot()
    {
        if (isStopping || fatal.Task.IsCompleted)
        {
            return false;
        }

        if (Interlocked.Increment(ref slots) <= capacity)
        {
            return true;
        }

        Interlocked.Decrement(ref slots);
        return false;
    }

    /// <summary>Gives a slot back that no decision used.</summary>
    public void ReturnSlot() => Interlocked.Decrement(ref slots);

    /// <summary>Queues a decision that holds a slot. Called under the activation's lock, so that the queue keeps the account's order.</summary>
    public void Enqueue(QueuedDecision decision)
    {
        lock (gate)
        {
            queue.Add(decision);
        }
    }

    /// <summary>
    /// Queues a snapshot of a durable state; it is written between commits. Passed over once the writer is closed, and where too much waits: a
    /// snapshot only shortens the next activation.
    /// </summary>
    public void EnqueueSnapshot(AccountId account, LedgerSnapshot snapshot)
    {
        lock (gate)
        {
            if (isClosed || snapshotBytes >= MaxSnapshotBytes)
            {
                return;
            }

            snapshots.Enqueue((account, snapshot));
            snapshotBytes += snapshot.State.Length;
        }

        Kick();
    }

    /// <summary>Starts the writer where it rests. Call it after <see cref="Enqueue"/>, outside the activation's lock.</summary>
    public void Kick()
    {
        if (TryBeginWriting())
        {
            StartWriter();
        }
    }

    /// <summary>The same for a caller that holds no lock and has just queued a decision: a store in memory takes it on the spot.</summary>
    public void KickOnTheSpot()
    {
        if (!TryBeginWriting())
        {
            return;
        }

        if (store.IsImmediate)
        {
            _ = PumpAsync(CommitsOnTheSpot);
        }
        else
        {
            StartWriter();
        }
    }

    private void StartWriter() =>
        _ = Task.Factory.StartNew(static writer => ((GroupCommit)writer!).PumpAsync(null), this, CancellationToken.None, TaskCreationOptions.DenyChildAttach, scheduler);

    private bool TryBeginWriting()
    {
        // Read after the queue's lock was held: a writer that still runs then has yet to look at the queue again.
        if (running)
        {
            return false;
        }

        lock (gate)
        {
            return !running && (queue.Count > 0 || snapshots.Count > 0) && (running = true);
        }
    }

    /// <summary>Completes when everything queued so far, and what was queued meanwhile, is written.</summary>
    public Task WhenIdleAsync()
    {
        Kick();
        lock (gate)
        {
            return running ? (idle ??= new(TaskCreationOptions.RunContinuationsAsynchronously)).Task : Task.CompletedTask;
        }
    }

    /// <summary>
    /// Waits until everything is written, and writes nothing from then on: a reader may still load accounts, and an account that leaves
    /// memory again must not leave a snapshot on a store that its owner is about to dispose. Call it after <see cref="Stop"/>.
    /// </summary>
    public async Task CloseAsync()
    {
        while (true)
        {
            await WhenIdleAsync();
            lock (gate)
            {
                if (!running && queue.Count == 0 && snapshots.Count == 0)
                {
                    isClosed = true;
                    return;
                }
            }
        }
    }

    /// <param name="turns">How many turns a caller takes on the spot before it hands over; null for the writer's own task.</param>
    private async Task PumpAsync(int? turns)
    {
        for (var onTheSpot = turns; ; onTheSpot--)
        {
            if (onTheSpot == 0)
            {
                StartWriter();
                return;
            }

            (AccountId Account, LedgerSnapshot Snapshot)? snapshot = null;
            Releases.Round? round = null;
            var isIdle = false;
            lock (gate)
            {
                if (takenFrom == taken.Count)
                {
                    taken.Clear();
                    (taken, queue, takenFrom) = (queue, taken, 0);
                }

                if (snapshots.TryDequeue(out var oldest))
                {
                    snapshot = oldest;
                    snapshotBytes -= oldest.Snapshot.State.Length;
                }

                if (taken.Count == 0 && snapshot is null)
                {
                    round = TakeReleases();
                    isIdle = true;
                    running = false;
                    idle?.SetResult();
                    idle = null;
                }
            }

            if (isIdle)
            {
                TellCallers(round, isOnTheSpot: turns is not null);
                return;
            }

            if (taken.Count > 0)
            {
                TakeBatch();
                await CommitAsync(batch);
                batch.Clear();
            }

            if (snapshot is { } due)
            {
                await SaveAsync(due.Account, due.Snapshot);
            }
        }
    }

    /// <summary>
    /// Takes what one commit can hold: up to the limit, and up to a decision with a snapshot (its account's group must end there). No account is in
    /// it twice: a second activation is loaded only when the first is dropped, and what is left of that one goes nowhere.
    /// </summary>
    private void TakeBatch()
    {
        var entries = 0;
        while (entries < maxBatch && takenFrom < taken.Count)
        {
            var next = taken[takenFrom++];
            batch.Add(next);
            entries += next.Entries.Count;
            if (next.Snapshot is not null)
            {
                return;
            }
        }
    }

    /// <summary>Tells the callers of the last commits when there is nothing left to write; from here on another task may be the writer.</summary>
    private void TellCallers(Releases.Round? round, bool isOnTheSpot)
    {
        // Here, because the next task is a switch away. But a store may have answered on a thread of its own, which no caller's work belongs on,
        // and no caller must wait for what another does with its answer.
        if (isOnTheSpot || (scheduler == TaskScheduler.Default && !Thread.CurrentThread.IsThreadPoolThread))
        {
            round?.Schedule();
        }
        else
        {
            round?.Run();
        }
    }

    private async ValueTask CommitAsync(List<QueuedDecision> decisions)
    {
        TakeReleases()?.Schedule();
        if (fatal.Task.IsCompleted)
        {
            // What the store holds now only a start from disk can tell: whatever still waits must not be written on top of it.
            DropAll(decisions, Release.Unavailable);
            return;
        }

        var live = WithoutDropped(decisions);
        if (live.Count == 0)
        {
            return;
        }

        var comparedAt = freshness.Now;
        try
        {
            await store.AppendAsync(builder.Build(live));
        }
        catch (LedgerUnavailableException exception)
        {
            DropAll(live, Release.Unavailable);
            Tell(() => logger.LogError("The ledger could not be written, {Count} calls are refused: {Reason}", live.Count, exception.Message));
            return;
        }
        catch (LedgerOutcomeUnknownException exception)
        {
            DropAll(live, Release.Unknown);
            Tell(() => logger.LogError("The ledger's answer to a commit was lost; {Count} calls look it up: {Reason}", live.Count, exception.Message));
            return;
        }
        catch (LedgerContentException exception)
        {
            await BisectAsync(live, exception);
            return;
        }
        catch (Exception exception)
        {
            Fail(live, exception);
            return;
        }

        var (last, snapshot) = (live[^1], live[^1].Snapshot);
        Settle(live, comparedAt);
        if (snapshot is { } state && last.IsDurable)
        {
            await SaveAsync(last.Activation.Account, new(last.Activation.CommittedHead, SnapshotCodec.Version, state.Written));
        }
    }

    /// <summary>What was decided on a state that has been dropped never reaches the store.</summary>
    private List<QueuedDecision> WithoutDropped(List<QueuedDecision> decisions)
    {
        if (!decisions.Exists(static decision => decision.Activation.IsDropped))
        {
            return decisions;
        }

        foreach (var decision in decisions)
        {
            if (decision.Activation.IsDropped)
            {
                Complete(decision, Release.Lost);
            }
        }

        return decisions.FindAll(static decision => !decision.Activation.IsDropped);
    }

    /// <summary>Halves a batch that the store refused for its content until only the offender fails; halves keep the order.</summary>
    private async ValueTask BisectAsync(List<QueuedDecision> live, LedgerContentException exception)
    {
        if (live.Count == 1)
        {
            DropAll(live, Release.Rejected);
            Tell(() => logger.LogCritical("The ledger refused the content of a decision of account {Account}: {Reason}", live[0].Activation.Account, exception.Message));
            return;
        }

        await CommitAsync(live.GetRange(0, live.Count / 2));
        await CommitAsync(live.GetRange(live.Count / 2, live.Count - (live.Count / 2)));
    }

    private void Settle(List<QueuedDecision> live, long comparedAt)
    {
        foreach (var decision in live)
        {
            var group = decision.Activation.Group!;
            if (group.Result == AppendResult.Appended)
            {
                decision.Activation.MakeDurable(group, decision, comparedAt);
                Complete(decision, Release.Durable);
            }
            else
            {
                decision.Activation.OnOvertaken();
                decision.Activation.Drop();
                Complete(decision, Release.Lost);
            }
        }
    }

    private async ValueTask SaveAsync(AccountId account, LedgerSnapshot snapshot)
    {
        TakeReleases()?.Schedule();
        if (fatal.Task.IsCompleted)
        {
            return;
        }

        try
        {
            await store.SaveSnapshotAsync(account, snapshot);
        }
        catch (LedgerUnavailableException exception)
        {
            // A snapshot only shortens the next activation; the ledger is the truth.
            Tell(() => logger.LogWarning("A snapshot of account {Account} was not stored: {Reason}", account, exception.Message));
        }
        catch (Exception exception)
        {
            Fail([], exception);
        }
    }

    private void DropAll(List<QueuedDecision> decisions, Release release)
    {
        foreach (var decision in decisions)
        {
            decision.Activation.Drop();
        }

        foreach (var decision in decisions)
        {
            Complete(decision, release);
        }
    }

    private void Fail(List<QueuedDecision> live, Exception exception)
    {
        var reason = exception as LedgerFatalException ?? new LedgerFatalException($"The ledger failed unexpectedly: {exception.Message}", exception);
        fatal.TrySetResult(reason);
        DropAll(live, Release.Unknown);
        if (reason != exception)
        {
            // A failure of the disk is told by the host, which stops for it; its stack trace would say nothing more. This one is a bug.
            Tell(() => logger.LogCritical(exception, "The ledger failed unexpectedly and this process must stop."));
        }
    }

    /// <summary>Logs behind the deed: a log that fails (on the same full disk, say) must not stop the writer.</summary>
    private static void Tell(Action log)
    {
        try
        {
            log();
        }
        catch (AggregateException)
        {
            // A provider of the host failed; there is nobody left to tell.
        }
    }

    private void Complete(QueuedDecision decision, Release release)
    {
        freed++;
        releases.Add(decision.Complete(release), release);
    }

    /// <summary>
    /// Whom to tell of what was completed since the last time; their places in the queue are free from here on. Called before every wait for
    /// the store, so that nobody who could go on waits for others' writing.
    /// </summary>
    private Releases.Round? TakeReleases()
    {
        Interlocked.Add(ref slots, -freed);
        freed = 0;
        return releases.Take();
    }
}
