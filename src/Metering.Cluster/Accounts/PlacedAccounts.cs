using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using Metering.Engine;

namespace Metering.Cluster;

/// <summary>
/// The accounts that the cluster placed on this silo: one for each account grain that is active here. The silo's engine holds these accounts
/// and no others.
/// </summary>
internal sealed class PlacedAccounts(TimeProvider time) : IAccountPlacement
{
    /// <summary>How often a grain that callers of its own silo pass by hears from them; well below the age at which Orleans collects idle grains.</summary>
    private static readonly TimeSpan GreetedEvery = TimeSpan.FromMinutes(1);

    private readonly ConcurrentDictionary<AccountId, PlacedAccount> accounts = new();

    /// <summary>Accounts placed here now.</summary>
    public int Count => accounts.Count;

    /// <summary>Now, as <see cref="PlacedAccount.GreetedAt"/> counts.</summary>
    public long Now => time.GetTimestamp();

    /// <summary>The grain of an account is active here from now on.</summary>
    /// <param name="account">The account.</param>
    /// <param name="grain">The activation, which <see cref="OnOvertaken"/> ends.</param>
    /// <param name="brought">The snapshot that came with it; null for none.</param>
    /// <param name="keeps">True where the grain keeps the snapshot that the account leaves with.</param>
    public PlacedAccount Enter(AccountId account, IGrainContext grain, LedgerSnapshot? brought, bool keeps)
    {
        var placed = new PlacedAccount(account, grain, brought, keeps) { GreetedAt = time.GetTimestamp() };
        accounts[account] = placed;
        return placed;
    }

    /// <summary>The grain is on its way out and the account has left the engine's memory.</summary>
    public void Leave(PlacedAccount placed) => accounts.TryRemove(KeyValuePair.Create(placed.Account, placed));

    /// <summary>
    /// True where a caller in this process can go to the engine without a message to the grain. Once a minute it cannot: such calls are
    /// unknown to Orleans, which would take the grain for idle.
    /// </summary>
    public bool CanPassBy(AccountId account)
    {
        if (!accounts.TryGetValue(account, out var placed) || !placed.IsHere)
        {
            return false;
        }

        if (time.GetElapsedTime(placed.GreetedAt) < GreetedEvery)
        {
            return true;
        }

        placed.GreetedAt = time.GetTimestamp();
        return false;
    }

    public bool IsHere(AccountId account) => accounts.TryGetValue(account, out var placed) && placed.IsHere;

    public LedgerSnapshot? SnapshotOf(AccountId account) => accounts.TryGetValue(account, out var placed) ? placed.Brought : null;

    public void OnOvertaken(AccountId account)
    {
        if (TryGet(account, out var placed))
        {
            placed.IsHere = false;
            placed.Grain.Deactivate(new(DeactivationReasonCode.ApplicationRequested, "Another process appended to the account."));
        }
    }

    public bool TryKeep(AccountId account, LedgerSnapshot snapshot)
    {
        // Accounts also leave memory while their grain stays, for want of room: those snapshots are the ledger's.
        if (!TryGet(account, out var placed) || !placed.Keeps || placed.IsHere || snapshot.Head.Sequence == 0)
        {
            return false;
        }

        placed.Kept = snapshot;
        return true;
    }

    /// <summary>What is known of an account whose grain is active here.</summary>
    public bool TryGet(AccountId account, [NotNullWhen(true)] out PlacedAccount? placed) => accounts.TryGetValue(account, out placed);
}

/// <summary>An account whose grain is active on this silo.</summary>
internal sealed class PlacedAccount(AccountId account, IGrainContext grain, LedgerSnapshot? brought, bool keeps)
{
    private volatile bool isHere = true;
    private long greetedAt;

    public AccountId Account => account;

    public IGrainContext Grain => grain;

    /// <summary>True where the grain keeps the snapshot that the account leaves with; else it is the ledger's.</summary>
    public bool Keeps => keeps;

    /// <summary>True until the grain begins to leave, or another process has appended to the account.</summary>
    public bool IsHere
    {
        get => isHere;
        set => isHere = value;
    }

    /// <summary>The snapshot that the grain's state brought along; let go of once the account is loaded.</summary>
    public LedgerSnapshot? Brought { get; set; } = brought;

    /// <summary>The snapshot that the account left memory with, for the grain's state.</summary>
    public LedgerSnapshot? Kept { get; set; }

    /// <summary>When a caller of this silo last went to the grain.</summary>
    public long GreetedAt
    {
        get => Volatile.Read(ref greetedAt);
        set => Volatile.Write(ref greetedAt, value);
    }
}
