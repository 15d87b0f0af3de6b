namespace Metering.Engine;

/// <summary>
/// Stands where a host has a directory of its own kind and no payment store beside it: everything but buying works. There is never anything
/// in it, nor due in it: who looks finds that nothing was bought or chosen, and only a save says that there is no store.
/// </summary>
/// <param name="directory">What the directory is, for messages.</param>
internal sealed class AbsentPaymentStore(string directory) : IPaymentStore
{
    private static readonly IReadOnlyList<PaymentDocument> None = [];

    /// <inheritdoc />
    public ValueTask<PaymentDocument?> FindAsync(string kind, string id, CancellationToken cancellationToken = default) => new((PaymentDocument?)null);

    /// <inheritdoc />
    public ValueTask<PaymentDocument?> FindByKeyAsync(string kind, string key, CancellationToken cancellationToken = default) => new((PaymentDocument?)null);

    /// <inheritdoc />
    public ValueTask<IReadOnlyList<PaymentDocument>> ListDueAsync(string kind, DateTimeOffset at, int limit, CancellationToken cancellationToken = default) => new(None);

    /// <inheritdoc />
    public ValueTask<IReadOnlyList<PaymentDocument>> ListAsync(string kind, string? afterId, int limit, CancellationToken cancellationToken = default) => new(None);

    /// <inheritdoc />
    public ValueTask<bool> SaveAsync(IReadOnlyList<PaymentChange> changes, CancellationToken cancellationToken = default) => throw Absent();

    /// <inheritdoc />
    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private LedgerUnavailableException Absent() =>
        new($"There is no payment store beside a directory of type {directory}; add an IPaymentStore to the services.");
}
