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
    /// <param name="progress">Told after each account; null for nobody.</param>
    /// <param name="cancellationToken">Ends the verification.</param>
    /// <exception cref="LedgerUnavailableException">The ledger cannot be read now.</exception>
    public static async Task<VerificationReport> VerifyAsync(ILedgerStore store, IProgress<VerificationReport>? progress = null, CancellationToken cancellationToken = default)
    {
        var report = new VerificationReport(0, 0, null);
        AccountId? after = null;
        while (true)
        {
            var page = await store.ListAccountsAsync(after, PageRows, cancellationToken);
            foreach (var account in page)
            {
                var (entries, fault) = await VerifyAccountAsync(store, account, cancellationToken);
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
    public static async Task<(long Entries, string? Fault)> VerifyAccountAsync(ILedgerStore store, AccountId account, CancellationToken cancellationToken = default)
    {
        var replay = new Replay(account, await store.ReadSnapshotsAsync(account, cancellationToken));
        while (true)
        {
            var rows = await store.ReadAsync(account, replay.State.Sequence + 1, PageRows, cancellationToken);
            foreach (var row in rows)
            {
                if (replay.Add(row) is { } fault)
                {
                    return (replay.State.Sequence, $"Account {account}, entry {replay.State.Sequence + 1}: {fault}");
                }
            }

            if (rows.Count < PageRows)
            {
                return (replay.State.Sequence, replay.End() is { } fault ? $"Account {account}, entry {replay.State.Sequence}: {fault}" : null);
            }
        }
    }

    private sealed class Replay
    {
        private readonly List<LedgerSnapshot> snapshots;
        private readonly ChainHasher hasher = new();
        private Credits sum;
        private bool insideGroup;

        public Replay(AccountId account, IReadOnlyList<LedgerSnapshot> snapshots)
        {
            State = Account.New(account);
            this.snapshots = [.. snapshots.Where(snapshot => snapshot.FormatVersion == SnapshotCodec.Version)];
            hasher.Begin(ChainLink.Genesis(account));
        }

        public AccountState State { get; }

        /// <summary>The fault of a row, or null. A faulty row does not advance the state.</summary>
        public string? Add(LedgerRow row)
        {
            if (row.Sequence != State.Sequence + 1)
            {
                return $"the next row has sequence {row.Sequence}.";
            }

            hasher.Add(row.Facts.Span, row.Texts.Span);
            insideGroup = true;
            if (row.Link is { } link)
            {
                if (hasher.End() != link)
                {
                    return "the chain is broken: the link does not follow from the rows before it.";
                }

                hasher.Begin(link);
                insideGroup = false;
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
            if (insideGroup)
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
