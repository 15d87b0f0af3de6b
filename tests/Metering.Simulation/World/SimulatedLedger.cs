using Metering.Core;
using Metering.Engine;

namespace Metering.Simulation;

/// <summary>Bugs of a store that are switched on to see that the simulation finds them.</summary>
internal enum StoreBug
{
    None,

    /// <summary>Appends without comparing heads.</summary>
    SkipCompare,

    /// <summary>Knows only that sequences are unique: of what a stale writer appends, the sequences that are still free get in.</summary>
    LetLaterSequencesIn,

    /// <summary>The database's store does not wait for a lost commit before it tells of its accounts.</summary>
    NoFence,

    /// <summary>The fence waits for what runs, and lets in what reaches the server later.</summary>
    FenceLetsLateOnesIn,

    /// <summary>An append that waited for a head's lock compares what it saw before it waited.</summary>
    CompareBeforeWaiting,
}

/// <summary>What is durable: the simulated disk that every process shares and that every crash spares.</summary>
internal sealed class SimulatedLedger(StoreBug bug)
{
    private readonly Dictionary<AccountId, List<LedgerRow>> rows = [];
    private readonly Dictionary<AccountId, List<LedgerSnapshot>> snapshots = [];
    private readonly Dictionary<AccountId, LedgerBase> bases = [];

    public IEnumerable<AccountId> Accounts => rows.Keys.OrderBy(account => account.Value, StringComparer.Ordinal);

    public IReadOnlyList<LedgerRow> Rows(AccountId account) => rows.TryGetValue(account, out var list) ? list : [];

    public LedgerHead Head(AccountId account) =>
        Rows(account) is { Count: > 0 } list ? new(list[^1].Sequence, list[^1].Link!.Value) : Base(account)?.Head ?? LedgerHead.Empty(account);

    public LedgerBase? Base(AccountId account) => bases.GetValueOrDefault(account);

    public IReadOnlyList<LedgerRow> Read(AccountId account, long fromSequence, int limit) =>
        [.. Rows(account).SkipWhile(row => row.Sequence < fromSequence).Take(limit)];

    public IReadOnlyList<LedgerRow> ReadTransactions(AccountId account, long beforeNumber, int limit) =>
        [.. Rows(account).Where(row => row.IsTransaction && row.TransactionNumber < beforeNumber).Reverse().Take(limit)];

    public long FindKey(AccountId account, UInt128 key) => Rows(account).LastOrDefault(row => row.Key == key).Sequence;

    public (LedgerHead Head, long Transactions) HeadAndTransactions(AccountId account) => (Head(account), Rows(account) is { Count: > 0 } list ? list[^1].TransactionNumber : Base(account)?.Transactions ?? 0);

    public IReadOnlyList<AccountId> ListAccounts(AccountId? after, int limit) =>
        [.. Accounts.Where(account => after is null || string.CompareOrdinal(account.Value, after.Value.Value) > 0).Take(limit)];

    public IReadOnlyList<LedgerSnapshot> Snapshots(AccountId account) => snapshots.TryGetValue(account, out var list) ? [.. list] : [];

    /// <summary>One atomic commit. Rows are copied here and not earlier, so that buffers reused too soon show.</summary>
    public AppendResult[] Append(IReadOnlyList<AppendGroup> groups)
    {
        var results = new AppendResult[groups.Count];
        for (var index = 0; index < results.Length; index++)
        {
            results[index] = Append(groups[index]);
        }

        return results;
    }

    public void Save(AccountId account, LedgerSnapshot snapshot)
    {
        if (!snapshots.TryGetValue(account, out var list))
        {
            snapshots.Add(account, list = []);
        }

        if (snapshot.Head.Sequence <= Base(account)?.Head.Sequence || (list.Count > 0 && list[0].Head.Sequence > snapshot.Head.Sequence))
        {
            return;
        }

        list.RemoveAll(stored => stored.Head.Sequence == snapshot.Head.Sequence);
        list.Insert(0, snapshot with { State = snapshot.State.ToArray() });
        if (list.Count > 2)
        {
            list.RemoveAt(2);
        }
    }

