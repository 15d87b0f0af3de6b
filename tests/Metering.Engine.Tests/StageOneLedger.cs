using Metering.Core;

namespace Metering.Engine.Tests;

/// <summary>Writes a ledger's file as schema 1 had it: a row an entry.</summary>
internal static class StageOneLedger
{
    private const string Schema =
        """
        CREATE TABLE accounts (account INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE);
        CREATE TABLE entries (
            account INTEGER NOT NULL, sequence INTEGER NOT NULL, transaction_number INTEGER NOT NULL, is_transaction INTEGER NOT NULL,
            key BLOB, facts BLOB NOT NULL, texts BLOB, link BLOB, texts_digest BLOB
        );
        CREATE UNIQUE INDEX entries_by_sequence ON entries (account, sequence);
        CREATE INDEX entries_by_key ON entries (account, sequence >> 15, key) WHERE key IS NOT NULL;
        CREATE TABLE snapshots (account INTEGER NOT NULL, sequence INTEGER NOT NULL, link BLOB NOT NULL, format INTEGER NOT NULL, state BLOB NOT NULL);
        CREATE UNIQUE INDEX snapshots_by_sequence ON snapshots (account, sequence);
        PRAGMA application_id = 1297370183;
        PRAGMA user_version = 1;
        """;

    /// <summary>Writes rows in the order given, which may go round the accounts.</summary>
    public static void Write(string path, IEnumerable<(AccountId Account, LedgerRow Row)> rows)
    {
        using var database = SqliteDatabase.Open(path, writable: true, busyMilliseconds: 0);
        database.Execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; BEGIN");
        database.Execute(Schema);
        var insertAccount = database.Prepare("INSERT INTO accounts (account, id) VALUES (?1, ?2)");
        var insertEntry = database.Prepare(
            "INSERT INTO entries (account, sequence, transaction_number, is_transaction, key, facts, texts, link) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)");
        var numbers = new Dictionary<AccountId, int>();
        foreach (var (account, row) in rows)
        {
            if (numbers.TryAdd(account, numbers.Count + 1))
            {
                insertAccount.Bind(1, numbers.Count).Bind(2, account.Value).Run();
            }

            Insert(insertEntry, numbers[account], row);
        }

        database.Execute("COMMIT");
    }

    /// <summary>Writes accounts with their rows, in the order given.</summary>
    public static void Write(string path, IEnumerable<(AccountId Account, IReadOnlyList<LedgerRow> Rows)> accounts) =>
        Write(path, accounts.SelectMany(account => account.Rows.Select(row => (account.Account, row))));

    /// <summary>The rows of a ledger that a store holds, account by account.</summary>
    public static async Task<List<(AccountId Account, IReadOnlyList<LedgerRow> Rows)>> ReadAsync(ILedgerStore store)
    {
        var result = new List<(AccountId, IReadOnlyList<LedgerRow>)>();
        foreach (var account in await store.ListAccountsAsync(null, int.MaxValue))
        {
            result.Add((account, await store.ReadAsync(account, 1, int.MaxValue)));
        }

        return result;
    }

    private static void Insert(SqliteStatement insert, long account, LedgerRow row)
    {
        insert.Bind(1, account).Bind(2, row.Sequence).Bind(3, row.TransactionNumber).Bind(4, row.IsTransaction ? 1 : 0).Bind(6, row.Facts.Span);
        BindOrNull(insert, 5, row.Key is { } key ? Bytes(key) : null);
        BindOrNull(insert, 7, row.Texts.IsEmpty ? null : row.Texts.ToArray());
        BindOrNull(insert, 8, row.Link?.ToArray());
        insert.Run();
    }

    private static byte[] Bytes(UInt128 key)
    {
        var bytes = new byte[16];
        System.Buffers.Binary.BinaryPrimitives.WriteUInt128BigEndian(bytes, key);
        return bytes;
    }

    private static void BindOrNull(SqliteStatement insert, int parameter, byte[]? value)
    {
        if (value is null)
        {
            insert.BindNull(parameter);
        }
        else
        {
            insert.Bind(parameter, value);
        }
    }
}
