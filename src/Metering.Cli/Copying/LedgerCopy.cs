using Metering.Engine;

namespace Metering.Cli;

/// <summary>
/// Copies a ledger into another store: every row byte for byte, with the commits and links of the source, and each account's newest
/// snapshot. An older snapshot is left out; it serves only where the newest is damaged, and then the entries serve as well.
/// </summary>
/// <remarks>
/// It goes on where each account's target head stands, so it is run again after it was broken off, and then copies nothing twice. The source
/// is copied up to the heads that it has when each account's turn comes. Where it is written meanwhile, the comparison at the end says so, and
/// running again brings the rest: the last run wants a source at rest.
/// </remarks>
internal sealed class LedgerCopy(ILedgerStore source, ILedgerStore target)
{
    // Of one commit of the target: enough that a sync of the disk is nothing beside it, little enough to be held in memory.
    private const int BatchRows = 16_384;
    private const long BatchBytes = 16L << 20;

    private const string RunAgain = "One of them was written meanwhile: stop its writers and run the same command again, which brings the rest.";

    private readonly List<AppendGroup> batch = [];
    private long batchRows;
    private long batchBytes;
    private long standing;
    private long all;

    /// <summary>Entries that this run appended.</summary>
    public long Copied { get; private set; }

    /// <summary>Accounts of the source.</summary>
    public long Accounts { get; private set; }

    /// <summary>Entries that the target had before.</summary>
    public long Kept { get; private set; }

    /// <summary>Looks at every account of the target before anything is written: what is there must be a beginning of what the source has.</summary>
    /// <returns>Why the copy cannot be made, naming the account; null where it can.</returns>
    public async Task<string?> CheckTargetAsync(CancellationToken cancellationToken)
    {
        await foreach (var page in AccountPages.ReadAsync(target, cancellationToken))
        {
            var found = await AccountPages.SelectAsync(page, account => LedgerPosition.FindAsync(source, target, account, cancellationToken), cancellationToken);
            if (found.FirstOrDefault(one => one.Refusal is not null).Refusal is { } refusal)
            {
                return refusal;
            }
        }

        return null;
    }

    /// <summary>Copies what the target lacks.</summary>
    /// <returns>Why it ended early, naming the account; null where it did not.</returns>
    public async Task<string?> RunAsync(IProgressDisplay progress, CancellationToken cancellationToken)
    {
        all = await AccountPages.CountEntriesAsync(source, cancellationToken);
        progress.Set(0, all);
        await foreach (var page in AccountPages.ReadAsync(source, cancellationToken))
        {
            var found = await AccountPages.SelectAsync(page, account => LedgerPosition.FindAsync(source, target, account, cancellationToken), cancellationToken);
            foreach (var (position, refused) in found)
            {
                if ((refused ?? await CopyAccountAsync(position, progress, cancellationToken)) is { } refusal)
                {
                    return refusal;
                }
            }

            if ((await AppendAsync(progress, cancellationToken)) is { } lost)
            {
                return lost;
            }

            // Snapshots follow their entries, and a page of accounts is small.
            foreach (var (position, _) in found)
            {
                await CopySnapshotAsync(position, cancellationToken);
            }
        }

        return null;
    }

    /// <summary>Compares every head of the two ledgers: equal heads are equal histories, because a head's link covers all before it.</summary>
    /// <returns>How the ledgers differ, naming the first account; null where they do not.</returns>
    public async Task<string?> CompareAsync(CancellationToken cancellationToken)
    {
        var sourceAccounts = AccountPages.ReadAsync(source, cancellationToken).GetAsyncEnumerator(cancellationToken);
        await using (sourceAccounts)
        {
            await foreach (var targetPage in AccountPages.ReadAsync(target, cancellationToken))
            {
                var sourcePage = await sourceAccounts.MoveNextAsync() ? sourceAccounts.Current : [];
                if (!targetPage.SequenceEqual(sourcePage))
                {
                    var odd = targetPage.Except(sourcePage).Concat(sourcePage.Except(targetPage)).MinBy(account => account.Value, StringComparer.Ordinal);
                    return $"Account {odd} is in one of the two ledgers only. {RunAgain}";
                }

                var found = await AccountPages.SelectAsync(targetPage, account => LedgerPosition.FindAsync(source, target, account, cancellationToken), cancellationToken);
                if (Array.Find(found, one => !one.Position.IsDone) is ({ } behind, _))
                {
                    return $"Account {behind.Account} stands at entry {behind.Target.Sequence} in the target and at entry {behind.Source.Sequence} in the source. {RunAgain}";
                }
            }

            return await sourceAccounts.MoveNextAsync() ? $"Account {sourceAccounts.Current[0]} is in the source only. {RunAgain}" : null;
        }
    }

    private async Task<string?> CopyAccountAsync(LedgerPosition position, IProgressDisplay progress, CancellationToken cancellationToken)
    {
        Accounts++;
        Kept += position.Target.Sequence;
        standing += position.Target.Sequence;
        position = await position.BeginAsync(source, target, cancellationToken);
        while (!position.IsDone)
        {
            var group = await position.ReadNextAsync(source, cancellationToken);
            var bytes = group.Rows.Sum(row => (long)row.Facts.Length + row.Texts.Length);
            batch.Add(group);
            batchRows += group.Rows.Count;
            batchBytes += bytes;
            position = position.After(group, bytes);

            // An append takes an account once, so what follows of it needs the next one.
            if ((!position.IsDone || batchRows >= BatchRows || batchBytes >= BatchBytes) && await AppendAsync(progress, cancellationToken) is { } lost)
            {
                return lost;
            }
        }

        progress.Set(standing, all);
        return null;
    }

    private async Task<string?> AppendAsync(IProgressDisplay progress, CancellationToken cancellationToken)
    {
        if (batch.Count == 0)
        {
            return null;
        }

        await target.AppendAsync(batch, cancellationToken);
        if (batch.Find(group => group.Result != AppendResult.Appended) is { } lost)
        {
            return $"Account {lost.Account} was written in the target while it was copied. Stop what writes there, then look at both ledgers before another run.";
        }

        Copied += batchRows;
        standing += batchRows;
        batch.Clear();
        (batchRows, batchBytes) = (0, 0);
        progress.Set(standing, all);
        return null;
    }

    private async Task CopySnapshotAsync(LedgerPosition position, CancellationToken cancellationToken)
    {
        var newest = (await source.ReadSnapshotsAsync(position.Account, cancellationToken)).FirstOrDefault(snapshot => snapshot.Head.Sequence <= position.Source.Sequence);
        if (newest is not null && !(await target.ReadSnapshotsAsync(position.Account, cancellationToken)).Any(stored => stored.Head == newest.Head))
        {
            await target.SaveSnapshotAsync(position.Account, newest, cancellationToken);
        }
    }
}
