using Metering.Core;
using Npgsql;

namespace Metering.Engine;

/// <summary>
/// Erases texts: rows are read as for everybody, and whole commit groups are changed, some of them in one statement. It needs no writer's number: one
/// whose answer was lost does late what it would have done.
/// </summary>
internal sealed class PostgreSqlTexts(NpgsqlDataSource source, PostgreSqlLedgerReader reader)
{
    // A page has a commit's entries of one account: mostly some hundred bytes, and half a megabyte where ten thousand records were bought.
    private const int FirstPages = 32;
    private const int MostPages = 512;
    private const long BytesOfPiece = 4L << 20;

    private const int Attempts = 5;

    public async ValueTask<long> EraseAsync(AccountId account, DateTimeOffset? before, CancellationToken cancellationToken)
    {
        var (head, _) = await reader.ReadHeadAsync(account, cancellationToken);
        var (eraser, erased) = (new TextEraser(before), 0L);
        var (group, decided) = (new List<PageEnd>(), new List<(long First, ChainLink? Digest)>());
        var limit = FirstPages;
        for (long next = 1; next <= head.Sequence;)
        {
            var pages = await reader.ReadPagesAsync(account, next, limit, BytesOfPiece, cancellationToken);
            limit = NextLimit(pages);
            foreach (var page in pages)
            {
                next = page.Last + 1;
                group.Add(page);
                foreach (var row in page.Rows)
                {
                    if (!eraser.EndsGroup(row, out var digest))
                    {
                        continue;
                    }

                    if (digest is not null)
                    {
                        erased += group.Sum(part => part.Rows.Count(member => !member.Texts.IsEmpty));
                        decided.AddRange(group.Select(part => (part.First, part.Last == page.Last ? digest : null)));
                    }

                    // A page never holds entries of two commits.
                    group.Clear();
                }
            }

            if (decided.Count > 0)
            {
                await EraseAsync(account, decided, cancellationToken);
                decided.Clear();
            }

            if (pages.Count == 0)
            {
                break;
            }
        }

        return erased;
    }

    private static int NextLimit(List<PageEnd> pages)
    {
        var bytes = pages.Sum(page => page.Rows.Sum(row => (long)row.Facts.Length + row.Texts.Length));
        return (int)Math.Clamp(BytesOfPiece / Math.Max(1, bytes / Math.Max(1, pages.Count)), 1, MostPages);
    }

    private async ValueTask EraseAsync(AccountId account, List<(long First, ChainLink? Digest)> pages, CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                await using var command = source.CreateCommand("SELECT metering.erase_texts($1, $2, $3)");
                command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = account.Value });
                command.Parameters.Add(new NpgsqlParameter<long[]> { TypedValue = [.. pages.Select(page => page.First)] });
                command.Parameters.Add(new NpgsqlParameter<byte[]?[]> { TypedValue = [.. pages.Select(page => page.Digest?.ToArray())] });
                await command.ExecuteNonQueryAsync(cancellationToken);
                return;
            }
            catch (PostgresException error) when (PostgreSqlFailure.IsTransient(error) && attempt < Attempts)
            {
                // Rolled back for certain.
            }
            catch (Exception error) when (PostgreSqlFailure.IsOfServer(error))
            {
                throw PostgreSqlFailure.Unavailable(error);
            }
        }
    }
}

/// <summary>A page's entries and where they lie.</summary>
/// <param name="First">The first entry's sequence.</param>
/// <param name="Last">The last entry's sequence.</param>
/// <param name="Rows">The entries.</param>
internal readonly record struct PageEnd(long First, long Last, List<LedgerRow> Rows);
