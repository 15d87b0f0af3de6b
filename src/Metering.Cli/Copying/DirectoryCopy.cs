using Metering.Engine;

namespace Metering.Cli;

/// <summary>Copies profiles and API keys into another directory; running again adds what is missing.</summary>
internal sealed class DirectoryCopy(IDirectoryStore source, IDirectoryStore target)
{
    private const int PageItems = 1_000;

    /// <summary>Profiles of the source.</summary>
    public long Profiles { get; private set; }

    /// <summary>API keys of the source.</summary>
    public long Keys { get; private set; }

    /// <summary>Copies what the target lacks, then compares the two.</summary>
    /// <returns>How the directories differ, naming the account; null where they do not.</returns>
    public async Task<string?> RunAsync(CancellationToken cancellationToken)
    {
        try
        {
            await foreach (var page in ProfilesAsync(source, cancellationToken))
            {
                await target.ImportAsync(page, [], cancellationToken);
                Profiles += page.Count;
            }

            await foreach (var page in KeysAsync(source, cancellationToken))
            {
                await target.ImportAsync([], page, cancellationToken);
                Keys += page.Count;
            }
        }
        catch (InvalidOperationException taken)
        {
            return $"The target's directory is not a copy of the source's: {taken.Message}";
        }

        return await CompareProfilesAsync(cancellationToken) ?? await CompareKeysAsync(cancellationToken);
    }

    private async Task<string?> CompareProfilesAsync(CancellationToken cancellationToken)
    {
        await using var expected = ProfilesAsync(source, cancellationToken).GetAsyncEnumerator(cancellationToken);
        await foreach (var page in ProfilesAsync(target, cancellationToken))
        {
            var sourcePage = await expected.MoveNextAsync() ? expected.Current : [];
            foreach (var (index, profile) in page.Index())
            {
                if (index >= sourcePage.Count || sourcePage[index] != profile)
                {
                    return $"The profile of account {profile.Account} in the target differs from what the source has. Copy into an empty store.";
                }
            }
        }

        return null;
    }

    private async Task<string?> CompareKeysAsync(CancellationToken cancellationToken)
    {
        await using var expected = KeysAsync(source, cancellationToken).GetAsyncEnumerator(cancellationToken);
        await foreach (var page in KeysAsync(target, cancellationToken))
        {
            var sourcePage = await expected.MoveNextAsync() ? expected.Current : [];
            foreach (var (index, key) in page.Index())
            {
                if (index >= sourcePage.Count || !await AgreeAsync(sourcePage[index], key, cancellationToken))
                {
                    return $"The API key {key.Id} of account {key.Account} in the target differs from what the source has. Copy into an empty store.";
                }
            }
        }

        return null;
    }

    /// <summary>True where a key is the source's, once it is revoked in the target too: it may have been revoked between two runs.</summary>
    private async Task<bool> AgreeAsync(ApiKey expected, ApiKey key, CancellationToken cancellationToken)
    {
        if (key.RevokedAt is null && expected.RevokedAt is { } revokedAt && expected.Id == key.Id)
        {
            await target.RevokeKeyAsync(key.Account, key.Id, revokedAt, cancellationToken);
            key = key with { RevokedAt = revokedAt };
        }

        // Hashes are compared by their bytes; the memory that holds them is never the same.
        return expected.Hash.Span.SequenceEqual(key.Hash.Span) && expected with { Hash = default } == key with { Hash = default };
    }

    /// <summary>All profiles of a directory, a page at a time.</summary>
    public static IAsyncEnumerable<IReadOnlyList<AccountProfile>> ProfilesAsync(IDirectoryStore store, CancellationToken cancellationToken) =>
        PagesAsync<AccountProfile>(last => store.ListProfilesAsync(last?.Account, PageItems, cancellationToken));

    /// <summary>All keys of a directory, a page at a time.</summary>
    public static IAsyncEnumerable<IReadOnlyList<ApiKey>> KeysAsync(IDirectoryStore store, CancellationToken cancellationToken) =>
        PagesAsync<ApiKey>(last => store.ListAllKeysAsync(last?.Id, PageItems, cancellationToken));

    private static async IAsyncEnumerable<IReadOnlyList<T>> PagesAsync<T>(Func<T?, ValueTask<IReadOnlyList<T>>> read)
        where T : class
    {
        for (T? last = null; ;)
        {
            var page = await read(last);
            if (page.Count > 0)
            {
                yield return page;
                last = page[^1];
            }

            if (page.Count < PageItems)
            {
                yield break;
            }
        }
    }
}
