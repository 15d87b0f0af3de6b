using Metering.Core;

namespace Metering.Engine;

/// <summary>What the verification of a ledger found.</summary>
/// <param name="Accounts">Accounts checked, the bad one included.</param>
/// <param name="Entries">Entries checked.</param>
/// <param name="Fault">The first fault: which account, which entry, what is wrong; null where everything holds.</param>
public sealed record VerificationReport(long Accounts, long Entries, string? Fault)
{
    /// <summary>True where everything holds.</summary>
    public bool IsSound => Fault is null;
}

/// <summary>
/// Proves a ledger from its rows alone: sequences and transaction numbers without gaps, every link of the chain, every invariant of the
/// account replayed, rows that sum to the balance, snapshots that equal the replayed state.
/// </summary>
public static class LedgerVerifier
{
    private const int PageRows = 1_024;

    /// <summary>Verifies every account; stops at the first fault.</summary>
    /// <param name="store">The ledger.</param>
    /// <param name="progress">Told as entries are checked, about every thousand of them and after each account; null for nobody.</param>
    /// <param name="cancellationToken">Ends the verification.</param>
    /// <exception cref="LedgerUnavailableException">The ledger cannot be read now.</exception>
    public static async Task<VerificationReport> VerifyAsync(ILedgerStore store, IProgress<VerificationReport>? progress = null, CancellationToken cancellationToken = default)
    {
        var report = new VerificationReport(0, 0, null);
        AccountId? after = null;
        while (true)
        {
            var (page, unreadable) = await TryReadAsync(() => store.ListAccountsAsync(after, PageRows, cancellationToken));
            if (unreadable is not null)
            {
                return report with { Fault = $"The list of accounts{(after is { } last ? $" after {last}" : "")}: {unreadable}" };
            }

            foreach (var account in page!)
            {
                var before = report;
                var (entries, fault) = await VerifyAccountAsync(
                    store, account, checkedEntries => progress?.Report(before with { Entries = before.Entries + checkedEntries }), cancellationToken);
                if (entries == 0)
                {
                    // A ledger lists accounts with entries only: these were lost, and no chain is left to tell.
                    fault ??= $"Account {account}, entry 1: the account is listed, and has no entries.";
                }

                report = new(report.Accounts + 1, report.Entries + entries, fault);
                progress?.Report(report);
                if (fault is not null)
                {
                    return report;
                }

                after = account;
            }

            if (page.Count < PageRows)
            {
                return report;
            }
        }
    }

    /// <summary>Verifies one account.</summary>
    /// <param name="store">The ledger.</param>
    /// <param name="account">The account.</param>
    /// <param name="cancellationToken">Ends the verification.</param>
    /// <returns>Entries checked, and the first fault or null.</returns>
    /// <exception cref="LedgerUnavailableException">The ledger cannot be read now.</exception>
    public static Task<(long Entries, string? Fault)> VerifyAccountAsync(ILedgerStore store, AccountId account, CancellationToken cancellationToken = default) =>
        VerifyAccountAsync(store, account, static _ => { }, cancellationToken);

    private static async Task<(long Entries, string? Fault)> VerifyAccountAsync(
        ILedgerStore store, AccountId account, Action<long> onPage, CancellationToken cancellationToken)
    {
        var (snapshots, unreadable) = await TryReadAsync(() => store.ReadSnapshotsAsync(account, cancellationToken));
        if (unreadable is not null)
        {
            return (0, $"Account {account}, its snapshots: {unreadable}");
        }

        var replay = new Replay(account, snapshots!);
        for (var limit = PageRows; ;)
        {
            IReadOnlyList<LedgerRow>? rows;
            (rows, unreadable) = await TryReadAsync(() => store.ReadAsync(account, replay.State.Sequence + 1, limit, cancellationToken));
            if (rows is null && limit > 1)
            {
                // Row by row from here on: what is good before the unreadable row is checked, and the row can be named.
                limit = 1;
                continue;
            }

            if (unreadable is not null)
            {
                return (replay.State.Sequence, $"Account {account}, entry {replay.State.Sequence + 1}: {unreadable}");
            }

            if (replay.AddAll(rows!) is var (bad, fault))
            {
                return (bad - 1, $"Account {account}, entry {bad}: {fault}");
            }

            if (rows!.Count < limit)
            {
                return (replay.State.Sequence, replay.End() is { } last ? $"Account {account}, entry {replay.State.Sequence}: {last}" : null);
            }

            onPage(replay.State.Sequence);
        }
    }

