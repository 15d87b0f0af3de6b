using System.Runtime.InteropServices;

namespace Metering.Engine;

/// <summary>
/// The ledger in memory, for tests and trials. It keeps every promise of <see cref="ILedgerStore"/> but the one about power loss.
/// Disposing it closes nothing, so that a test can hand it to the next host, as a disk would be.
/// </summary>
public sealed class MemoryLedgerStore : ILedgerStore
{
    private readonly Lock gate = new();
    private readonly SortedDictionary<string, Ledger> ledgers = new(StringComparer.Ordinal);

    /// <inheritdoc />
    public ValueTask AppendAsync(IReadOnlyList<AppendGroup> groups, CancellationToken cancellationToken = default) => Call(
        () =>
        {
            AppendGroupRules.Check(groups);
            foreach (var group in groups)
            {
                group.Result = Append(group) ? AppendResult.Appended : AppendResult.HeadMismatch;
            }
        },
        cancellationToken);

    /// <inheritdoc />
    public ValueTask<(LedgerHead Head, long Transactions)> ReadHeadAsync(AccountId account, CancellationToken cancellationToken = default) =>
        Read(account, ledger => (ledger.Head, ledger.Transactions), (LedgerHead.Empty(account), 0), cancellationToken);

    /// <inheritdoc />
    public ValueTask<IReadOnlyList<LedgerRow>> ReadAsync(
        AccountId account, long fromSequence, int limit, CancellationToken cancellationToken = default) =>
        Read<IReadOnlyList<LedgerRow>>(
            account, ledger => [.. ledger.Rows.Skip((int)Math.Clamp(fromSequence - 1 - ledger.Archived, 0, int.MaxValue)).Take(limit)], [], cancellationToken);

    /// <inheritdoc />
    public ValueTask<IReadOnlyList<LedgerRow>> ReadTransactionsAsync(
        AccountId account, long beforeNumber, int limit, CancellationToken cancellationToken = default) =>
        Read<IReadOnlyList<LedgerRow>>(account, ledger => ledger.TransactionsBefore(beforeNumber, limit), [], cancellationToken);

    /// <inheritdoc />
    public ValueTask<long> FindKeyAsync(AccountId account, UInt128 key, CancellationToken cancellationToken = default) =>
        Read(account, ledger => ledger.Keys.GetValueOrDefault(key), 0, cancellationToken);

    /// <inheritdoc />
    public ValueTask<IReadOnlyList<LedgerSnapshot>> ReadSnapshotsAsync(AccountId account, CancellationToken cancellationToken = default) =>
        Read<IReadOnlyList<LedgerSnapshot>>(account, ledger => [.. ledger.Snapshots], [], cancellationToken);

    /// <inheritdoc />
    public ValueTask SaveSnapshotAsync(AccountId account, LedgerSnapshot snapshot, CancellationToken cancellationToken = default) => Call(
        () =>
        {
            if (ledgers.TryGetValue(account.Value, out var ledger))
            {
                ledger.Save(snapshot with { State = snapshot.State.ToArray() });
            }
        },
        cancellationToken);

    /// <inheritdoc />
    public ValueTask<LedgerBase?> ReadBaseAsync(AccountId account, CancellationToken cancellationToken = default) =>
        Read(account, ledger => ledger.Base, null, cancellationToken);

    /// <inheritdoc />
    public ValueTask CutAsync(IReadOnlyList<LedgerCut> cuts, CancellationToken cancellationToken = default) => Call(
        () =>
        {
            foreach (var cut in cuts)
            {
                if (!ledgers.TryGetValue(cut.Account.Value, out var ledger))
                {
                    ledgers.Add(cut.Account.Value, ledger = new());
                }

                cut.IsDone = ledger.TryCut(cut.Base with { State = cut.Base.State.ToArray() });
            }
        },
        cancellationToken);

    /// <inheritdoc />
    public ValueTask<IReadOnlyList<AccountId>> ListAccountsAsync(AccountId? after, int limit, CancellationToken cancellationToken = default) =>
        Call<IReadOnlyList<AccountId>>(
            () =>
            [
                .. ledgers.Keys.Where(id => after is not { } last || string.CompareOrdinal(id, last.Value) > 0).Take(limit)
                    .Select(id => new AccountId(id)),
            ],
            cancellationToken);

    /// <inheritdoc />
    public ValueTask<bool> IsHealthyAsync(CancellationToken cancellationToken = default) => ValueTask.FromResult(true);

