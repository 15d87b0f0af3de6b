using System.Buffers.Binary;
using Metering.Core;

namespace Metering.Engine;

/// <summary>A view of the ledger's file on a connection of its own, one thread at a time. Disposing it gives the connection back.</summary>
internal sealed class SqlitePageView : IPageView
{
    private const string Header = "account, first_sequence, last_sequence, number_before, last_number, last_link, length(body)";

    private readonly SqlitePageStore store;
    private readonly SqliteDatabase database;
    private readonly string name;
    private readonly SqliteStatement begin;
    private readonly SqliteStatement fix;
    private readonly SqliteStatement selectAccount;
    private readonly SqliteStatement selectHeader;
    private readonly SqliteStatement selectPage;
    private readonly SqliteStatement selectKeys;
    private readonly SqliteStatement selectSnapshots;
    private readonly SqliteStatement selectAccounts;
    private readonly SqliteStatement selectBase;
    private readonly SqliteStatement selectDue;
    private readonly SqliteStatement selectNoted;

    public SqlitePageView(SqlitePageStore store, SqliteDatabase database, string name)
    {
        (this.store, this.database, this.name) = (store, database, name);
        begin = database.Prepare("BEGIN");
        fix = database.Prepare("SELECT 1 FROM accounts WHERE account = -1");
        selectAccount = database.Prepare(
            $"""
            SELECT a.account, p.first_sequence, p.last_sequence, p.number_before, p.last_number, p.last_link, length(p.body), b.sequence, b.transactions, b.link
            FROM accounts a LEFT JOIN bases b ON b.account = a.account LEFT JOIN pages p ON p.page =
                (SELECT page FROM pages INDEXED BY pages_by_sequence WHERE account = a.account ORDER BY first_sequence DESC LIMIT 1)
            WHERE a.id = ?1
            """);
        selectHeader = database.Prepare(
            $"SELECT {Header} FROM pages INDEXED BY pages_by_sequence WHERE account = ?1 AND first_sequence <= ?2 ORDER BY first_sequence DESC LIMIT 1");
        selectPage = database.Prepare(
            $"""
            SELECT {Header}, checksum, body FROM pages INDEXED BY pages_by_sequence
            WHERE account = ?1 AND first_sequence <= ?2 ORDER BY first_sequence DESC LIMIT 1
            """);
        selectKeys = database.Prepare("SELECT body FROM key_runs INDEXED BY key_runs_by_bucket WHERE bucket = ?1 ORDER BY run DESC");
        selectSnapshots = database.Prepare(
            """
            SELECT sequence, link, format, state FROM snapshots INDEXED BY snapshots_by_sequence
            WHERE account = (SELECT account FROM accounts WHERE id = ?1) ORDER BY sequence DESC LIMIT 2
            """);
        selectBase = database.Prepare(
            "SELECT sequence, transactions, link, format, state FROM bases WHERE account = (SELECT account FROM accounts WHERE id = ?1)");
        selectAccounts = database.Prepare("SELECT id FROM accounts WHERE id > ?1 ORDER BY id LIMIT ?2");
        selectDue = database.Prepare(
            """
            SELECT a.id, d.wake_at FROM dues d INDEXED BY dues_by_time JOIN accounts a ON a.account = d.account
            WHERE d.wake_at <= ?1 ORDER BY d.wake_at, d.account LIMIT ?2
            """);
        selectNoted = database.Prepare(
            "SELECT a.id FROM accounts a WHERE a.id > ?1 AND a.id <= ?2 AND EXISTS (SELECT 1 FROM dues d WHERE d.account = a.account) ORDER BY a.id");
    }

    /// <summary>What a page's checksum covers: everything that is stored of it.</summary>
    public static uint Checksum(long account, in PageHeader header, ReadOnlySpan<byte> body)
    {
        Span<byte> covered = stackalloc byte[40 + ChainLink.Bytes];
        BinaryPrimitives.WriteInt64LittleEndian(covered, account);
        BinaryPrimitives.WriteInt64LittleEndian(covered[8..], header.First);
        BinaryPrimitives.WriteInt64LittleEndian(covered[16..], header.Last);
        BinaryPrimitives.WriteInt64LittleEndian(covered[24..], header.NumberBefore);
        BinaryPrimitives.WriteInt64LittleEndian(covered[32..], header.LastNumber);
        header.Link.CopyTo(covered[40..]);
        return StoredRows.Checksum(StoredRows.Checksum(0, covered), body);
    }

    /// <summary>
    /// Fixes the state of the file that the following statements see. Beside being consistent it is quicker: a view of its own for each
    /// statement costs two file locks, which is most of a look-up.
    /// </summary>
    public void Begin()
    {
        begin.Run();
        fix.Run();
    }

