using Metering.Conformance;
using Metering.Engine;
using Xunit;

namespace Metering.Gateway.Tests;

/// <summary>What <see cref="ApiKeyDirectory"/> remembers of keys, and for how long.</summary>
public sealed class ApiKeyMemoryTests
{
    private static readonly TimeSpan Half = ApiKeyDirectory.VerifiedFor / 2;

    private readonly ManualTimeProvider clock = new(GatewayHost.Start);

    [Fact]
    public async Task Found_keys_are_remembered_and_forgotten_ones_are_found_again()
    {
        var store = new CountingDirectory();
        var directory = new ApiKeyDirectory(store, clock);
        var first = store.Add();
        for (var call = 0; call < 5; call++)
        {
            Assert.NotNull(await directory.FindAsync(first.Key));
        }

        Assert.Equal(1, store.Reads);
        for (var other = 0; other < 2 * ApiKeyDirectory.GenerationSize; other++)
        {
            await directory.FindAsync(store.Add().Key);
        }

        Assert.NotNull(await directory.FindAsync(first.Key));
        Assert.Equal(2 + (2 * ApiKeyDirectory.GenerationSize), store.Reads);
        Assert.InRange(directory.Remembered, ApiKeyDirectory.GenerationSize, 2 * ApiKeyDirectory.GenerationSize);
    }

    [Fact]
    public async Task A_key_that_was_read_before_its_revocation_is_not_remembered_after_it()
    {
        var store = new CountingDirectory { Gate = new() };
        var directory = new ApiKeyDirectory(store, clock);
        var key = store.Add();
        var racing = directory.FindAsync(key.Key).AsTask(); // Has read the key, and waits at the gate.
        await directory.RevokeAsync(key.Stored.Account, key.Stored.Id);
        store.Gate.SetResult();
        await racing;
        Assert.Null(await directory.FindAsync(key.Key));
    }

    [Fact]
    public async Task A_key_that_was_replaced_without_grace_opens_nothing_from_then_on()
    {
        var store = new CountingDirectory();
        var directory = new ApiKeyDirectory(store, clock);
        var (old, replacement) = (store.Add(), ApiKeys.Create(new("a"), "New", ApiKeyScopes.Read, GatewayHost.Start));
        Assert.NotNull(await directory.FindAsync(old.Key));
        await directory.MakeAsync(new(replacement.Stored, 10) { Replaces = old.Stored.Id, ReplacedEndsAt = clock.GetUtcNow() });
        Assert.Null(await directory.FindAsync(old.Key));
    }

    [Fact]
    public async Task A_revocation_forgets_the_accounts_own_keys_alone_and_one_of_an_unknown_key_none()
    {
        var store = new CountingDirectory();
        var directory = new ApiKeyDirectory(store, clock);
        var (own, others) = (store.Add(), store.Add(account: "b"));
        Assert.NotNull(await directory.FindAsync(own.Key));
        Assert.NotNull(await directory.FindAsync(others.Key));
        Assert.False(await directory.RevokeAsync(new("a"), "key_unknown"));
        Assert.Equal(2, directory.Remembered);
        Assert.True(await directory.RevokeAsync(new("a"), own.Stored.Id));
        Assert.Equal(1, directory.Remembered);
        Assert.Null(await directory.FindAsync(own.Key));
        Assert.NotNull(await directory.FindAsync(others.Key));
        store.IsAway = true;
        await Assert.ThrowsAsync<LedgerUnavailableException>(() => directory.RevokeAsync(new("b"), others.Stored.Id).AsTask());
        Assert.Equal(0, directory.Remembered);
    }

    [Fact]
    public async Task A_key_that_another_process_revoked_opens_nothing_a_second_later()
    {
        var store = new CountingDirectory();
        var directory = new ApiKeyDirectory(store, clock);
        var key = store.Add();
        Assert.NotNull(await directory.FindAsync(key.Key));
        await store.RevokeKeyAsync(key.Stored.Account, key.Stored.Id, clock.GetUtcNow());
        clock.Advance(ApiKeyDirectory.VerifiedFor);
        Assert.Null(await directory.FindAsync(key.Key));
        Assert.Equal(0, directory.Remembered);
    }

