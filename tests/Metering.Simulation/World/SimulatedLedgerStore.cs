using Metering.Core;
using Metering.Engine;

namespace Metering.Simulation;

/// <summary>How often what goes wrong, per mille of the calls, and how long calls take, in milliseconds.</summary>
internal sealed record FaultProfile
{
    public int AppendUnavailable { get; init; }

    public int AppendUnknownDone { get; init; }

    public int AppendUnknownNotDone { get; init; }

    public int AppendFatal { get; init; }

    public int AppendTooLarge { get; init; }

    public int ReadUnavailable { get; init; }

    public int SnapshotUnavailable { get; init; }

    public int MaxAppendDelay { get; init; } = 5;

    public int MaxReadDelay { get; init; } = 5;

    /// <summary>How many commits that were under way in a crash land afterwards; the others are lost.</summary>
    public int LandsAfterCrash { get; init; } = 500;

    /// <summary>Nothing fails and nothing takes long.</summary>
    public static FaultProfile None { get; } = new() { MaxAppendDelay = 1, MaxReadDelay = 1 };
}

/// <summary>
/// The ledger as one meter reaches it: slow, failing, answering out of order, as the seed says. A commit that left the process before
/// its crash lands or not. It also holds the meter to its side of the contract: one writer, nothing after the end.
/// </summary>
internal sealed class SimulatedLedgerStore(SimulatedWorld world, SimulatedLedger ledger, string name, Func<FaultProfile> faults) : ILedgerStore
{
    private bool isWriting;
    private bool isCrashed;
    private bool isClosed;

    /// <summary>The process is gone; nobody hears answers any more.</summary>
    public void Crash() => isCrashed = true;

    /// <summary>The meter said that it is finished; from here on it must not write.</summary>
    public void Close() => isClosed = true;

    public async ValueTask AppendAsync(IReadOnlyList<AppendGroup> groups, CancellationToken cancellationToken = default)
    {
        BeginWrite("append");
        var profile = faults();
        if (world.IsTraced)
        {
            world.Trace($"{name} appends {string.Join(", ", groups.Select(group => $"{group.Account} {group.Rows[0].Sequence}..{group.Next.Sequence} on {group.Expected.Sequence}"))}");
        }

        Exception? failure = null;
        var (isDone, results) = (false, Array.Empty<AppendResult>());
        await WaitAsync(world.Random.Next(profile.MaxAppendDelay + 1), () =>
        {
            if (isCrashed && !world.Chance(profile.LandsAfterCrash))
            {
                return;
            }

            (isDone, failure) = Draw(profile, groups);
            if (isDone)
            {
                results = ledger.Append(groups);
                TraceResults(groups, results);
            }
        });
        await WaitAsync(world.Random.Next(profile.MaxAppendDelay + 1), static () => { });
        isWriting = false;
        if (failure is not null)
        {
            world.Trace($"{name} append fails: {failure.GetType().Name} {(isDone ? "(done)" : "(not done)")}");
            throw failure;
        }

        for (var index = 0; index < results.Length; index++)
        {
            groups[index].Result = results[index];
        }
    }

    public ValueTask<(LedgerHead Head, long Transactions)> ReadHeadAsync(AccountId account, CancellationToken cancellationToken = default) =>
        ReadAsync(() => ledger.HeadAndTransactions(account));

    public ValueTask<IReadOnlyList<LedgerRow>> ReadAsync(AccountId account, long fromSequence, int limit, CancellationToken cancellationToken = default) =>
        ReadAsync(() => ledger.Read(account, fromSequence, limit));

    public ValueTask<IReadOnlyList<LedgerRow>> ReadTransactionsAsync(AccountId account, long beforeNumber, int limit, CancellationToken cancellationToken = default) =>
        ReadAsync(() => ledger.ReadTransactions(account, beforeNumber, limit));

    public ValueTask<long> FindKeyAsync(AccountId account, UInt128 key, CancellationToken cancellationToken = default) =>
        ReadAsync(() => ledger.FindKey(account, key));

    public ValueTask<IReadOnlyList<LedgerSnapshot>> ReadSnapshotsAsync(AccountId account, CancellationToken cancellationToken = default) =>
        ReadAsync(() => ledger.Snapshots(account));

