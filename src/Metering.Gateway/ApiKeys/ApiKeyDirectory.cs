using System.Buffers.Binary;
using Metering.Engine;

namespace Metering.Gateway;

/// <summary>
/// Looks keys up, with a bounded memory of the ones found. Unknown keys are not remembered: a key works from the moment it is stored.
/// Safe for concurrent use.
/// </summary>
/// <remarks>
/// Revoke through <see cref="RevokeAsync"/>, so that a revocation is effective in this process at once. The memory has two
/// generations: when the young one is full it becomes the old one, whose entries are forgotten unless they are used again.
/// </remarks>
public sealed class ApiKeyDirectory
{
    /// <summary>Keys of one generation; a remembered key takes about 300 bytes.</summary>
    internal const int GenerationSize = 10_000;

    private readonly IDirectoryStore store;
    private readonly TimeProvider time;
    private readonly Lock gate = new();
    private Dictionary<KeyHash, ApiKey> young = [];
    private Dictionary<KeyHash, ApiKey> old = [];
    private long revocations;

    /// <summary>Made once a process.</summary>
    /// <param name="store">Where keys are stored.</param>
    /// <param name="time">The clock that keys expire by.</param>
    public ApiKeyDirectory(IDirectoryStore store, TimeProvider time)
    {
        this.store = store;
        this.time = time;
    }

    /// <summary>The key, where it is known and neither expired nor revoked; else null.</summary>
    /// <param name="key">The whole key.</param>
    /// <param name="cancellationToken">Cancels the look-up.</param>
    /// <exception cref="LedgerUnavailableException">The store cannot be read now.</exception>
    public ValueTask<ApiKey?> FindAsync(string key, CancellationToken cancellationToken = default)
    {
        var hash = ApiKeys.Hash(key);
        return Recall(new(hash)) is { } known ? new(IfUsable(known)) : LookUpAsync(hash, cancellationToken);
    }

    /// <summary>Revokes a key; it opens nothing from the moment this returns. False where the account has no such key.</summary>
    /// <param name="account">The account.</param>
    /// <param name="id">The key's id ("key_…").</param>
    /// <param name="cancellationToken">Cancels before anything is written.</param>
    /// <exception cref="LedgerUnavailableException">The store cannot be written now; ask again.</exception>
    public async ValueTask<bool> RevokeAsync(AccountId account, string id, CancellationToken cancellationToken = default)
    {
        try
        {
            return await store.RevokeKeyAsync(account, id, time.GetUtcNow(), cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            lock (gate)
            {
                // Also where the store failed: it may have the revocation all the same. Revocations are rare, so that forgetting
                // everything is cheaper than an index from id to hash.
                revocations++;
                young = [];
                old = [];
            }
        }
    }

    private ApiKey? Recall(KeyHash hash)
    {
        lock (gate)
        {
            if (young.TryGetValue(hash, out var key))
            {
                return key;
            }

            if (old.TryGetValue(hash, out key))
            {
                Remember(hash, key);
            }

            return key;
        }
    }

    private async ValueTask<ApiKey?> LookUpAsync(byte[] hash, CancellationToken cancellationToken)
    {
        long before;
        lock (gate)
        {
            before = revocations;
        }

        var key = await store.FindKeyAsync(hash, cancellationToken).ConfigureAwait(false);
        if (key is null || IfUsable(key) is null)
        {
            return null;
        }

        lock (gate)
        {
            // A revocation beside this read may have come after it: what was read must not outlive it.
            if (revocations == before)
            {
                Remember(new(hash), key);
            }
        }

        return key;
    }

    private void Remember(KeyHash hash, ApiKey key)
    {
        if (young.Count >= GenerationSize)
        {
            old = young;
            young = [];
        }

        young[hash] = key;
    }

    private ApiKey? IfUsable(ApiKey key) => key.RevokedAt is null && !(key.ExpiresAt <= time.GetUtcNow()) ? key : null;

    private readonly record struct KeyHash(UInt128 High, UInt128 Low)
    {
        public KeyHash(ReadOnlySpan<byte> hash)
            : this(BinaryPrimitives.ReadUInt128BigEndian(hash), BinaryPrimitives.ReadUInt128BigEndian(hash[16..]))
        {
        }
    }
}