    [Fact]
    public async Task A_remembered_key_is_asked_for_again_once_in_half_a_second()
    {
        var store = new CountingDirectory();
        var directory = new ApiKeyDirectory(store, clock);
        var key = store.Add();
        for (var call = 0; call < 10; call++)
        {
            Assert.NotNull(await directory.FindAsync(key.Key));
            Assert.NotNull(await directory.FindAsync(key.Key));
            clock.Advance(Half);
        }

        Assert.Equal(10, store.Reads);
        Assert.Equal(1, directory.Remembered);
    }

    [Fact]
    public async Task Others_do_not_wait_for_the_one_that_asks_again_until_the_second_is_over()
    {
        var store = new CountingDirectory();
        var directory = new ApiKeyDirectory(store, clock);
        var key = store.Add();
        Assert.NotNull(await directory.FindAsync(key.Key));
        clock.Advance(Half);
        store.Gate = new();
        var asking = directory.FindAsync(key.Key).AsTask();
        Assert.False(asking.IsCompleted);
        Assert.NotNull(await directory.FindAsync(key.Key));
        Assert.Equal(2, store.Reads);
        clock.Advance(Half);
        var late = directory.FindAsync(key.Key).AsTask();
        Assert.False(late.IsCompleted);
        store.Gate.SetResult();
        Assert.NotNull(await asking);
        Assert.NotNull(await late);
    }

    [Fact]
    public async Task A_store_that_cannot_be_asked_again_is_not_trusted_for_longer_and_is_asked_by_the_next()
    {
        var store = new CountingDirectory();
        var directory = new ApiKeyDirectory(store, clock);
        var key = store.Add();
        Assert.NotNull(await directory.FindAsync(key.Key));
        clock.Advance(ApiKeyDirectory.VerifiedFor);
        store.IsAway = true;
        await Assert.ThrowsAsync<LedgerUnavailableException>(() => directory.FindAsync(key.Key).AsTask());
        await Assert.ThrowsAsync<LedgerUnavailableException>(() => directory.FindAsync(key.Key).AsTask());
        store.IsAway = false;
        Assert.NotNull(await directory.FindAsync(key.Key));
    }

    [Fact]
    public async Task A_key_expires_though_it_is_remembered()
    {
        var store = new CountingDirectory();
        var directory = new ApiKeyDirectory(store, clock);
        var key = store.Add(expiresAt: GatewayHost.Start.AddMilliseconds(2));
        Assert.NotNull(await directory.FindAsync(key.Key));
        clock.Advance(TimeSpan.FromMilliseconds(1));
        Assert.NotNull(await directory.FindAsync(key.Key));
        clock.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Null(await directory.FindAsync(key.Key));
        Assert.Equal(1, store.Reads);
    }

    [Fact]
    public async Task Unknown_keys_and_texts_longer_than_any_key_are_not_remembered()
    {
        var store = new CountingDirectory();
        var directory = new ApiKeyDirectory(store, clock);
        foreach (var text in (string[])[ApiKeys.DefaultPrefix + new string('a', 64), new('a', KeyDigester.MaxLength), new('a', KeyDigester.MaxLength + 1), string.Empty])
        {
            Assert.Null(await directory.FindAsync(text));
            Assert.Null(await directory.FindAsync(text));
        }

        Assert.Equal(8, store.Reads);
        Assert.Equal(0, directory.Remembered);
    }

    [Fact]
    public void Digests_tell_keys_apart_by_every_character_and_by_their_length()
    {
        var digester = new KeyDigester();
        var key = ApiKeys.Create(new("a"), "Test", ApiKeyScopes.Read, GatewayHost.Start).Key;
        Assert.Equal(digester.Of(key), digester.Of(key));
        var others = Enumerable.Range(0, key.Length).Select(index => key[..index] + (key[index] == '0' ? '1' : '0') + key[(index + 1)..])
            .Concat([key + "0", key + "\0", key[..^1], string.Empty, "\0"])
            .ToArray();
        Assert.Equal(others.Length + 1, others.Append(key).Select(text => digester.Of(text)).Distinct().Count());
        Assert.NotEqual(digester.Of(key), new KeyDigester().Of(key));
    }

