using System.IO.Pipelines;
using Metering.Core;

namespace Metering.Engine;

/// <summary>
/// Streams the durable transactions of one account, oldest first, from the ledger as it stood when the export was opened. It holds some hundred
/// entries in memory, whatever the account has, and reads on only when what was written has been taken.
/// </summary>
/// <remarks>
/// Each line has its transaction's id: an export that broke off goes on with <see cref="ExportQuery.After"/>. Archived transactions are not
/// in the ledger; an export without a cursor begins behind them.
/// </remarks>
public sealed class TransactionExport
{
    // A page of the ledger; an entry has about 150 bytes, and one for ten thousand records half a megabyte.
    private const int MostRows = 512;
    private const int FirstRows = 64;
    private const long BytesOfRead = 2L << 20;

    // Written before it is waited for whether the reader keeps up: large enough that waiting costs nothing, small enough to hold.
    private const long BytesOfFlush = 64L << 10;

    private readonly ILedgerStore store;
    private readonly AccountId account;
    private readonly ExportQuery query;
    private readonly long end;
    private long next;

    private TransactionExport(ILedgerStore store, AccountId account, ExportQuery query, long next, long end)
    {
        (this.store, this.account, this.query) = (store, account, query);
        (this.next, this.end) = (next, end);
    }

    /// <summary>Transactions written.</summary>
    public long Rows { get; private set; }

    /// <summary>Told after each read of the ledger; null for nobody.</summary>
    public Action<TransactionExport>? Advanced { get; set; }

    /// <summary>Entries of the ledger that are still to be looked at.</summary>
    public long Remaining => Math.Max(0, end - next + 1);

    /// <summary>Finds where an export begins and ends.</summary>
    /// <param name="store">The ledger.</param>
    /// <param name="account">The account; one without entries exports nothing.</param>
    /// <param name="query">Which of its transactions.</param>
    /// <param name="cancellationToken">Cancels the reads.</param>
    /// <returns>The export; or a refusal for a range that ends before it begins, or for a cursor that the ledger does not hold.</returns>
    /// <exception cref="LedgerUnavailableException">The ledger cannot be read now.</exception>
    /// <exception cref="LedgerFormatException">It is damaged.</exception>
    public static async ValueTask<Outcome<TransactionExport>> OpenAsync(
        ILedgerStore store, AccountId account, ExportQuery query, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(store);
        ArgumentNullException.ThrowIfNull(query);
        if (query.From >= query.To)
        {
            return Refusal.Invalid("to", "to must be after from.");
        }

        var (head, _) = await store.ReadHeadAsync(account, cancellationToken);
        var ledgerBase = await store.ReadBaseAsync(account, cancellationToken);
        var begin = (ledgerBase?.Head.Sequence ?? 0) + 1;
        if (query.After is { } after)
        {
            if (after.Number <= ledgerBase?.Transactions)
            {
                return new Refusal(RefusalReason.TransactionArchived, $"after is {after}, which has been archived; leave it out to begin with what the ledger holds.") { Field = "after" };
            }

            var found = after.Number == long.MaxValue ? [] : await store.ReadTransactionsAsync(account, after.Number + 1, 1, cancellationToken);
            if (found is not [var row] || ((TransactionEntry)Views.ToEntry(row)).Id != after)
            {
                return Refusal.Invalid("after", $"after is {after}, which is no transaction of this account; the id of the last line of an earlier export is allowed.");
            }

            begin = row.Sequence + 1;
        }

        if (query.From is { } from)
        {
            begin = await FindAsync(store, account, begin, head.Sequence, from, cancellationToken);
        }

        return new TransactionExport(store, account, query, begin, head.Sequence);
    }

