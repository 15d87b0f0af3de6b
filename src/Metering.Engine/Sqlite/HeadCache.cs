namespace Metering.Engine;

/// <summary>An account's head as the ledger's file has it.</summary>
/// <param name="Account">The account's number in the file.</param>
/// <param name="Head">The head.</param>
internal readonly record struct StoredHead(long Account, LedgerHead Head);

/// <summary>
/// The heads of the accounts that were appended to lately, so that a compare costs no read. It holds committed heads only. Bounded in two
/// halves: when the young half is full it becomes the old one, and what was not used since is forgotten with the half before.
/// </summary>
/// <param name="capacity">Accounts at most; about 150 bytes each.</param>
internal sealed class HeadCache(int capacity)
{
    private Dictionary<AccountId, StoredHead> young = [];
    private Dictionary<AccountId, StoredHead> old = [];

    public bool TryGet(AccountId account, out StoredHead head) => young.TryGetValue(account, out head) || old.TryGetValue(account, out head);

    public void Set(AccountId account, StoredHead head)
    {
        if (young.Count >= capacity / 2 && !young.ContainsKey(account))
        {
            (old, young) = (young, old);
            young.Clear();
        }

        young[account] = head;
    }
}