    /// <summary>Keys in memory; counts the look-ups, and holds what it read back at a gate.</summary>
    private sealed class CountingDirectory : IDirectoryStore
    {
        private readonly Dictionary<string, ApiKey> keys = [];

        public int Reads { get; private set; }

        public TaskCompletionSource? Gate { get; set; }

        public bool IsAway { get; set; }

        public NewApiKey Add(DateTimeOffset? expiresAt = null, string account = "a")
        {
            var key = ApiKeys.Create(new(account), "Test", ApiKeyScopes.Read, GatewayHost.Start, expiresAt);
            keys[Convert.ToHexString(key.Stored.Hash.Span)] = key.Stored;
            return key;
        }

        public async ValueTask<ApiKey?> FindKeyAsync(ReadOnlyMemory<byte> hash, CancellationToken cancellationToken = default)
        {
            Reads++;
            if (IsAway)
            {
                throw new LedgerUnavailableException("The disk is away.");
            }

            var key = keys.GetValueOrDefault(Convert.ToHexString(hash.Span));
            await (Gate?.Task ?? Task.CompletedTask);
            return key;
        }

        public ValueTask<bool> RevokeKeyAsync(AccountId account, string id, DateTimeOffset at, CancellationToken cancellationToken = default)
        {
            if (IsAway)
            {
                throw new LedgerUnavailableException("The disk is away.");
            }

            var (hash, key) = keys.SingleOrDefault(key => key.Value.Id == id && key.Value.Account == account);
            if (key is null)
            {
                return new(false);
            }

            keys[hash] = key with { RevokedAt = at };
            return new(true);
        }

        public ValueTask<bool> TryAddProfileAsync(AccountProfile profile, CancellationToken cancellationToken = default) => throw new NotSupportedException();

        public ValueTask<AccountProfile?> FindProfileAsync(AccountId account, CancellationToken cancellationToken = default) => throw new NotSupportedException();

        public ValueTask<bool> IsEmptyAsync(CancellationToken cancellationToken = default) => throw new NotSupportedException();

        public ValueTask<AccountProfile?> UpdateProfileAsync(AccountId account, ProfileChange change, CancellationToken cancellationToken = default) => throw new NotSupportedException();

        public ValueTask<KeyAddition> MakeKeyAsync(KeyMaking making, CancellationToken cancellationToken = default)
        {
            var (hash, key) = keys.Single(key => key.Value.Id == making.Replaces);
            keys[hash] = key with { ExpiresAt = making.ReplacedEndsAt };
            return new(KeyAddition.Added);
        }

        public ValueTask<KeptAnswer?> FindAnswerAsync(AccountId account, ReadOnlyMemory<byte> key, CancellationToken cancellationToken = default) => throw new NotSupportedException();

        public ValueTask AddKeyAsync(ApiKey key, CancellationToken cancellationToken = default) => throw new NotSupportedException();

        public ValueTask<IReadOnlyList<ApiKey>> ListKeysAsync(AccountId account, CancellationToken cancellationToken = default) => throw new NotSupportedException();

        public ValueTask<IReadOnlyList<AccountProfile>> ListProfilesAsync(AccountId? after, int limit, CancellationToken cancellationToken = default) => throw new NotSupportedException();

        public ValueTask<IReadOnlyList<ApiKey>> ListAllKeysAsync(string? afterId, int limit, CancellationToken cancellationToken = default) => throw new NotSupportedException();

        public ValueTask ImportAsync(IReadOnlyList<AccountProfile> profiles, IReadOnlyList<ApiKey> keys, CancellationToken cancellationToken = default) => throw new NotSupportedException();

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