    /// <summary>Writes everything and flushes it; ends early where the reader of a pipe is gone.</summary>
    /// <param name="output">Where; waited for as it fills. It is not completed.</param>
    /// <param name="lines">How; made for this output.</param>
    /// <param name="cancellationToken">Ends the export with what is written.</param>
    /// <exception cref="LedgerUnavailableException">The ledger cannot be read now, or its entries were archived meanwhile.</exception>
    /// <exception cref="LedgerFormatException">It is damaged.</exception>
    internal async ValueTask WriteAsync(PipeWriter output, ITransactionLines lines, CancellationToken cancellationToken)
    {
        var unflushed = lines.WriteHeader(output);
        for (var limit = FirstRows; next <= end;)
        {
            var rows = await store.ReadAsync(account, next, (int)Math.Min(limit, Remaining), cancellationToken);
            if (rows.Count == 0 || rows[0].Sequence != next)
            {
                throw new LedgerUnavailableException($"Entries of account {account} were archived while they were exported; export again.");
            }

            var bytes = 0L;
            foreach (var row in rows)
            {
                if (IsPast(row))
                {
                    next = end + 1;
                    break;
                }

                next = row.Sequence + 1;
                bytes += row.Facts.Length + row.Texts.Length;
                unflushed += WriteRow(output, lines, row);
                if (unflushed >= BytesOfFlush)
                {
                    unflushed = 0;
                    if ((await output.FlushAsync(cancellationToken)).IsCompleted)
                    {
                        return;
                    }
                }
            }

            Advanced?.Invoke(this);
            limit = (int)Math.Clamp(BytesOfRead / Math.Max(1, bytes / rows.Count), 1, MostRows);
        }

        await output.FlushAsync(cancellationToken);
    }

    /// <inheritdoc cref="WriteAsync(PipeWriter, ITransactionLines, CancellationToken)"/>
    /// <param name="output">Where; waited for as it fills. It is not completed.</param>
    /// <param name="format">How.</param>
    /// <param name="withAccount">True to name the account in every line.</param>
    /// <param name="withHeader">True to write the names of the columns above a CSV.</param>
    /// <param name="cancellationToken">Ends the export with what is written.</param>
    public async ValueTask WriteAsync(PipeWriter output, ExportFormat format, bool withAccount, bool withHeader, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(output);
        if (format == ExportFormat.Csv)
        {
            await WriteAsync(output, new CsvLines(withAccount, withHeader), cancellationToken);
            return;
        }

        using var lines = new NdjsonLines(withAccount);
        await WriteAsync(output, lines, cancellationToken);
    }

    /// <summary>True where neither this entry nor a later one is wanted: what is due is never created before the entry that it follows.</summary>
    private bool IsPast(in LedgerRow row) => query.To is { } to && Views.ToEntry(row).CreatedAt >= to;

    private long WriteRow(PipeWriter output, ITransactionLines lines, in LedgerRow row)
    {
        if (!row.IsTransaction)
        {
            return 0;
        }

        var entry = (TransactionEntry)Views.ToEntry(row);
        if (entry.CreatedAt < query.From)
        {
            return 0;
        }

        Rows++;
        return lines.Write(output, account, Views.ToTransaction(entry));
    }

    /// <summary>
    /// The first entry that was applied at or after an instant: an account's entries are applied in the order of time, and nothing is created
    /// after it is applied, so that what comes before was created before. The other end is found on the way (<see cref="IsPast"/>).
    /// </summary>
    private static async ValueTask<long> FindAsync(ILedgerStore store, AccountId account, long begin, long end, DateTimeOffset from, CancellationToken cancellationToken)
    {
        while (begin <= end)
        {
            var middle = begin + ((end - begin) / 2);
            var rows = await store.ReadAsync(account, middle, 1, cancellationToken);
            if (rows is not [var row])
            {
                throw new LedgerUnavailableException($"Entries of account {account} were archived while they were exported; export again.");
            }

            if (Views.ToEntry(row).AppliedAt < from)
            {
                begin = middle + 1;
            }
            else
            {
                end = middle - 1;
            }
        }

        return begin;
    }
}
