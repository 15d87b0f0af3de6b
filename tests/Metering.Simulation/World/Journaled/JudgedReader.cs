using System.Security.Cryptography;
using Metering.Engine;

namespace Metering.Simulation;

/// <summary>
/// Reads of a store, each compared with what is durable: it must be a state that was durable at some moment of the read, and none that
/// lies before what the store had acknowledged when the read began.
/// </summary>
internal sealed class JudgedReader(SimulatedLedger ledger, Func<ILedgerStore> store, Func<AccountId, long> knownAt, Action<string> violate)
{
    private readonly HashSet<(AccountId, LedgerHead, string)> snapshots = [];

    public (LedgerHead Head, long Transactions) ReadHead(AccountId account)
    {
        var floor = knownAt(account);
        var read = Now(store().ReadHeadAsync(account));
        var sequence = read.Head.Sequence;
        var isThere = sequence >= floor && sequence <= Top(account);
        var isRight = sequence == 0 || !isThere
            ? read == (LedgerHead.Empty(account), 0)
            : ledger.Rows(account)[(int)sequence - 1] is var row && row.Link == read.Head.Link && row.TransactionNumber == read.Transactions;
        Holds(isThere && isRight, account, $"the head is read as {sequence} with {read.Transactions} transactions", floor);
        return read;
    }

    public IReadOnlyList<LedgerRow> Read(AccountId account, long fromSequence, int limit)
    {
        var floor = knownAt(account);
        var rows = Now(store().ReadAsync(account, fromSequence, limit));
        var from = Math.Max(1, fromSequence);
        var (least, most) = (Count(floor - from + 1, limit), Count(Top(account) - from + 1, limit));
        Holds(rows.Count >= least && rows.Count <= most, account, $"{rows.Count} entries are read from {fromSequence}, at most {limit}", floor);
        for (var index = 0; index < Math.Min(rows.Count, most); index++)
        {
            var isEqual = AreEqual(rows[index], ledger.Rows(account)[(int)from + index - 1]);
            Holds(isEqual, account, $"entry {from + index} is read as entry {rows[index].Sequence}, transaction {rows[index].TransactionNumber}, or with other content", floor);
        }

        return rows;
    }

    public IReadOnlyList<LedgerRow> ReadTransactions(AccountId account, long beforeNumber, int limit)
    {
        var floor = knownAt(account);
        var rows = Now(store().ReadTransactionsAsync(account, beforeNumber, limit));
        var all = ledger.Rows(account);
        long NumberAt(long sequence) => sequence == 0 ? 0 : all[(int)sequence - 1].TransactionNumber;
        var (least, most) = (Math.Min(beforeNumber - 1, NumberAt(floor)), Math.Min(beforeNumber - 1, NumberAt(all.Count)));
        var newest = rows.Count == 0 ? Math.Min(least, 0) : rows[0].TransactionNumber;
        var isComplete = newest >= least && newest <= most && rows.Count == Count(newest, limit);
        Holds(isComplete || (rows.Count == 0 && (least < 1 || limit < 1)), account, $"{rows.Count} transactions below {beforeNumber} are read, the newest {newest}", floor);
        for (var index = 0; index < rows.Count; index++)
        {
            var number = newest - index;
            var isEqual = AreEqual(rows[index], all.FirstOrDefault(row => row.IsTransaction && row.TransactionNumber == number));
            Holds(isEqual, account, $"transaction {number} is read as entry {rows[index].Sequence}, or with other content", floor);
        }

        return rows;
    }

    public long FindKey(AccountId account, UInt128 key)
    {
        var floor = knownAt(account);
        var least = ledger.Rows(account).Take((int)floor).LastOrDefault(row => row.Key == key).Sequence;
        var found = Now(store().FindKeyAsync(account, key));
        var isRight = found >= least && found <= Top(account) && (found == 0 || ledger.Rows(account)[(int)found - 1].Key == key);
        Holds(isRight, account, $"a key of entry {least} is found at {found}", floor);
        return found;
    }

