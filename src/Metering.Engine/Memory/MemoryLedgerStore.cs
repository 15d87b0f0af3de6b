namespace Metering.Engine;

/// <summary>
/// The ledger in memory, for tests and trials. It keeps every promise of <see cref="ILedgerStore"/> but the one about power loss.
/// Disposing it closes nothing, so that a test can hand it to the next host, as a disk would be.
/// </summary>
public sealed class MemoryLedgerStore : ILedgerStore, IPersonalTexts, IDueStore
{
    private readonly Lock gate = new();
    private readonly Dictionary<AccountId, Ledger> ledgers = [];
    private readonly MemoryPages pages = new();
    private readonly MemoryDues dues = new();
    private AccountId[]? inOrder;

    /// <inheritdoc />
    public bool IsImmediate => true;

    /// <inheritdoc />
    public ValueTask AppendAsync(IReadOnlyList<AppendGroup> groups, CancellationToken cancellationToken = default)
    {
        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled(cancellationToken);
        }

        lock (gate)
        {
            try
            {
                AppendGroupRules.Check(groups);
                for (var index = 0; index < groups.Count; index++)
                {
                    groups[index].Result = Append(groups[index]) ? AppendResult.Appended : AppendResult.HeadMismatch;
                }

                return ValueTask.CompletedTask;
            }
            catch (Exception error)
            {
                return ValueTask.FromException(error);
            }
        }
    }

    /// <inheritdoc />
    public ValueTask<(LedgerHead Head, long Transactions)> ReadHeadAsync(AccountId account, CancellationToken cancellationToken = default) =>
        Read(account, ledger => (ledger.Head, ledger.Transactions), (LedgerHead.Empty(account), 0), cancellationToken);

    /// <inheritdoc />
    public ValueTask<IReadOnlyList<LedgerRow>> ReadAsync(
        AccountId account, long fromSequence, int limit, CancellationToken cancellationToken = default) =>
        Read<IReadOnlyList<LedgerRow>>(
            account, ledger => ledger.From(fromSequence, limit), [], cancellationToken);

    /// <inheritdoc />
    public ValueTask<IReadOnlyList<LedgerRow>> ReadTransactionsAsync(
        AccountId account, long beforeNumber, int limit, CancellationToken cancellationToken = default) =>
        Read<IReadOnlyList<LedgerRow>>(account, ledger => ledger.TransactionsBefore(beforeNumber, limit), [], cancellationToken);

    /// <inheritdoc />
    public ValueTask<long> FindKeyAsync(AccountId account, UInt128 key, CancellationToken cancellationToken = default) =>
        Read(account, ledger => ledger.FindKey(key), 0, cancellationToken);

    /// <inheritdoc />
    public ValueTask<IReadOnlyList<LedgerSnapshot>> ReadSnapshotsAsync(AccountId account, CancellationToken cancellationToken = default) =>
        Read<IReadOnlyList<LedgerSnapshot>>(account, ledger => [.. ledger.Snapshots], [], cancellationToken);

    /// <inheritdoc />
    public ValueTask SaveSnapshotAsync(AccountId account, LedgerSnapshot snapshot, CancellationToken cancellationToken = default) => Call(
        () =>
        {
            if (ledgers.TryGetValue(account, out var ledger))
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
                if (!ledgers.TryGetValue(cut.Account, out var ledger))
                {
                    ledgers.Add(cut.Account, ledger = new(pages));
                    inOrder = null;
                }

                cut.IsDone = ledger.TryCut(cut.Base with { State = cut.Base.State.ToArray() });
            }
        },
        cancellationToken);

    /// <inheritdoc />
    public ValueTask<IReadOnlyList<AccountId>> ListAccountsAsync(AccountId? after, int limit, CancellationToken cancellationToken = default) =>
        Call<IReadOnlyList<AccountId>>(
            () =>
            {
                inOrder ??= [.. ledgers.Keys.OrderBy(static account => account.Value, StringComparer.Ordinal)];
                return [.. inOrder.Where(account => after is not { } last || string.CompareOrdinal(account.Value, last.Value) > 0).Take(limit)];
            },
            cancellationToken);

    /// <inheritdoc />
    public ValueTask<long> EraseTextsAsync(AccountId account, DateTimeOffset? before = null, CancellationToken cancellationToken = default) =>
        Read(account, ledger => ledger.EraseTexts(new(before)), 0, cancellationToken);

    /// <inheritdoc />
    public ValueTask NoteDueAsync(IReadOnlyList<DueNote> notes, CancellationToken cancellationToken = default) =>
        Call(() => dues.Note(notes), cancellationToken);

    /// <inheritdoc />
    public ValueTask<IReadOnlyList<AccountId>> ClaimDueAsync(DateTimeOffset now, TimeSpan lease, int limit, CancellationToken cancellationToken = default) =>
        Call<IReadOnlyList<AccountId>>(() => dues.Due(now, limit), cancellationToken);

    /// <inheritdoc />
    public ValueTask<IReadOnlyList<AccountId>> ListNotedAsync(AccountId? after, AccountId through, CancellationToken cancellationToken = default) =>
        Call<IReadOnlyList<AccountId>>(() => dues.Noted(after, through), cancellationToken);

    /// <inheritdoc />
    public ValueTask<bool> IsHealthyAsync(CancellationToken cancellationToken = default) => ValueTask.FromResult(true);

    /// <inheritdoc />
    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private bool Append(AppendGroup group)
    {
        if (group.Handle is not Ledger ledger || ledger.Pages != pages)
        {
            ledger = ledgers.GetValueOrDefault(group.Account)!;
        }

        if ((ledger?.Head ?? LedgerHead.Empty(group.Account)) != group.Expected)
        {
            return false;
        }

        if (ledger is null)
        {
            ledgers.Add(group.Account, ledger = new(pages));
            inOrder = null;
        }

        ledger.Append(group);
        group.Handle = ledger;
        return true;
    }

    private ValueTask<T> Read<T>(AccountId account, Func<Ledger, T> read, T empty, CancellationToken cancellationToken) =>
        Call(() => ledgers.TryGetValue(account, out var ledger) ? read(ledger) : empty, cancellationToken);

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

    /// <summary>
    /// One account's rows; once it is in the store it has some, or a base. Lists without references and few objects: the garbage collector has to walk
    /// and move whatever a store of millions of rows is made of, and stopped every caller for it.
    /// </summary>
    private sealed class Ledger(MemoryPages pages)
    {
        private readonly List<StoredRow> rows = [];

        // Made by the first look-up, which few accounts ever have: accounts in memory know their keys.
        private Dictionary<UInt128, long>? keys;

        public MemoryPages Pages => pages;

        public LedgerHead Head { get; private set; }

        public LedgerBase? Base { get; private set; }

        /// <summary>The last entry that was archived; 0 for none.</summary>
        public long Archived => Base?.Head.Sequence ?? 0;

        public long Transactions => rows.Count > 0 ? rows[^1].TransactionNumber : Base?.Transactions ?? 0;

        public List<LedgerSnapshot> Snapshots { get; } = [];

        public void Append(AppendGroup group)
        {
            for (var index = 0; index < group.Rows.Count; index++)
            {
                var row = group.Rows[index];
                if (row.Key is { } key && keys is not null)
                {
                    keys[key] = row.Sequence;
                }

                rows.Add(pages.Store(row, index == group.Rows.Count - 1 ? group.Next.Link : row.Link));
            }

            Head = group.Next;
        }

        public long FindKey(UInt128 id)
        {
            if (keys is null)
            {
                keys = [];
                for (var index = 0; index < rows.Count; index++)
                {
                    if (pages.Read(rows[index], Archived + index + 1).Key is { } key)
                    {
                        keys[key] = Archived + index + 1;
                    }
                }
            }

            return keys.GetValueOrDefault(id);
        }

        public bool TryCut(LedgerBase ledgerBase)
        {
            if (rows.Count == 0 && Base is null)
            {
                (Base, Head) = (ledgerBase, ledgerBase.Head);
                return true;
            }

            if (ledgerBase.Head == Base?.Head)
            {
                return true;
            }

            var count = ledgerBase.Head.Sequence - Archived;
            if (count < 1 || count >= rows.Count || pages.Read(rows[(int)count - 1], ledgerBase.Head.Sequence).Link != ledgerBase.Head.Link)
            {
                return false;
            }

            Remove((int)count);
            Base = ledgerBase;
            return true;
        }

        /// <summary>Stores rows anew without their texts. The bytes before stay in the pages, which are never changed, and nothing points at them.</summary>
        /// <returns>How many had texts.</returns>
        public long EraseTexts(TextEraser eraser)
        {
            var (erased, groupAt) = (0L, 0);
            for (var index = 0; index < rows.Count; index++)
            {
                if (!eraser.EndsGroup(pages.Read(rows[index], Archived + index + 1), out var digest))
                {
                    continue;
                }

                for (; groupAt <= index; groupAt++)
                {
                    if (digest is not null)
                    {
                        var row = pages.Read(rows[groupAt], Archived + groupAt + 1);
                        erased += row.Texts.IsEmpty ? 0 : 1;
                        rows[groupAt] = pages.Store(row with { Texts = default, TextsDigest = digest }, row.Link);
                    }
                }
            }

            return erased;
        }

        /// <summary>Removes the first rows. Their bytes stay in the pages, which are never changed.</summary>
        private void Remove(int count)
        {
            keys = null;
            var last = Archived + count;
            Snapshots.RemoveAll(snapshot => snapshot.Head.Sequence <= last);
            rows.RemoveRange(0, count);
        }

        public LedgerRow[] From(long sequence, int limit)
        {
            var begin = (int)Math.Clamp(sequence - 1 - Archived, 0, rows.Count);
            var page = new LedgerRow[Math.Min(limit, rows.Count - begin)];
            for (var index = 0; index < page.Length; index++)
            {
                page[index] = pages.Read(rows[begin + index], Archived + begin + index + 1);
            }

            return page;
        }

        public LedgerRow[] TransactionsBefore(long number, int limit)
        {
            var first = (Base?.Transactions ?? 0) + 1;
            var last = Math.Min(number - 1, Transactions);
            var page = new LedgerRow[Math.Clamp(last - first + 1, 0, limit)];
            for (var index = 0; index < page.Length; index++)
            {
                var row = IndexOfTransaction(last - index);
                page[index] = pages.Read(rows[row], Archived + row + 1);
            }

            return page;
        }

        /// <summary>The first row that counts as many transactions: the transaction itself.</summary>
        private int IndexOfTransaction(long number)
        {
            var (low, high) = (0, rows.Count);
            while (low < high)
            {
                var middle = (low + high) / 2;
                (low, high) = rows[middle].TransactionNumber < number ? (middle + 1, high) : (low, middle);
            }

            return low;
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
