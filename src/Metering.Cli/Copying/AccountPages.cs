using System.Runtime.CompilerServices;
using Metering.Engine;

namespace Metering.Cli;

/// <summary>Goes through all accounts of a ledger in the order of their ids.</summary>
internal static class AccountPages
{
    // Small enough that what is read ahead for a page of accounts fits into memory.
    private const int PageAccounts = 256;

    // So many connections a store keeps open; more would be opened and closed for every read.
    private const int AtOnce = 4;

    /// <summary>The accounts, a page at a time.</summary>
    public static async IAsyncEnumerable<IReadOnlyList<AccountId>> ReadAsync(ILedgerStore store, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        AccountId? after = null;
        while (true)
        {
            var page = await store.ListAccountsAsync(after, PageAccounts, cancellationToken);
            if (page.Count > 0)
            {
                yield return page;
                after = page[^1];
            }

            if (page.Count < PageAccounts)
            {
                yield break;
            }
        }
    }

    /// <summary>Looks something up for each account of a page, several at once, because a look-up may be a round trip.</summary>
    public static async Task<T[]> SelectAsync<T>(IReadOnlyList<AccountId> page, Func<AccountId, Task<T>> look, CancellationToken cancellationToken)
    {
        var found = new T[page.Count];
        await Parallel.ForAsync(
            0,
            page.Count,
            new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = cancellationToken },
            async (index, _) => found[index] = await look(page[index]));
        return found;
    }

    private static async Task<long> CountEntriesAsync(ILedgerStore store, AccountId account, CancellationToken cancellationToken)
    {
        var (head, _) = await store.ReadHeadAsync(account, cancellationToken);
        return head.Sequence - ((await store.ReadBaseAsync(account, cancellationToken))?.Head.Sequence ?? 0);
    }

    /// <summary>How many entries a ledger has, as its heads and beginnings say.</summary>
    public static async Task<long> CountEntriesAsync(ILedgerStore store, CancellationToken cancellationToken)
    {
        var entries = 0L;
        await foreach (var page in ReadAsync(store, cancellationToken))
        {
            entries += (await SelectAsync(page, account => CountEntriesAsync(store, account, cancellationToken), cancellationToken)).Sum();
        }

        return entries;
    }
}
