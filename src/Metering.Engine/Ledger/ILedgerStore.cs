using Metering.Core;

namespace Metering.Engine;

/// <summary>Where an account's ledger stands: what a compare-and-append compares.</summary>
/// <param name="Sequence">The last entry; 0 for an account without entries.</param>
/// <param name="Link">The last link of the chain; <see cref="ChainLink.Genesis"/> for an account without entries.</param>
public readonly record struct LedgerHead(long Sequence, ChainLink Link)
{
    /// <summary>The head of an account without entries.</summary>
    /// <param name="account">The account.</param>
    public static LedgerHead Empty(AccountId account) => new(0, ChainLink.Genesis(account));
}

/// <summary>One entry as stores hold it. Stores do not look into facts and texts.</summary>
public readonly record struct LedgerRow
{
    /// <summary>The entry's sequence.</summary>
    public required long Sequence { get; init; }

    /// <summary>The account's transactions up to and including this entry.</summary>
    public required long TransactionNumber { get; init; }

    /// <summary>True where the entry is a transaction.</summary>
    public required bool IsTransaction { get; init; }

    /// <summary>The hash of the entry's idempotency key; null for none.</summary>
    public UInt128? Key { get; init; }

    /// <summary>The facts (<see cref="EntryCodec"/>).</summary>
    public required ReadOnlyMemory<byte> Facts { get; init; }

    /// <summary>The erasable texts; empty for none.</summary>
    public ReadOnlyMemory<byte> Texts { get; init; }

    /// <summary>
    /// The link that ends the entry's commit group; null on entries inside a group. An append stores <see cref="AppendGroup.Next"/>'s link
    /// with its last row whatever stands there, and the links of the rows before it as they are: a copy of a ledger brings many commit
    /// groups of an account in one append. Whoever decides leaves it null.
    /// </summary>
    public ChainLink? Link { get; init; }

    /// <summary>
    /// Beside <see cref="Link"/>, where the texts of the link's commit group were erased (<see cref="IPersonalTexts"/>): their digest, which the
    /// link covers. Null where nothing was erased. A copy of a ledger hands it on.
    /// </summary>
    public ChainLink? TextsDigest { get; init; }
}

/// <summary>What became of a group of entries.</summary>
public enum AppendResult
{
    /// <summary>Not decided yet.</summary>
    Pending,

    /// <summary>All entries of the group are durable.</summary>
    Appended,

    /// <summary>The stored head is another one; no entry of the group was written.</summary>
    HeadMismatch,
}

/// <summary>
/// The entries of one account in one commit: all of them are written, with one link, or none. It belongs to the caller again when the append
/// returns, like its rows and their buffers: the engine uses them again for its next commit.
/// </summary>
public sealed class AppendGroup
{
    /// <summary>The account.</summary>
    public required AccountId Account { get; set; }

    /// <summary>The head that the entries were decided on.</summary>
    public required LedgerHead Expected { get; set; }

    /// <summary>The head after them; its link is stored with the last row.</summary>
    public required LedgerHead Next { get; set; }

    /// <summary>The rows, one or more, following <see cref="Expected"/> without gaps.</summary>
    public required IReadOnlyList<LedgerRow> Rows { get; init; }

    /// <summary>Set by the store.</summary>
    public AppendResult Result { get; set; }

    /// <summary>
    /// The store's own: what it left here when it last appended to the account, or null. It saves a store the search for what it holds of an account
    /// that is called all the time; a store that needs none of it, or finds it stale, searches.
    /// </summary>
    public object? Handle { get; set; }
}

/// <summary>A stored state of an account.</summary>
/// <param name="Head">The head that the state stands at.</param>
/// <param name="FormatVersion">The version of the bytes (<see cref="SnapshotCodec.Version"/>).</param>
/// <param name="State">The bytes.</param>
public sealed record LedgerSnapshot(LedgerHead Head, int FormatVersion, ReadOnlyMemory<byte> State);