    /// <inheritdoc />
    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private bool Append(AppendGroup group)
    {
        ledgers.TryGetValue(group.Account.Value, out var ledger);
        if ((ledger?.Head ?? LedgerHead.Empty(group.Account)) != group.Expected)
        {
            return false;
        }

        if (ledger is null)
        {
            ledgers.Add(group.Account.Value, ledger = new());
        }

        ledger.Append(group);
        return true;
    }

    private ValueTask<T> Read<T>(AccountId account, Func<Ledger, T> read, T empty, CancellationToken cancellationToken) =>
        Call(() => ledgers.TryGetValue(account.Value, out var ledger) ? read(ledger) : empty, cancellationToken);

    private ValueTask Call(Action call, CancellationToken cancellationToken)
    {
        var result = Call(
            () =>
            {
                call();
                return true;
            },
            cancellationToken);
        return result.IsCompletedSuccessfully ? ValueTask.CompletedTask : new(result.AsTask());
    }

    private ValueTask<T> Call<T>(Func<T> call, CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled<T>(cancellationToken);
        }

        lock (gate)
        {
            try
            {
                return ValueTask.FromResult(call());
            }
            catch (Exception error)
            {
                return ValueTask.FromException<T>(error);
            }
        }
    }

    /// <summary>One account's rows; once it is in the store it has some, or a base.</summary>
    private sealed class Ledger
    {
        /// <summary>The sequences of the transactions, in order.</summary>
        private readonly List<long> transactions = [];

        public LedgerHead Head { get; private set; }

        public List<LedgerRow> Rows { get; } = [];

        public LedgerBase? Base { get; private set; }

        /// <summary>The last entry that was archived; 0 for none.</summary>
        public long Archived => Base?.Head.Sequence ?? 0;

        public long Transactions => Rows.Count > 0 ? Rows[^1].TransactionNumber : Base?.Transactions ?? 0;

        public Dictionary<UInt128, long> Keys { get; } = [];

        public List<LedgerSnapshot> Snapshots { get; } = [];

        public void Append(AppendGroup group)
        {
            foreach (var row in group.Rows)
            {
                if (row.IsTransaction)
                {
                    transactions.Add(row.Sequence);
                }

                if (row.Key is { } key)
                {
                    Keys[key] = row.Sequence;
                }

                // The caller's buffers are the caller's again after the append.
                Rows.Add(row with { Facts = row.Facts.ToArray(), Texts = row.Texts.ToArray() });
            }

            CollectionsMarshal.AsSpan(Rows)[^1] = Rows[^1] with { Link = group.Next.Link };
            Head = group.Next;
        }

        public bool TryCut(LedgerBase ledgerBase)
        {
            var (sequence, link) = ledgerBase.Head;
            if (Rows.Count == 0 && Base is null)
            {
                (Base, Head) = (ledgerBase, ledgerBase.Head);
                return true;
            }

            if (ledgerBase.Head == Base?.Head)
            {
                return true;
            }

            var index = sequence - Archived - 1;
            if (index < 0 || index >= Rows.Count - 1 || Rows[(int)index].Link != link)
            {
                return false;
            }

            foreach (var row in Rows.Take((int)index + 1))
            {
                if (row.Key is { } key && Keys.TryGetValue(key, out var last) && last <= sequence)
                {
                    Keys.Remove(key);
                }
            }

            Rows.RemoveRange(0, (int)index + 1);
            transactions.RemoveAll(transaction => transaction <= sequence);
            Snapshots.RemoveAll(snapshot => snapshot.Head.Sequence <= sequence);
            Base = ledgerBase;
            return true;
        }

        public LedgerRow[] TransactionsBefore(long number, int limit)
        {
            var end = (int)Math.Clamp(number - 1 - (Base?.Transactions ?? 0), 0, transactions.Count);
            var count = Math.Min(limit, end);
            var page = new LedgerRow[count];
            for (var index = 0; index < count; index++)
            {
                page[index] = Rows[(int)(transactions[end - 1 - index] - Archived - 1)];
            }

            return page;
        }

        public void Save(LedgerSnapshot snapshot)
        {
            if (snapshot.Head.Sequence <= Archived || (Snapshots.Count > 0 && Snapshots[0].Head.Sequence > snapshot.Head.Sequence))
            {
                return;
            }

            Snapshots.RemoveAll(stored => stored.Head.Sequence == snapshot.Head.Sequence);
            Snapshots.Insert(0, snapshot);
            if (Snapshots.Count > 2)
            {
                Snapshots.RemoveAt(2);
            }
        }
    }
}
