namespace Metering.Engine;

/// <summary>
/// Where accounts live, for an engine that is one of a cluster's: each account is placed on one of its processes. Placement keeps processes
/// from getting into each other's way; that nothing is spent twice rests on the ledger's compare-and-append alone, so a placement may be
/// wrong for a while. An engine without one holds every account that it is asked for. Safe for concurrent use; nothing here waits.
/// </summary>
internal interface IAccountPlacement
{
    /// <summary>True where this process may bring the account into memory. Asked once a load, before the ledger is read.</summary>
    bool IsHere(AccountId account);

    /// <summary>A snapshot that the placement brought along; it counts only where the ledger holds its head. Null for none.</summary>
    LedgerSnapshot? SnapshotOf(AccountId account);

    /// <summary>
    /// Another process appended to the account: what is in memory here is behind. Called before the activation leaves, so that
    /// <see cref="IsHere"/> can turn whoever wants to load it again away to where it lives now.
    /// </summary>
    void OnOvertaken(AccountId account);

    /// <summary>Takes the snapshot that an account leaves memory with; false leaves it to the ledger's store.</summary>
    bool TryKeep(AccountId account, LedgerSnapshot snapshot);
}

/// <summary>The account is not placed on this process. The call that hears of it changed nothing, and nothing of it is on its way.</summary>
internal sealed class AccountElsewhereException(AccountId account) : Exception($"Account {account} does not live on this process.");
