using Metering.Engine;
using Xunit;

namespace Metering.Conformance;

/// <summary>Every promise of <see cref="IDirectoryStore"/>. A store joins by deriving from it.</summary>
public abstract class DirectoryStoreConformance : IAsyncLifetime
{
    private static readonly DateTimeOffset Now = new(2026, 2, 28, 23, 59, 59, 123, TimeSpan.Zero);

    /// <summary>The store under test, empty at first.</summary>
    protected IDirectoryStore Store { get; set; } = null!;

    /// <summary>Opens an empty store.</summary>
    protected abstract ValueTask<IDirectoryStore> OpenAsync();

    /// <inheritdoc />
    public virtual async Task InitializeAsync() => Store = await OpenAsync();

    /// <inheritdoc />
    public virtual async Task DisposeAsync() => await Store.DisposeAsync();

    [Fact]
    public async Task Profiles_come_back_as_they_were_added()
    {
        Assert.True(await Store.IsEmptyAsync());
        var (full, sparse) = (FullProfile("full"), new AccountProfile { Account = new("sparse"), Email = "s@example.com", CreatedAt = Now });
        Assert.True(await Store.TryAddProfileAsync(full));
        Assert.True(await Store.TryAddProfileAsync(sparse));

        Assert.Equal(full, await Store.FindProfileAsync(full.Account));
        Assert.Equal(sparse, await Store.FindProfileAsync(sparse.Account));
        Assert.Null(await Store.FindProfileAsync(new("nobody")));
        Assert.False(await Store.IsEmptyAsync());
    }

    [Fact]
    public async Task A_second_profile_of_an_account_changes_nothing()
    {
        var first = FullProfile("taken");
        await Store.TryAddProfileAsync(first);
        Assert.False(await Store.TryAddProfileAsync(first with { Email = "second@example.com" }));
        Assert.Equal(first, await Store.FindProfileAsync(first.Account));
    }

    [Fact]
    public async Task A_change_of_a_profile_touches_only_the_fields_that_it_names()
    {
        var profile = FullProfile("changing");
        await Store.TryAddProfileAsync(profile);
        await Store.TryAddProfileAsync(FullProfile("other"));
        var renamed = profile with { FirstName = "Grace", CompanyWebsite = null };
        Assert.Equal(renamed, await Store.UpdateProfileAsync(profile.Account, new() { FirstName = new("Grace"), CompanyWebsite = new(null) }));
        Assert.Equal(renamed, await Store.FindProfileAsync(profile.Account));
        var whole = renamed with { LastName = "Höpper", CompanyName = "Navy" };
        Assert.Equal(whole, await Store.UpdateProfileAsync(profile.Account, new() { LastName = new("Höpper"), CompanyName = new("Navy") }));
        Assert.Equal(whole, await Store.UpdateProfileAsync(profile.Account, new()));
        Assert.Equal(FullProfile("other"), await Store.FindProfileAsync(new("other")));
        Assert.Null(await Store.UpdateProfileAsync(new("nobody"), new() { FirstName = new("x") }));
    }

