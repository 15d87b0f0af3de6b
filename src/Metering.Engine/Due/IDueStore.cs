namespace Metering.Engine;

/// <summary>When to look at an account that nobody calls.</summary>
/// <param name="Account">The account.</param>
/// <param name="WakeAt">The moment, UTC, whole milliseconds.</param>
public readonly record struct DueNote(AccountId Account, DateTimeOffset WakeAt);

/// <summary>
/// Where a store remembers, one note an account, when something falls due on it by itself. Notes are hints and need not be durable: whoever calls
/// an account enters what is due by the clock, and an account without a note is found by comparing with the ledger's list
/// (<see cref="ListNotedAsync"/>). A note that comes too early costs a look, one that is missing or late only time. Safe for concurrent use.
/// </summary>
public interface IDueStore
{
    /// <summary>Notes accounts, each in the place of the note before. A claim that begins afterwards goes by them.</summary>
    /// <param name="notes">Each account at most once, with entries in the ledger.</param>
    /// <param name="cancellationToken">Cancels only before anything is noted.</param>
    /// <exception cref="LedgerUnavailableException">Perhaps nothing is noted; the same call again does no harm.</exception>
    ValueTask NoteDueAsync(IReadOnlyList<DueNote> notes, CancellationToken cancellationToken = default);

    /// <summary>
    /// Accounts whose moment has come, the oldest first. A store that several processes share gives none of them out again before the lease is over,
    /// so that each looks at others; a note ends the lease. A store of one process may give them out again at once.
    /// </summary>
    /// <param name="now">The moment.</param>
    /// <param name="lease">How long they are the caller's.</param>
    /// <param name="limit">How many at most, 1 or more.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <exception cref="LedgerUnavailableException">The store cannot be asked now.</exception>
    ValueTask<IReadOnlyList<AccountId>> ClaimDueAsync(DateTimeOffset now, TimeSpan lease, int limit, CancellationToken cancellationToken = default);

    /// <summary>The accounts with a note, of those after one through another, in ascending order of their ids (ordinal).</summary>
    /// <param name="after">The one before the first; null for the first there is.</param>
    /// <param name="through">The last one.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <exception cref="LedgerUnavailableException">The store cannot be read now.</exception>
    ValueTask<IReadOnlyList<AccountId>> ListNotedAsync(AccountId? after, AccountId through, CancellationToken cancellationToken = default);
}
