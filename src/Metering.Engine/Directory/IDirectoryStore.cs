namespace Metering.Engine;

/// <summary>What an API key may do; several may be combined. The numbers are part of the stored format.</summary>
[Flags]
public enum ApiKeyScopes
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>See balances, transactions and records.</summary>
    Read = 1,

    /// <summary>Spend credits.</summary>
    Spend = 2,

    /// <summary>Administer accounts.</summary>
    Admin = 4,

    /// <summary>
    /// Give spent credits back. For services that charge with their customers' keys: a customer whose own key had it could take back
    /// what it has used.
    /// </summary>
    Refund = 8,
}

/// <summary>Who an account belongs to. Personal texts live here, never in the ledger's facts.</summary>
public sealed record AccountProfile
{
    /// <summary>The account.</summary>
    public required AccountId Account { get; init; }

    /// <summary>The e-mail address; empty where none is known.</summary>
    public required string Email { get; init; }

    /// <summary>The first name; null where it was not given.</summary>
    public string? FirstName { get; init; }

    /// <summary>The last name; null where it was not given.</summary>
    public string? LastName { get; init; }

    /// <summary>The company; null where it was not given.</summary>
    public string? CompanyName { get; init; }

    /// <summary>The company's website; null where it was not given.</summary>
    public string? CompanyWebsite { get; init; }

    /// <summary>When the account was made, UTC, whole milliseconds.</summary>
    public required DateTimeOffset CreatedAt { get; init; }
}

/// <summary>An API key as it is stored: its hash, never the key.</summary>
public sealed record ApiKey
{
    /// <summary>"key_" and 24 lowercase hex digits; names the key in lists, gives no access.</summary>
    public required string Id { get; init; }

    /// <summary>The account that it opens.</summary>
    public required AccountId Account { get; init; }

    /// <summary>For people, at most 100 characters.</summary>
    public required string Name { get; init; }

    /// <summary>SHA-256 of the whole key, 32 bytes.</summary>
    public required ReadOnlyMemory<byte> Hash { get; init; }

    /// <summary>The key's first 12 characters, for display.</summary>
    public required string Display { get; init; }

    /// <summary>What it may do.</summary>
    public required ApiKeyScopes Scopes { get; init; }

    /// <summary>When it was made, UTC, whole milliseconds.</summary>
    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>When it stops working; null for never. A rotation brings it forward.</summary>
    public DateTimeOffset? ExpiresAt { get; init; }

    /// <summary>When it was revoked; null where it was not.</summary>
    public DateTimeOffset? RevokedAt { get; init; }

    /// <summary>True where it opens its account at an instant: it is neither revoked nor expired.</summary>
    /// <param name="instant">The instant.</param>
    public bool IsActiveAt(DateTimeOffset instant) => RevokedAt is null && (ExpiresAt is not { } expiry || expiry > instant);
}

/// <summary>
/// Profiles and API keys: everything that is not the ledger. It lives in a file of its own, so that it never contends with commits.
/// Safe for concurrent use. What a call wrote is durable when it returns.
/// </summary>
/// <remarks>All members throw <see cref="LedgerUnavailableException"/> where the store cannot serve now; nothing was changed then.</remarks>
public interface IDirectoryStore : IAsyncDisposable
{
    /// <summary>Adds a profile; false, and nothing is changed, where the account has one.</summary>
    ValueTask<bool> TryAddProfileAsync(AccountProfile profile, CancellationToken cancellationToken = default);

    /// <summary>The profile of an account; null for none.</summary>
    ValueTask<AccountProfile?> FindProfileAsync(AccountId account, CancellationToken cancellationToken = default);

    /// <summary>Changes fields of a profile, one caller after another.</summary>
    /// <returns>The profile after the change; null, and nothing is changed, where the account has none.</returns>
    ValueTask<AccountProfile?> UpdateProfileAsync(AccountId account, ProfileChange change, CancellationToken cancellationToken = default);

    /// <summary>True where there is no profile at all: a first start.</summary>
    ValueTask<bool> IsEmptyAsync(CancellationToken cancellationToken = default);

    /// <summary>Adds a key; its id and hash are new.</summary>
    /// <exception cref="InvalidOperationException">The id or the hash is taken; nothing was changed.</exception>
    ValueTask AddKeyAsync(ApiKey key, CancellationToken cancellationToken = default);

    /// <summary>
    /// Adds a key where the account may have another, ends the one that it replaces, and keeps the answer: all of it or nothing. Callers of
    /// one account take effect one after another, so that the limit holds and one idempotency key makes one API key.
    /// </summary>
    /// <returns>What became of it. Where several reasons are against it, the first of <see cref="KeyAddition"/>.</returns>
    /// <exception cref="InvalidOperationException">The id or the hash is taken; nothing was changed.</exception>
    ValueTask<KeyAddition> MakeKeyAsync(KeyMaking making, CancellationToken cancellationToken = default);

    /// <summary>The answer that is kept for an idempotency key of an account; null for none.</summary>
    /// <param name="account">The account.</param>
    /// <param name="key">SHA-256 of the idempotency key, 32 bytes.</param>
    /// <param name="cancellationToken">Cancels the read.</param>
    ValueTask<KeptAnswer?> FindAnswerAsync(AccountId account, ReadOnlyMemory<byte> key, CancellationToken cancellationToken = default);

    /// <summary>The key with a hash, expired and revoked ones included; null for none.</summary>
    /// <param name="hash">SHA-256 of the whole key, 32 bytes.</param>
    /// <param name="cancellationToken">Cancels the read.</param>
    ValueTask<ApiKey?> FindKeyAsync(ReadOnlyMemory<byte> hash, CancellationToken cancellationToken = default);

    /// <summary>The keys of an account, oldest first, expired and revoked ones included.</summary>
    ValueTask<IReadOnlyList<ApiKey>> ListKeysAsync(AccountId account, CancellationToken cancellationToken = default);

    /// <summary>Revokes a key; false where the account has no such key. Revoking twice keeps the first instant.</summary>
    ValueTask<bool> RevokeKeyAsync(AccountId account, string id, DateTimeOffset at, CancellationToken cancellationToken = default);

    /// <summary>Profiles in ascending order of their accounts' ids (ordinal), after a given one; at most <paramref name="limit"/>.</summary>
    ValueTask<IReadOnlyList<AccountProfile>> ListProfilesAsync(AccountId? after, int limit, CancellationToken cancellationToken = default);

    /// <summary>
    /// The keys of all accounts in the order of their making here, expired and revoked ones included, after the one with an id; at most
    /// <paramref name="limit"/>. Nothing where no key has that id.
    /// </summary>
    ValueTask<IReadOnlyList<ApiKey>> ListAllKeysAsync(string? afterId, int limit, CancellationToken cancellationToken = default);

    /// <summary>
    /// Adds what another directory holds, in one commit and in the order given: for copies, which run again after they were broken off. An
    /// account that has a profile keeps it, and a key whose id is taken stays as it is.
    /// </summary>
    /// <exception cref="InvalidOperationException">A key's hash is taken by a key with another id; nothing was changed.</exception>
    ValueTask ImportAsync(IReadOnlyList<AccountProfile> profiles, IReadOnlyList<ApiKey> keys, CancellationToken cancellationToken = default);
}
