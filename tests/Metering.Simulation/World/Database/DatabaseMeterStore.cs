using Metering.Engine;

namespace Metering.Simulation;

/// <summary>
/// A model of a store over a shared database. An append is a transaction on the server; where its connection is lost, it may land much
/// later, or be held back on its way, so the store ends the writer that it was sent under before it tells anything of its accounts.
/// </summary>
internal sealed class DatabaseMeterStore(SimulatedWorld world, SimulatedLedger ledger, SimulatedDatabase database, StoreBug bug, string name, Func<FaultProfile> faults)
    : MeterStore(world, name, faults)
{
    // A transaction whose connection is lost can be long in ending, longer than whoever retries.
    private const int MaxLag = 400;

    // As often as the store tries again what was rolled back because transactions met.
    private const int Attempts = 5;

    private readonly List<LostAppend> lost = [];
    private long? writer;

    public override async ValueTask AppendAsync(IReadOnlyList<AppendGroup> groups, CancellationToken cancellationToken = default)
    {
        BeginWrite("append");
        TraceAppend(groups);
        try
        {
            await SettleAsync(append => groups.Any(group => append.Accounts.Contains(group.Account)));
            Refuse(groups);
            for (var attempt = 1; !await SendAsync(groups); attempt++)
            {
                if (attempt == Attempts)
                {
                    throw new LedgerUnavailableException("simulated: rolled back");
                }
            }
        }
        finally
        {
            EndWrite();
        }
    }

    public override ValueTask<(LedgerHead Head, long Transactions)> ReadHeadAsync(AccountId account, CancellationToken cancellationToken = default) =>
        ReadSettledAsync(account, () => ledger.HeadAndTransactions(account));

    public override ValueTask<IReadOnlyList<LedgerRow>> ReadAsync(AccountId account, long fromSequence, int limit, CancellationToken cancellationToken = default) =>
        ReadSettledAsync(account, () => ledger.Read(account, fromSequence, limit));

    public override ValueTask<IReadOnlyList<LedgerRow>> ReadTransactionsAsync(AccountId account, long beforeNumber, int limit, CancellationToken cancellationToken = default) =>
        ReadSettledAsync(account, () => ledger.ReadTransactions(account, beforeNumber, limit));

    public override ValueTask<long> FindKeyAsync(AccountId account, UInt128 key, CancellationToken cancellationToken = default) =>
        ReadSettledAsync(account, () => ledger.FindKey(account, key));

    public override ValueTask<IReadOnlyList<LedgerSnapshot>> ReadSnapshotsAsync(AccountId account, CancellationToken cancellationToken = default) =>
        ReadSettledAsync(account, () => ledger.Snapshots(account));

    public override ValueTask<LedgerBase?> ReadBaseAsync(AccountId account, CancellationToken cancellationToken = default) =>
        ReadSettledAsync(account, () => ledger.Base(account));

    public override ValueTask<IReadOnlyList<AccountId>> ListAccountsAsync(AccountId? after, int limit, CancellationToken cancellationToken = default) =>
        ReadAsync(() => ledger.ListAccounts(after, limit));

    protected override void Save(AccountId account, LedgerSnapshot snapshot) => ledger.Save(account, snapshot);

    private async ValueTask<T> ReadSettledAsync<T>(AccountId account, Func<T> read)
    {
        await SettleAsync(append => append.Accounts.Contains(account));
        return await ReadAsync(read);
    }

    /// <summary>Makes lost appends a matter of the past.</summary>
    private async Task SettleAsync(Func<LostAppend, bool> concerns)
    {
        foreach (var append in bug == StoreBug.NoFence ? [] : lost.Where(concerns).ToArray())
        {
            if (World.Chance(Faults.ReadUnavailable))
            {
                throw new LedgerUnavailableException("simulated: the fence cannot be set");
            }

            append.Ending ??= EndAsync(append.Writer);
            await append.Ending;
            lost.Remove(append);
        }
    }

    private Task EndAsync(long retired)
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        World.After(World.Random.Next(Faults.MaxReadDelay + 1), () => database.Retire(retired, () =>
        {
            World.Trace($"{Name} has ended writer {retired}");
            done.SetResult();
        }));
        return done.Task;
    }

    private void Refuse(IReadOnlyList<AppendGroup> groups)
    {
        if (groups.Count > 1 && World.Chance(Faults.AppendTooLarge))
        {
            throw new LedgerContentException("simulated: too much for one commit");
        }

        if (World.Chance(Faults.AppendUnavailable))
        {
            throw new LedgerUnavailableException("simulated: append");
        }
    }

    /// <summary>Sends an append and waits for its answer.</summary>
    /// <returns>False where nothing was written, and it is worth another attempt.</returns>
    /// <exception cref="LedgerOutcomeUnknownException">The answer was lost.</exception>
    private async Task<bool> SendAsync(IReadOnlyList<AppendGroup> groups)
    {
        var number = writer ??= database.Register();
        var profile = Faults;
        var (landsLost, failsLost) = (World.Chance(profile.AppendUnknownDone), World.Chance(profile.AppendUnknownNotDone));
        var answered = new TaskCompletionSource<DatabaseAnswer>(TaskCreationOptions.RunContinuationsAsynchronously);
        var transaction = Send(groups, number, landsLost || failsLost, answered);
        if (failsLost)
        {
            var doom = World.Now + World.Random.Next(MaxLag);
            transaction.IsDoomed = () => World.Now >= doom;
        }

        if (landsLost || failsLost)
        {
            await WaitAsync(World.Random.Next(profile.MaxAppendDelay + 1), static () => { });
            lost.Add(new(number, [.. groups.Select(group => group.Account)]));
            writer = null;
            World.Trace($"{Name} append fails: the answer of writer {number} is lost");
            throw new LedgerOutcomeUnknownException("simulated: answer lost");
        }

        var answer = await answered.Task;
        await WaitAsync(World.Random.Next(profile.MaxAppendDelay + 1), static () => { });
        writer = answer == DatabaseAnswer.NoWriter ? null : writer;
        return answer == DatabaseAnswer.Committed;
    }

    private DatabaseTransaction Send(IReadOnlyList<AppendGroup> groups, long number, bool isLost, TaskCompletionSource<DatabaseAnswer> answered)
    {
        var profile = Faults;
        var (isDecided, isDoomed) = (false, false);
        AppendGroup[] sent = [.. groups.Select(Copy)];
        var transaction = new DatabaseTransaction(
            World, database, number, sent, bug == StoreBug.CompareBeforeWaiting, isLost ? MaxLag / 4 : profile.MaxAppendDelay / 2, (answer, won) =>
            {
                AppendResult[] results = [.. sent.Select(group => won.Contains(group) ? AppendResult.Appended : AppendResult.HeadMismatch)];
                World.Trace($"the transaction of writer {number} ends: {answer}{(isLost && answer == DatabaseAnswer.Committed ? " (done)" : isLost ? " (not done)" : "")}");
                TraceResults(sent, results);
                for (var index = 0; !isLost && index < results.Length; index++)
                {
                    groups[index].Result = results[index];
                }

                answered.SetResult(answer);
            })
        {
            IsDoomed = () =>
            {
                // What a process had sent before it crashed goes on, or its connection's end ends it.
                if (IsCrashed && !isDecided)
                {
                    (isDecided, isDoomed) = (true, !World.Chance(profile.LandsAfterCrash));
                }

                return isDoomed;
            },
        };
        World.After(World.Random.Next(isLost && World.Chance(300) ? MaxLag : profile.MaxAppendDelay + 1), transaction.Begin);
        return transaction;
    }

    /// <summary>What is sent belongs to the network, whatever becomes of the caller's buffers.</summary>
    private static AppendGroup Copy(AppendGroup group) => new()
    {
        Account = group.Account,
        Expected = group.Expected,
        Next = group.Next,
        Rows = [.. group.Rows.Select(row => row with { Facts = row.Facts.ToArray(), Texts = row.Texts.ToArray() })],
    };

    /// <summary>An append whose answer was lost.</summary>
    private sealed class LostAppend(long writer, HashSet<AccountId> accounts)
    {
        public long Writer => writer;

        public HashSet<AccountId> Accounts => accounts;

        /// <summary>The writer's end, once somebody asked for it: all who wait share it.</summary>
        public Task? Ending { get; set; }
    }
}
