using Metering.Core;
using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;

namespace Metering.Engine;

/// <summary>
/// The accounts in memory, one activation each, loaded on first use and let go of under a budget. An account is never loaded while
/// another activation of it has something queued or in flight.
/// </summary>
internal sealed class ActivationTable
{
    /// <summary>Entries that replay quicker than a snapshot is worth writing.</summary>
    private const int MinEntriesForSnapshot = 64;

    private const int EvictionSteps = 16;
    private const int TidyingSteps = 2;

    private readonly ConcurrentDictionary<AccountId, ActivationSlot> slots = new();
    private readonly ActivationLoader loader;
    private readonly IAccountPlacement? placement;
    private readonly long budgetBytes;
    private readonly ConcurrentQueue<AccountActivation> hand = new();
    private long bytes;

    public ActivationTable(
        ILedgerStore store, GroupCommit commit, Freshness freshness, CreditMeteringOptions options, IAccountPlacement? placement, Action<AccountId, DateTimeOffset> dueChanged)
    {
        this.placement = placement;
        loader = new(store, commit, freshness, new(options.SnapshotInterval, options.Grace, Remove, AddBytes, placement, dueChanged));
        budgetBytes = options.MemoryBudgetBytes;
    }

    private bool IsOverBudget => Interlocked.Read(ref bytes) > budgetBytes;

    /// <summary>Accounts in memory.</summary>
    public int Count => slots.Count;

    /// <summary>The account's activation, loaded where it is not in memory. Concurrent callers share one load.</summary>
    /// <exception cref="LedgerUnavailableException">The ledger cannot be read now.</exception>
    /// <exception cref="AccountElsewhereException">The account is not in memory, and another process is to load it.</exception>
    public ValueTask<AccountActivation> GetAsync(AccountId account) => TryGetLive(account, out var activation) ? new(activation) : WaitAsync(account);

    /// <summary>The account's activation where it is in memory and has not left it.</summary>
    public bool TryGetLive(AccountId account, [NotNullWhen(true)] out AccountActivation? activation) =>
        TryGetLoaded(account, out activation) && !activation.IsGone;

    /// <summary>The account's activation where it is in memory.</summary>
    public bool TryGetLoaded(AccountId account, [NotNullWhen(true)] out AccountActivation? activation)
    {
        slots.TryGetValue(account, out var slot);
        activation = slot as AccountActivation;
        return activation is not null;
    }

    /// <summary>Drops what is in memory of an account, after everything queued is durable.</summary>
    public async ValueTask RetireAsync(AccountId account)
    {
        if (slots.ContainsKey(account))
        {
            await (await GetAsync(account)).RetireAsync(minEntriesForSnapshot: null);
        }
    }

    /// <summary>
    /// The same for an account that is placed here no more, with a snapshot where it is worth it. A load that was under way is waited for, and
    /// none begins afterwards, so nothing of the account is in memory when it completes.
    /// </summary>
    public async ValueTask LeaveAsync(AccountId account, bool withSnapshot)
    {
        try
        {
            if (slots.ContainsKey(account))
            {
                await (await WaitAsync(account)).RetireAsync(withSnapshot ? 0 : MinEntriesForSnapshot);
            }
        }
        catch (Exception exception) when (exception is AccountElsewhereException or LedgerUnavailableException or LedgerFormatException)
        {
            // It was not loaded, or had left already.
        }
    }

    /// <summary>Lets an account leave memory at once, where nothing of it is under way.</summary>
    public void LetGo(AccountId account)
    {
        if (TryGetLive(account, out var activation))
        {
            activation.TryRetireIdle(MinEntriesForSnapshot);
        }
    }

