using Metering.Core;

namespace Metering.Engine;

/// <summary>
/// Moves old entries into an archive, which is a ledger store of its own. For every account, in this order: its old commits are replayed, proved
/// and written to the archive, durably; they are read back from it and proved again; a checkpoint, an ordinary durable decision, vouches for
/// the state after them; the ledger is cut. Whatever is killed when, an entry is in one place at least, and running again finishes: what
/// the archive holds already is compared and not written again. One archiver at a time for one archive.
/// </summary>
/// <param name="ledger">The ledger.</param>
/// <param name="archive">Where old entries go: empty, or what an earlier run left.</param>
/// <param name="meter">A meter on the ledger, which enters the checkpoints.</param>
/// <param name="options">Which entries.</param>
public sealed class LedgerArchiver(ILedgerStore ledger, ILedgerStore archive, EmbeddedCreditMeter meter, ArchiveOptions options)
{
    private const int PageRows = 1_024;

    private readonly ArchiveWriter writer = new(archive, options.BatchEntries);
    private readonly List<ArchivedAccount> ready = [];
    private ArchiveReport report = new(0, 0, 0, 0);

    /// <summary>Archives what is old enough, of every account.</summary>
    /// <param name="progress">Told after every account that was looked at or cut; null for nobody.</param>
    /// <param name="cancellationToken">Ends it between two steps; running again goes on.</param>
    /// <returns>What was done.</returns>
    /// <exception cref="ArchiveException">An account's ledger is damaged, the archive is not this ledger's, or the meter refuses.</exception>
    /// <exception cref="LedgerUnavailableException">A store cannot serve now; run again.</exception>
    /// <exception cref="LedgerOutcomeUnknownException">A store's answer was lost; run again.</exception>
    public async Task<ArchiveReport> ArchiveAsync(IProgress<ArchiveReport>? progress = null, CancellationToken cancellationToken = default)
    {
        options.Validate();
        AccountId? after = null;
        while (true)
        {
            var page = await ledger.ListAccountsAsync(after, PageRows, cancellationToken);
            foreach (var account in page)
            {
                if (await CopyAsync(account, cancellationToken) is { } copied)
                {
                    ready.Add(copied);
                }

                if (ready.Count >= options.BatchAccounts || writer.IsFull)
                {
                    await CutAsync(cancellationToken);
                }

                report = report with { Accounts = report.Accounts + 1 };
                progress?.Report(report);
                after = account;
            }

            if (page.Count < PageRows)
            {
                await CutAsync(cancellationToken);
                progress?.Report(report);
                return report;
            }
        }
    }

    /// <summary>Replays an account's old commits and hands them to the writer. Null where there are too few.</summary>
    private async ValueTask<ArchivedAccount?> CopyAsync(AccountId account, CancellationToken cancellationToken)
    {
        if (await LimitAsync(account, cancellationToken) is not { } limit)
        {
            return null;
        }

        var ledgerBase = await ledger.ReadBaseAsync(account, cancellationToken);
        var copy = new AccountCopy(account, BeginAt(account, ledgerBase), limit);
        var next = copy.Replay.State.Sequence + 1;
        while (!copy.IsAtLimit)
        {
            var rows = await ledger.ReadAsync(account, next, PageRows, cancellationToken);
            copy.Add(rows);
            if (copy.Replay.Entries >= options.MinEntries)
            {
                await writer.AddAsync(copy, ledgerBase, cancellationToken);
            }

            if (rows.Count < PageRows)
            {
                break;
            }

            next = rows[^1].Sequence + 1;
        }

        if (copy.Replay.Entries < options.MinEntries)
        {
            return null;
        }

        var state = new ByteWriter(4_096);
        SnapshotCodec.Encode(copy.Replay.State, state);
        return new(
            account,
            copy.Replay.Begin,
            new(copy.Replay.Head, copy.Replay.State.TransactionNumber, SnapshotCodec.Version, state.Written),
            CheckpointPoint.Of(copy.Replay.State, copy.Replay.Head.Link, state.Written.Span),
            copy.Bytes);
    }

    /// <summary>Entries applied before this instant may go; null where the account has none.</summary>
    private async ValueTask<DateTimeOffset?> LimitAsync(AccountId account, CancellationToken cancellationToken)
    {
        var (head, _) = await ledger.ReadHeadAsync(account, cancellationToken);
        var rows = await ledger.ReadAsync(account, head.Sequence, 1, cancellationToken);
        if (rows.Count == 0)
        {
            return null;
        }

        var kept = EntryOf(account, rows[0]).AppliedAt - options.KeptTail;
        return kept < options.Before ? kept : options.Before;
    }