    /// <inheritdoc />
    public StoredAccount? FindAccount(AccountId account) => Read((self: this, account), static given =>
    {
        using var rows = given.self.selectAccount.Bind(1, given.account.Value).Rows();
        if (!rows.Next() || (rows.IsNull(1) && rows.IsNull(7)))
        {
            return (StoredAccount?)null;
        }

        var (archived, number) = rows.IsNull(7) ? (0, 0) : (rows.Integer(7), rows.Integer(8));
        var last = rows.IsNull(1) ? new PageHeader(archived + 1, archived, number, number, ChainLink.Read(rows.Blob(9)), 0) : HeaderOf(rows);
        return new StoredAccount(rows.Integer(0), last, archived, number);
    });

    /// <inheritdoc />
    public PageHeader? FindPage(long account, long sequence) => Read((self: this, account, sequence), static given =>
    {
        using var rows = given.self.selectHeader.Bind(1, given.account).Bind(2, given.sequence).Rows();
        return rows.Next() ? HeaderOf(rows) : (PageHeader?)null;
    });

    /// <inheritdoc />
    public StoredPage? ReadPage(long account, long sequence) => Read((self: this, account, sequence), static given =>
    {
        using var rows = given.self.selectPage.Bind(1, given.account).Bind(2, given.sequence).Rows();
        if (!rows.Next())
        {
            return (StoredPage?)null;
        }

        var (header, body) = (HeaderOf(rows), rows.Blob(8).ToArray());
        return Checksum(given.account, header, body) == rows.Integer(7)
            ? new StoredPage(header, body)
            : throw new LedgerFormatException(
                $"{given.self.name} is damaged: the page with entries {header.First} to {header.Last} of account number {given.account} does not fit its checksum.");
    });

    /// <inheritdoc />
    public void ReadKeys(int bucket, KeyRunVisitor visit) => Read((self: this, bucket, visit), static given =>
    {
        using var rows = given.self.selectKeys.Bind(1, given.bucket).Rows();
        while (rows.Next() && given.visit(rows.Blob(0)))
        {
        }

        return true;
    });

    /// <inheritdoc />
    public IReadOnlyList<LedgerSnapshot> ReadSnapshots(AccountId account) => Read((self: this, account), static given =>
    {
        var result = new List<LedgerSnapshot>(2);
        using var rows = given.self.selectSnapshots.Bind(1, given.account.Value).Rows();
        while (rows.Next())
        {
            result.Add(new(new(rows.Integer(0), ChainLink.Read(rows.Blob(1))), (int)rows.Integer(2), rows.Blob(3).ToArray()));
        }

        return result;
    });

    /// <inheritdoc />
    public LedgerBase? ReadBase(AccountId account) => Read((self: this, account), static given =>
    {
        using var rows = given.self.selectBase.Bind(1, given.account.Value).Rows();
        return rows.Next()
            ? new LedgerBase(new(rows.Integer(0), ChainLink.Read(rows.Blob(2))), rows.Integer(1), (int)rows.Integer(3), rows.Blob(4).ToArray())
            : null;
    });

    /// <inheritdoc />
    public IReadOnlyList<AccountId> ListAccounts(AccountId? after, int limit) => Read((self: this, after, limit), static given =>
    {
        var result = new List<AccountId>();
        using var rows = given.self.selectAccounts.Bind(1, given.after?.Value ?? string.Empty).Bind(2, given.limit).Rows();
        while (rows.Next())
        {
            result.Add(new(rows.Text(0)));
        }

        return result;
    });

    /// <inheritdoc />
    public IReadOnlyList<DueNote> ListDue(DateTimeOffset now, int limit) => Read((self: this, now, limit), static given =>
    {
        var result = new List<DueNote>();
        using var rows = given.self.selectDue.Bind(1, given.now.ToUnixTimeMilliseconds()).Bind(2, given.limit).Rows();
        while (rows.Next())
        {
            result.Add(new(new(rows.Text(0)), DateTimeOffset.FromUnixTimeMilliseconds(rows.Integer(1))));
        }

        return result;
    });

    /// <inheritdoc />
    public IReadOnlyList<AccountId> ListNoted(AccountId? after, AccountId through) => Read((self: this, after, through), static given =>
    {
        var result = new List<AccountId>();
        using var rows = given.self.selectNoted.Bind(1, given.after?.Value ?? string.Empty).Bind(2, given.through.Value).Rows();
        while (rows.Next())
        {
            result.Add(new(rows.Text(0)));
        }

        return result;
    });

    /// <inheritdoc />
    public void Dispose()
    {
        database.TryRollBack();
        store.Return(this);
    }

    /// <summary>Closes the connection.</summary>
    public void Close() => database.Dispose();

    private static PageHeader HeaderOf(SqliteStatement.Query rows) => new(
        rows.Integer(1), rows.Integer(2), rows.Integer(3), rows.Integer(4), rows.IsNull(5) ? default : ChainLink.Read(rows.Blob(5)), (int)rows.Integer(6));

    private TResult Read<TGiven, TResult>(TGiven given, Func<TGiven, TResult> read)
    {
        try
        {
            return read(given);
        }
        catch (SqliteFailure failure)
        {
            throw failure.AfterRead(name);
        }
    }
}
