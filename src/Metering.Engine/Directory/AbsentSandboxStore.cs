namespace Metering.Engine;

/// <summary>
/// Stands where a host has a directory of its own kind and no sandbox store beside it: everything but sandboxes works. No account is one, nor has one.
/// </summary>
/// <param name="directory">What the directory is, for messages.</param>
internal sealed class AbsentSandboxStore(string directory) : ISandboxStore
{
    public ValueTask<AccountId?> AddAsync(AccountId account, AccountId twin, DateTimeOffset now, CancellationToken cancellationToken = default) =>
        throw new LedgerUnavailableException($"There is no sandbox store beside a directory of type {directory}; add an ISandboxStore to the services.");

    public ValueTask<AccountId?> FindTwinAsync(AccountId account, CancellationToken cancellationToken = default) => new((AccountId?)null);

    public ValueTask<AccountId?> FindOwnerAsync(AccountId twin, CancellationToken cancellationToken = default) => new((AccountId?)null);
}
