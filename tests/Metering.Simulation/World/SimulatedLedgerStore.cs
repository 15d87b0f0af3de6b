using Metering.Core;
using Metering.Engine;

namespace Metering.Simulation;

/// <summary>A ledger of rows somewhere else: an append takes place at one moment. A commit that left the process before its crash lands or not.</summary>
internal sealed class SimulatedLedgerStore(SimulatedWorld world, SimulatedLedger ledger, string name, Func<FaultProfile> faults) : MeterStore(world, name, faults)
{
    public override async ValueTask AppendAsync(IReadOnlyList<AppendGroup> groups, CancellationToken cancellationToken = default)
    {
        BeginWrite("append");
        var profile = Faults;
        TraceAppend(groups);
        Exception? failure = null;
        var (isDone, results) = (false, Array.Empty<AppendResult>());
        await WriteAsync(() =>
        {
            if (IsCrashed && !World.Chance(profile.LandsAfterCrash))
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
        await WriteAsync(static () => { });
        EndWrite();
        if (failure is not null)
        {
            World.Trace($"{Name} append fails: {failure.GetType().Name} {(isDone ? "(done)" : "(not done)")}");
            throw failure;
        }

        for (var index = 0; index < results.Length; index++)
        {
            groups[index].Result = results[index];
        }
    }

    public override ValueTask<(LedgerHead Head, long Transactions)> ReadHeadAsync(AccountId account, CancellationToken cancellationToken = default) =>
        ReadAsync(() => ledger.HeadAndTransactions(account));

    public override ValueTask<IReadOnlyList<LedgerRow>> ReadAsync(AccountId account, long fromSequence, int limit, CancellationToken cancellationToken = default) =>
        ReadAsync(() => ledger.Read(account, fromSequence, limit));

    public override ValueTask<IReadOnlyList<LedgerRow>> ReadTransactionsAsync(AccountId account, long beforeNumber, int limit, CancellationToken cancellationToken = default) =>
        ReadAsync(() => ledger.ReadTransactions(account, beforeNumber, limit));

    public override ValueTask<long> FindKeyAsync(AccountId account, UInt128 key, CancellationToken cancellationToken = default) =>
        ReadAsync(() => ledger.FindKey(account, key));

    public override ValueTask<IReadOnlyList<LedgerSnapshot>> ReadSnapshotsAsync(AccountId account, CancellationToken cancellationToken = default) =>
        ReadAsync(() => ledger.Snapshots(account));

    public override ValueTask<LedgerBase?> ReadBaseAsync(AccountId account, CancellationToken cancellationToken = default) =>
        ReadAsync(() => ledger.Base(account));

    public override async ValueTask CutAsync(IReadOnlyList<LedgerCut> cuts, CancellationToken cancellationToken = default)
    {
        var profile = Faults;
        Exception? failure = null;
        var (isDone, results) = (false, Array.Empty<bool>());
        await WaitAsync(World.Random.Next(profile.MaxAppendDelay + 1), () =>
        {
            if (IsCrashed && !World.Chance(profile.LandsAfterCrash))
            {
                return;
            }

            (isDone, failure) = Draw(profile, []);
            if (isDone)
            {
                results = ledger.Cut(cuts);
                for (var index = 0; index < results.Length; index++)
                {
                    World.Trace($"{Name} cuts {cuts[index].Account} after {cuts[index].Base.Head.Sequence}: {results[index]}");
                }
            }
        });
        await WaitAsync(World.Random.Next(profile.MaxAppendDelay + 1), static () => { });
        if (failure is not null)
        {
            World.Trace($"{Name} cut fails: {failure.GetType().Name} {(isDone ? "(done)" : "(not done)")}");
            throw failure;
        }

        for (var index = 0; index < results.Length; index++)
        {
            cuts[index].IsDone = results[index];
        }
    }

    public override ValueTask<IReadOnlyList<AccountId>> ListAccountsAsync(AccountId? after, int limit, CancellationToken cancellationToken = default) =>
        ReadAsync(() => ledger.ListAccounts(after, limit));

    protected override void Save(AccountId account, LedgerSnapshot snapshot) => ledger.Save(account, snapshot);

    private (bool IsDone, Exception? Failure) Draw(FaultProfile profile, IReadOnlyList<AppendGroup> groups)
    {
        // Groups of two accounts are two decisions at least, so that halving always helps.
        if (groups.Count > 1 && World.Chance(profile.AppendTooLarge))
        {
            return (false, new LedgerContentException("simulated: too much for one commit"));
        }

        if (World.Chance(profile.AppendUnavailable))
        {
            return (false, new LedgerUnavailableException("simulated: append"));
        }

        if (World.Chance(profile.AppendUnknownDone))
        {
            return (true, new LedgerOutcomeUnknownException("simulated: answer lost"));
        }

        if (World.Chance(profile.AppendUnknownNotDone))
        {
            return (false, new LedgerOutcomeUnknownException("simulated: request lost"));
        }

        return World.Chance(profile.AppendFatal) ? (World.Chance(500), new LedgerFatalException("simulated: I/O error in commit")) : (true, null);
    }
}
