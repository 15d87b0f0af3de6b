using Metering.Core;

namespace Metering.Engine;

/// <summary>
/// Reading: the tail first, then a view of the pages that begins after it. A projection between the two puts into the pages what the tail
/// had, and then counts once, because rows of the pages end where the tail's began.
/// </summary>
internal sealed partial class JournaledLedgerStore
{
    /// <inheritdoc />
    public ValueTask<(LedgerHead Head, long Transactions)> ReadHeadAsync(AccountId account, CancellationToken cancellationToken = default) => Read(
        () =>
        {
            lock (gate)
            {
                if (tail.Find(account) is { } state)
                {
                    return (state.Head, state.Transactions);
                }
            }

            using var view = pages.OpenView();
            return view.FindAccount(account) is { } stored ? (stored.LastPage.Head, stored.LastPage.LastNumber) : (LedgerHead.Empty(account), 0);
        },
        cancellationToken);

    /// <inheritdoc />
    public ValueTask<IReadOnlyList<LedgerRow>> ReadAsync(AccountId account, long fromSequence, int limit, CancellationToken cancellationToken = default) =>
        ReadTail<IReadOnlyList<LedgerRow>>(
            (out rows) => (rows = TryRead(account, Math.Max(1, fromSequence), limit)!) is not null, cancellationToken);

    /// <inheritdoc />
    public ValueTask<IReadOnlyList<LedgerRow>> ReadTransactionsAsync(AccountId account, long beforeNumber, int limit, CancellationToken cancellationToken = default) =>
        ReadTail<IReadOnlyList<LedgerRow>>(
            (out rows) => (rows = TryReadTransactions(account, beforeNumber - 1, limit)!) is not null, cancellationToken);

    /// <inheritdoc />
    public ValueTask<long> FindKeyAsync(AccountId account, UInt128 key, CancellationToken cancellationToken = default) =>
        ReadTail<long>((out sequence) => TryFindKey(account, key, out sequence), cancellationToken);

    /// <inheritdoc />
    public ValueTask<IReadOnlyList<LedgerSnapshot>> ReadSnapshotsAsync(AccountId account, CancellationToken cancellationToken = default) => Read<IReadOnlyList<LedgerSnapshot>>(
        () =>
        {
            LedgerSnapshot[] waiting;
            lock (gate)
            {
                waiting = snapshots.TryGetValue(account, out var pending) ? [.. pending] : [];
            }

            using var view = pages.OpenView();
            var stored = view.ReadSnapshots(account);

            // One that was older than what is stored when it came will be passed over.
            return Newest([.. waiting.Where(snapshot => stored.Count == 0 || snapshot.Head.Sequence >= stored[0].Head.Sequence), .. stored]);
        },
        cancellationToken);

    /// <inheritdoc />
    public ValueTask<IReadOnlyList<AccountId>> ListAccountsAsync(AccountId? after, int limit, CancellationToken cancellationToken = default) => Read<IReadOnlyList<AccountId>>(
        () =>
        {
            AccountId[] withTail;
            lock (gate)
            {
                withTail = [.. tail.AccountsWithTail().Where(account => after is not { } last || string.CompareOrdinal(account.Value, last.Value) > 0)];
            }

            using var view = pages.OpenView();
            var stored = view.ListAccounts(after, limit);
            return withTail.Length == 0 ? stored : [.. stored.Union(withTail).OrderBy(account => account.Value, StringComparer.Ordinal).Take(limit)];
        },
        cancellationToken);

    private ValueTask<T> Read<T>(Func<T> read, CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled<T>(cancellationToken);
        }

