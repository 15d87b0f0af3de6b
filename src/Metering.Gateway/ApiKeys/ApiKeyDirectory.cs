using System.Collections.Concurrent;
using Metering.Engine;

namespace Metering.Gateway;

/// <summary>
/// Looks keys up, with a bounded memory of the ones found. Unknown keys are not remembered: a key works from the moment it is stored.
/// Safe for concurrent use.
/// </summary>
/// <remarks>
/// Revoke through <see cref="RevokeAsync"/>, so that a revocation is effective in this process at once. A revocation by another process
/// on the same store is effective within <see cref="VerifiedFor"/>: an older memory of a key is not trusted without a look at the store.
/// The memory has two generations: when the young one is full it becomes the old one, whose entries are forgotten unless they are
/// used again.
/// </remarks>
public sealed class ApiKeyDirectory
{
    /// <summary>Keys of one generation; a remembered key takes about 400 bytes.</summary>
    internal const int GenerationSize = 10_000;

    /// <summary>How long what the store said of a key is trusted.</summary>
    internal static readonly TimeSpan VerifiedFor = TimeSpan.FromSeconds(1);

    /// <summary>From this age on one caller asks the store again while the others go on, so that they never all wait for it.</summary>
    private static readonly TimeSpan RefreshedFrom = VerifiedFor / 2;

    private readonly IDirectoryStore store;
    private readonly TimeProvider time;
    private readonly KeyDigester digester = new();
    private readonly Lock gate = new();
    private volatile ConcurrentDictionary<KeyDigest, KnownKey> young = new();
    private volatile ConcurrentDictionary<KeyDigest, KnownKey> old = new();
    private int youngCount;
    private long revocations;

    /// <summary>Made once a process.</summary>
    /// <param name="store">Where keys are stored.</param>
    /// <param name="time">The clock that keys expire by.</param>
    public ApiKeyDirectory(IDirectoryStore store, TimeProvider time)
    {
        this.store = store;
        this.time = time;
    }

    /// <summary>Keys remembered now.</summary>
    internal int Remembered => young.Count + old.Count;

    /// <summary>The key, where it is known and neither expired nor revoked; else null.</summary>
    /// <param name="key">The whole key.</param>
    /// <param name="cancellationToken">Cancels the look-up.</param>
    /// <exception cref="LedgerUnavailableException">The store cannot be read now.</exception>
    public async ValueTask<ApiKey?> FindAsync(string key, CancellationToken cancellationToken = default) =>
        (await FindCallerAsync(key.AsMemory(), cancellationToken).ConfigureAwait(false))?.Key;

