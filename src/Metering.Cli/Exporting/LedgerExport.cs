using System.IO.Pipelines;
using Metering.Engine;

namespace Metering.Cli;

/// <summary>What is to be exported.</summary>
/// <param name="Account">The one account; null for all.</param>
/// <param name="Format">How.</param>
/// <param name="Query">Which transactions of each account.</param>
internal sealed record ExportJob(AccountId? Account, ExportFormat Format, ExportQuery Query);

/// <summary>Exports accounts one after another, in the order of their ids. Every line names its account.</summary>
internal sealed class LedgerExport(ILedgerStore ledger, ExportJob job)
{
    private long done;
    private long all;

    /// <summary>What is exported.</summary>
    public ExportJob Job => job;

    /// <summary>Transactions that this run wrote.</summary>
    public long Rows { get; private set; }

    /// <summary>Accounts that this run went through.</summary>
    public long Accounts { get; private set; }

    /// <summary>Writes what is asked for.</summary>
    /// <param name="output">Where; a file at the end of what it has.</param>
    /// <param name="position">What was written before; null for nothing.</param>
    /// <param name="progress">Told how many entries of the ledger were looked at.</param>
    /// <param name="cancellationToken">Ends the export with what is written.</param>
    /// <returns>Why it ended early; null where it did not.</returns>
    public async Task<string?> RunAsync(Stream output, ExportPosition? position, IProgressDisplay progress, CancellationToken cancellationToken)
    {
        var writer = PipeWriter.Create(output, new(leaveOpen: true));
        var refusal = job.Account is { } one
            ? await WriteOneAsync(writer, one, position, progress, cancellationToken)
            : await WriteAllAsync(writer, position, progress, cancellationToken);
        await writer.CompleteAsync();
        return refusal;
    }

    private async Task<string?> WriteOneAsync(PipeWriter writer, AccountId account, ExportPosition? position, IProgressDisplay progress, CancellationToken cancellationToken)
    {
        if (position is not null && position.Account != account)
        {
            return $"The file that is to be continued holds account {position.Account}, not {account}.";
        }

        if ((await ledger.ReadHeadAsync(account, cancellationToken)).Head.Sequence == 0)
        {
            return $"There is no account {account} in this ledger.";
        }

        return await WriteAsync(writer, account, position, progress, cancellationToken);
    }

    private async Task<string?> WriteAllAsync(PipeWriter writer, ExportPosition? position, IProgressDisplay progress, CancellationToken cancellationToken)
    {
        all = await AccountPages.CountEntriesAsync(ledger, cancellationToken);
        await foreach (var page in AccountPages.ReadAsync(ledger, cancellationToken))
        {
            // Accounts that the file has whole are passed over; the one that it ends with goes on behind its last line.
            foreach (var account in page.Where(account => position is null || string.CompareOrdinal(account.Value, position.Account.Value) >= 0))
            {
                if (await WriteAsync(writer, account, position, progress, cancellationToken) is { } refusal)
                {
                    return refusal;
                }
            }
        }

        return null;
    }

    private async Task<string?> WriteAsync(PipeWriter writer, AccountId account, ExportPosition? position, IProgressDisplay progress, CancellationToken cancellationToken)
    {
        var query = position?.Account == account ? job.Query with { After = position.Last } : job.Query;
        if (!(await TransactionExport.OpenAsync(ledger, account, query, cancellationToken)).TryGet(out var export, out var refusal))
        {
            return $"Account {account} cannot be exported: {refusal.Message}";
        }

        var entries = export.Remaining;
        all = Math.Max(all, entries);
        var (before, isBeginning) = (done, position is null && query.After is null && Accounts == 0);
        export.Advanced = now => progress.Set(before + entries - now.Remaining, all);
        await export.WriteAsync(writer, job.Format, withAccount: true, withHeader: isBeginning, cancellationToken);
        (Rows, Accounts, done) = (Rows + export.Rows, Accounts + 1, done + entries);
        progress.Set(done, all);
        return null;
    }
}
