using Metering.Conformance;
using Metering.Engine;

namespace Metering.Cluster.Tests;

/// <summary>
/// A ledger in memory that several silos open, as they would open one database: it says that others append to it, and outlives each of them.
/// </summary>
internal sealed class SharedMemoryLedger(MemoryLedgerStore store, LedgerWatch watch) : DelegatingLedgerStore(store)
{
    public override bool IsShared => true;

    public override async ValueTask AppendAsync(IReadOnlyList<AppendGroup> groups, CancellationToken cancellationToken = default)
    {
        await base.AppendAsync(groups, cancellationToken);
        watch.OnAppended(groups);
        await watch.AfterAppend(groups);
    }

    public override async ValueTask<(LedgerHead Head, long Transactions)> ReadHeadAsync(AccountId account, CancellationToken cancellationToken = default)
    {
        await watch.BeforeRead(account);
        return await base.ReadHeadAsync(account, cancellationToken);
    }

    public override async ValueTask<IReadOnlyList<LedgerRow>> ReadAsync(AccountId account, long fromSequence, int limit, CancellationToken cancellationToken = default)
    {
        await watch.BeforeRead(account);
        return await base.ReadAsync(account, fromSequence, limit, cancellationToken);
    }

    public override async ValueTask<IReadOnlyList<LedgerRow>> ReadTransactionsAsync(AccountId account, long beforeNumber, int limit, CancellationToken cancellationToken = default)
    {
        await watch.BeforeRead(account);
        return await base.ReadTransactionsAsync(account, beforeNumber, limit, cancellationToken);
    }
}

/// <summary>What tests wait for in a ledger, count, and disturb.</summary>
internal sealed class LedgerWatch
{
    private readonly Lock gate = new();
    private readonly List<(AccountId Account, long Sequence, TaskCompletionSource Reached)> waits = [];
    private int overtaken;

    /// <summary>Groups that were decided on a state that another silo had overtaken.</summary>
    public int Overtaken => Volatile.Read(ref overtaken);

    /// <summary>Follows every append before its silo hears of it; it may take its time, or throw.</summary>
    public Func<IReadOnlyList<AppendGroup>, Task> AfterAppend { get; set; } = static _ => Task.CompletedTask;

    /// <summary>Comes before every read of heads and rows; it may take its time, or throw.</summary>
    public Func<AccountId, Task> BeforeRead { get; set; } = static _ => Task.CompletedTask;

    /// <summary>Completes when an account's next commit takes its ledger to a sequence, or beyond.</summary>
    public Task WhenAppendedAsync(AccountId account, long sequence)
    {
        lock (gate)
        {
            var reached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            waits.Add((account, sequence, reached));
            return reached.Task;
        }
    }

    public void OnAppended(IReadOnlyList<AppendGroup> groups)
    {
        lock (gate)
        {
            foreach (var group in groups)
            {
                if (group.Result == AppendResult.HeadMismatch)
                {
                    overtaken++;
                    continue;
                }

                waits.FindAll(wait => wait.Account == group.Account && wait.Sequence <= group.Next.Sequence).ForEach(wait => wait.Reached.TrySetResult());
            }
        }
    }
}
