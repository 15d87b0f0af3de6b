namespace Metering.Engine;

/// <summary>
/// One record of buying: an open purchase, a received event, a mail that waits. Its content is JSON of whoever reads its kind; the store
/// knows only what it is found by and when it is due.
/// </summary>
public sealed record PaymentDocument
{
    /// <summary>The most characters of a kind, an id or a key.</summary>
    public const int MaxName = 320;

    /// <summary>The most characters of a content: a received event may be 1 MiB.</summary>
    public const int MaxJson = 4 << 20;

    /// <summary>What it is ("purchase"), 1 to <see cref="MaxName"/> characters.</summary>
    public required string Kind { get; init; }

    /// <summary>Its id, unique within its kind; 1 to <see cref="MaxName"/> characters.</summary>
    public required string Id { get; init; }

    /// <summary>How often it was saved; 0 where it is not stored yet. A save names the version that it is based on.</summary>
    public long Version { get; init; }

    /// <summary>The content, at most <see cref="MaxJson"/> characters.</summary>
    public required string Json { get; init; }

    /// <summary>Further names, each unique within the kind, 1 to <see cref="MaxName"/> characters.</summary>
    public IReadOnlyList<string> Keys { get; init; } = [];

    /// <summary>When somebody must look at it again, UTC, whole milliseconds; null for never.</summary>
    public DateTimeOffset? DueAt { get; init; }
}

/// <summary>One document to be saved or removed.</summary>
/// <param name="Document">Its new state; its version is the one that it had when it was read, 0 for a new one.</param>
/// <param name="IsRemoval">True to remove it.</param>
public readonly record struct PaymentChange(PaymentDocument Document, bool IsRemoval = false);

/// <summary>
/// What buying needs to remember beside the ledger, in the directory's file or database. Several documents change together or not at all,
/// each only where nobody else changed it in between. Safe for concurrent use, also by several processes where the store is shared.
/// </summary>
/// <remarks>
/// All members throw <see cref="LedgerUnavailableException"/> where the store cannot serve now. A save that ended so may have taken effect
/// all the same: read again, the version tells.
/// </remarks>
public interface IPaymentStore : IAsyncDisposable
{
    /// <summary>A document; null for none.</summary>
    ValueTask<PaymentDocument?> FindAsync(string kind, string id, CancellationToken cancellationToken = default);

    /// <summary>The document that has a key; null for none.</summary>
    ValueTask<PaymentDocument?> FindByKeyAsync(string kind, string key, CancellationToken cancellationToken = default);

    /// <summary>Documents of a kind that are due at an instant, the longest due first; at most <paramref name="limit"/>.</summary>
    ValueTask<IReadOnlyList<PaymentDocument>> ListDueAsync(string kind, DateTimeOffset at, int limit, CancellationToken cancellationToken = default);

    /// <summary>Documents of a kind in ascending order of their ids (ordinal) after a given one; at most <paramref name="limit"/>.</summary>
    ValueTask<IReadOnlyList<PaymentDocument>> ListAsync(string kind, string? afterId, int limit, CancellationToken cancellationToken = default);

    /// <summary>
    /// Saves changes, all of them or none; durable when it returns. A document and its keys are as given afterwards, one version on.
    /// </summary>
    /// <param name="changes">1 or more changes, each of another document.</param>
    /// <param name="cancellationToken">Honoured until the save begins.</param>
    /// <returns>False where a document had another version, was there already, or a key is another document's; nothing was changed then.</returns>
    ValueTask<bool> SaveAsync(IReadOnlyList<PaymentChange> changes, CancellationToken cancellationToken = default);
}
