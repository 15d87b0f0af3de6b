using Metering.Core;

namespace Metering.Gateway.Payments;

/// <summary>What an invoice granted, or a row that no invoice pays for.</summary>
/// <param name="Invoice">The invoice; null where none pays for the row.</param>
/// <param name="Granted">The credits.</param>
/// <param name="Lapsed">What of them ended unused with their period.</param>
/// <param name="Row">The row; null where the invoice shares several.</param>
internal sealed record InvoiceGrant(PaidInvoice? Invoice, Credits Granted, Credits Lapsed, Transaction? Row);

/// <summary>
/// Which row of the ledger each paid invoice has granted. A period's row is due by itself and names no invoice; it is found by its period, and what
/// changes of plan grant within a period in their order.
/// </summary>
internal static class InvoiceGrants
{
    private static readonly TimeSpan Calendars = TimeSpan.FromDays(1);
    private static readonly TimeSpan Clocks = TimeSpan.FromMinutes(5);

    /// <summary>Matches invoices and rows. An invoice that is missing in the answer has granted nothing.</summary>
    /// <param name="anchor">The account's billing anchor.</param>
    /// <param name="invoices">Paid invoices of the account's subscriptions, oldest first.</param>
    /// <param name="rows">The account's transactions, newest first; as far back as the invoices that matter.</param>
    public static List<InvoiceGrant> Match(DateTimeOffset anchor, IEnumerable<PaidInvoice> invoices, IEnumerable<Transaction> rows)
    {
        var allotments = Allotments(rows);
        var all = invoices.ToArray();
        var found = new List<InvoiceGrant>();
        PaidInvoice[] periods = [.. all.Where(invoice => !invoice.IsProration).OrderBy(invoice => invoice.PeriodStart)];
        foreach (var (index, period) in periods.Index())
        {
            var (start, end) = (Boundary(anchor, period.PeriodStart), Boundary(anchor, period.PeriodEnd));
            if (index + 1 < periods.Length && Boundary(anchor, periods[index + 1].PeriodStart) is var next && next > start && next < end)
            {
                end = next; // A subscription that ended at once, and a renewal within the period that it had paid.
            }

            var within = allotments.Where(allotment => allotment.Row.CreatedAt >= start && allotment.Row.CreatedAt < end).ToArray();
            var changes = all.Where(invoice => invoice.IsProration && invoice.CreatedAt >= start && invoice.CreatedAt < end).ToArray();
            if (within.Length == 0)
            {
                continue;
            }

            allotments.RemoveAll(within.Contains);
            found.Add(new(period, within[0].Row.Amount, within[0].Lapsed, within[0].Row));
            found.AddRange(Changes(changes, within[1..]));
        }

        found.AddRange(allotments.Select(allotment => new InvoiceGrant(null, allotment.Row.Amount, allotment.Lapsed, allotment.Row)));
        return found;
    }

    /// <summary>
    /// The boundary of the account's months that the provider means, whose clock and calendar are others; the instant itself where a renewal begins in
    /// the middle of one.
    /// </summary>
    private static DateTimeOffset Boundary(DateTimeOffset anchor, DateTimeOffset instant)
    {
        if (instant <= anchor)
        {
            return anchor;
        }

        var month = BillingPeriods.NumberAt(anchor, 1, instant);
        var (before, after) = (BillingPeriods.StartOf(anchor, 1, month), BillingPeriods.StartOf(anchor, 1, month + 1));
        return instant - before <= Calendars ? before : after - instant <= Calendars ? after : instant - Clocks;
    }

    /// <summary>
    /// As many changes as paid invoices: one for each. Fewer, because two changes came to pass at the provider before the ledger followed: each
    /// invoice stands for as much of them as of the money.
    /// </summary>
    private static IEnumerable<InvoiceGrant> Changes(PaidInvoice[] invoices, (Transaction Row, Credits Lapsed)[] rows)
    {
        PaidInvoice[] paid = [.. invoices.Where(invoice => invoice.AmountCents > 0)];
        if (paid.Length == rows.Length || invoices.Length == rows.Length)
        {
            return (paid.Length == rows.Length ? paid : invoices).Zip(rows, (invoice, row) => new InvoiceGrant(invoice, row.Row.Amount, row.Lapsed, row.Row));
        }

        var cents = paid.Sum(invoice => invoice.AmountCents);
        var (granted, lapsed) = (rows.Sum(row => row.Row.Amount.TenThousandths), rows.Sum(row => row.Lapsed.TenThousandths));
        return rows.Length == 0 ? []
            : cents == 0 ? rows.Select(row => new InvoiceGrant(null, row.Row.Amount, row.Lapsed, row.Row))
            : paid.Select(invoice => new InvoiceGrant(
                invoice, new((long)((Int128)granted * invoice.AmountCents / cents)), new((long)((Int128)lapsed * invoice.AmountCents / cents)), null));
    }

    /// <summary>The rows of allotments, oldest first, each with what of it ended unused: monthly credits end before the next allotment begins.</summary>
    private static List<(Transaction Row, Credits Lapsed)> Allotments(IEnumerable<Transaction> rows)
    {
        var found = new List<(Transaction, Credits)>();
        var lapsed = Credits.Zero;
        foreach (var row in rows)
        {
            if (row.Type == TransactionType.Expiration)
            {
                lapsed += row.Buckets.Monthly;
            }
            else if (row.Type == TransactionType.MonthlyReset && row.Amount.IsPositive)
            {
                found.Add((row, Credits.Min(lapsed, row.Amount)));
                lapsed = Credits.Zero;
            }
        }

        found.Reverse();
        return found;
    }
}