    public async ValueTask SaveSnapshotAsync(AccountId account, LedgerSnapshot snapshot, CancellationToken cancellationToken = default)
    {
        BeginWrite("snapshot");
        var profile = faults();
        var fails = world.Chance(profile.SnapshotUnavailable);
        await WaitAsync(world.Random.Next(profile.MaxAppendDelay + 1), () =>
        {
            if (!fails && !isCrashed)
            {
                ledger.Save(account, snapshot);
                world.Trace($"{name} stores a snapshot of {account} at {snapshot.Head.Sequence}");
            }
        });
        isWriting = false;
        if (fails)
        {
            throw new LedgerUnavailableException("simulated: snapshot");
        }
    }

    public ValueTask<LedgerBase?> ReadBaseAsync(AccountId account, CancellationToken cancellationToken = default) =>
        ReadAsync(() => ledger.Base(account));

    public async ValueTask CutAsync(IReadOnlyList<LedgerCut> cuts, CancellationToken cancellationToken = default)
    {
        var profile = faults();
        Exception? failure = null;
        var (isDone, results) = (false, Array.Empty<bool>());
        await WaitAsync(world.Random.Next(profile.MaxAppendDelay + 1), () =>
        {
            if (isCrashed && !world.Chance(profile.LandsAfterCrash))
            {
                return;
            }

            (isDone, failure) = Draw(profile, []);
            if (isDone)
            {
                results = ledger.Cut(cuts);
                for (var index = 0; index < results.Length; index++)
                {
                    world.Trace($"{name} cuts {cuts[index].Account} after {cuts[index].Base.Head.Sequence}: {results[index]}");
                }
            }
        });
        await WaitAsync(world.Random.Next(profile.MaxAppendDelay + 1), static () => { });
        if (failure is not null)
        {
            world.Trace($"{name} cut fails: {failure.GetType().Name} {(isDone ? "(done)" : "(not done)")}");
            throw failure;
        }

        for (var index = 0; index < results.Length; index++)
        {
            cuts[index].IsDone = results[index];
        }
    }

    public ValueTask<IReadOnlyList<AccountId>> ListAccountsAsync(AccountId? after, int limit, CancellationToken cancellationToken = default) =>
        ReadAsync(() => ledger.ListAccounts(after, limit));

    public ValueTask<bool> IsHealthyAsync(CancellationToken cancellationToken = default) => new(true);

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private (bool IsDone, Exception? Failure) Draw(FaultProfile profile, IReadOnlyList<AppendGroup> groups)
    {
        // Groups of two accounts are two decisions at least, so that halving always helps.
        if (groups.Count > 1 && world.Chance(profile.AppendTooLarge))
        {
            return (false, new LedgerContentException("simulated: too much for one commit"));
        }

        if (world.Chance(profile.AppendUnavailable))
        {
            return (false, new LedgerUnavailableException("simulated: append"));
        }

        if (world.Chance(profile.AppendUnknownDone))
        {
            return (true, new LedgerOutcomeUnknownException("simulated: answer lost"));
        }

        if (world.Chance(profile.AppendUnknownNotDone))
        {
            return (false, new LedgerOutcomeUnknownException("simulated: request lost"));
        }

        return world.Chance(profile.AppendFatal) ? (world.Chance(500), new LedgerFatalException("simulated: I/O error in commit")) : (true, null);
    }

    private void TraceResults(IReadOnlyList<AppendGroup> groups, AppendResult[] results)
    {
        for (var index = 0; world.IsTraced && index < results.Length; index++)
        {
            world.Trace($"{name} {groups[index].Account} {groups[index].Rows[0].Sequence}..{groups[index].Next.Sequence}: {results[index]}");
        }
    }

    private void BeginWrite(string what)
    {
        if (isWriting || isClosed)
        {
            world.Violate($"{name} begins to {what} {(isWriting ? "while another write is under way" : "after it was drained")}.");
        }

        isWriting = true;
    }

    /// <summary>A read takes effect somewhere between its beginning and its answer.</summary>
    private async ValueTask<T> ReadAsync<T>(Func<T> read)
    {
        var profile = faults();
        var result = default(T)!;
        await WaitAsync(world.Random.Next(profile.MaxReadDelay + 1), () => result = read());
        await WaitAsync(world.Random.Next(profile.MaxReadDelay + 1), static () => { });
        return world.Chance(profile.ReadUnavailable) ? throw new LedgerUnavailableException("simulated: read") : result;
    }

    private Task WaitAsync(int milliseconds, Action then)
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
