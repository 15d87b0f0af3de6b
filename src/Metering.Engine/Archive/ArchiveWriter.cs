using Metering.Core;

namespace Metering.Engine;

/// <summary>Gathers rows of many accounts and appends them to the archive in commits of a good size.</summary>
internal sealed class ArchiveWriter(ILedgerStore archive, int batchEntries)
{
    private readonly Dictionary<AccountId, (LedgerHead Head, List<LedgerRow> Rows)> waiting = [];
    private int entries;

    /// <summary>True where a commit's worth is waiting.</summary>
    public bool IsFull => entries >= batchEntries;

    /// <summary>Takes what an account's copy has replayed; what the archive holds already is compared and left out.</summary>
    /// <exception cref="ArchiveException">The archive is not this ledger's.</exception>
    public async ValueTask AddAsync(AccountCopy copy, LedgerBase? ledgerBase, CancellationToken cancellationToken)
    {
        if (copy.Rows.Count == 0)
        {
            return;
        }

        if (!waiting.TryGetValue(copy.Account, out var target))
        {
            waiting.Add(copy.Account, target = (await HeadAsync(copy, ledgerBase, cancellationToken), []));
        }

        foreach (var row in copy.Rows)
        {
            if (row.Sequence == target.Head.Sequence && row.Link != target.Head.Link)
            {
                throw NotThisLedgers(copy.Account, row.Sequence);
            }

            if (row.Sequence > target.Head.Sequence)
            {
                target.Rows.Add(row);
                entries++;
            }
        }

        copy.Rows.Clear();
        if (IsFull)
        {
            await FlushAsync(cancellationToken);
        }
    }

    /// <summary>Appends everything that waits; it is durable on return.</summary>
    /// <exception cref="ArchiveException">Another process writes into the archive.</exception>
    public async ValueTask FlushAsync(CancellationToken cancellationToken)
    {
        var groups = new List<AppendGroup>();
        foreach (var (account, (head, rows)) in waiting)
        {
            if (rows.Count > 0)
            {
                groups.Add(new() { Account = account, Expected = head, Next = new(rows[^1].Sequence, rows[^1].Link!.Value), Rows = rows });
            }
        }

        waiting.Clear();
        entries = 0;
        if (groups.Count == 0)
        {
            return;
        }

        await archive.AppendAsync(groups, cancellationToken);
        if (groups.Find(group => group.Result != AppendResult.Appended) is { } lost)
        {
            throw new ArchiveException($"The archive of account {lost.Account} changed while it was written: another process archives into it. Run again when that has ended.");
        }
    }

    /// <summary>Where the archive stands; one without entries of the account begins where the ledger does.</summary>
    private async ValueTask<LedgerHead> HeadAsync(AccountCopy copy, LedgerBase? ledgerBase, CancellationToken cancellationToken)
    {
        var (head, _) = await archive.ReadHeadAsync(copy.Account, cancellationToken);
        var begin = ledgerBase?.Head ?? LedgerHead.Empty(copy.Account);
        if (head == begin)
        {
            return head;
        }

        if (head.Sequence == 0)
        {
            await archive.CutAsync([new() { Account = copy.Account, Base = ledgerBase! }], cancellationToken);
            return begin;
        }

        if (head.Sequence < begin.Sequence)
        {
            throw new ArchiveException(
                $"The archive ends at entry {head.Sequence} of account {copy.Account}, and its ledger begins after entry {begin.Sequence}: entries between them are in another archive. Choose that one, or a new file.");
        }

        // An earlier run wrote more than it cut. Its last entry is compared when the copy comes by; where the copy ends before it, its proof compares.
        return head;
    }

    private static ArchiveException NotThisLedgers(AccountId account, long sequence) =>
        new($"Entry {sequence} of account {account} is another one in the archive than in the ledger: the archive is another ledger's. Choose another file.");
}

/// <summary>Proves that an archive holds what is about to be cut.</summary>
internal static class ArchiveProof
{
    private const int PageRows = 1_024;

    /// <summary>Reads an account's entries back from the archive and follows their chain to the link at which the ledger will be cut.</summary>
    /// <exception cref="ArchiveException">They are not there, or not what was written.</exception>
    public static async ValueTask HoldsAsync(ILedgerStore archive, ArchivedAccount account, CancellationToken cancellationToken)
    {
        var hasher = new ChainHasher();
        var (sequence, end) = (account.Begin.Sequence, account.Base.Head);
        hasher.Begin(account.Begin.Link);
        while (sequence < end.Sequence)
        {
            var rows = await archive.ReadAsync(account.Account, sequence + 1, (int)Math.Min(PageRows, end.Sequence - sequence), cancellationToken);
            foreach (var row in rows)
            {
                hasher.Add(row.Facts.Span, row.Texts.Span);
                if (row.Sequence != ++sequence || (row.Link is { } link && hasher.End(row.TextsDigest) != link) || (sequence == end.Sequence && row.Link != end.Link))
                {
                    throw Damaged(account.Account, sequence);
                }

                if (row.Link is { } next)
                {
                    hasher.Begin(next);
                }
            }

            if (rows.Count == 0)
            {
                throw Damaged(account.Account, sequence + 1);
            }
        }
    }

    private static ArchiveException Damaged(AccountId account, long sequence) =>
        new($"Entry {sequence} of account {account} is not in the archive as it was written, and the ledger was not cut. Verify the archive, or choose another file.");
}
