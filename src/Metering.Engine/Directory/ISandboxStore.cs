namespace Metering.Engine;

/// <summary>
/// Which account is another's sandbox: a twin with credits of its own that is never billed. Safe for concurrent use, also by several processes on one
/// database. What a call wrote is durable when it returns.
/// </summary>
/// <remarks>All members throw <see cref="LedgerUnavailableException"/> where the store cannot serve now.</remarks>
public interface ISandboxStore
{
    /// <summary>Notes an account's sandbox; where it has one, that one stays.</summary>
    /// <returns>The sandbox that the account has now; null where <paramref name="twin"/> is another account's sandbox.</returns>
    ValueTask<AccountId?> AddAsync(AccountId account, AccountId twin, DateTimeOffset now, CancellationToken cancellationToken = default);

    /// <summary>The account's sandbox; null for none.</summary>
    ValueTask<AccountId?> FindTwinAsync(AccountId account, CancellationToken cancellationToken = default);

    /// <summary>Whose sandbox an account is; null where it is none.</summary>
    ValueTask<AccountId?> FindOwnerAsync(AccountId twin, CancellationToken cancellationToken = default);
}
