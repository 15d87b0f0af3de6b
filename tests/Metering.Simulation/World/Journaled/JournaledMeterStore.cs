using Metering.Engine;

namespace Metering.Simulation;

/// <summary>The process's journalled store as one of its meters calls it: whatever is called arrives a little later.</summary>
internal sealed class JournaledMeterStore(SimulatedWorld world, OpenLedger ledger, string name, Func<FaultProfile> faults) : MeterStore(world, name, faults)
{
    public override bool IsShared => false;

    public override async ValueTask AppendAsync(IReadOnlyList<AppendGroup> groups, CancellationToken cancellationToken = default)
    {
        BeginWrite("append");
        TraceAppend(groups);
        await ledger.TakeTurnAsync();
        var call = ledger.Expect(() => ledger.AppendAsync(groups), isAppend: true);
        await WaitAsync(World.Random.Next(Faults.MaxAppendDelay + 1), static () => { });
        ledger.Start(call);
        Exception? failure = null;
        try
        {
            if (!call.Outcome.IsCompleted)
            {
                World.Trace($"{Name} waits for the pages to take over");
            }

            await call.Outcome;
        }
        catch (Exception error) when (error is LedgerUnavailableException or LedgerContentException or LedgerFatalException)
        {
            World.Trace($"{Name} append fails: {error.GetType().Name}");
            failure = error;
        }

        ledger.ReturnTurn();
        await WaitAsync(World.Random.Next(Faults.MaxAppendDelay + 1), static () => { });
        EndWrite();
        if (failure is not null)
        {
            throw failure;
        }

        TraceResults(groups, [.. groups.Select(group => group.Result)]);
    }

    public override ValueTask<(LedgerHead Head, long Transactions)> ReadHeadAsync(AccountId account, CancellationToken cancellationToken = default) =>
        ReadLaterAsync(() => ledger.Reader.ReadHead(account));

    public override ValueTask<IReadOnlyList<LedgerRow>> ReadAsync(AccountId account, long fromSequence, int limit, CancellationToken cancellationToken = default) =>
        ReadLaterAsync(() => ledger.Reader.Read(account, fromSequence, limit));

    public override ValueTask<IReadOnlyList<LedgerRow>> ReadTransactionsAsync(AccountId account, long beforeNumber, int limit, CancellationToken cancellationToken = default) =>
        ReadLaterAsync(() => ledger.Reader.ReadTransactions(account, beforeNumber, limit));

    public override ValueTask<long> FindKeyAsync(AccountId account, UInt128 key, CancellationToken cancellationToken = default) =>
        ReadLaterAsync(() => ledger.Reader.FindKey(account, key));

    public override ValueTask<IReadOnlyList<LedgerSnapshot>> ReadSnapshotsAsync(AccountId account, CancellationToken cancellationToken = default) =>
        ReadLaterAsync(() => ledger.Reader.ReadSnapshots(account));

    public override ValueTask<IReadOnlyList<AccountId>> ListAccountsAsync(AccountId? after, int limit, CancellationToken cancellationToken = default) =>
        ReadLaterAsync(() => ledger.Reader.ListAccounts(after, limit));

    protected override void Save(AccountId account, LedgerSnapshot snapshot) => ledger.Save(account, snapshot);

    private async ValueTask<T> ReadLaterAsync<T>(Func<T> read)
    {
        var (result, failure) = (default(T)!, default(Exception));
        var call = ledger.Expect(
            () =>
            {
                try
                {
                    result = read();
                }
                catch (Exception error) when (error is LedgerUnavailableException or ObjectDisposedException)
                {
                    // What a cancelled call had begun may still read when the store is closed, and nobody hears of it.
                    failure = error;
                }

                return Task.CompletedTask;
            },
            isAppend: false);
        await WaitAsync(World.Random.Next(Faults.MaxReadDelay + 1), () =>
        {
            if (!IsCrashed)
            {
                ledger.Start(call);
            }
        });
        await WaitAsync(World.Random.Next(Faults.MaxReadDelay + 1), static () => { });
        return failure is null ? result : throw failure;
    }
}
