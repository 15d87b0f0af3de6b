using System.Collections.Concurrent;

namespace Metering.Cluster;

/// <summary>Where accounts were last found: a hint, which the silo itself confirms with every call. Safe for concurrent use.</summary>
internal sealed class AccountRoutes
{
    /// <summary>Accounts whose silo is remembered, about 150 bytes each; beyond them all are forgotten and found again.</summary>
    internal const int Capacity = 200_000;

    private readonly ConcurrentDictionary<AccountId, string> silos = new();

    // One text a silo, however often its answers bring it along.
    private readonly ConcurrentDictionary<string, string> names = new();
    private int count;

    /// <summary>The silo; null where it is not known.</summary>
    public string? Find(AccountId account) => silos.GetValueOrDefault(account);

    public void Remember(AccountId account, string silo)
    {
        if (Interlocked.Increment(ref count) > Capacity)
        {
            silos.Clear();
            names.Clear();
            Volatile.Write(ref count, 1);
        }

        silos[account] = names.GetOrAdd(silo, silo);
    }

    /// <summary>Forgets a route that led nowhere, where nobody has found a better one meanwhile.</summary>
    public void Forget(AccountId account, string silo)
    {
        if (silos.TryRemove(KeyValuePair.Create(account, silo)))
        {
            Interlocked.Decrement(ref count);
        }
    }
}
