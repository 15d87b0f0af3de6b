using System.Data;
using Npgsql;

namespace Metering.Engine;

/// <summary>Payment documents in the directory's database, over its connections. Every call is one statement, which is its own transaction.</summary>
/// <param name="directory">The directory; it owns the connections.</param>
internal sealed class PostgreSqlPaymentStore(PostgreSqlDirectoryStore directory) : IPaymentStore
{
    private const string Columns =
        "d.kind, d.id, d.version, d.json, d.due_at, ARRAY(SELECT k.key FROM metering.payment_keys k WHERE k.kind = d.kind AND k.id = d.id ORDER BY k.key)";

    /// <inheritdoc />
    public async ValueTask<PaymentDocument?> FindAsync(string kind, string id, CancellationToken cancellationToken = default) => (await ReadAsync(
        $"SELECT {Columns} FROM metering.payment_documents d WHERE d.kind = $1 AND d.id = $2", [Value(kind), Value(id)], cancellationToken)).FirstOrDefault();

    /// <inheritdoc />
    public async ValueTask<PaymentDocument?> FindByKeyAsync(string kind, string key, CancellationToken cancellationToken = default) => (await ReadAsync(
        $"""
        SELECT {Columns} FROM metering.payment_keys o JOIN metering.payment_documents d ON d.kind = o.kind AND d.id = o.id
        WHERE o.kind = $1 AND o.key = $2
        """,
        [Value(kind), Value(key)],
        cancellationToken)).FirstOrDefault();

    /// <inheritdoc />
    public async ValueTask<IReadOnlyList<PaymentDocument>> ListDueAsync(string kind, DateTimeOffset at, int limit, CancellationToken cancellationToken = default) =>
        await ReadAsync(
            $"SELECT {Columns} FROM metering.payment_documents d WHERE d.kind = $1 AND d.due_at <= $2 ORDER BY d.due_at, d.id LIMIT $3",
            [Value(kind), Value(at.ToUnixTimeMilliseconds()), Value(limit)],
            cancellationToken);

    /// <inheritdoc />
    public async ValueTask<IReadOnlyList<PaymentDocument>> ListAsync(string kind, string? afterId, int limit, CancellationToken cancellationToken = default) =>
        await ReadAsync(
            $"SELECT {Columns} FROM metering.payment_documents d WHERE d.kind = $1 AND d.id > $2 ORDER BY d.id LIMIT $3",
            [Value(kind), Value(afterId ?? string.Empty), Value(limit)],
            cancellationToken);

    /// <inheritdoc />
    public async ValueTask<bool> SaveAsync(IReadOnlyList<PaymentChange> changes, CancellationToken cancellationToken = default)
    {
        var ordered = PaymentStores.Checked(changes);
        var keys = ordered.Where(change => !change.IsRemoval)
            .SelectMany(change => change.Document.Keys.Select(key => (change.Document.Kind, Key: key, change.Document.Id))).ToArray();
        NpgsqlParameter[] parameters =
        [
            Column(ordered, change => change.Document.Kind), Column(ordered, change => change.Document.Id),
            Column(ordered, change => change.Document.Version), Column(ordered, change => change.Document.Json),
            Column(ordered, change => change.Document.DueAt?.ToUnixTimeMilliseconds()), Column(ordered, change => change.IsRemoval),
            Column(keys, key => key.Kind), Column(keys, key => key.Key), Column(keys, key => key.Id),
        ];
        var saved = await RunAsync(
            "SELECT metering.save_payment_documents($1, $2, $3, $4, $5, $6, $7, $8, $9)", parameters, rows => rows.GetBoolean(0), cancellationToken);
        return saved[0];
    }

    /// <inheritdoc />
    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private static NpgsqlParameter<T> Value<T>(T value) => new() { TypedValue = value };

    private static NpgsqlParameter<T[]> Column<TRow, T>(IReadOnlyList<TRow> rows, Func<TRow, T> value) => new() { TypedValue = [.. rows.Select(value)] };

    private static PaymentDocument DocumentOf(NpgsqlDataReader rows) => new()
    {
        Kind = rows.GetString(0),
        Id = rows.GetString(1),
        Version = rows.GetInt64(2),
        Json = rows.GetString(3),
        DueAt = rows.IsDBNull(4) ? null : DateTimeOffset.FromUnixTimeMilliseconds(rows.GetInt64(4)),
        Keys = rows.GetFieldValue<string[]>(5),
    };

    /// <summary>Runs a read, again where the first connection turns out to be dead, because the server may have started anew since its last use.</summary>
    private async ValueTask<List<PaymentDocument>> ReadAsync(string sql, NpgsqlParameter[] parameters, CancellationToken cancellationToken)
    {
        try
        {
            return await RunAsync(sql, parameters, DocumentOf, cancellationToken);
        }
        catch (LedgerUnavailableException error) when (!PostgreSqlFailure.IsRolledBack(error.InnerException!))
        {
            directory.Source.Clear();
            return await RunAsync(sql, parameters, DocumentOf, cancellationToken);
        }
    }

    private async ValueTask<List<T>> RunAsync<T>(string sql, NpgsqlParameter[] parameters, Func<NpgsqlDataReader, T> read, CancellationToken cancellationToken)
    {
        await using var command = directory.Source.CreateCommand(sql);
        try
        {
            command.Parameters.AddRange(parameters);
            await using var rows = await command.ExecuteReaderAsync(CommandBehavior.SingleResult, cancellationToken);
            var result = new List<T>();
            while (await rows.ReadAsync(cancellationToken))
            {
                result.Add(read(rows));
            }

            // To the end: only the answer behind the rows says that the statement's transaction was committed.
            await rows.NextResultAsync(cancellationToken);
            return result;
        }
        catch (Exception error) when (PostgreSqlFailure.IsOfServer(error))
        {
            throw PostgreSqlFailure.Unavailable(error);
        }
        finally
        {
            // A parameter belongs to one command at a time.
            command.Parameters.Clear();
        }
    }
}