/// <summary>What an account's ledger goes on from where its first entries are archived.</summary>
/// <param name="Head">The last archived entry and its link, which the chain of the entries that are left follows.</param>
/// <param name="Transactions">The account's transactions through it.</param>
/// <param name="FormatVersion">The version of the state's bytes (<see cref="SnapshotCodec.Version"/>).</param>
/// <param name="State">The account's state after it. A <see cref="Checkpoint"/> among the entries that are left vouches for these bytes.</param>
public sealed record LedgerBase(LedgerHead Head, long Transactions, int FormatVersion, ReadOnlyMemory<byte> State);

/// <summary>The first entries of one account, to be removed because they are archived.</summary>
public sealed class LedgerCut
{
    /// <summary>The account.</summary>
    public required AccountId Account { get; init; }

    /// <summary>The last entry to be removed, and the state after it.</summary>
    public required LedgerBase Base { get; init; }

    /// <summary>Set by the store: true where the ledger begins after <see cref="Base"/> now.</summary>
    public bool IsDone { get; set; }
}

/// <summary>
/// A ledger: append-only rows per account, with compare-and-append. One conformance suite holds every store to these promises.
/// Reads are safe for concurrent use, beside appends too; <see cref="AppendAsync"/> and <see cref="SaveSnapshotAsync"/> are called by
/// one writer at a time. A read that begins after an append returned sees what it appended; one that meets damaged bytes throws
/// <see cref="LedgerFormatException"/>.
/// </summary>
public interface ILedgerStore : IAsyncDisposable
{
    /// <summary>
    /// True where other processes may append to the ledger, so that what was read grows stale. Then a read sees every append that any process
    /// was answered before it began.
    /// </summary>
    bool IsShared => false;

    /// <summary>
    /// True where <see cref="AppendAsync"/> and <see cref="SaveSnapshotAsync"/> are always done when they return, at the cost of copying some
    /// memory. Who decides then commits on the spot, because telling a writer would take longer. False for whatever waits for a disk or a network,
    /// also where its calls happen to be synchronous: commits that wait are worth sharing.
    /// </summary>
    bool IsImmediate => false;

    /// <summary>
    /// Appends groups of different accounts in one atomic, durable commit. Each group is compared with its account's stored head,
    /// sequence and link: equal, all its rows are written; else none of them, while the other groups go through. When the call returns,
    /// every group's <see cref="AppendGroup.Result"/> is set and what was appended survives power loss.
    /// </summary>
    /// <param name="groups">One or more groups, each account at most once.</param>
    /// <param name="cancellationToken">Cancels only before anything is written.</param>
    /// <exception cref="LedgerUnavailableException">Nothing was written: busy, disk full, read-only, connection refused.</exception>
    /// <exception cref="LedgerContentException">Nothing was written, because of the content of at least one group; a smaller batch may succeed.</exception>
    /// <exception cref="LedgerOutcomeUnknownException">It cannot be known whether the commit took place; reading will tell.</exception>
    /// <exception cref="LedgerFatalException">The same, and this process must not go on: only a start from disk can tell.</exception>
    ValueTask AppendAsync(IReadOnlyList<AppendGroup> groups, CancellationToken cancellationToken = default);

    /// <summary>
    /// Waits until every append that any process sent before and heard no answer of is in the ledger or never will be. A store whose appends
    /// cannot land after their answer was lost has nothing to wait for. An append whose process still waits for its answer is not held up.
    /// </summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="LedgerUnavailableException">It cannot be known yet.</exception>
    ValueTask SettleAsync(CancellationToken cancellationToken = default) => default;

    /// <summary>The head of an account and its number of transactions; <see cref="LedgerHead.Empty"/> and 0 where it has no entries.</summary>
    /// <exception cref="LedgerUnavailableException">The store cannot be read now.</exception>
    ValueTask<(LedgerHead Head, long Transactions)> ReadHeadAsync(AccountId account, CancellationToken cancellationToken = default);

