using System.Collections.Concurrent;

namespace Metering.Engine;

/// <summary>
/// The accounts in memory, one activation each, loaded on first use and let go of under a budget. An account is never loaded while
/// another activation of it has something queued or in flight.
/// </summary>
internal sealed class ActivationTable
{
    /// <summary>Entries that replay quicker than a snapshot is worth writing.</summary>
    private const int MinEntriesForSnapshot = 64;

    private readonly ConcurrentDictionary<AccountId, Lazy<Task<AccountActivation>>> slots = new();
    private readonly LinkedList<AccountActivation> ring = new(); // In the order that the hand will come by; its own lock.
    private readonly ActivationLoader loader;
    private readonly long budgetBytes;
    private readonly TaskScheduler scheduler;
    private long bytes;
    private int sweeping;

    public ActivationTable(ILedgerStore store, GroupCommit commit, CreditMeteringOptions options)
    {
        loader = new(store, commit, new(options.SnapshotInterval, Remove, AddBytes));
        (budgetBytes, scheduler) = (options.MemoryBudgetBytes, options.Scheduler);
    }

    /// <summary>Accounts in memory.</summary>
    public int Count => slots.Count;

    /// <summary>The account's activation, loaded where it is not in memory. Concurrent callers share one load.</summary>
    /// <exception cref="LedgerUnavailableException">The ledger cannot be read now.</exception>
    public ValueTask<AccountActivation> GetAsync(AccountId account)
    {
        var slot = slots.TryGetValue(account, out var known) ? known : slots.GetOrAdd(account, id => new Lazy<Task<AccountActivation>>(() => LoadAsync(id)));
        var loading = slot.Value;
        return loading.IsCompletedSuccessfully ? new(loading.Result) : WaitAsync(account, slot);
    }

    /// <summary>The account's activation where it is in memory.</summary>
    public bool TryGetLoaded(AccountId account, out AccountActivation? activation)
    {
        activation = slots.TryGetValue(account, out var slot) && slot is { IsValueCreated: true, Value.IsCompletedSuccessfully: true } ? slot.Value.Result : null;
        return activation is not null;
    }

    /// <summary>Drops what is in memory of an account, after everything queued is durable.</summary>
    public async ValueTask RetireAsync(AccountId account)
    {
        if (slots.TryGetValue(account, out var slot))
        {
            await (await WaitAsync(account, slot)).RetireAsync(minEntriesForSnapshot: null);
        }
    }

    /// <summary>Retires every account, with snapshots where they are worth it: the end of the process.</summary>
    public async ValueTask RetireAllAsync()
    {
        AccountActivation[] loaded;
        lock (ring)
        {
            loaded = [.. ring];
        }

        foreach (var activation in loaded.Where(activation => IsLoaded(activation, out _)))
        {
            await activation.RetireAsync(MinEntriesForSnapshot);
        }
    }

    private async ValueTask<AccountActivation> WaitAsync(AccountId account, Lazy<Task<AccountActivation>> slot)
    {
        try
        {
            return await slot.Value;
        }
        catch
        {
            // A failed load must not stay: the next caller tries again.
            slots.TryRemove(KeyValuePair.Create(account, slot));
            throw;
        }
    }

    private async Task<AccountActivation> LoadAsync(AccountId account)
    {
        var activation = await loader.LoadAsync(account);
        lock (ring)
        {
            activation.Place = ring.AddLast(activation);
        }

        AddBytes(activation.Bytes);
        return activation;
    }

    private void AddBytes(long count)
    {
        if (Interlocked.Add(ref bytes, count) > budgetBytes && Interlocked.Exchange(ref sweeping, 1) == 0)
        {
            _ = Task.Factory.StartNew(Sweep, CancellationToken.None, TaskCreationOptions.DenyChildAttach, scheduler);
        }
    }

    private void Remove(AccountActivation activation)
    {
        if (IsLoaded(activation, out var slot) && slots.TryRemove(KeyValuePair.Create(activation.Account, slot!)))
        {
            lock (ring)
            {
                ring.Remove(activation.Place!);
            }

            AddBytes(-activation.Bytes);
        }
    }

    /// <summary>True where an activation is what its account's slot holds. It stands in the ring a moment before that.</summary>
    private bool IsLoaded(AccountActivation activation, out Lazy<Task<AccountActivation>>? slot) =>
        slots.TryGetValue(activation.Account, out slot) && slot is { IsValueCreated: true, Value.IsCompletedSuccessfully: true } &&
        ReferenceEquals(slot.Value.Result, activation);

    /// <summary>
    /// The clock algorithm: whoever was used since the hand last came by stays, the others go, until memory is well below the budget. The
    /// hand goes on where it stopped, twice around at most.
    /// </summary>
    private void Sweep()
    {
        try
        {
            for (var steps = slots.Count * 2; steps > 0 && Interlocked.Read(ref bytes) > budgetBytes / 10 * 9 && Next() is { } activation; steps--)
            {
                if (activation.WasUsed)
                {
                    activation.WasUsed = false;
                }
                else if (IsLoaded(activation, out _))
                {
                    activation.TryRetireIdle(MinEntriesForSnapshot);
                }
            }
        }
        finally
        {
            Volatile.Write(ref sweeping, 0);
        }
    }

    /// <summary>The activation under the hand, which moves on; null where there is none.</summary>
    private AccountActivation? Next()
    {
        lock (ring)
        {
            if (ring.First is not { } place)
            {
                return null;
            }

            ring.RemoveFirst();
            ring.AddLast(place);
            return place.Value;
        }
    }
}
