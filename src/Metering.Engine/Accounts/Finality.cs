namespace Metering.Engine;

/// <summary>
/// Whether what a ledger does not hold can still come into it. On a store that other processes append to, a commit may be on its way that none
/// of this process's reads can see, and "not charged" would be a word that the next read takes back. Two things make it final: the number is
/// taken by another transaction, or the store has settled everything that was sent before.
/// </summary>
internal sealed class Finality(ILedgerStore store, TimeProvider time)
{
    // Settling costs every process that shares the ledger a round trip, and any caller may ask for any id.
    private static readonly TimeSpan Rest = TimeSpan.FromSeconds(1);

    private long? settledAt;
    private int isSettling;

    /// <summary>True where a read that begins now tells for ever whether a transaction of this number is in the ledger; false where it cannot be known yet.</summary>
    /// <exception cref="LedgerUnavailableException">The ledger cannot be read now.</exception>
    public async ValueTask<bool> IsFinalAsync(AccountId account, long number, CancellationToken cancellationToken) =>
        !store.IsShared || (await store.ReadHeadAsync(account, cancellationToken)).Transactions >= number || await TrySettleAsync(cancellationToken);

    private async ValueTask<bool> TrySettleAsync(CancellationToken cancellationToken)
    {
        // One that is under way says nothing of what was sent after it began.
        if (Interlocked.Exchange(ref isSettling, 1) != 0)
        {
            return false;
        }

        try
        {
            if (settledAt is { } last && time.GetElapsedTime(last) < Rest)
            {
                return false;
            }

            settledAt = time.GetTimestamp();
            await store.SettleAsync(cancellationToken);
            return true;
        }
        catch (LedgerUnavailableException)
        {
            // Something that was sent is still under way.
            return false;
        }
        finally
        {
            Volatile.Write(ref isSettling, 0);
        }
    }
}