    /// <summary>Rows in ascending order, beginning at a sequence, at most <paramref name="limit"/>; fewer only at the end of the ledger.</summary>
    /// <exception cref="LedgerUnavailableException">The store cannot be read now.</exception>
    ValueTask<IReadOnlyList<LedgerRow>> ReadAsync(AccountId account, long fromSequence, int limit, CancellationToken cancellationToken = default);

    /// <summary>
    /// Transactions in descending order, beginning with the first number below <paramref name="beforeNumber"/>, at most
    /// <paramref name="limit"/>. The cost grows with the limit, not with how far back the page lies.
    /// </summary>
    /// <exception cref="LedgerUnavailableException">The store cannot be read now.</exception>
    ValueTask<IReadOnlyList<LedgerRow>> ReadTransactionsAsync(AccountId account, long beforeNumber, int limit, CancellationToken cancellationToken = default);

    /// <summary>The last entry with an idempotency key; 0 for none.</summary>
    /// <exception cref="LedgerUnavailableException">The store cannot be read now.</exception>
    ValueTask<long> FindKeyAsync(AccountId account, UInt128 key, CancellationToken cancellationToken = default);

    /// <summary>The stored snapshots of an account, newest first, at most two.</summary>
    /// <exception cref="LedgerUnavailableException">The store cannot be read now.</exception>
    ValueTask<IReadOnlyList<LedgerSnapshot>> ReadSnapshotsAsync(AccountId account, CancellationToken cancellationToken = default);

    /// <summary>
    /// Stores a snapshot and keeps the one before it; one at the same sequence takes its place. An older one than is stored is passed over,
    /// and so is one that is not after the account's base, and one of an account without entries. Need not be durable on return.
    /// </summary>
    /// <exception cref="LedgerUnavailableException">Nothing was written.</exception>
    ValueTask SaveSnapshotAsync(AccountId account, LedgerSnapshot snapshot, CancellationToken cancellationToken = default);

    /// <summary>What an account's ledger goes on from; null where it begins with entry 1 or has no entries.</summary>
    /// <exception cref="LedgerUnavailableException">The store cannot be read now.</exception>
    ValueTask<LedgerBase?> ReadBaseAsync(AccountId account, CancellationToken cancellationToken = default);

    /// <summary>
    /// Removes the first entries of accounts in one atomic, durable commit, through each <see cref="LedgerCut.Base"/>, which takes their place
    /// and stays until a later cut; snapshots that are not after it go too. The caller has made sure that the entries are archived durably.
    /// Each cut is compared with the stored rows: the entry must end a commit group with exactly that link, and at least one entry must
    /// follow it; else the cut is not done, while the others go through. One that was done before is done. An account without entries and
    /// without a base takes the base as its beginning: an archive, or a copy, goes on from there. May be called beside appends.
    /// Reading from a sequence that was removed begins at the first entry that is left.
    /// </summary>
    /// <param name="cuts">One or more, each account at most once.</param>
    /// <param name="cancellationToken">Cancels only before anything is changed.</param>
    /// <exception cref="LedgerUnavailableException">Nothing was changed.</exception>
    /// <exception cref="LedgerOutcomeUnknownException">It cannot be known whether the commit took place; reading will tell, and so will the same call again.</exception>
    /// <exception cref="LedgerFatalException">The same, and this process must not go on: only a start from disk can tell.</exception>
    ValueTask CutAsync(IReadOnlyList<LedgerCut> cuts, CancellationToken cancellationToken = default);

    /// <summary>All accounts with entries or a base, in ascending order of their ids (ordinal), after a given one; at most <paramref name="limit"/>.</summary>
    /// <exception cref="LedgerUnavailableException">The store cannot be read now.</exception>
    ValueTask<IReadOnlyList<AccountId>> ListAccountsAsync(AccountId? after, int limit, CancellationToken cancellationToken = default);

    /// <summary>True where the store has room and rights to append, as far as can be told without writing a row; for readiness checks.</summary>
    ValueTask<bool> IsHealthyAsync(CancellationToken cancellationToken = default);
}