    public IReadOnlyList<LedgerSnapshot> ReadSnapshots(AccountId account)
    {
        var read = Now(store().ReadSnapshotsAsync(account));
        Holds(read.Count <= 2 && (read.Count < 2 || read[0].Head.Sequence > read[1].Head.Sequence), account, "snapshots are not the two newest in order", 0);
        Holds(read.All(snapshot => snapshots.Contains(Identify(account, snapshot))), account, "a snapshot is read that nobody stored", 0);
        return read;
    }

    public IReadOnlyList<AccountId> ListAccounts(AccountId? after, int limit)
    {
        bool IsAfter(AccountId account) => string.CompareOrdinal(account.Value, after?.Value ?? string.Empty) > 0;
        var least = ledger.Accounts.Where(account => IsAfter(account) && knownAt(account) > 0).Take(limit).ToArray();
        var read = Now(store().ListAccountsAsync(after, limit));
        var most = ledger.Accounts.Where(IsAfter).ToArray();
        if (read.Count > limit || !read.SequenceEqual(read.Order(Comparer<AccountId>.Create(static (left, right) => string.CompareOrdinal(left.Value, right.Value))).Distinct())
            || read.Except(most).Any() || (read.Count < limit && least.Except(read).Any()))
        {
            violate($"after {after} the accounts are listed as {string.Join(", ", read)}");
        }

        return read;
    }

    /// <summary>A snapshot that may be read from now on.</summary>
    public void Expect(AccountId account, LedgerSnapshot snapshot) => snapshots.Add(Identify(account, snapshot));

    /// <summary>What a process before this one had stored may be read, too.</summary>
    public void Inherit(JudgedReader older) => snapshots.UnionWith(older.snapshots);

    /// <summary>Reads everything there is, in every way that there is.</summary>
    public void ReadAll(Random random)
    {
        ListAccounts(null, 10);
        foreach (var account in ledger.Accounts.ToArray())
        {
            var length = (int)Top(account) + 1;
            ReadHead(account);
            Read(account, 1, int.MaxValue);
            Read(account, random.Next(length) + 1, random.Next(1, length + 1));
            ReadTransactions(account, long.MaxValue, length);
            ReadTransactions(account, random.Next(length + 2), random.Next(1, length + 1));
            ReadSnapshots(account);
            ListAccounts(account, 1);
            FindKey(account, (UInt128)random.NextInt64());
            foreach (var row in ledger.Rows(account).ToArray())
            {
                if (row.Key is { } key && random.Next(6) == 0)
                {
                    FindKey(account, key);
                }
            }
        }
    }

    private static (AccountId, LedgerHead, string) Identify(AccountId account, LedgerSnapshot snapshot) =>
        (account, snapshot.Head, Convert.ToHexString(SHA256.HashData(snapshot.State.Span)));

    private static bool AreEqual(in LedgerRow left, in LedgerRow right) =>
        left.Sequence == right.Sequence && left.TransactionNumber == right.TransactionNumber && left.IsTransaction == right.IsTransaction
        && left.Key == right.Key && left.Link == right.Link && left.Facts.Span.SequenceEqual(right.Facts.Span) && left.Texts.Span.SequenceEqual(right.Texts.Span);

    private static long Count(long there, int limit) => Math.Clamp(there, 0, Math.Max(0, limit));

    /// <summary>The journalled store answers at once; that the engine sees it later is the meter's store's part.</summary>
    private static T Now<T>(ValueTask<T> read) => read.AsTask().GetAwaiter().GetResult();

    private long Top(AccountId account) => ledger.Rows(account).Count;

    private void Holds(bool holds, AccountId account, string what, long floor)
    {
        if (!holds)
        {
            violate($"{account}: {what}; durable are entries 1 to {Top(account)}, acknowledged 1 to {floor}");
        }
    }
}