    /// <summary>One atomic commit, too.</summary>
    public bool[] Cut(IReadOnlyList<LedgerCut> cuts) => [.. cuts.Select(cut => TryCut(cut.Account, cut.Base))];

    private bool TryCut(AccountId account, LedgerBase ledgerBase)
    {
        var list = rows.TryGetValue(account, out var known) ? known : rows[account] = [];
        var isPlanted = list.Count == 0 && !bases.ContainsKey(account);
        if (bases.GetValueOrDefault(account)?.Head == ledgerBase.Head)
        {
            return true;
        }

        if (!isPlanted && !list.SkipLast(1).Any(row => row.Sequence == ledgerBase.Head.Sequence && row.Link == ledgerBase.Head.Link))
        {
            return false;
        }

        list.RemoveAll(row => row.Sequence <= ledgerBase.Head.Sequence);
        snapshots.GetValueOrDefault(account)?.RemoveAll(snapshot => snapshot.Head.Sequence <= ledgerBase.Head.Sequence);
        bases[account] = ledgerBase with { State = ledgerBase.State.ToArray() };
        return true;
    }

    /// <summary>Writes rows of a group, whatever the head is.</summary>
    public void Write(AppendGroup group, int first)
    {
        if (!rows.TryGetValue(group.Account, out var list))
        {
            rows.Add(group.Account, list = []);
        }

        for (var index = first; index < group.Rows.Count; index++)
        {
            var row = group.Rows[index];
            list.Add(row with { Facts = row.Facts.ToArray(), Texts = row.Texts.ToArray(), Link = index == group.Rows.Count - 1 ? group.Next.Link : row.Link });
        }
    }

    private AppendResult Append(AppendGroup group)
    {
        var head = Head(group.Account);
        var first = bug switch
        {
            StoreBug.SkipCompare => 0,
            StoreBug.LetLaterSequencesIn => group.Rows.Count(row => row.Sequence <= head.Sequence),
            _ => head == group.Expected ? 0 : group.Rows.Count,
        };
        if (first == group.Rows.Count)
        {
            return AppendResult.HeadMismatch;
        }

        Write(group, first);
        return AppendResult.Appended;
    }
}

/// <summary>Reads of the durable ledger, answered at once: for checks.</summary>
internal sealed class DurableReader(SimulatedLedger ledger) : ILedgerStore
{
    public ValueTask AppendAsync(IReadOnlyList<AppendGroup> groups, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public ValueTask<(LedgerHead Head, long Transactions)> ReadHeadAsync(AccountId account, CancellationToken cancellationToken = default) =>
        new(ledger.HeadAndTransactions(account));

    public ValueTask<IReadOnlyList<LedgerRow>> ReadAsync(AccountId account, long fromSequence, int limit, CancellationToken cancellationToken = default) =>
        new(ledger.Read(account, fromSequence, limit));

    public ValueTask<IReadOnlyList<LedgerRow>> ReadTransactionsAsync(AccountId account, long beforeNumber, int limit, CancellationToken cancellationToken = default) =>
        new(ledger.ReadTransactions(account, beforeNumber, limit));

    public ValueTask<long> FindKeyAsync(AccountId account, UInt128 key, CancellationToken cancellationToken = default) =>
        new(ledger.FindKey(account, key));

    public ValueTask<IReadOnlyList<LedgerSnapshot>> ReadSnapshotsAsync(AccountId account, CancellationToken cancellationToken = default) =>
        new(ledger.Snapshots(account));

    public ValueTask SaveSnapshotAsync(AccountId account, LedgerSnapshot snapshot, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public ValueTask<LedgerBase?> ReadBaseAsync(AccountId account, CancellationToken cancellationToken = default) => new(ledger.Base(account));

    public ValueTask CutAsync(IReadOnlyList<LedgerCut> cuts, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public ValueTask<IReadOnlyList<AccountId>> ListAccountsAsync(AccountId? after, int limit, CancellationToken cancellationToken = default) =>
        new(ledger.ListAccounts(after, limit));

    public ValueTask<bool> IsHealthyAsync(CancellationToken cancellationToken = default) => new(true);

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
