using Metering.Engine;

namespace Metering.Conformance;

/// <summary>A ledger store that passes everything on; tests override what they disturb.</summary>
public abstract class DelegatingLedgerStore(ILedgerStore inner) : ILedgerStore
{
    public virtual bool IsShared => inner.IsShared;

    /// <summary>False: what a test disturbs may take its time.</summary>
    public virtual bool IsImmediate => false;

    public virtual ValueTask AppendAsync(IReadOnlyList<AppendGroup> groups, CancellationToken cancellationToken = default) =>
        inner.AppendAsync(groups, cancellationToken);

    public virtual ValueTask SettleAsync(CancellationToken cancellationToken = default) => inner.SettleAsync(cancellationToken);

    public virtual ValueTask<(LedgerHead Head, long Transactions)> ReadHeadAsync(AccountId account, CancellationToken cancellationToken = default) =>
        inner.ReadHeadAsync(account, cancellationToken);

    public virtual ValueTask<IReadOnlyList<LedgerRow>> ReadAsync(AccountId account, long fromSequence, int limit, CancellationToken cancellationToken = default) =>
        inner.ReadAsync(account, fromSequence, limit, cancellationToken);

    public virtual ValueTask<IReadOnlyList<LedgerRow>> ReadTransactionsAsync(AccountId account, long beforeNumber, int limit, CancellationToken cancellationToken = default) =>
        inner.ReadTransactionsAsync(account, beforeNumber, limit, cancellationToken);

    public virtual ValueTask<long> FindKeyAsync(AccountId account, UInt128 key, CancellationToken cancellationToken = default) =>
        inner.FindKeyAsync(account, key, cancellationToken);

    public virtual ValueTask<IReadOnlyList<LedgerSnapshot>> ReadSnapshotsAsync(AccountId account, CancellationToken cancellationToken = default) =>
        inner.ReadSnapshotsAsync(account, cancellationToken);

    public virtual ValueTask SaveSnapshotAsync(AccountId account, LedgerSnapshot snapshot, CancellationToken cancellationToken = default) =>
        inner.SaveSnapshotAsync(account, snapshot, cancellationToken);

    public virtual ValueTask<LedgerBase?> ReadBaseAsync(AccountId account, CancellationToken cancellationToken = default) =>
        inner.ReadBaseAsync(account, cancellationToken);

    public virtual ValueTask CutAsync(IReadOnlyList<LedgerCut> cuts, CancellationToken cancellationToken = default) =>
        inner.CutAsync(cuts, cancellationToken);

    public virtual ValueTask<IReadOnlyList<AccountId>> ListAccountsAsync(AccountId? after, int limit, CancellationToken cancellationToken = default) =>
        inner.ListAccountsAsync(after, limit, cancellationToken);

    public virtual ValueTask<bool> IsHealthyAsync(CancellationToken cancellationToken = default) => inner.IsHealthyAsync(cancellationToken);

    public virtual async ValueTask DisposeAsync()
    {
        await inner.DisposeAsync();
        GC.SuppressFinalize(this);
    }
}
