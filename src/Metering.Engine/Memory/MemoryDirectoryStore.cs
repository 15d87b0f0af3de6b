namespace Metering.Engine;

/// <summary>The directory in memory, for tests and trials.</summary>
public sealed partial class MemoryDirectoryStore : IDirectoryStore
{
    private readonly Lock gate = new();
    private readonly Dictionary<AccountId, AccountProfile> profiles = [];
    private readonly List<ApiKey> keys = [];
    private readonly List<(KeptAnswer Answer, DateTimeOffset KeptAt)> answers = [];
    private bool disposed;

    /// <inheritdoc />
    public ValueTask<bool> TryAddProfileAsync(AccountProfile profile, CancellationToken cancellationToken = default) =>
        Call(() => profiles.TryAdd(profile.Account, profile), cancellationToken);

    /// <inheritdoc />
    public ValueTask<AccountProfile?> FindProfileAsync(AccountId account, CancellationToken cancellationToken = default) =>
        Call(() => profiles.GetValueOrDefault(account), cancellationToken);

    /// <inheritdoc />
    public ValueTask<AccountProfile?> UpdateProfileAsync(AccountId account, ProfileChange change, CancellationToken cancellationToken = default) => Call(
        () => profiles.TryGetValue(account, out var profile) ? profiles[account] = change.ApplyTo(profile) : null, cancellationToken);

    /// <inheritdoc />
    public ValueTask<bool> IsEmptyAsync(CancellationToken cancellationToken = default) => Call(() => profiles.Count == 0, cancellationToken);

    /// <inheritdoc />
    public async ValueTask AddKeyAsync(ApiKey key, CancellationToken cancellationToken = default) => await Call(
        () =>
        {
            Add(key);
            return true;
        },
        cancellationToken);

    /// <inheritdoc />
    public ValueTask<KeyAddition> MakeKeyAsync(KeyMaking making, CancellationToken cancellationToken = default) => Call(() => Make(making), cancellationToken);

    /// <inheritdoc />
    public ValueTask<KeptAnswer?> FindAnswerAsync(AccountId account, ReadOnlyMemory<byte> key, CancellationToken cancellationToken = default) =>
        Call(() => FindAnswer(account, key), cancellationToken);

    /// <inheritdoc />
    public ValueTask<ApiKey?> FindKeyAsync(ReadOnlyMemory<byte> hash, CancellationToken cancellationToken = default) =>
        Call(() => keys.Find(key => key.Hash.Span.SequenceEqual(hash.Span)), cancellationToken);

    /// <inheritdoc />
    public ValueTask<IReadOnlyList<ApiKey>> ListKeysAsync(AccountId account, CancellationToken cancellationToken = default) =>
        Call<IReadOnlyList<ApiKey>>(() => [.. keys.Where(key => key.Account == account).OrderBy(key => key.CreatedAt)], cancellationToken);

    /// <inheritdoc />
    public ValueTask<bool> RevokeKeyAsync(AccountId account, string id, DateTimeOffset at, CancellationToken cancellationToken = default) => Call(
        () =>
        {
            var index = keys.FindIndex(key => key.Account == account && key.Id == id);
            if (index >= 0)
            {
                keys[index] = keys[index] with { RevokedAt = keys[index].RevokedAt ?? at };
            }

            return index >= 0;
        },
        cancellationToken);

    /// <inheritdoc />
    public ValueTask<IReadOnlyList<AccountProfile>> ListProfilesAsync(AccountId? after, int limit, CancellationToken cancellationToken = default) =>
        Call<IReadOnlyList<AccountProfile>>(
            () =>
            [
                .. profiles.Values.Where(profile => after is not { } last || string.CompareOrdinal(profile.Account.Value, last.Value) > 0)
                    .OrderBy(profile => profile.Account.Value, StringComparer.Ordinal).Take(limit),
            ],
            cancellationToken);

    /// <inheritdoc />
    public ValueTask<IReadOnlyList<ApiKey>> ListAllKeysAsync(string? afterId, int limit, CancellationToken cancellationToken = default) =>
        Call<IReadOnlyList<ApiKey>>(
            () => afterId is null ? [.. keys.Take(limit)] : [.. keys.SkipWhile(key => key.Id != afterId).Skip(1).Take(limit)], cancellationToken);

    /// <inheritdoc />
    public async ValueTask ImportAsync(
        IReadOnlyList<AccountProfile> profiles, IReadOnlyList<ApiKey> keys, CancellationToken cancellationToken = default) => await Call(
        () =>
        {
            // Checked before anything is added: all of it or nothing.
            var added = keys.Where(key => !this.keys.Exists(stored => stored.Id == key.Id)).DistinctBy(key => key.Id).ToList();
            if (this.keys.Concat(added).Select(key => Convert.ToHexString(key.Hash.Span)).Distinct().Count() < this.keys.Count + added.Count)
            {
                throw new InvalidOperationException("The directory has an API key with the same hash already.");
            }

            this.keys.AddRange(added.Select(key => key with { Hash = key.Hash.ToArray() }));
            foreach (var profile in profiles)
            {
                this.profiles.TryAdd(profile.Account, profile);
            }

            return true;
        },
        cancellationToken);

    /// <inheritdoc />
    public ValueTask DisposeAsync()
    {
        disposed = true;
        tables.Dispose();
        return ValueTask.CompletedTask;
    }

    private KeyAddition Make(KeyMaking making)
    {
        var now = making.Key.CreatedAt;
        if (making.Answer is { } asked && FindAnswer(asked.Account, asked.Key) is not null)
        {
            return KeyAddition.AlreadyAnswered;
        }

        var replaced = keys.FindIndex(key => key.Account == making.Key.Account && key.Id == making.Replaces && key.IsActiveAt(now));
        if (making.Replaces is not null && replaced < 0)
        {
            return KeyAddition.ReplacedUnknown;
        }

        var goes = replaced >= 0 && making.ReplacedEndsAt <= now ? 1 : 0;
        if (keys.Count(key => key.Account == making.Key.Account && key.IsActiveAt(now)) - goes >= making.MaxActive)
        {
            return KeyAddition.TooManyActive;
        }

        Add(making.Key);
        if (replaced >= 0 && !(keys[replaced].ExpiresAt <= making.ReplacedEndsAt))
        {
            keys[replaced] = keys[replaced] with { ExpiresAt = making.ReplacedEndsAt };
        }

        if (making.Answer is { } answer)
        {
            answers.RemoveAll(kept => kept.KeptAt < now - KeptAnswer.KeptFor);
            answers.Add((answer, now));
        }

        return KeyAddition.Added;
    }

    private KeptAnswer? FindAnswer(AccountId account, ReadOnlyMemory<byte> key) =>
        answers.Find(kept => kept.Answer.Account == account && kept.Answer.Key.Span.SequenceEqual(key.Span)).Answer;

    private void Add(ApiKey key)
    {
        if (keys.Exists(stored => stored.Id == key.Id || stored.Hash.Span.SequenceEqual(key.Hash.Span)))
        {
            throw new InvalidOperationException("The directory has that API key already.");
        }

        keys.Add(key with { Hash = key.Hash.ToArray() });
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
                ObjectDisposedException.ThrowIf(disposed, this);
                return ValueTask.FromResult(call());
            }
            catch (Exception error)
            {
                return ValueTask.FromException<T>(error);
            }
        }
    }
}