    [Fact]
    public async Task Keys_beyond_the_most_that_may_be_active_are_not_made()
    {
        await Store.AddKeyAsync(Key(1, "a") with { RevokedAt = Now });
        await Store.AddKeyAsync(Key(2, "a") with { CreatedAt = Now.AddDays(-1), ExpiresAt = Now });
        await Store.AddKeyAsync(Key(3, "b"));
        Assert.Equal(KeyAddition.Added, await Store.MakeKeyAsync(new(Key(4, "a") with { ExpiresAt = Now.AddMilliseconds(1) }, 2)));
        Assert.Equal(KeyAddition.Added, await Store.MakeKeyAsync(new(Key(5, "a"), 2)));
        Assert.Equal(KeyAddition.TooManyActive, await Store.MakeKeyAsync(new(Key(6, "a"), 2)));
        Assert.Null(await Store.FindKeyAsync(Key(6, "a").Hash));
        Assert.Equal(KeyAddition.Added, await Store.MakeKeyAsync(new(Key(6, "a") with { CreatedAt = Now.AddMilliseconds(1) }, 2)));
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await Store.MakeKeyAsync(new(Key(5, "c"), 2)));
    }

    [Fact]
    public async Task Many_makers_at_once_never_make_more_keys_than_allowed()
    {
        var made = await Task.WhenAll(Enumerable.Range(0, 24).Select(number =>
            Task.Run(async () => await Store.MakeKeyAsync(new(Key((byte)number, "a"), 10)))));
        Assert.Equal(10, made.Count(verdict => verdict == KeyAddition.Added));
        Assert.Equal(14, made.Count(verdict => verdict == KeyAddition.TooManyActive));
        Assert.Equal(10, (await Store.ListKeysAsync(new("a"))).Count);
    }

    [Fact]
    public async Task A_replaced_key_ends_and_is_counted_until_then()
    {
        var old = Key(1, "a");
        await Store.AddKeyAsync(old);
        KeyMaking Replacing(byte number, string id, DateTimeOffset endsAt, int most) => new(Key(number, "a"), most) { Replaces = id, ReplacedEndsAt = endsAt };
        Assert.Equal(KeyAddition.ReplacedUnknown, await Store.MakeKeyAsync(Replacing(2, "key_none", Now, 5)));
        Assert.Equal(KeyAddition.TooManyActive, await Store.MakeKeyAsync(Replacing(2, old.Id, Now.AddHours(1), 1)));
        AssertKeys([old], await Store.ListKeysAsync(old.Account));

        Assert.Equal(KeyAddition.Added, await Store.MakeKeyAsync(Replacing(2, old.Id, Now.AddHours(1), 2)));
        AssertKeys([old with { ExpiresAt = Now.AddHours(1) }, Key(2, "a")], await Store.ListKeysAsync(old.Account));
        Assert.Equal(KeyAddition.Added, await Store.MakeKeyAsync(Replacing(3, Key(2, "a").Id, Now, 2)));
        AssertKeys([old with { ExpiresAt = Now.AddHours(1) }, Key(2, "a") with { ExpiresAt = Now }, Key(3, "a")], await Store.ListKeysAsync(old.Account));
        Assert.Equal(KeyAddition.ReplacedUnknown, await Store.MakeKeyAsync(Replacing(4, Key(2, "a").Id, Now.AddHours(1), 9)));

        Assert.Equal(KeyAddition.Added, await Store.MakeKeyAsync(Replacing(4, old.Id, Now.AddHours(2), 9)));
        AssertKeys([old with { ExpiresAt = Now.AddHours(1) }], [await Store.FindKeyAsync(old.Hash)]);
    }

    [Fact]
    public async Task An_idempotency_key_makes_one_key_and_its_answer_is_kept()
    {
        var made = await Task.WhenAll(Enumerable.Range(0, 12).Select(number =>
            Task.Run(async () => await Store.MakeKeyAsync(new(Key((byte)number, "a"), 1) { Answer = Answer("a", 7, $"answer {number}") }))));
        Assert.Equal(1, made.Count(verdict => verdict == KeyAddition.Added));
        Assert.Equal(11, made.Count(verdict => verdict == KeyAddition.AlreadyAnswered));
        var kept = await Store.FindAnswerAsync(new("a"), Answer("a", 7, "").Key);
        Assert.Equal($"answer {(await Store.ListKeysAsync(new("a")))[0].Name[4..]}", kept!.Answer);
        Assert.Equal(Answer("a", 7, "").Request.ToArray(), kept.Request.ToArray());

        Assert.Equal(KeyAddition.Added, await Store.MakeKeyAsync(new(Key(20, "b"), 1) { Answer = Answer("b", 7, "other account") }));
        Assert.Equal("other account", (await Store.FindAnswerAsync(new("b"), Answer("b", 7, "").Key))!.Answer);
        Assert.Null(await Store.FindAnswerAsync(new("a"), Answer("a", 8, "").Key));
        Assert.Equal(KeyAddition.TooManyActive, await Store.MakeKeyAsync(new(Key(21, "b"), 1) { Answer = Answer("b", 9, "refused") }));
        Assert.Null(await Store.FindAnswerAsync(new("b"), Answer("b", 9, "").Key));
    }

    [Fact]
    public async Task Answers_are_kept_for_a_day_at_least_and_not_for_ever()
    {
        await Store.MakeKeyAsync(new(Key(1, "a"), 9) { Answer = Answer("a", 1, "first") });
        await Store.MakeKeyAsync(new(Key(2, "a") with { CreatedAt = Now.AddHours(24) }, 9) { Answer = Answer("a", 2, "second") });
        Assert.NotNull(await Store.FindAnswerAsync(new("a"), Answer("a", 1, "").Key));
        await Store.MakeKeyAsync(new(Key(3, "b") with { CreatedAt = Now + KeptAnswer.KeptFor + TimeSpan.FromSeconds(1) }, 9) { Answer = Answer("b", 3, "third") });
        Assert.Null(await Store.FindAnswerAsync(new("a"), Answer("a", 1, "").Key));
        Assert.NotNull(await Store.FindAnswerAsync(new("a"), Answer("a", 2, "").Key));
    }

    [Fact]
    public async Task Keys_are_found_by_their_hash()
    {
        var (key, other) = (Key(1, "a") with { ExpiresAt = Now.AddDays(1) }, Key(2, "b"));
        await Store.AddKeyAsync(key);
        await Store.AddKeyAsync(other);
        AssertKeys([key], [await Store.FindKeyAsync(Key(1, "a").Hash)]);
        AssertKeys([other], [await Store.FindKeyAsync(other.Hash)]);
        Assert.Null(await Store.FindKeyAsync(Key(3, "c").Hash));
    }

    [Fact]
    public async Task Keys_of_an_account_are_listed_oldest_first()
    {
        var (late, early, same) = (Key(1, "a") with { CreatedAt = Now.AddHours(1) }, Key(2, "a"), Key(3, "a"));
        foreach (var key in new[] { late, early, same, Key(4, "b") })
        {
            await Store.AddKeyAsync(key);
        }

        AssertKeys([early, same, late], await Store.ListKeysAsync(new("a")));
        Assert.Empty(await Store.ListKeysAsync(new("nobody")));
    }

    [Fact]
    public async Task A_revoked_key_keeps_the_first_instant_and_stays_listed()
    {
        var key = Key(1, "a");
        await Store.AddKeyAsync(key);
        Assert.False(await Store.RevokeKeyAsync(new("b"), key.Id, Now));
        Assert.False(await Store.RevokeKeyAsync(key.Account, "key_none", Now));
        AssertKeys([key], await Store.ListKeysAsync(key.Account));

        Assert.True(await Store.RevokeKeyAsync(key.Account, key.Id, Now.AddMinutes(1)));
        Assert.True(await Store.RevokeKeyAsync(key.Account, key.Id, Now.AddMinutes(2)));
        var revoked = key with { RevokedAt = Now.AddMinutes(1) };
        AssertKeys([revoked], await Store.ListKeysAsync(key.Account));
        AssertKeys([revoked], [await Store.FindKeyAsync(key.Hash)]);
    }

    [Fact]
    public async Task A_key_whose_id_or_hash_is_taken_is_refused()
    {
        var key = Key(1, "a");
        await Store.AddKeyAsync(key);
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await Store.AddKeyAsync(key with { Hash = Key(2, "a").Hash }));
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await Store.AddKeyAsync(key with { Id = "key_new" }));
        AssertKeys([key], await Store.ListKeysAsync(key.Account));
    }

    [Fact]
    public async Task Profiles_are_listed_in_pages_in_the_order_of_their_accounts()
    {
        Assert.Empty(await Store.ListProfilesAsync(null, 10));
        var profiles = new[] { "b", "B", "a.1", "a", "a-1", "_" }.Select(FullProfile).ToArray();
        foreach (var profile in profiles)
        {
            await Store.TryAddProfileAsync(profile);
        }

        var expected = profiles.OrderBy(profile => profile.Account.Value, StringComparer.Ordinal).ToArray();
        Assert.Equal(expected[..4], await Store.ListProfilesAsync(null, 4));
        Assert.Equal(expected[4..], await Store.ListProfilesAsync(expected[3].Account, 4));
        Assert.Empty(await Store.ListProfilesAsync(expected[5].Account, 4));
    }

    [Fact]
    public async Task All_keys_are_listed_in_pages_in_the_order_of_their_making()
    {
        Assert.Empty(await Store.ListAllKeysAsync(null, 10));
        ApiKey[] keys = [Key(9, "b"), Key(3, "a") with { RevokedAt = Now }, Key(7, "b") with { CreatedAt = Now.AddHours(-1) }, Key(1, "c")];
        foreach (var key in keys)
        {
            await Store.AddKeyAsync(key);
        }

        AssertKeys(keys[..3], await Store.ListAllKeysAsync(null, 3));
        AssertKeys(keys[3..], await Store.ListAllKeysAsync(keys[2].Id, 3));
        Assert.Empty(await Store.ListAllKeysAsync(keys[3].Id, 3));
        Assert.Empty(await Store.ListAllKeysAsync("key_none", 3));
    }

    [Fact]
    public async Task An_import_adds_what_is_missing_and_leaves_what_is_there()
    {
        var (known, revoked) = (FullProfile("known"), Key(1, "known") with { ExpiresAt = Now.AddDays(1), RevokedAt = Now });
        await Store.TryAddProfileAsync(known);
        await Store.AddKeyAsync(revoked);

        ApiKey[] keys = [revoked with { RevokedAt = null }, Key(3, "other") with { RevokedAt = Now }, Key(2, "known")];
        await Store.ImportAsync([known with { Email = "new@example.com" }, FullProfile("other")], keys);
        await Store.ImportAsync([FullProfile("other")], keys);
        await Store.ImportAsync([], []);

        Assert.Equal([known, FullProfile("other")], await Store.ListProfilesAsync(null, 10));
        AssertKeys([revoked, keys[1], keys[2]], await Store.ListAllKeysAsync(null, 10));
        AssertKeys([keys[1]], [await Store.FindKeyAsync(keys[1].Hash)]);
    }

    [Fact]
    public async Task An_import_whose_hash_another_key_has_changes_nothing()
    {
        var key = Key(1, "a");
        await Store.AddKeyAsync(key);
        await Assert.ThrowsAsync<InvalidOperationException>(
            async () => await Store.ImportAsync([FullProfile("b")], [Key(2, "b"), Key(3, "b") with { Hash = key.Hash }]));
        AssertKeys([key], await Store.ListAllKeysAsync(null, 10));
        Assert.True(await Store.IsEmptyAsync());

        await Store.ImportAsync([FullProfile("b")], [Key(2, "b")]);
        Assert.Equal(2, (await Store.ListAllKeysAsync(null, 10)).Count);
    }

    [Fact]
    public async Task Concurrent_calls_are_all_kept()
    {
        await Task.WhenAll(Enumerable.Range(0, 40).Select(number => Task.Run(async () =>
        {
            var key = Key((byte)number, "a");
            await Store.AddKeyAsync(key);
            AssertKeys([key], [await Store.FindKeyAsync(key.Hash)]);
        })));
        Assert.Equal(40, (await Store.ListKeysAsync(new("a"))).Count);
    }

    [Fact]
    public async Task A_disposed_store_says_so()
    {
        await Store.DisposeAsync();
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await Store.IsEmptyAsync());
    }

    /// <summary>A profile with everything in it.</summary>
    protected static AccountProfile FullProfile(string account) => new()
    {
        Account = new(account),
        Email = "ada@example.com",
        FirstName = "Ada",
        LastName = "Łovelace",
        CompanyName = "",
        CompanyWebsite = "https://example.com/?q=1",
        CreatedAt = Now,
    };

    /// <summary>A key made of one number.</summary>
    protected static ApiKey Key(byte number, string account)
    {
        var hash = new byte[32];
        Array.Fill(hash, number);
        return new()
        {
            Id = $"key_{number:x24}",
            Account = new(account),
            Name = $"Key {number}",
            Hash = hash,
            Display = "smbk_1234567",
            Scopes = ApiKeyScopes.Read | ApiKeyScopes.Admin,
            CreatedAt = Now,
        };
    }

    /// <summary>An answer to an idempotency key that is made of one number.</summary>
    protected static KeptAnswer Answer(string account, byte key, string answer)
    {
        var (hash, request) = (new byte[32], new byte[16]);
        Array.Fill(hash, key);
        Array.Fill(request, (byte)(key + 1));
        return new() { Account = new(account), Key = hash, Request = request, Answer = answer };
    }

    /// <summary>Compares keys in everything that they hold.</summary>
    protected static void AssertKeys(IEnumerable<ApiKey> expected, IEnumerable<ApiKey?> actual)
    {
        static (ApiKey? WithoutHash, string Hash) Comparable(ApiKey? key) =>
            (key is null ? null : key with { Hash = default }, Convert.ToHexString(key is null ? [] : key.Hash.Span));
        Assert.Equal(expected.Select(Comparable), actual.Select(Comparable));
    }
}
