using Metering.Core;
using Npgsql;

namespace Metering.Engine;

/// <summary>
/// One append as one statement, which is its own transaction: one round trip, and a pooler may give every one to another connection.
/// The function keeps its plans on the server, so that no statement has to be prepared. Buffers are used again from commit to commit.
/// </summary>
internal sealed class AppendCommand : IDisposable
{
    private const int LinkPair = 2 * ChainLink.Bytes;

    private readonly ByteWriter bytes = new(256 * 1024);
    private readonly ByteWriter links = new(64 * 1024);
    private readonly List<AppendGroup> groups = [];
    private readonly List<string> accounts = [];
    private readonly List<long> expected = [];
    private readonly List<long> next = [];
    private readonly List<long> totals = [];
    private readonly List<int> pageGroups = [];
    private readonly List<long> firsts = [];
    private readonly List<long> lasts = [];
    private readonly List<long> countsBefore = [];
    private readonly List<long> counts = [];
    private readonly List<int> linksAt = [];
    private readonly List<int> keysAt = [];
    private readonly List<int> factsAt = [];
    private readonly List<int> textsAt = [];
    private readonly List<int> textsEnd = [];
    private readonly NpgsqlParameter<long> writer = new();
    private readonly NpgsqlParameter<bool> hasNew = new();
    private readonly NpgsqlParameter<ReadOnlyMemory<byte>> linkBytes = new();
    private readonly NpgsqlParameter<ReadOnlyMemory<byte>> pageBytes = new();
    private readonly NpgsqlCommand command;
    private int[] lost = [];

    public AppendCommand()
    {
        command = new("SELECT metering.append($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)");
        Add(writer, List(accounts), List(expected), List(next), List(totals), linkBytes, hasNew);
        Add(List(pageGroups), List(firsts), List(lasts), List(countsBefore), List(counts));
        Add(List(linksAt), List(keysAt), List(factsAt), List(textsAt), List(textsEnd), pageBytes);
    }

    /// <summary>The groups that the server is asked about.</summary>
    public IReadOnlyList<AppendGroup> Groups => groups;

    /// <summary>True where no group is left to ask the server about.</summary>
    public bool IsEmpty => groups.Count == 0;

    /// <summary>Takes over the groups, in the order of their accounts, and cuts their rows into pages.</summary>
    /// <exception cref="LedgerContentException">The numbers of transactions of a group have a gap.</exception>
    public void Fill(IReadOnlyList<AppendGroup> batch)
    {
        Clear();
        lost = [];
        for (var index = 0; index < batch.Count; index++)
        {
            // The head of an account without entries is known here; the server only has to find that there is none.
            if (batch[index] is var group && (group.Expected.Sequence > 0 || group.Expected == LedgerHead.Empty(group.Account)))
            {
                groups.Add(group);
            }
        }

        groups.Sort(static (left, right) => string.CompareOrdinal(left.Account.Value, right.Account.Value));
        hasNew.TypedValue = false;
        for (var index = 0; index < groups.Count; index++)
        {
            Add(groups[index], index + 1);
        }

        linkBytes.TypedValue = links.Written;
        pageBytes.TypedValue = bytes.Written;
    }

    /// <summary>Runs the append: durable when it returns.</summary>
    /// <exception cref="NpgsqlException">The server refused, or it cannot be known.</exception>
    public async ValueTask RunAsync(NpgsqlConnection connection, long writerId)
    {
        writer.TypedValue = writerId;
        command.Connection = connection;
        await using var reader = await command.ExecuteReaderAsync();
        await reader.ReadAsync();
        lost = reader.IsDBNull(0) ? [] : reader.GetFieldValue<int[]>(0);

        // To the end: the row comes before the commit, and only the answer behind it says that the commit took place.
        while (await reader.NextResultAsync())
        {
        }
    }

    /// <summary>Says of each group what <see cref="RunAsync"/> heard.</summary>
    public void SetResults()
    {
        foreach (var group in groups)
        {
            group.Result = AppendResult.Appended;
        }

        foreach (var number in lost)
        {
            groups[number - 1].Result = AppendResult.HeadMismatch;
        }
    }

    public void Dispose() => command.Dispose();

    private static NpgsqlParameter<List<T>> List<T>(List<T> values) => new() { TypedValue = values };

    private void Add(params ReadOnlySpan<NpgsqlParameter> parameters)
    {
        foreach (var parameter in parameters)
        {
            command.Parameters.Add(parameter);
        }
    }

    private void Clear()
    {
        groups.Clear();
        bytes.Clear();
        links.Clear();
        accounts.Clear();
        foreach (var list in (ReadOnlySpan<List<long>>)[expected, next, totals, firsts, lasts, countsBefore, counts])
        {
            list.Clear();
        }

        foreach (var list in (ReadOnlySpan<List<int>>)[pageGroups, linksAt, keysAt, factsAt, textsAt, textsEnd])
        {
            list.Clear();
        }
    }

    private void Add(AppendGroup group, int number)
    {
        accounts.Add(group.Account.Value);
        expected.Add(group.Expected.Sequence);
        next.Add(group.Next.Sequence);
        totals.Add(group.Rows[^1].TransactionNumber);
        hasNew.TypedValue |= group.Expected.Sequence == 0;
        var pair = links.Take(LinkPair);
        group.Expected.Link.CopyTo(pair);
        group.Next.Link.CopyTo(pair[ChainLink.Bytes..]);

        // A page keeps the number of transactions before it and counts on; so the rows must do so too.
        var transactions = group.Rows[0].TransactionNumber - (group.Rows[0].IsTransaction ? 1 : 0);
        for (var from = 0; from < group.Rows.Count;)
        {
            var count = LedgerPages.Take(group.Rows, from);
            countsBefore.Add(transactions);
            transactions = Count(group, from, count, transactions);
            counts.Add(transactions);
            AddPage(group, number, from, count);
            from += count;
        }
    }

    private void AddPage(AppendGroup group, int number, int from, int count)
    {
        var rows = group.Rows;
        pageGroups.Add(number);
        firsts.Add(rows[from].Sequence);
        lasts.Add(rows[from + count - 1].Sequence);

        // Positions as SQL counts them, from 1.
        linksAt.Add(bytes.Length + 1);
        if ((from + count == rows.Count ? group.Next.Link : rows[from + count - 1].Link) is { } link)
        {
            link.CopyTo(bytes.Take(ChainLink.Bytes));
            rows[from + count - 1].TextsDigest?.CopyTo(bytes.Take(ChainLink.Bytes));
        }

        keysAt.Add(bytes.Length + 1);
        LedgerPages.WriteKeys(rows, from, count, bytes);
        factsAt.Add(bytes.Length + 1);
        LedgerPages.WriteFacts(rows, from, count, bytes);
        textsAt.Add(bytes.Length + 1);
        LedgerPages.WriteTexts(rows, from, count, bytes);
        textsEnd.Add(bytes.Length + 1);
    }

    private static long Count(AppendGroup group, int from, int count, long transactions)
    {
        for (var index = from; index < from + count; index++)
        {
            var row = group.Rows[index];
            transactions += row.IsTransaction ? 1 : 0;
            if (row.TransactionNumber != transactions)
            {
                throw new LedgerContentException(
                    $"Entry {row.Sequence} of account {group.Account} has transaction number {row.TransactionNumber} where {transactions} is due.");
            }
        }

        return transactions;
    }
}
