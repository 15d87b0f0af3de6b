namespace Metering.Engine;

/// <summary>
/// Whether an account in memory still stands where the ledger does. On a store that other processes append to, what decides to append finds
/// out by its compare; what appends nothing (a refusal, a free answer, a balance) would be told from a state that may have been overtaken.
/// So such an answer needs a state that was seen to be the ledger's within the last second: by its load, by a commit of its own, or by a
/// look at the stored head (settled: balances are at most 1 s stale). A store of this process alone needs none of it.
/// </summary>
internal sealed class Freshness(ILedgerStore store, TimeProvider time)
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(1);

    /// <summary>Now, as <see cref="AccountActivation.VerifiedAt"/> counts; not the wall clock, which jumps.</summary>
    public long Now => time.GetTimestamp();

    /// <summary>True where the account was seen to be the ledger's within the last second.</summary>
    public bool IsFresh(AccountActivation activation) => !store.IsShared || time.GetElapsedTime(activation.VerifiedAt) <= Limit;

    /// <summary>
    /// True where the account is fresh, or the stored head says that it is. Otherwise another process went on from there: what is in memory
    /// has left it when the call returns.
    /// </summary>
    /// <exception cref="LedgerUnavailableException">The ledger cannot be read now.</exception>
    public ValueTask<bool> IsCurrentAsync(AccountActivation activation) => IsFresh(activation) ? new(true) : CompareAsync(activation);

    private async ValueTask<bool> CompareAsync(AccountActivation activation)
    {
        var (asked, known) = (Now, activation.View.Sequence);
        var (head, _) = await store.ReadHeadAsync(activation.Account);
        if (head.Sequence > activation.View.Sequence)
        {
            // A commit of its own may be in the ledger already and told of in a moment.
            await activation.Tail.WhenReleasedAsync();
        }

        if (head.Sequence >= known && head.Sequence <= activation.View.Sequence)
        {
            // All that the ledger held is this activation's own, since each of its commits compared heads. Of after the caller's question, so it is
            // fresh enough for that, however long the look took.
            activation.Verify(asked);
            return true;
        }

        if (!activation.IsDropped)
        {
            activation.OnOvertaken();
        }

        await activation.RetireAsync(minEntriesForSnapshot: null);
        return false;
    }
}