    /// <summary>What a read gave, or why the store cannot make sense of what it holds.</summary>
    private static async ValueTask<(T? Read, string? Unreadable)> TryReadAsync<T>(Func<ValueTask<T>> read)
        where T : class
    {
        try
        {
            return (await read(), null);
        }
        catch (LedgerFormatException damage)
        {
            return (null, damage.Message);
        }
    }

    private sealed class Replay
    {
        private readonly List<LedgerSnapshot> snapshots;
        private readonly ChainHasher hasher = new();
        private Credits sum;
        private long commitBegins = 1;

        public Replay(AccountId account, IReadOnlyList<LedgerSnapshot> snapshots)
        {
            State = Account.New(account);
            this.snapshots = [.. snapshots.Where(snapshot => snapshot.FormatVersion == SnapshotCodec.Version)];
            hasher.Begin(ChainLink.Genesis(account));
        }

        public AccountState State { get; }

        /// <summary>The first bad row's sequence and its fault, or null. Nothing may be added after it.</summary>
        public (long Sequence, string Fault)? AddAll(IReadOnlyList<LedgerRow> rows)
        {
            foreach (var row in rows)
            {
                var due = State.Sequence + 1;
                if (Add(row) is { } fault)
                {
                    return (due, fault);
                }
            }

            return null;
        }

        private string? Add(LedgerRow row)
        {
            if (row.Sequence != State.Sequence + 1)
            {
                return $"the next row has sequence {row.Sequence}.";
            }

            hasher.Add(row.Facts.Span, row.Texts.Span);
            if (row.Link is { } link)
            {
                if (hasher.End() != link)
                {
                    return row.Sequence == commitBegins
                        ? "the chain is broken: the link does not follow from the entry and the link before it."
                        : $"the chain is broken: the link does not follow from the entries of its commit, {commitBegins} to {row.Sequence}, and the link before them.";
                }

                hasher.Begin(link);
                commitBegins = row.Sequence + 1;
            }

            try
            {
                return Evolve(row);
            }
            catch (Exception exception) when (exception is LedgerFormatException or InvariantException)
            {
                return exception.Message;
            }
        }

        public string? End()
        {
            if (commitBegins <= State.Sequence)
            {
                return "the ledger ends inside a commit.";
            }

            return snapshots.Count > 0 ? $"a snapshot stands at entry {snapshots[0].Head.Sequence}, where no commit ended." : null;
        }

        private string? Evolve(LedgerRow row)
        {
            var entry = Views.ToEntry(row);
            if (entry.Sequence != row.Sequence || entry.TransactionNumber != row.TransactionNumber || entry is TransactionEntry != row.IsTransaction || entry.Key?.Id != row.Key)
            {
                return "the row's columns differ from its facts.";
            }

            var next = sum + ((entry as TransactionEntry)?.Amount ?? Credits.Zero);
            Account.Evolve(State, entry);
            sum = next;
            if (sum != State.Available)
            {
                return $"the rows sum to {sum}, and the balance is {State.Available}.";
            }

            return row.Link is { } link ? CheckSnapshot(new(row.Sequence, link)) : null;
        }

        private string? CheckSnapshot(LedgerHead head)
        {
            var index = snapshots.FindIndex(snapshot => snapshot.Head == head);
            if (index < 0)
            {
                return null;
            }

            var replayed = new ByteWriter(1_024);
            SnapshotCodec.Encode(State, replayed);
            var isEqual = replayed.Written.Span.SequenceEqual(snapshots[index].State.Span);
            snapshots.RemoveAt(index);
            return isEqual
                ? null
                : "the snapshot taken here differs from what the entries add up to.";
        }
    }
}