        try
        {
            lock (gate)
            {
                ObjectDisposedException.ThrowIf(disposed, this);
            }

            return ValueTask.FromResult(read());
        }
        catch (Exception error)
        {
            return ValueTask.FromException<T>(error);
        }
    }

    /// <summary>
    /// Reads with the tail's chunks held. An attempt fails where a record whose bytes are in the journal only was projected and deleted
    /// meanwhile; its rows are in the pages now, so the next attempt finds them there.
    /// </summary>
    private ValueTask<T> ReadTail<T>(Attempt<T> attempt, CancellationToken cancellationToken) => Read(
        () =>
        {
            lock (gate)
            {
                tail.EnterReader();
            }

            try
            {
                T result;
                while (!attempt(out result))
                {
                }

                return result;
            }
            finally
            {
                lock (gate)
                {
                    tail.LeaveReader();
                }
            }
        },
        cancellationToken);

    private List<LedgerRow>? TryRead(AccountId account, long from, int limit)
    {
        TailSpan[] spans;
        var tailFirst = long.MaxValue;
        lock (gate)
        {
            spans = [];
            if (tail.Find(account) is { HasTail: true } state)
            {
                tailFirst = state.Spans[0].First;
                var first = Math.Max(0, state.IndexOf(from));

                // As if the pages had nothing from there on, because what they had may be archived.
                var begin = Math.Max(from, tailFirst);
                var end = Math.Max(first, limit < long.MaxValue - begin ? state.IndexOf(begin + limit - 1) + 1 : state.Spans.Length);
                spans = state.Spans[first..end].ToArray();
            }
        }

        var rows = new List<LedgerRow>();
        if (from < tailFirst && limit > 0)
        {
            AddFromPages(account, from, tailFirst, limit, rows);
        }

        foreach (var span in spans)
        {
            if (rows.Count < limit && !AddFromSpan(span, from, limit, rows))
            {
                return null;
            }
        }

        return rows;
    }

    private void AddFromPages(AccountId account, long from, long before, int limit, List<LedgerRow> rows)
    {
        using var view = pages.OpenView();
        if (view.FindAccount(account) is not { } stored)
        {
            return;
        }

        var last = Math.Min(stored.LastPage.Last, before - 1);
        for (var next = Math.Max(from, stored.Archived + 1); next <= last && rows.Count < limit;)
        {
            var page = ReadPage(view, stored, next);
            AddRows(page.Body, page.Header.First, page.Header.NumberBefore, next, Math.Min(last, page.Header.Last), limit, rows);
            next = page.Header.Last + 1;
        }
    }

    private static StoredPage ReadPage(IPageView view, in StoredAccount stored, long sequence) =>
        view.ReadPage(stored.Number, sequence) is { } page && page.Header.Last >= sequence
            ? page
            : throw new LedgerFormatException($"Entry {sequence} is missing in the ledger of an account with {stored.LastPage.Last} entries.");

    private static void AddRows(ReadOnlyMemory<byte> source, long first, long numberBefore, long from, long through, int limit, List<LedgerRow> rows)
    {
        for (var sequence = first; sequence <= through && rows.Count < limit; sequence++)
        {
            var row = StoredRows.Take(ref source, sequence, numberBefore);
            numberBefore = row.TransactionNumber;
            if (sequence >= from)
            {
                rows.Add(row);
            }
        }
    }

    /// <returns>False where the record is in the journal no longer.</returns>
    private bool AddFromSpan(in TailSpan span, long from, int limit, List<LedgerRow> rows)
    {
        if (RowsOf(span) is not var (group, source))
        {
            return false;
        }

        AddRows(source, group.First, group.NumberBefore, from, group.Last, limit, rows);
        return true;
    }

    /// <summary>A group's header and a copy of its rows, which outlives the tail; null where the journal has its record no longer.</summary>
    private (GroupHeader Group, ReadOnlyMemory<byte> Rows)? RowsOf(in TailSpan span)
    {
        if (span.Record.Bytes is { } bytes)
        {
            var group = JournalRecord.ReadGroup(bytes.Span, span.Offset);
            return (group, bytes.Slice(group.RowsAt, group.RowsLength).ToArray());
        }

        var (at, offset) = (span.Record.Position, span.Offset);
        (GroupHeader Group, ReadOnlyMemory<byte> Rows)? result = null;
        journal.Read(at, (found, record) =>
        {
            if (found == at)
            {
                JournalRecord.Check(record, found, journal.Name);
                var group = JournalRecord.ReadGroup(record, offset);
                result = (group, record.Slice(group.RowsAt, group.RowsLength).ToArray());
            }

            return false;
        });
        return result;
    }

    private List<LedgerRow>? TryReadTransactions(AccountId account, long number, int limit)
    {
        var rows = new List<LedgerRow>();
        if (number < 1 || limit < 1)
        {
            return rows;
        }

        TailSpan[] spans = [];
        lock (gate)
        {
            if (tail.Find(account) is { HasTail: true } state)
            {
                number = Math.Min(number, state.Transactions);
                var last = state.IndexOfNumber(number);
                var first = Math.Max(0, state.IndexOfNumber(number - limit + 1));
                spans = last < 0 ? [] : state.Spans[first..(last + 1)].ToArray();
            }
        }

        for (var index = spans.Length - 1; index >= 0 && rows.Count < limit; index--)
        {
            if (RowsOf(spans[index]) is not var (group, source))
            {
                return null;
            }

            AddTransactions(source, group.First, group.Last, group.NumberBefore, number, limit, rows);
            number = Math.Min(number, group.NumberBefore);
        }

        if (rows.Count < limit && number >= 1)
        {
            AddTransactionsFromPages(account, number, limit, rows);
        }

        return rows;
    }

    private void AddTransactionsFromPages(AccountId account, long number, int limit, List<LedgerRow> rows)
    {
        using var view = pages.OpenView();
        if (view.FindAccount(account) is not { } stored)
        {
            return;
        }

        number = Math.Min(number, stored.LastPage.LastNumber);
        var high = stored.LastPage.Last;
        while (rows.Count < limit && number > stored.ArchivedNumber)
        {
            var header = FindNumber(view, stored, number, high);
            var page = ReadPage(view, stored, header.Last);
            AddTransactions(page.Body, header.First, header.Last, header.NumberBefore, number, limit, rows);
            (number, high) = (header.NumberBefore, header.First - 1);
        }
    }

    /// <summary>
    /// The page that holds a transaction. Numbers never fall along the ledger, and the sequence of number n is at least n and at most n
    /// plus all other entries; so a search between the two takes a handful of look-ups and no index of its own.
    /// </summary>
    private static PageHeader FindNumber(IPageView view, in StoredAccount stored, long number, long high)
    {
        var low = Math.Max(number, stored.Archived + 1);
        high = Math.Min(high, number + stored.LastPage.Last - stored.LastPage.LastNumber);
        while (low <= high)
        {
            // The first guess is the upper end: where all entries are transactions, and for the next page downwards, it is right.
            var middle = high;
            var header = view.FindPage(stored.Number, middle) ?? throw Missing(stored, middle);
            if (header.NumberBefore < number)
            {
                return header.LastNumber >= number ? header : throw Missing(stored, middle);
            }

            high = header.First - 1;
            middle = low + ((high - low) / 2);
            if (middle >= low && view.FindPage(stored.Number, middle) is { } lower)
            {
                if (lower.NumberBefore < number && lower.LastNumber >= number)
                {
                    return lower;
                }

                (low, high) = lower.LastNumber < number ? (lower.Last + 1, high) : (low, lower.First - 1);
            }
        }

        throw Missing(stored, number);
    }

    private static LedgerFormatException Missing(in StoredAccount stored, long what) =>
        new($"Transaction or entry {what} is missing in the ledger of an account with {stored.LastPage.Last} entries.");

    private static void AddTransactions(ReadOnlyMemory<byte> source, long first, long last, long numberBefore, long highest, int limit, List<LedgerRow> rows)
    {
        var found = new List<LedgerRow>();
        for (var sequence = first; sequence <= last && numberBefore < highest; sequence++)
        {
            var row = StoredRows.Take(ref source, sequence, numberBefore);
            numberBefore = row.TransactionNumber;
            if (row.IsTransaction)
            {
                found.Add(row);
            }
        }

        for (var index = found.Count - 1; index >= 0 && rows.Count < limit; index--)
        {
            rows.Add(found[index]);
        }
    }

    private bool TryFindKey(AccountId account, UInt128 key, out long sequence)
    {
        var fingerprint = KeyRuns.Fingerprint(KeyRuns.Salt(account), key);
        TailRecord[] records;
        lock (gate)
        {
            records = tail.NewestFirst();
        }

        foreach (var record in records)
        {
            for (var at = record.Fingerprints.AsSpan().LastIndexOf(fingerprint); at >= 0; at = record.Fingerprints.AsSpan(0, at).LastIndexOf(fingerprint))
            {
                sequence = record.KeySequences[at];
                if (TryRead(account, sequence, 1) is not { } found)
                {
                    return false;
                }

                if (found is [var row] && row.Sequence == sequence && row.Key == key)
                {
                    return true;
                }
            }
        }

        sequence = FindKeyInPages(account, key, fingerprint);
        return true;
    }

    private long FindKeyInPages(AccountId account, UInt128 key, ulong fingerprint)
    {
        using var view = pages.OpenView();
        if (view.FindAccount(account) is not { } stored)
        {
            return 0;
        }

        var (found, candidates) = (0L, new List<long>());
        view.ReadKeys(KeyRuns.BucketOf(fingerprint), body =>
        {
            candidates.Clear();
            KeyRuns.Find(body, fingerprint, candidates);
            foreach (var sequence in candidates)
            {
                if (sequence > stored.Archived && sequence <= stored.LastPage.Last && KeyAt(view, stored, sequence) == key)
                {
                    found = sequence;
                    return false;
                }
            }

            return true;
        });
        return found;
    }

    private static UInt128? KeyAt(IPageView view, in StoredAccount stored, long sequence)
    {
        var page = ReadPage(view, stored, sequence);
        var rows = new List<LedgerRow>(1);
        AddRows(page.Body, page.Header.First, page.Header.NumberBefore, sequence, sequence, 1, rows);
        return rows[0].Key;
    }

    private delegate bool Attempt<T>(out T result);
}
