using System.Diagnostics;
using System.Globalization;
using Metering.Core;
using Metering.Engine;
using SQLitePCL;

namespace Metering.Benchmarks;

/// <summary>Makes a ledger of schema 1, a row an entry, and shows how long this build takes to pack it into pages.</summary>
internal static class MigrateCommand
{
    public const string Usage = """
        migrate   how long a ledger of the first schema, a row an entry, takes to be packed into pages
          --rows N                1 to 100000000, default 1000000
          --accounts N            1 to 1000000, default 10000
        """;

    private const string Schema =
        """
        PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF;
        CREATE TABLE accounts (account INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE);
        CREATE TABLE entries (
            account INTEGER NOT NULL, sequence INTEGER NOT NULL, transaction_number INTEGER NOT NULL, is_transaction INTEGER NOT NULL,
            key BLOB, facts BLOB NOT NULL, texts BLOB, link BLOB, texts_digest BLOB
        );
        CREATE UNIQUE INDEX entries_by_sequence ON entries (account, sequence);
        CREATE INDEX entries_by_key ON entries (account, sequence >> 15, key) WHERE key IS NOT NULL;
        CREATE TABLE snapshots (account INTEGER NOT NULL, sequence INTEGER NOT NULL, link BLOB NOT NULL, format INTEGER NOT NULL, state BLOB NOT NULL);
        CREATE UNIQUE INDEX snapshots_by_sequence ON snapshots (account, sequence);
        PRAGMA application_id = 1297370183; PRAGMA user_version = 1; BEGIN
        """;

    public static async Task RunAsync(Arguments arguments)
    {
        var rows = arguments.Number("--rows", 1_000_000, 1, 100_000_000);
        var accounts = arguments.Number("--accounts", 10_000, 1, 1_000_000);
        arguments.RefuseOthers();
        var folder = Directory.CreateTempSubdirectory("metering-migrate-");
        try
        {
            var path = Path.Combine(folder.FullName, "metering.db");
            Console.WriteLine($"Writing {rows:N0} rows of schema 1 in {accounts:N0} accounts ...");
            Write(path, rows, accounts);
            var before = new FileInfo(path).Length;
            var clock = Stopwatch.StartNew();
            var store = SqliteLedgerStore.Open(path, new() { Migrating = new MigrationProgressLine(Console.Out, !Console.IsOutputRedirected).Report });
            await using (store)
            {
                Console.WriteLine($"Migrated in {clock.Elapsed.TotalSeconds:F1} s; the file had {before >> 20} MB and has {new FileInfo(path).Length >> 20} MB. Verifying chains ...");
                clock.Restart();
                var (entries, faults) = await CheckChainsAsync(store);
                Console.WriteLine($"{entries:N0} entries, {faults} faults, {clock.Elapsed.TotalSeconds:F1} s.");
            }
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    // Round the accounts, as they were called: so an account's rows lie scattered, which is the slow case.
    private static void Write(string path, int rows, int accounts)
    {
        Batteries_V2.Init();
        Check(raw.sqlite3_open(path, out var database));
        Check(raw.sqlite3_exec(database, Schema));
        Check(raw.sqlite3_prepare_v2(database, "INSERT INTO accounts (account, id) VALUES (?1, ?2)", out var insertAccount));
        var links = new ChainLink[accounts];
        for (var account = 0; account < accounts; account++)
        {
            var id = string.Create(CultureInfo.InvariantCulture, $"acct_{account}");
            links[account] = ChainLink.Genesis(new(id));
            Check(raw.sqlite3_bind_int64(insertAccount, 1, account + 1));
            Check(raw.sqlite3_bind_text(insertAccount, 2, id));
            Run(insertAccount);
        }

        Check(raw.sqlite3_prepare_v2(
            database, "INSERT INTO entries (account, sequence, transaction_number, is_transaction, key, facts, texts, link) VALUES (?1, ?2, ?2, 1, ?3, ?4, ?5, ?6)", out var insertEntry));
        var (random, hasher, facts, texts, key) = (new Random(1), new ChainHasher(), new byte[115], new byte[45], new byte[16]);
        for (var row = 0; row < rows; row++)
        {
            var account = row % accounts;
            random.NextBytes(facts);
            random.NextBytes(key);
            hasher.Begin(links[account]);
            hasher.Add(facts, texts);
            links[account] = hasher.End();
            Check(raw.sqlite3_bind_int64(insertEntry, 1, account + 1));
            Check(raw.sqlite3_bind_int64(insertEntry, 2, (row / accounts) + 1));
            Check(raw.sqlite3_bind_blob(insertEntry, 3, key));
            Check(raw.sqlite3_bind_blob(insertEntry, 4, facts));
            Check(raw.sqlite3_bind_blob(insertEntry, 5, texts));
            Check(raw.sqlite3_bind_blob(insertEntry, 6, links[account].ToArray()));
            Run(insertEntry);
        }

        insertAccount.Dispose();
        insertEntry.Dispose();
        Check(raw.sqlite3_exec(database, "COMMIT"));
        database.Dispose();
    }

    private static async Task<(long Entries, int Faults)> CheckChainsAsync(SqliteLedgerStore store)
    {
        var (entries, faults, hasher) = (0L, 0, new ChainHasher());
        AccountId? after = null;
        while (await store.ListAccountsAsync(after, 1_000) is { Count: > 0 } page)
        {
            foreach (var account in page)
            {
                hasher.Begin(ChainLink.Genesis(account));
                foreach (var row in await store.ReadAsync(account, 1, int.MaxValue))
                {
                    hasher.Add(row.Facts.Span, row.Texts.Span);
                    if (row.Link is { } link)
                    {
                        faults += hasher.End() == link ? 0 : 1;
                        hasher.Begin(link);
                    }

                    entries++;
                }
            }

            after = page[^1];
        }

        return (entries, faults);
    }

    private static void Run(sqlite3_stmt statement)
    {
        _ = raw.sqlite3_step(statement);
        Check(raw.sqlite3_reset(statement));
    }

    private static void Check(int code)
    {
        if (code != raw.SQLITE_OK)
        {
            throw new InvalidOperationException($"SQLite answered {code}.");
        }
    }
}
