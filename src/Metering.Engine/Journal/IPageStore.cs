using Metering.Core;

namespace Metering.Engine;

/// <summary>What the pages say of themselves.</summary>
/// <param name="Identity">The ledger's random identity, which its journal repeats.</param>
/// <param name="Watermark">The last journal record that is in the pages.</param>
/// <param name="NeedsJournal">True from the moment a journal may hold what the pages do not.</param>
/// <param name="LastAccount">The highest account number in use.</param>
internal readonly record struct PageStoreState(UInt128 Identity, long Watermark, bool NeedsJournal, long LastAccount);

/// <summary>What is known of a page without its entries. An account's pages follow each other without gaps.</summary>
/// <param name="First">The first entry's sequence.</param>
/// <param name="Last">The last entry's sequence.</param>
/// <param name="NumberBefore">The account's transactions before the first entry.</param>
/// <param name="LastNumber">The account's transactions up to and including the last entry.</param>
/// <param name="Link">The last entry's link; the default inside a commit group, where no account's last page ends.</param>
/// <param name="Bytes">Bytes of the packed entries (<see cref="StoredRows"/>).</param>
internal readonly record struct PageHeader(long First, long Last, long NumberBefore, long LastNumber, ChainLink Link, int Bytes)
{
    /// <summary>Where an account stands whose last page this is.</summary>
    public LedgerHead Head => new(Last, Link);
}

/// <summary>A page with its entries.</summary>
/// <param name="Header">What is known of it.</param>
/// <param name="Body">The packed entries; the reader's own.</param>
internal readonly record struct StoredPage(PageHeader Header, ReadOnlyMemory<byte> Body);

/// <summary>An account in the pages.</summary>
/// <param name="Number">Its number there, which never changes.</param>
/// <param name="LastPage">Its last page; where there is none because all is archived, an empty one after the archived entries.</param>
/// <param name="Archived">The last archived entry; 0 for none.</param>
/// <param name="ArchivedNumber">The account's transactions up to there.</param>
internal readonly record struct StoredAccount(long Number, PageHeader LastPage, long Archived = 0, long ArchivedNumber = 0);

/// <summary>
/// Where entries stay: pages of accounts, runs of idempotency keys, snapshots, and the watermark that says up to which journal record they
/// are here. One commit at a time; views may be open beside it.
/// </summary>
internal interface IPageStore : IDisposable
{
    /// <summary>The file's name, for sentences.</summary>
    string Name { get; }

    /// <summary>What it says of itself, read at the start.</summary>
    PageStoreState State { get; }

    /// <summary>Says, durably, whether a journal may hold what the pages do not.</summary>
    void SetNeedsJournal(bool needsJournal);

    /// <summary>Begins a commit. Nothing of it is seen or lasts until <see cref="IPageCommit.Commit"/> returns; disposing it first takes it back.</summary>
    /// <exception cref="LedgerUnavailableException">Not now.</exception>
    IPageCommit Begin();

    /// <summary>Opens a view of everything that is committed now; later commits do not change it. Close it soon.</summary>
    /// <exception cref="LedgerUnavailableException">Not now.</exception>
    IPageView OpenView();

    /// <summary>Makes what was overwritten or removed before gone from the file and its log. No commit is under way.</summary>
    /// <exception cref="LedgerUnavailableException">It is not gone now.</exception>
    /// <exception cref="LedgerFatalException">The disk failed in a commit.</exception>
    void Scrub();

    /// <summary>True where it could take pages, as far as can be told without writing one.</summary>
    bool IsHealthy { get; }
}

/// <summary>One commit of the projector. Every member throws what <see cref="ILedgerStore.AppendAsync"/> would.</summary>
internal interface IPageCommit : IDisposable
{
    /// <summary>Adds an account.</summary>
    void AddAccount(long number, AccountId account);

    /// <summary>Writes a page.</summary>
    /// <param name="account">The account's number.</param>
    /// <param name="header">What is known of it.</param>
    /// <param name="body">The packed entries.</param>
    /// <param name="replaces">True where a page that begins at the same entry makes way.</param>
    void WritePage(long account, in PageHeader header, ReadOnlySpan<byte> body, bool replaces);

    /// <summary>Writes a run of keys (<see cref="KeyRuns"/>).</summary>
    /// <param name="bucket">Its bucket.</param>
    /// <param name="run">Its number, higher than those of the runs before it in the bucket.</param>
    /// <param name="body">The packed keys.</param>
    /// <param name="replaces">True where a run with the same number makes way.</param>
    void WriteKeys(int bucket, long run, ReadOnlySpan<byte> body, bool replaces);

    /// <summary>Stores a snapshot as <see cref="ILedgerStore.SaveSnapshotAsync"/> says; false where the account is not in the pages yet.</summary>
    bool SaveSnapshot(AccountId account, LedgerSnapshot snapshot);

    /// <summary>Removes an account's pages up to the one that holds an entry, that one included, and its snapshots up to the entry.</summary>
    void RemovePages(long account, long through);

    /// <summary>Sets what an account's ledger begins with.</summary>
    void SetBase(long account, LedgerBase ledgerBase);

    /// <summary>Notes when an account is to be looked at (<see cref="IDueStore"/>); false where it is not in the pages yet.</summary>
    bool NoteDue(in DueNote note);

    /// <summary>Makes everything durable, with the watermark: when it returns, the journal's records up to there can go.</summary>
    /// <param name="watermark">The last journal record that is in the pages now.</param>
    void Commit(long watermark);
}

/// <summary>
/// A consistent view of the pages. Every member throws <see cref="LedgerUnavailableException"/> where it cannot be read now and
/// <see cref="LedgerFormatException"/> where it is damaged.
/// </summary>
internal interface IPageView : IDisposable
{
    /// <summary>An account; null where it has neither a page nor a base.</summary>
    StoredAccount? FindAccount(AccountId account);

    /// <summary>The header of the page that holds an entry; of the last page where the entry lies beyond; null before the first.</summary>
    PageHeader? FindPage(long account, long sequence);

    /// <summary>The page that holds an entry; the last page where the entry lies beyond; null before the first.</summary>
    StoredPage? ReadPage(long account, long sequence);

    /// <summary>Hands over the runs of a bucket, newest first, until the visitor returns false.</summary>
    void ReadKeys(int bucket, KeyRunVisitor visit);

    /// <summary>The stored snapshots of an account, newest first, at most two.</summary>
    IReadOnlyList<LedgerSnapshot> ReadSnapshots(AccountId account);

    /// <summary>What an account's ledger begins with; null for entry 1.</summary>
    LedgerBase? ReadBase(AccountId account);

    /// <summary>Accounts with pages or a base, in ascending order (ordinal), after a given one.</summary>
    IReadOnlyList<AccountId> ListAccounts(AccountId? after, int limit);

    /// <summary>Notes whose time has come at a moment, the oldest first.</summary>
    IReadOnlyList<DueNote> ListDue(DateTimeOffset now, int limit);

    /// <summary>Accounts with a note, of those after one (null for the first) through another, in ascending order (ordinal).</summary>
    IReadOnlyList<AccountId> ListNoted(AccountId? after, AccountId through);
}

/// <summary>Takes one run of keys.</summary>
/// <param name="body">The packed keys, valid during the call.</param>
/// <returns>True for the next one.</returns>
internal delegate bool KeyRunVisitor(ReadOnlySpan<byte> body);