    /// <summary>Retires every account, with snapshots where they are worth it: the end of the process.</summary>
    /// <remarks>In the order of their ids: the table's own order hangs on hashes that differ from process to process, and a history is to be one of its seed alone.</remarks>
    public async ValueTask RetireAllAsync()
    {
        var loaded = new List<AccountActivation>(slots.Count);
        foreach (var slot in slots.Values)
        {
            if (slot is AccountActivation activation)
            {
                loaded.Add(activation);
            }
        }

        loaded.Sort((one, other) => string.CompareOrdinal(one.Account.Value, other.Account.Value));
        foreach (var activation in loaded)
        {
            await activation.RetireAsync(MinEntriesForSnapshot);
        }
    }

    private async ValueTask<AccountActivation> WaitAsync(AccountId account)
    {
        while (true)
        {
            var slot = slots.GetOrAdd(account, static (id, table) => new ActivationLoading(loading => table.LoadAsync(id, loading)), this);
            if (slot is not AccountActivation activation)
            {
                try
                {
                    activation = await ((ActivationLoading)slot).Task;
                }
                catch
                {
                    // A failed load must not stay: the next caller tries again.
                    slots.TryRemove(KeyValuePair.Create(account, slot));
                    throw;
                }
            }

            if (!activation.IsGone)
            {
                return activation;
            }

            // It left before its slot could be told: an activation that is gone must never be found again.
            Remove(activation);
        }
    }

    private async Task<AccountActivation> LoadAsync(AccountId account, ActivationLoading loading)
    {
        // Behind the slot: who takes the account away from here afterwards finds the slot, and waits for this load.
        if (placement?.IsHere(account) == false)
        {
            throw new AccountElsewhereException(account);
        }

        var activation = await loader.LoadAsync(account);
        AddBytes(activation.Bytes);
        slots.TryUpdate(account, activation, loading);
        hand.Enqueue(activation);
        Evict(activation);
        return activation;
    }

    /// <summary>Takes a few steps of eviction where accounts in memory have grown beyond the budget. Call it outside every lock.</summary>
    /// <param name="inUse">The account at hand, which stays.</param>
    public void MakeRoom(AccountActivation inUse)
    {
        if (IsOverBudget)
        {
            Evict(inUse);
        }
    }

    /// <summary>Called under an activation's lock, so it only counts: evicting would take other activations' locks.</summary>
    private void AddBytes(long count) => Interlocked.Add(ref bytes, count);

    private void Remove(AccountActivation activation)
    {
        if (slots.TryRemove(KeyValuePair.Create(activation.Account, (ActivationSlot)activation)))
        {
            AddBytes(-activation.Bytes);
        }
    }

    /// <summary>
    /// A few steps of the clock algorithm: whoever was used since the hand last came by stays, others go. Whoever loads or uses an account takes
    /// the steps, so that eviction keeps up with loading by itself; under the budget they only forget activations that are gone, of which
    /// a load adds one at most. The account just loaded stays: one that is larger than the whole budget must be usable, too.
    /// </summary>
    private void Evict(AccountActivation loaded)
    {
        for (var step = 0; step < (IsOverBudget ? EvictionSteps : TidyingSteps) && hand.TryDequeue(out var activation); step++)
        {
            if (activation.IsGone)
            {
                continue;
            }

            if (activation == loaded || !IsOverBudget)
            {
                hand.Enqueue(activation);
            }
            else if (activation.WasUsed || !activation.TryRetireIdle(MinEntriesForSnapshot))
            {
                activation.WasUsed = false;
                hand.Enqueue(activation);
            }
        }
    }
}

/// <summary>
/// What the table holds of an account: its activation itself, because every call looks it up and every object on the way there is
/// another miss of the processor's cache, or the load under way.
/// </summary>
internal abstract class ActivationSlot;

/// <summary>A load that concurrent callers share; it begins with the first who asks for its task.</summary>
internal sealed class ActivationLoading : ActivationSlot
{
    private readonly Lazy<Task<AccountActivation>> task;

    public ActivationLoading(Func<ActivationLoading, Task<AccountActivation>> load) => task = new(() => load(this));

    public Task<AccountActivation> Task => task.Value;
}
