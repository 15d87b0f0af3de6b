using Metering.Engine;

namespace Metering.Cli;

/// <summary>Goes through all profiles and API keys of a directory.</summary>
internal static class DirectoryPages
{
    private const int PageItems = 1_000;

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