    /// <summary>Revokes a key; it opens nothing from the moment this returns. False where the account has no such key.</summary>
    /// <param name="account">The account.</param>
    /// <param name="id">The key's id ("key_…").</param>
    /// <param name="cancellationToken">Cancels before anything is written.</param>
    /// <exception cref="LedgerUnavailableException">The store cannot be written now; ask again.</exception>
    public async ValueTask<bool> RevokeAsync(AccountId account, string id, CancellationToken cancellationToken = default)
    {
        // Also where the store fails: it may have the change all the same.
        var isChanged = true;
        try
        {
            return isChanged = await store.RevokeKeyAsync(account, id, time.GetUtcNow(), cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            if (isChanged)
            {
                ForgetKeysOf(account);
            }
        }
    }

    /// <summary>Makes a key; one that it replaces without grace opens nothing from the moment this returns.</summary>
    /// <param name="making">The key.</param>
    /// <param name="cancellationToken">Cancels before anything is written.</param>
    /// <exception cref="LedgerUnavailableException">The store cannot be written now; ask again with the same idempotency key.</exception>
    public async ValueTask<KeyAddition> MakeAsync(KeyMaking making, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(making);
        var addition = KeyAddition.Added; // What a store that fails may have done all the same.
        try
        {
            return addition = await store.MakeKeyAsync(making, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            if (making.Replaces is not null && addition == KeyAddition.Added)
            {
                ForgetKeysOf(making.Key.Account);
            }
        }
    }

    /// <summary>Whom the key opens; null where it is unknown, expired or revoked. Completes at once where the key is remembered.</summary>
    internal ValueTask<MeteringCaller?> FindCallerAsync(ReadOnlyMemory<char> key, CancellationToken cancellationToken)
    {
        if (key.Length > KeyDigester.MaxLength)
        {
            return LookUpAsync(key, null, null, cancellationToken);
        }

        var digest = digester.Of(key.Span);
        return Recall(digest) is not { } known ? LookUpAsync(key, digest, null, cancellationToken)
            : MustRefresh(known) ? LookUpAsync(key, digest, known, cancellationToken)
            : new(IsUsable(known.Caller.Key) ? known.Caller : null);
    }

    /// <summary>
    /// Forgets the keys of one account: a caller who revokes keys, which any customer may, makes nobody else's be read again. Revocations are rare,
    /// so that a walk over what is remembered is cheaper than an index from id to digest.
    /// </summary>
    private void ForgetKeysOf(AccountId account)
    {
        lock (gate)
        {
            revocations++;
            foreach (var (digest, _) in young.Concat(old).Where(known => known.Value.Caller.Account == account))
            {
                Forget(digest);
            }
        }
    }

    private KnownKey? Recall(KeyDigest digest)
    {
        if (young.TryGetValue(digest, out var known))
        {
            return known;
        }

        var before = old;
        if (before.TryGetValue(digest, out known))
        {
            lock (gate)
            {
                // A revocation may have taken it out in between, which must not be undone; or another generation stands there.
                if (ReferenceEquals(before, old) && before.ContainsKey(digest))
                {
                    Remember(digest, known);
                }
            }
        }

        return known;
    }

    private bool MustRefresh(KnownKey known)
    {
        var age = time.GetElapsedTime(known.VerifiedAt);
        return age >= VerifiedFor || (age >= RefreshedFrom && known.TryBeginRefresh());
    }

    private async ValueTask<MeteringCaller?> LookUpAsync(ReadOnlyMemory<char> text, KeyDigest? digest, KnownKey? known, CancellationToken cancellationToken)
    {
        var askedAt = time.GetTimestamp();
        var before = Volatile.Read(ref revocations);
        ApiKey? key;
        try
        {
            key = await store.FindKeyAsync(ApiKeys.Hash(text.Span), cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            known?.EndRefresh();
            throw;
        }

        var caller = key is not null && IsUsable(key) ? new MeteringCaller(key.Account, key) : null;
        if (digest is { } remembered)
        {
            lock (gate)
            {
                if (caller is null)
                {
                    Forget(remembered);
                }
                else if (revocations == before)
                {
                    // Else a revocation beside this read may have come after it: what was read must not outlive it.
                    Remember(remembered, new(caller, askedAt));
                }
            }
        }

        return caller;
    }

    private void Remember(KeyDigest digest, KnownKey known)
    {
        if (young.ContainsKey(digest))
        {
            young[digest] = known;
            return;
        }

        if (youngCount >= GenerationSize)
        {
            (old, young, youngCount) = (young, new(), 0);
        }

        young[digest] = known;
        youngCount++;
    }

    private void Forget(KeyDigest digest)
    {
        if (young.TryRemove(digest, out _))
        {
            youngCount--;
        }

        old.TryRemove(digest, out _);
    }

    private bool IsUsable(ApiKey key) => key.ExpiresAt is null ? key.RevokedAt is null : key.IsActiveAt(time.GetUtcNow());

    /// <summary>A key as the store had it at an instant.</summary>
    /// <param name="caller">Whom it opens.</param>
    /// <param name="verifiedAt">The time provider's timestamp from before the store was asked.</param>
    private sealed class KnownKey(MeteringCaller caller, long verifiedAt)
    {
        private int isRefreshed;

        public MeteringCaller Caller => caller;

        public long VerifiedAt => verifiedAt;

        /// <summary>True for one caller, until it gives up.</summary>
        public bool TryBeginRefresh() => Volatile.Read(ref isRefreshed) == 0 && Interlocked.Exchange(ref isRefreshed, 1) == 0;

        public void EndRefresh() => Volatile.Write(ref isRefreshed, 0);
    }
}
