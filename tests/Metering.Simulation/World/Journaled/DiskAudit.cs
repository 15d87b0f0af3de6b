using Metering.Engine;

namespace Metering.Simulation;

/// <summary>What journal and pages hold together, put together without the store: it must be what is durable, each entry once.</summary>
internal static class DiskAudit
{
    /// <summary>The first thing that is wrong; null for nothing.</summary>
    public static string? Check(SimulatedDisk disk, SimulatedLedger ledger)
    {
        var found = disk.Pages.Accounts.Keys.ToDictionary(account => new AccountId(account), account => RowsOf(disk.Pages, new(account)));
        if (disk.Journal is { } journal && AddRecords(journal, disk.Pages.Watermark, found) is { } gap)
        {
            return gap;
        }

        foreach (var account in ledger.Accounts.Union(found.Keys))
        {
            var (expected, rows) = (ledger.Rows(account), found.GetValueOrDefault(account, []));
            var same = expected.Zip(rows).TakeWhile(pair => AreEqual(pair.First, pair.Second)).Count();
            if (rows.Count != expected.Count || same != rows.Count)
            {
                return $"{account}: journal and pages hold {rows.Count} entries where {expected.Count} are durable, and differ after entry {same}";
            }
        }

        return null;
    }

    private static List<LedgerRow> RowsOf(PageFile pages, AccountId account)
    {
        var rows = new List<LedgerRow>();
        foreach (var page in pages.PagesOf(account))
        {
            Take(page.Body, page.Header.First, page.Header.Last, page.Header.NumberBefore, rows);
        }

        return rows;
    }

    private static string? AddRecords(JournalFile journal, long watermark, Dictionary<AccountId, List<LedgerRow>> found)
    {
        var due = watermark + 1;
        foreach (var (position, record) in journal.Records.Where(record => record.Key > watermark))
        {
            if (position != due++)
            {
                return $"record {due - 1} is in neither journal nor pages";
            }

            for (var offset = JournalRecord.HeaderBytes; offset < record.Length;)
            {
                var group = JournalRecord.ReadGroup(record, offset);
                var account = JournalRecord.ReadAccount(record, offset);
                if (!found.TryGetValue(account, out var rows))
                {
                    found.Add(account, rows = []);
                }

                Take(record.AsMemory(group.RowsAt, group.RowsLength), group.First, group.Last, group.NumberBefore, rows);
                offset = group.RowsAt + group.RowsLength;
            }
        }

        return null;
    }

    private static void Take(ReadOnlyMemory<byte> source, long first, long last, long numberBefore, List<LedgerRow> rows)
    {
        for (var sequence = first; sequence <= last && !source.IsEmpty; sequence++)
        {
            rows.Add(StoredRows.Take(ref source, sequence, numberBefore));
            numberBefore = rows[^1].TransactionNumber;
        }
    }

    private static bool AreEqual(in LedgerRow left, in LedgerRow right) =>
        left.Sequence == right.Sequence && left.TransactionNumber == right.TransactionNumber && left.Key == right.Key && left.Link == right.Link
        && left.Facts.Span.SequenceEqual(right.Facts.Span) && left.Texts.Span.SequenceEqual(right.Texts.Span);
}
