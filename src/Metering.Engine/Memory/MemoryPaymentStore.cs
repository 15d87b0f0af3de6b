namespace Metering.Engine;

/// <summary>Payment documents in memory, for tests and trials.</summary>
public sealed class MemoryPaymentStore : IPaymentStore
{
    private readonly Lock gate = new();
    private readonly Dictionary<(string Kind, string Id), PaymentDocument> documents = [];
    private readonly Dictionary<(string Kind, string Key), string> keys = [];

    /// <inheritdoc />
    public ValueTask<PaymentDocument?> FindAsync(string kind, string id, CancellationToken cancellationToken = default) =>
        Call(() => documents.GetValueOrDefault((kind, id)), cancellationToken);

    /// <inheritdoc />
    public ValueTask<PaymentDocument?> FindByKeyAsync(string kind, string key, CancellationToken cancellationToken = default) =>
        Call(() => keys.TryGetValue((kind, key), out var id) ? documents[(kind, id)] : null, cancellationToken);

    /// <inheritdoc />
    public ValueTask<IReadOnlyList<PaymentDocument>> ListDueAsync(string kind, DateTimeOffset at, int limit, CancellationToken cancellationToken = default) =>
        Call<IReadOnlyList<PaymentDocument>>(
            () =>
            [
                .. documents.Values.Where(document => document.Kind == kind && document.DueAt <= at)
                    .OrderBy(document => document.DueAt).ThenBy(document => document.Id, StringComparer.Ordinal).Take(limit),
            ],
            cancellationToken);

    /// <inheritdoc />
    public ValueTask<IReadOnlyList<PaymentDocument>> ListAsync(string kind, string? afterId, int limit, CancellationToken cancellationToken = default) =>
        Call<IReadOnlyList<PaymentDocument>>(
            () =>
            [
                .. documents.Values.Where(document => document.Kind == kind && string.CompareOrdinal(document.Id, afterId ?? string.Empty) > 0)
                    .OrderBy(document => document.Id, StringComparer.Ordinal).Take(limit),
            ],
            cancellationToken);

    /// <inheritdoc />
    public ValueTask<bool> SaveAsync(IReadOnlyList<PaymentChange> changes, CancellationToken cancellationToken = default)
    {
        var ordered = PaymentStores.Checked(changes);
        return Call(() => CanSave(ordered) && Save(ordered), cancellationToken);
    }

    /// <inheritdoc />
    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private bool CanSave(PaymentChange[] changes)
    {
        // Keys that these changes give up are free for others of them.
        var taken = new Dictionary<(string Kind, string Key), string>(keys);
        foreach (var (document, _) in changes)
        {
            var stored = documents.GetValueOrDefault((document.Kind, document.Id));
            if ((stored?.Version ?? 0) != document.Version)
            {
                return false;
            }

            foreach (var key in stored?.Keys ?? [])
            {
                taken.Remove((document.Kind, key));
            }
        }

        return changes.Where(change => !change.IsRemoval)
            .All(change => change.Document.Keys.All(key => taken.TryAdd((change.Document.Kind, key), change.Document.Id)));
    }

    private bool Save(PaymentChange[] changes)
    {
        foreach (var (document, _) in changes)
        {
            foreach (var key in documents.GetValueOrDefault((document.Kind, document.Id))?.Keys ?? [])
            {
                keys.Remove((document.Kind, key));
            }

            documents.Remove((document.Kind, document.Id));
        }

        foreach (var (document, _) in changes.Where(change => !change.IsRemoval))
        {
            documents.Add((document.Kind, document.Id), document with { Version = document.Version + 1, Keys = [.. document.Keys] });
            foreach (var key in document.Keys)
            {
                keys.Add((document.Kind, key), document.Id);
            }
        }

        return true;
    }

    private ValueTask<T> Call<T>(Func<T> call, CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled<T>(cancellationToken);
        }

        lock (gate)
        {
            return ValueTask.FromResult(call());
        }
    }
}
