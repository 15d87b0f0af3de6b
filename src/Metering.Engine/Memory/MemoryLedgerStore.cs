namespace Metering.Engine;

/// <summary>A ledger in memory, for tests and trials.</summary>
public sealed class MemoryLedgerStore : ILedgerStore
{
    private readonly Lock gate = new();
    private readonly Dictionary<AccountId, List<LedgerRow>> ledger = [];
    private readonly Dictionary<AccountId, List<LedgerSnapshot>> snaps = [];

    /// <inheritdoc />
    public ValueTask AppendAsync(IReadOnlyList<AppendGroup> groups, CancellationToken cancellationToken = default)
    {
        lock (gate)
        {
            foreach (var g in groups)
            {
                var rows = ledger.TryGetValue(g.Account, out var r) ? r : ledger[g.Account] = [];
                var head = rows.Count == 0 ? LedgerHead.Empty(g.Account) : new(rows[^1].Sequence, rows[^1].Link!.Value);
                if (head != g.Expected) { g.Result = AppendResult.HeadMismatch; continue; }
                for (var i = 0; i < g.Rows.Count; i++)
                {
                    rows.Add(g.Rows[i] with { Facts = g.Rows[i].Facts.ToArray(), Texts = g.Rows[i].Texts.ToArray(), Link = i == g.Rows.Count - 1 ? g.Next.Link : null });
                }
                g.Result = AppendResult.Appended;
            }
        }
        return default;
    }

    private T Read<T>(AccountId a, Func<List<LedgerRow>, T> f) { lock (gate) { return f(ledger.TryGetValue(a, out var r) ? r : []); } }
    /// <inheritdoc />
    public ValueTask<(LedgerHead Head, long Transactions)> ReadHeadAsync(AccountId account, CancellationToken cancellationToken = default) =>
        new(Read(account, rows => rows.Count == 0 ? (LedgerHead.Empty(account), 0L) : (new(rows[^1].Sequence, rows[^1].Link!.Value), rows[^1].TransactionNumber)));
    /// <inheritdoc />
    public ValueTask<IReadOnlyList<LedgerRow>> ReadAsync(AccountId account, long fromSequence, int limit, CancellationToken cancellationToken = default) =>
        new(Read(account, rows => (IReadOnlyList<LedgerRow>)rows.Skip((int)fromSequence - 1).Take(limit).ToArray()));
    /// <inheritdoc />
    public ValueTask<IReadOnlyList<LedgerRow>> ReadTransactionsAsync(AccountId account, long beforeNumber, int limit, CancellationToken cancellationToken = default) =>
        new(Read(account, rows => (IReadOnlyList<LedgerRow>)rows.Where(x => x.IsTransaction && x.TransactionNumber < beforeNumber).Reverse().Take(limit).ToArray()));
    /// <inheritdoc />
    public ValueTask<long> FindKeyAsync(AccountId account, UInt128 key, CancellationToken cancellationToken = default) =>
        new(Read(account, rows => rows.LastOrDefault(x => x.Key == key).Sequence));
    /// <inheritdoc />
    public ValueTask<IReadOnlyList<LedgerSnapshot>> ReadSnapshotsAsync(AccountId account, CancellationToken cancellationToken = default) { lock (gate) { return new(snaps.TryGetValue(account, out var s) ? s.ToArray() : []); } }
    /// <inheritdoc />
    public ValueTask SaveSnapshotAsync(AccountId account, LedgerSnapshot snapshot, CancellationToken cancellationToken = default) { lock (gate) { var s = snaps.TryGetValue(account, out var x) ? x : snaps[account] = []; s.Insert(0, snapshot with { State = snapshot.State.ToArray() }); if (s.Count > 2) s.RemoveAt(2); } return default; }
    /// <inheritdoc />
    public ValueTask<IReadOnlyList<AccountId>> ListAccountsAsync(AccountId? after, int limit, CancellationToken cancellationToken = default) { lock (gate) { return new(ledger.Keys.Where(k => after is null || string.CompareOrdinal(k.Value, after.Value.Value) > 0).OrderBy(k => k.Value, StringComparer.Ordinal).Take(limit).ToArray()); } }
    /// <inheritdoc />
    public ValueTask<bool> IsHealthyAsync(CancellationToken cancellationToken = default) => new(true);
    /// <inheritdoc />
    public ValueTask DisposeAsync() => default;
}
