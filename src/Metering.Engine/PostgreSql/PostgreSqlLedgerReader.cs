using System.Data;
using Metering.Core;
using Npgsql;

namespace Metering.Engine;

/// <summary>Reads the ledger, one statement a call: each sees one state of the database.</summary>
internal sealed class PostgreSqlLedgerReader(NpgsqlDataSource source)
{
    private const string PageColumns = "p.first_sequence, p.last_sequence, p.transactions_before, p.link, p.keys, p.facts, p.texts, p.texts_digest";

    public async ValueTask<(LedgerHead Head, long Transactions)> ReadHeadAsync(AccountId account, CancellationToken cancellationToken)
    {
        await using var command = Command("SELECT sequence, link, transactions FROM metering.heads WHERE account = $1", account);
        await using var rows = await command.ExecuteReaderAsync(CommandBehavior.SingleRow, cancellationToken);
        return await rows.ReadAsync(cancellationToken)
            ? (new(rows.GetInt64(0), ChainLink.Read(rows.GetFieldValue<byte[]>(1))), rows.GetInt64(2))
            : (LedgerHead.Empty(account), 0);
    }

    public async ValueTask<IReadOnlyList<LedgerRow>> ReadAsync(AccountId account, long fromSequence, int limit, CancellationToken cancellationToken)
    {
        var from = Math.Max(fromSequence, 1);
        await using var command = Command(
            $"""
            SELECT {PageColumns} FROM metering.pages p
            WHERE p.account = $1
            AND p.first_sequence < $3 + greatest($2, 1 + coalesce((SELECT a.sequence FROM metering.bases a WHERE a.account = $1), 0))
            AND p.first_sequence >= coalesce(
                (SELECT b.first_sequence FROM metering.pages b WHERE b.account = $1 AND b.first_sequence <= $2 ORDER BY b.first_sequence DESC LIMIT 1), 1)
            ORDER BY p.first_sequence
            """,
            account);
        command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = from });
        command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = Math.Min(limit, long.MaxValue - from) });
        var rows = await ReadPagesAsync(command, cancellationToken);

        // Pages hold their entries together; the first and the last may hold more than was asked for.
        var skipped = rows.FindIndex(row => row.Sequence >= from);
        return skipped < 0 ? [] : skipped == 0 && rows.Count <= limit ? rows : rows.GetRange(skipped, Math.Min(limit, rows.Count - skipped));
    }

    public async ValueTask<IReadOnlyList<LedgerRow>> ReadTransactionsAsync(AccountId account, long beforeNumber, int limit, CancellationToken cancellationToken)
    {
        await using var command = Command(
            $"""
            SELECT {PageColumns} FROM metering.pages_of_transactions($1, $2, $3) f, metering.pages p
            WHERE p.account = $1 AND p.first_sequence BETWEEN f.first_page AND f.last_page AND p.transactions > p.transactions_before
            ORDER BY p.first_sequence
            """,
            account);
        command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = beforeNumber });
        command.Parameters.Add(new NpgsqlParameter<int> { TypedValue = limit });
        var rows = await ReadPagesAsync(command, cancellationToken);
        rows.RemoveAll(row => !row.IsTransaction || row.TransactionNumber >= beforeNumber);
        rows.Reverse();
        return rows.Count <= limit ? rows : rows.GetRange(0, limit);
    }

    public async ValueTask<IReadOnlyList<LedgerSnapshot>> ReadSnapshotsAsync(AccountId account, CancellationToken cancellationToken)
    {
        await using var command = Command(
            "SELECT sequence, link, format, state FROM metering.snapshots WHERE account = $1 ORDER BY sequence DESC LIMIT 2", account);
        await using var rows = await command.ExecuteReaderAsync(cancellationToken);
        var result = new List<LedgerSnapshot>(2);
        while (await rows.ReadAsync(cancellationToken))
        {
            result.Add(new(new(rows.GetInt64(0), ChainLink.Read(rows.GetFieldValue<byte[]>(1))), rows.GetInt32(2), rows.GetFieldValue<byte[]>(3)));
        }

        return result;
    }

    public async ValueTask<IReadOnlyList<AccountId>> ListAccountsAsync(AccountId? after, int limit, CancellationToken cancellationToken)
    {
        await using var command = source.CreateCommand("SELECT account FROM metering.heads WHERE account > $1 ORDER BY account LIMIT $2");
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = after?.Value ?? string.Empty });
        command.Parameters.Add(new NpgsqlParameter<int> { TypedValue = limit });
        await using var rows = await command.ExecuteReaderAsync(cancellationToken);
        var result = new List<AccountId>();
        while (await rows.ReadAsync(cancellationToken))
        {
            result.Add(new(rows.GetString(0)));
        }

        return result;
    }

    /// <summary>True where the server would take an append, as far as it can say.</summary>
    public async ValueTask<bool> CanWriteAsync(CancellationToken cancellationToken)
    {
        await using var command = source.CreateCommand(
            "SELECT NOT pg_is_in_recovery() AND current_setting('transaction_read_only') = 'off' AND has_table_privilege('metering.pages', 'INSERT')");
        return await command.ExecuteScalarAsync(cancellationToken) is true;
    }

    /// <summary>
    /// Whole pages in ascending order, beginning with the first that begins at a sequence or later: as many as asked for, or fewer, but one, where
    /// they are larger than <paramref name="bytes"/>.
    /// </summary>
    public async ValueTask<List<PageEnd>> ReadPagesAsync(AccountId account, long fromSequence, int limit, long bytes, CancellationToken cancellationToken)
    {
        await using var command = Command(
            $"SELECT {PageColumns} FROM metering.pages p WHERE p.account = $1 AND p.first_sequence >= $2 ORDER BY p.first_sequence LIMIT $3", account);
        command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = fromSequence });
        command.Parameters.Add(new NpgsqlParameter<int> { TypedValue = limit });
        await using var rows = await command.ExecuteReaderAsync(cancellationToken);
        var result = new List<PageEnd>();
        while (bytes > 0 && await rows.ReadAsync(cancellationToken))
        {
            var page = PageOf(rows);
            bytes -= page.Facts.Length + page.Texts.Length;
            var entries = new List<LedgerRow>((int)(page.LastSequence - page.FirstSequence + 1));
            LedgerPages.Read(page, entries);
            result.Add(new(page.FirstSequence, page.LastSequence, entries));
        }

        return result;
    }

    private NpgsqlCommand Command(string sql, AccountId account)
    {
        var command = source.CreateCommand(sql);
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = account.Value });
        return command;
    }

    private static async ValueTask<List<LedgerRow>> ReadPagesAsync(NpgsqlCommand command, CancellationToken cancellationToken)
    {
        var result = new List<LedgerRow>();
        await using var rows = await command.ExecuteReaderAsync(cancellationToken);
        while (await rows.ReadAsync(cancellationToken))
        {
            LedgerPages.Read(PageOf(rows), result);
        }

        return result;
    }

    private static LedgerPage PageOf(NpgsqlDataReader rows) => new()
    {
        FirstSequence = rows.GetInt64(0),
        LastSequence = rows.GetInt64(1),
        TransactionsBefore = rows.GetInt64(2),
        Link = rows.IsDBNull(3) ? null : ChainLink.Read(rows.GetFieldValue<byte[]>(3)),
        Keys = rows.IsDBNull(4) ? null : rows.GetFieldValue<byte[]>(4),
        Facts = rows.GetFieldValue<byte[]>(5),
        Texts = rows.IsDBNull(6) ? null : rows.GetFieldValue<byte[]>(6),
        TextsDigest = rows.IsDBNull(7) ? null : ChainLink.Read(rows.GetFieldValue<byte[]>(7)),
    };
}
