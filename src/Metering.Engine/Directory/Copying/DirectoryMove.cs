using System.Globalization;

namespace Metering.Engine;

/// <summary>What a copy did with a table of the directory.</summary>
/// <param name="Table">The table.</param>
/// <param name="Rows">Rows that both have now.</param>
/// <param name="Copied">Rows that this run added, or brought to what the source says.</param>
/// <param name="Removed">Rows of an earlier run that the source no longer has: slots given back, answers forgotten, mails sent.</param>
public sealed record MovedTable(string Table, long Rows, long Copied, long Removed);

/// <summary>
/// Copies every table of a directory into another one, SQLite or PostgreSQL: page by page, each a transaction of its own. It may be broken off anywhere and
/// run again: what is there stays, and what the source changed since follows. A row that can be no earlier state of the source's ends it, so that
/// a directory that went on by itself is never written over; the audit log is only added to.
/// </summary>
public sealed class DirectoryMove
{
    private readonly IDirectorySql source;
    private readonly IDirectorySql target;
    private readonly bool hasSequences;
    private readonly DirectoryTable[] tables;
    private object?[]? lastAudit;

    /// <summary>A copy from one directory into another.</summary>
    /// <param name="source">The directory to copy; it stays as it is.</param>
    /// <param name="target">The directory to copy into; nobody else writes it meanwhile.</param>
    /// <param name="passingDocuments">Kinds of <see cref="PaymentDocument"/> that are removed once they are dealt with, as mails are.</param>
    /// <exception cref="ArgumentException">One of the two is neither of SQLite nor of PostgreSQL.</exception>
    public DirectoryMove(IDirectoryStore source, IDirectoryStore target, IReadOnlyCollection<string> passingDocuments)
    {
        ArgumentNullException.ThrowIfNull(passingDocuments);
        (this.source, this.target) = (SqlOf(source, nameof(source)), SqlOf(target, nameof(target)));
        hasSequences = target is PostgreSqlDirectoryStore;
        tables = DirectoryTables.All(passingDocuments);
    }

    /// <summary>Copies what the target lacks, then counts both.</summary>
    /// <param name="report">Takes each table's figures at the end, where all of them agree.</param>
    /// <param name="cancellationToken">Stops between two pages.</param>
    /// <returns>How the directories differ, a sentence that names table and row; null where they do not.</returns>
    /// <exception cref="LedgerUnavailableException">One of the databases cannot serve now.</exception>
    public async ValueTask<string?> RunAsync(Action<MovedTable> report, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(report);
        var moved = new List<MovedTable>();
        foreach (var table in tables)
        {
            var (copied, removed, refusal) = await CopyAsync(table, new(table), cancellationToken);
            if (refusal is not null)
            {
                return refusal;
            }

            moved.Add(new(table.Name, 0, copied, removed));
        }

        for (var index = 0; index < moved.Count; index++)
        {
            var pages = new DirectoryTableSql(tables[index]);
            var (expected, found) = (await pages.CountAsync(source, cancellationToken), await pages.CountAsync(target, cancellationToken));
            if (expected != found)
            {
                return string.Create(
                    CultureInfo.InvariantCulture,
                    $"The table {moved[index].Table} has {expected:N0} rows in the source and {found:N0} in the target. One of them was written meanwhile: stop its writers and run the same command again, which brings the rest.");
            }

            moved[index] = moved[index] with { Rows = found };
        }

        moved.ForEach(report);
        return null;
    }

    private async ValueTask<(long Copied, long Removed, string? Refusal)> CopyAsync(DirectoryTable table, DirectoryTableSql sql, CancellationToken cancellationToken)
    {
        var (copied, removed) = (0L, 0L);
        for (object?[]? after = null; ;)
        {
            var page = await sql.ReadAsync(source, after, null, cancellationToken);
            var isLast = page.Count < table.PageRows;
            if (table.Name == "audit_outcomes")
            {
                // An action of this moment may have its outcome before it is copied itself; the next run brings both.
                page.RemoveAll(row => lastAudit is null || (long)row[0]! > (long)lastAudit[0]!);
            }

            var difference = new PageDifference(table, page);
            if (await difference.FindAsync(sql, target, after, isLast ? null : page.LastOrDefault(), cancellationToken) is { } refusal)
            {
                return (copied, removed, refusal);
            }

            if (!difference.IsNone && !await target.CommitAsync(transaction => WriteAsync(table, sql, difference, transaction), cancellationToken))
            {
                return (copied, removed, difference.Refuse(difference.Missing[0], "has a number, id or name that another row of the target has"));
            }

            copied += difference.Missing.Count + difference.Changed.Count;
            removed += difference.Gone.Count;
            after = page.LastOrDefault() ?? after;
            lastAudit = table.Name == "audit" ? after : lastAudit;
            if (isLast || page.Count == 0)
            {
                return (copied, removed, null);
            }
        }
    }

    /// <summary>Writes a page; false where another row of the target has one of its unique values.</summary>
    private async ValueTask<bool> WriteAsync(DirectoryTable table, DirectoryTableSql sql, PageDifference difference, ISqlTransaction transaction)
    {
        foreach (var row in difference.Gone)
        {
            await sql.DeleteAsync(transaction, row);
        }

        foreach (var row in difference.Changed)
        {
            await sql.UpdateAsync(transaction, row);
        }

        if (difference.Missing.Count == 0)
        {
            return true;
        }

        if (table.GivesNumbers && hasSequences)
        {
            await sql.GoOnAfterAsync(transaction, difference.Missing[^1]);
        }

        return await sql.InsertAsync(transaction, difference.Missing) == difference.Missing.Count;
    }

    private static IDirectorySql SqlOf(IDirectoryStore directory, string parameter) => directory is SqliteDirectoryStore or PostgreSqlDirectoryStore
        ? ((IDirectoryTables)directory).Sql
        : throw new ArgumentException("A directory is copied from and to SQLite and PostgreSQL.", parameter);
}
