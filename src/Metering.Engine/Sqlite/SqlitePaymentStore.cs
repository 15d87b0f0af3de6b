using System.Text.Json;

namespace Metering.Engine;

/// <summary>Payment documents in the directory's SQLite file, on its connection and under its lock. All calls complete synchronously.</summary>
internal sealed class SqlitePaymentStore : IPaymentStore
{
    private const string Columns =
        "d.kind, d.id, d.version, d.json, d.due_at, (SELECT json_group_array(k.key) FROM payment_keys k WHERE k.kind = d.kind AND k.id = d.id)";

    private readonly Lock gate;
    private readonly SqliteFile file;
    private readonly SqliteStatement select;
    private readonly SqliteStatement selectByKey;
    private readonly SqliteStatement selectDue;
    private readonly SqliteStatement selectAll;
    private readonly SqliteStatement insert;
    private readonly SqliteStatement update;
    private readonly SqliteStatement delete;
    private readonly SqliteStatement insertKey;
    private readonly SqliteStatement deleteKeys;

    /// <summary>Documents beside a directory, which owns the file: it is closed with the directory.</summary>
    public SqlitePaymentStore(SqliteDirectoryStore directory)
    {
        (gate, file) = (directory.Gate, directory.File);
        lock (gate)
        {
            var database = file.Writer;
            select = database.Prepare($"SELECT {Columns} FROM payment_documents d WHERE d.kind = ?1 AND d.id = ?2");
            selectByKey = database.Prepare(
                $"SELECT {Columns} FROM payment_keys o JOIN payment_documents d ON d.kind = o.kind AND d.id = o.id WHERE o.kind = ?1 AND o.key = ?2");
            selectDue = database.Prepare(
                $"SELECT {Columns} FROM payment_documents d WHERE d.kind = ?1 AND d.due_at <= ?2 ORDER BY d.due_at, d.id LIMIT ?3");
            selectAll = database.Prepare($"SELECT {Columns} FROM payment_documents d WHERE d.kind = ?1 AND d.id > ?2 ORDER BY d.id LIMIT ?3");
            insert = database.Prepare(
                "INSERT INTO payment_documents (kind, id, version, json, due_at) VALUES (?1, ?2, 1, ?3, ?4) ON CONFLICT DO NOTHING RETURNING 1");
            update = database.Prepare(
                "UPDATE payment_documents SET version = version + 1, json = ?3, due_at = ?4 WHERE kind = ?1 AND id = ?2 AND version = ?5 RETURNING 1");
            delete = database.Prepare("DELETE FROM payment_documents WHERE kind = ?1 AND id = ?2 AND version = ?3 RETURNING 1");
            insertKey = database.Prepare("INSERT INTO payment_keys (kind, key, id) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING RETURNING 1");
            deleteKeys = database.Prepare("DELETE FROM payment_keys WHERE kind = ?1 AND id = ?2");
        }
    }

    /// <inheritdoc />
    public ValueTask<PaymentDocument?> FindAsync(string kind, string id, CancellationToken cancellationToken = default) =>
        Call(() => All(select.Bind(1, kind).Bind(2, id)).FirstOrDefault(), cancellationToken);

    /// <inheritdoc />
    public ValueTask<PaymentDocument?> FindByKeyAsync(string kind, string key, CancellationToken cancellationToken = default) =>
        Call(() => All(selectByKey.Bind(1, kind).Bind(2, key)).FirstOrDefault(), cancellationToken);

    /// <inheritdoc />
    public ValueTask<IReadOnlyList<PaymentDocument>> ListDueAsync(string kind, DateTimeOffset at, int limit, CancellationToken cancellationToken = default) =>
        Call<IReadOnlyList<PaymentDocument>>(() => All(selectDue.Bind(1, kind).Bind(2, at.ToUnixTimeMilliseconds()).Bind(3, limit)), cancellationToken);

    /// <inheritdoc />
    public ValueTask<IReadOnlyList<PaymentDocument>> ListAsync(string kind, string? afterId, int limit, CancellationToken cancellationToken = default) =>
        Call<IReadOnlyList<PaymentDocument>>(() => All(selectAll.Bind(1, kind).Bind(2, afterId ?? string.Empty).Bind(3, limit)), cancellationToken);

    /// <inheritdoc />
    public ValueTask<bool> SaveAsync(IReadOnlyList<PaymentChange> changes, CancellationToken cancellationToken = default)
    {
        var ordered = PaymentStores.Checked(changes);
        return Call(
            () =>
            {
                file.Writer.Execute("BEGIN IMMEDIATE");
                try
                {
                    var isSaved = ordered.All(Write) && ordered.All(WriteKeys);
                    file.Writer.Execute(isSaved ? "COMMIT" : "ROLLBACK");
                    return isSaved;
                }
                finally
                {
                    file.Writer.TryRollBack();
                }
            },
            cancellationToken);
    }

    /// <inheritdoc />
    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private bool Write(PaymentChange change)
    {
        var document = change.Document;
        deleteKeys.Bind(1, document.Kind).Bind(2, document.Id).Run();
        if (change.IsRemoval)
        {
            return Any(delete.Bind(1, document.Kind).Bind(2, document.Id).Bind(3, document.Version));
        }

        var statement = (document.Version == 0 ? insert : update).Bind(1, document.Kind).Bind(2, document.Id).Bind(3, document.Json);
        _ = document.DueAt is { } due ? statement.Bind(4, due.ToUnixTimeMilliseconds()) : statement.BindNull(4);
        return Any(document.Version == 0 ? statement : statement.Bind(5, document.Version));
    }

    private bool WriteKeys(PaymentChange change) => change.IsRemoval
        || change.Document.Keys.All(key => Any(insertKey.Bind(1, change.Document.Kind).Bind(2, key).Bind(3, change.Document.Id)));

    private static bool Any(SqliteStatement statement)
    {
        using var rows = statement.Rows();
        var any = rows.Next();
        while (rows.Next())
        {
        }

        return any;
    }

    private static List<PaymentDocument> All(SqliteStatement statement)
    {
        var result = new List<PaymentDocument>();
        using var rows = statement.Rows();
        while (rows.Next())
        {
            result.Add(new()
            {
                Kind = rows.Text(0),
                Id = rows.Text(1),
                Version = rows.Integer(2),
                Json = rows.Text(3),
                DueAt = rows.IsNull(4) ? null : DateTimeOffset.FromUnixTimeMilliseconds(rows.Integer(4)),
                Keys = [.. JsonElement.Parse(rows.Text(5)).EnumerateArray().Select(key => key.GetString()!)],
            });
        }

        return result;
    }

    private ValueTask<T> Call<T>(Func<T> call, CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled<T>(cancellationToken);
        }

        lock (gate)
        {
            try
            {
                return ValueTask.FromResult(call());
            }
            catch (SqliteFailure failure)
            {
                return ValueTask.FromException<T>(new LedgerUnavailableException($"{file.Name} cannot serve now: {failure.Message}.", failure));
            }
        }
    }
}
