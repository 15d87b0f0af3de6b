using Metering.Core;
using Microsoft.Extensions.Logging;

namespace Metering.Engine;

/// <summary>
/// Commits the decisions of all accounts together. Callers enqueue; one writer takes what is queued and commits it at once, and while
/// a commit runs the next batch gathers (design, "Group commit"). Nothing lingers: an idle queue commits its first decision alone.
/// </summary>
internal sealed class GroupCommit
{
    private readonly ILedgerStore store;
    private readonly TaskScheduler scheduler;
    private readonly ILogger logger;
    private readonly int capacity;
    private readonly int maxBatch;
    private readonly Lock gate = new();
    private readonly Queue<QueuedDecision> queue = new();
    private readonly Queue<(AccountId Account, LedgerSnapshot Snapshot)> snapshots = new();
    private readonly TaskCompletionSource<LedgerFatalException> fatal = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CommitBuilder builder = new();
    private readonly Dictionary<AccountId, AccountActivation> gathered = [];
    private TaskCompletionSource? idle;
    private volatile bool isStopping;
    private volatile bool running;
    private bool isClosed;
    private int slots;

    public GroupCommit(ILedgerStore store, CreditMeteringOptions options, ILogger logger)
    {
        this.store = store;
        this.logger = logger;
        scheduler = options.Scheduler;
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
            queue.Enqueue(decision);
        }
    }

    /// <summary>Queues a snapshot of a durable state; it is written between commits. Passed over once the writer is closed.</summary>
    public void EnqueueSnapshot(AccountId account, LedgerSnapshot snapshot)
    {
        lock (gate)
        {
            if (isClosed)
            {
                return;
            }

            snapshots.Enqueue((account, snapshot));
        }

        Kick();
    }

    /// <summary>Starts the writer where it rests. Call it after <see cref="Enqueue"/>, outside the activation's lock.</summary>
    public void Kick()
    {
        // Read after the queue's lock was held: a writer that still runs then has yet to look at the queue again.
        if (running)
        {
            return;
        }

        lock (gate)
        {
            if (running || (queue.Count == 0 && snapshots.Count == 0))
            {
                return;
            }

            running = true;
        }

        _ = Task.Factory.StartNew(PumpAsync, CancellationToken.None, TaskCreationOptions.DenyChildAttach, scheduler);
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

    private async Task PumpAsync()
    {
        var batch = new List<QueuedDecision>();
        while (true)
        {
            (AccountId Account, LedgerSnapshot Snapshot)? snapshot = null;
            lock (gate)
            {
                TakeBatch(batch);
                if (snapshots.TryDequeue(out var oldest))
                {
                    snapshot = oldest;
                }

                if (batch.Count == 0 && snapshot is null)
                {
                    running = false;
                    idle?.SetResult();
                    idle = null;
                    return;
                }
            }

            if (batch.Count > 0)
            {
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
    /// Takes what one commit can hold: up to the limit, up to a decision with a snapshot (its account's group must end there), and no
    /// second activation of an account beside a first (each account is in a commit once).
    /// </summary>
    private void TakeBatch(List<QueuedDecision> batch)
    {
        gathered.Clear();
        while (batch.Count < maxBatch && queue.TryPeek(out var next))
        {
            if (!gathered.TryAdd(next.Activation.Account, next.Activation) && gathered[next.Activation.Account] != next.Activation)
            {
                return;
            }

            batch.Add(queue.Dequeue());
            if (next.Snapshot is not null)
            {
                return;
            }
        }
    }

    private async ValueTask CommitAsync(List<QueuedDecision> batch)
    {
        if (fatal.Task.IsCompleted)
        {
            // What the store holds now only a start from disk can tell: whatever still waits must not be written on top of it.
            DropAll(batch, Release.Unavailable);
            return;
        }

        // What was decided on a state that has been dropped never reaches the store.
        var live = batch.FindAll(decision => !decision.Activation.IsDropped);
        foreach (var decision in batch)
        {
            if (decision.Activation.IsDropped)
            {
                Complete(decision, Release.Lost);
            }
        }

        if (live.Count == 0)
        {
            return;
        }

        try
        {
            await store.AppendAsync(builder.Build(live));
        }
        catch (LedgerUnavailableException exception)
        {
            logger.LogError("The ledger could not be written, {Count} calls are refused: {Reason}", live.Count, exception.Message);
            DropAll(live, Release.Unavailable);
            return;
        }
        catch (LedgerOutcomeUnknownException exception)
        {
            logger.LogError("The ledger's answer to a commit was lost; {Count} calls look it up: {Reason}", live.Count, exception.Message);
            DropAll(live, Release.Unknown);
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
        Settle(live);
        if (snapshot is { } state && last.IsDurable)
        {
            await SaveAsync(last.Activation.Account, new(last.Activation.CommittedHead, SnapshotCodec.Version, state));
        }
    }

    /// <summary>Halves a batch that the store refused for its content until only the offender fails; halves keep the order.</summary>
    private async ValueTask BisectAsync(List<QueuedDecision> live, LedgerContentException exception)
    {
        if (live.Count == 1)
        {
            logger.LogCritical("The ledger refused the content of a decision of account {Account}: {Reason}", live[0].Activation.Account, exception.Message);
            DropAll(live, Release.Rejected);
            return;
        }

        await CommitAsync(live.GetRange(0, live.Count / 2));
        await CommitAsync(live.GetRange(live.Count / 2, live.Count - (live.Count / 2)));
    }

    private void Settle(List<QueuedDecision> live)
    {
        foreach (var decision in live)
        {
            var group = builder.GroupOf(decision.Activation);
            if (group.Result == AppendResult.Appended)
            {
                decision.Activation.MakeDurable(group.Next, decision);
                Complete(decision, Release.Durable);
            }
            else
            {
                decision.Activation.Drop();
                Complete(decision, Release.Lost);
            }
        }
    }

    private async ValueTask SaveAsync(AccountId account, LedgerSnapshot snapshot)
    {
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
            logger.LogWarning("A snapshot of account {Account} was not stored: {Reason}", account, exception.Message);
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
        // A failure of the disk is told by the host, which stops for it; its stack trace would say nothing more. Anything else is a bug.
        if (exception is not LedgerFatalException reason)
        {
            reason = new($"The ledger failed unexpectedly: {exception.Message}", exception);
            logger.LogCritical(exception, "The ledger failed unexpectedly and this process must stop.");
        }

        fatal.TrySetResult(reason);
        DropAll(live, Release.Unknown);
    }

    private void Complete(QueuedDecision decision, Release release)
    {
        Interlocked.Decrement(ref slots);
        decision.Complete(release);
    }
}
