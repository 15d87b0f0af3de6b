namespace Metering.Engine;

/// <summary>
/// The ledger in two SQLite files that this process owns: a commit is one record in the journal (<c>metering.journal.db</c>), and a thread packs its
/// entries into pages of the ledger (<c>metering.db</c>) afterwards. Calls complete synchronously, on the caller's thread, because SQLite does not
/// wait for anything but the disk; only an append that has to wait for the pages completes later.
/// </summary>
public sealed class SqliteLedgerStore : ILedgerStore, IPersonalTexts, IDueStore
{
    private readonly SqliteJournal journal;
    private readonly SqlitePageStore pages;
    private readonly JournaledLedgerStore store;
    private readonly ProjectorThread projector;
    private bool disposed;

    private SqliteLedgerStore(SqliteJournal journal, SqlitePageStore pages, JournaledLedgerStore store)
    {
        (this.journal, this.pages, this.store) = (journal, pages, store);
        projector = new(store);
    }

    /// <summary>Opens a ledger, making its files and their folder where they are missing, and brings them to this build's schema.</summary>
    /// <param name="path">The file, for example <c>metering.db</c>; relative paths count from the current folder.</param>
    /// <param name="options">Limits and who is told of a migration; null for the defaults.</param>
    /// <exception cref="MeteringStartupException">
    /// A file is damaged, newer, read-only or in use, the disk is full, or ledger and journal do not belong together.
    /// </exception>
    public static SqliteLedgerStore Open(string path, SqliteLedgerOptions? options = null)
    {
        options ??= new();
        options.Validate();
        var pages = SqlitePageStore.Open(path, options.Migrating);
        SqliteJournal journal;
        try
        {
            journal = SqliteJournal.Open(JournalPath(pages.Path));
        }
        catch
        {
            pages.Dispose();
            throw;
        }

        return new(journal, pages, JournaledLedgerStore.Open(journal, pages, new() { MaxBacklogBytes = options.MaxBacklogBytes, MaxBacklogEntries = options.MaxBacklogEntries }));
    }

    /// <summary>Where a ledger's journal is: beside it, <c>metering.journal.db</c> for <c>metering.db</c>.</summary>
    /// <param name="path">The ledger's file.</param>
    public static string JournalPath(string path) =>
        Path.Combine(Path.GetDirectoryName(path) ?? string.Empty, $"{Path.GetFileNameWithoutExtension(path)}.journal{Path.GetExtension(path)}");

    /// <inheritdoc />
    public ValueTask AppendAsync(IReadOnlyList<AppendGroup> groups, CancellationToken cancellationToken = default) => store.AppendAsync(groups, cancellationToken);

    /// <inheritdoc />
    public ValueTask SaveSnapshotAsync(AccountId account, LedgerSnapshot snapshot, CancellationToken cancellationToken = default) =>
        store.SaveSnapshotAsync(account, snapshot, cancellationToken);

    /// <inheritdoc />
    public ValueTask<(LedgerHead Head, long Transactions)> ReadHeadAsync(AccountId account, CancellationToken cancellationToken = default) =>
        store.ReadHeadAsync(account, cancellationToken);

    /// <inheritdoc />
    public ValueTask<IReadOnlyList<LedgerRow>> ReadAsync(AccountId account, long fromSequence, int limit, CancellationToken cancellationToken = default) =>
        store.ReadAsync(account, fromSequence, limit, cancellationToken);

    /// <inheritdoc />
    public ValueTask<IReadOnlyList<LedgerRow>> ReadTransactionsAsync(AccountId account, long beforeNumber, int limit, CancellationToken cancellationToken = default) =>
        store.ReadTransactionsAsync(account, beforeNumber, limit, cancellationToken);

    /// <inheritdoc />
    public ValueTask<long> FindKeyAsync(AccountId account, UInt128 key, CancellationToken cancellationToken = default) =>
        store.FindKeyAsync(account, key, cancellationToken);

    /// <inheritdoc />
    public ValueTask<IReadOnlyList<LedgerSnapshot>> ReadSnapshotsAsync(AccountId account, CancellationToken cancellationToken = default) =>
        store.ReadSnapshotsAsync(account, cancellationToken);

    /// <inheritdoc />
    public ValueTask<LedgerBase?> ReadBaseAsync(AccountId account, CancellationToken cancellationToken = default) =>
        store.ReadBaseAsync(account, cancellationToken);

    /// <inheritdoc />
    public ValueTask CutAsync(IReadOnlyList<LedgerCut> cuts, CancellationToken cancellationToken = default) =>
        store.CutAsync(cuts, cancellationToken);

    /// <inheritdoc />
    public ValueTask<IReadOnlyList<AccountId>> ListAccountsAsync(AccountId? after, int limit, CancellationToken cancellationToken = default) =>
        store.ListAccountsAsync(after, limit, cancellationToken);

    /// <inheritdoc />
    public ValueTask<long> EraseTextsAsync(AccountId account, DateTimeOffset? before = null, CancellationToken cancellationToken = default) =>
        store.EraseTextsAsync(account, before, cancellationToken);

    /// <inheritdoc />
    public ValueTask NoteDueAsync(IReadOnlyList<DueNote> notes, CancellationToken cancellationToken = default) => store.NoteDueAsync(notes, cancellationToken);

    /// <inheritdoc />
    public ValueTask<IReadOnlyList<AccountId>> ClaimDueAsync(DateTimeOffset now, TimeSpan lease, int limit, CancellationToken cancellationToken = default) =>
        store.ClaimDueAsync(now, lease, limit, cancellationToken);

    /// <inheritdoc />
    public ValueTask<IReadOnlyList<AccountId>> ListNotedAsync(AccountId? after, AccountId through, CancellationToken cancellationToken = default) =>
        store.ListNotedAsync(after, through, cancellationToken);

    /// <inheritdoc />
    public ValueTask<bool> IsHealthyAsync(CancellationToken cancellationToken = default) => store.IsHealthyAsync(cancellationToken);

    /// <inheritdoc />
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref disposed, true))
        {
            return;
        }

        projector.Dispose();
        await store.DisposeAsync();
    }

    /// <summary>Bytes of journal records that are not in the pages yet.</summary>
    public long BacklogBytes => store.BacklogBytes;

    /// <summary>Entries that are not in the pages yet.</summary>
    public long BacklogEntries => store.BacklogEntries;

    /// <summary>The journal, for tests.</summary>
    internal SqliteJournal Journal => journal;

    /// <summary>The pages, for tests.</summary>
    internal SqlitePageStore Pages => pages;

    /// <summary>Lets commits return before they are on the disk, as a wrong setting would; for tests, which must catch it.</summary>
    internal void LeaveCommitsUnsynced() => journal.LeaveCommitsUnsynced();
}
