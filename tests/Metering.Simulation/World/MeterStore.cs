using Metering.Core;
using Metering.Engine;

namespace Metering.Simulation;

/// <summary>
/// A ledger as one meter reaches it: slow, failing, answering out of order, as the seed says. It also holds the meter to its side of the
/// contract: one writer, nothing after the end.
/// </summary>
internal abstract class MeterStore(SimulatedWorld world, string name, Func<FaultProfile> faults) : ILedgerStore, IDueStore
{
    private bool isWriting;
    private bool isClosed;

    /// <summary>True where other processes append, too.</summary>
    public virtual bool IsShared => true;

    /// <inheritdoc />
    public bool IsImmediate => Faults.IsImmediate;

    protected SimulatedWorld World => world;

    protected string Name => name;

    protected FaultProfile Faults => faults();

    protected bool IsCrashed { get; private set; }

    /// <summary>The process is gone; nobody hears answers any more.</summary>
    public virtual void Crash() => IsCrashed = true;

    /// <summary>The meter said that it is finished; from here on it must not write.</summary>
    public void Close() => isClosed = true;

    public abstract ValueTask AppendAsync(IReadOnlyList<AppendGroup> groups, CancellationToken cancellationToken = default);

    public abstract ValueTask<(LedgerHead Head, long Transactions)> ReadHeadAsync(AccountId account, CancellationToken cancellationToken = default);

    public abstract ValueTask<IReadOnlyList<LedgerRow>> ReadAsync(AccountId account, long fromSequence, int limit, CancellationToken cancellationToken = default);

    public abstract ValueTask<IReadOnlyList<LedgerRow>> ReadTransactionsAsync(AccountId account, long beforeNumber, int limit, CancellationToken cancellationToken = default);

    public abstract ValueTask<long> FindKeyAsync(AccountId account, UInt128 key, CancellationToken cancellationToken = default);

    public abstract ValueTask<IReadOnlyList<LedgerSnapshot>> ReadSnapshotsAsync(AccountId account, CancellationToken cancellationToken = default);

    public abstract ValueTask<IReadOnlyList<AccountId>> ListAccountsAsync(AccountId? after, int limit, CancellationToken cancellationToken = default);

    /// <summary>Null where this storage's histories archive nothing.</summary>
    public virtual ValueTask<LedgerBase?> ReadBaseAsync(AccountId account, CancellationToken cancellationToken = default) => new((LedgerBase?)null);

    public virtual ValueTask CutAsync(IReadOnlyList<LedgerCut> cuts, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public async ValueTask NoteDueAsync(IReadOnlyList<DueNote> notes, CancellationToken cancellationToken = default) =>
        await ReadAsync(() =>
        {
            world.Dues.Note(notes);
            return true;
        });

    public ValueTask<IReadOnlyList<AccountId>> ClaimDueAsync(DateTimeOffset now, TimeSpan lease, int limit, CancellationToken cancellationToken = default) =>
        ReadAsync<IReadOnlyList<AccountId>>(() => world.Dues.Due(now, limit));

    public ValueTask<IReadOnlyList<AccountId>> ListNotedAsync(AccountId? after, AccountId through, CancellationToken cancellationToken = default) =>
        ReadAsync<IReadOnlyList<AccountId>>(() => world.Dues.Noted(after, through));

    public ValueTask<bool> IsHealthyAsync(CancellationToken cancellationToken = default) => new(true);

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    public async ValueTask SaveSnapshotAsync(AccountId account, LedgerSnapshot snapshot, CancellationToken cancellationToken = default)
    {
        BeginWrite("snapshot");
        Exception? failure = World.Chance(Faults.SnapshotUnavailable) ? new LedgerUnavailableException("simulated: snapshot") : null;
        await WriteAsync(() =>
        {
            if (failure is not null || IsCrashed)
            {
                return;
            }

            try
            {
                Save(account, snapshot);
                World.Trace($"{Name} stores a snapshot of {account} at {snapshot.Head.Sequence}");
            }
            catch (Exception error) when (error is LedgerUnavailableException or LedgerFatalException)
            {
                failure = error;
            }
        });
        EndWrite();
        if (failure is not null)
        {
            throw failure;
        }
    }

    protected abstract void Save(AccountId account, LedgerSnapshot snapshot);

    protected void BeginWrite(string what)
    {
        if (isWriting || isClosed)
        {
            world.Violate($"{name} begins to {what} {(isWriting ? "while another write is under way" : "after it was drained")}.");
        }

        isWriting = true;
    }

    protected void EndWrite() => isWriting = false;

    protected void TraceAppend(IReadOnlyList<AppendGroup> groups)
    {
        if (world.IsTraced)
        {
            world.Trace($"{name} appends {string.Join(", ", groups.Select(group => $"{group.Account} {group.Rows[0].Sequence}..{group.Next.Sequence} on {group.Expected.Sequence}"))}");
        }
    }

    protected void TraceResults(IReadOnlyList<AppendGroup> groups, AppendResult[] results)
    {
        for (var index = 0; world.IsTraced && index < results.Length; index++)
        {
            world.Trace($"{name} {groups[index].Account} {groups[index].Rows[0].Sequence}..{groups[index].Next.Sequence}: {results[index]}");
        }
    }

    /// <summary>A read takes effect somewhere between its beginning and its answer.</summary>
    protected async ValueTask<T> ReadAsync<T>(Func<T> read)
    {
        var result = default(T)!;
        await WaitAsync(world.Random.Next(Faults.MaxReadDelay + 1), () => result = read());
        await WaitAsync(world.Random.Next(Faults.MaxReadDelay + 1), static () => { });
        return world.Chance(Faults.ReadUnavailable) ? throw new LedgerUnavailableException("simulated: read") : result;
    }

    /// <summary>A write takes effect somewhere between its beginning and its answer, or at once.</summary>
    protected Task WriteAsync(Action write)
    {
        if (!IsImmediate)
        {
            return WaitAsync(world.Random.Next(Faults.MaxAppendDelay + 1), write);
        }

        write();
        return Task.CompletedTask;
    }

    protected Task WaitAsync(int milliseconds, Action then)
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        world.After(milliseconds, () =>
        {
            then();
            done.SetResult();
        });
        return done.Task;
    }
}