    private static LedgerReplay BeginAt(AccountId account, LedgerBase? ledgerBase)
    {
        try
        {
            return new(account, ledgerBase, []);
        }
        catch (LedgerFormatException damage)
        {
            throw new ArchiveException($"The ledger of account {account} is damaged, and nothing of it was archived: {damage.Message} Verify the ledger.");
        }
    }

    internal static Entry EntryOf(AccountId account, LedgerRow row)
    {
        try
        {
            return Views.ToEntry(row);
        }
        catch (LedgerFormatException damage)
        {
            throw new ArchiveException($"Entry {row.Sequence} of account {account} is damaged, and nothing behind it was archived: {damage.Message} Verify the ledger.");
        }
    }

    /// <summary>Makes the archive durable, proves it, has the checkpoints entered, and cuts.</summary>
    private async ValueTask CutAsync(CancellationToken cancellationToken)
    {
        await writer.FlushAsync(cancellationToken);
        if (ready.Count == 0)
        {
            return;
        }

        foreach (var account in ready)
        {
            await ArchiveProof.HoldsAsync(archive, account, cancellationToken);
        }

        await EnterCheckpointsAsync(cancellationToken);
        var cuts = ready.ConvertAll(account => new LedgerCut { Account = account.Account, Base = account.Base });
        await ledger.CutAsync(cuts, cancellationToken);
        for (var index = 0; index < cuts.Count; index++)
        {
            if (!cuts[index].IsDone)
            {
                throw new ArchiveException($"Account {cuts[index].Account} was not cut after entry {cuts[index].Base.Head.Sequence}: its ledger is not what was archived. Verify both.");
            }

            report = report with
            {
                AccountsArchived = report.AccountsArchived + 1,
                Entries = report.Entries + ready[index].Base.Head.Sequence - ready[index].Begin.Sequence,
                Bytes = report.Bytes + ready[index].Bytes,
            };
        }

        ready.Clear();
    }

    /// <summary>All of a batch at once, so that the meter commits them together; what finds its queue full goes again when the others are through.</summary>
    private async ValueTask EnterCheckpointsAsync(CancellationToken cancellationToken)
    {
        var outcomes = await Task.WhenAll(ready.ConvertAll(account => meter.CheckpointAsync(account.Account, account.Point, cancellationToken).AsTask()));
        for (var index = 0; index < outcomes.Length; index++)
        {
            var (outcome, account) = (outcomes[index], ready[index]);
            if (outcome.Refusal is { Reason: RefusalReason.Overloaded })
            {
                outcome = await meter.CheckpointAsync(account.Account, account.Point, cancellationToken);
            }

            if (outcome.Refusal is { } refusal)
            {
                throw new ArchiveException($"The checkpoint of account {account.Account} was refused, and its entries stay in the ledger: {refusal.Message}");
            }
        }
    }
}

/// <summary>An account whose old entries are in the archive.</summary>
/// <param name="Account">The account.</param>
/// <param name="Begin">Where its ledger began.</param>
/// <param name="Base">Where it is to begin.</param>
/// <param name="Point">What its checkpoint says.</param>
/// <param name="Bytes">Bytes of facts and texts between the two.</param>
internal sealed record ArchivedAccount(AccountId Account, LedgerHead Begin, LedgerBase Base, CheckpointPoint Point, long Bytes);

/// <summary>The old commits of one account on their way: replayed, and those that are not with the writer yet.</summary>
internal sealed class AccountCopy(AccountId account, LedgerReplay replay, DateTimeOffset limit)
{
    private readonly List<LedgerRow> commit = [];

    public AccountId Account => account;

    /// <summary>What was replayed: whole commits only.</summary>
    public LedgerReplay Replay => replay;

    /// <summary>Replayed rows that the writer has not taken.</summary>
    public List<LedgerRow> Rows { get; } = [];

    public long Bytes { get; private set; }

    /// <summary>True once an entry was met that is too young.</summary>
    public bool IsAtLimit { get; private set; }

    /// <summary>Takes the next rows, up to the commit that holds the first entry that is too young.</summary>
    /// <exception cref="ArchiveException">The ledger is damaged.</exception>
    public void Add(IReadOnlyList<LedgerRow> rows)
    {
        foreach (var row in rows)
        {
            if (LedgerArchiver.EntryOf(account, row).AppliedAt >= limit)
            {
                IsAtLimit = true;
                return;
            }

            commit.Add(row);
            if (row.Link is null)
            {
                continue;
            }

            if (replay.AddAll(commit) is var (bad, fault))
            {
                throw new ArchiveException($"Entry {bad} of account {account} is damaged, and nothing behind it was archived: {fault} Verify the ledger.");
            }

            foreach (var taken in commit)
            {
                Bytes += taken.Facts.Length + taken.Texts.Length;
            }

            Rows.AddRange(commit);
            commit.Clear();
        }
    }
}
