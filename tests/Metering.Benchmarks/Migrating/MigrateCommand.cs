using System.Buffers.Binary;
using System.Diagnostics;
using System.Globalization;
using Metering.Core;
using Metering.Engine;
using Metering.Engine.Tests;

namespace Metering.Benchmarks;

/// <summary>Makes a ledger of schema 1, a row an entry, and shows how long this build takes to pack it into pages.</summary>
internal static class MigrateCommand
{
    public const string Usage = """
        migrate   how long a ledger of the first schema, a row an entry, takes to be packed into pages
          --rows N                1 to 100000000, default 1000000
          --accounts N            1 to 1000000, default 10000
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
            StageOneLedger.Write(path, Rows(rows, accounts));
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
    private static IEnumerable<(AccountId Account, LedgerRow Row)> Rows(int count, int accounts)
    {
        var ids = Enumerable.Range(0, accounts).Select(number => new AccountId(string.Create(CultureInfo.InvariantCulture, $"acct_{number}"))).ToArray();
        var links = Array.ConvertAll(ids, ChainLink.Genesis);
        var (random, hasher, facts, texts, key) = (new Random(1), new ChainHasher(), new byte[115], new byte[45], new byte[16]);
        for (var row = 0; row < count; row++)
        {
            var account = row % accounts;
            random.NextBytes(facts);
            random.NextBytes(key);
            hasher.Begin(links[account]);
            hasher.Add(facts, texts);
            links[account] = hasher.End();
            var sequence = (row / accounts) + 1;
            yield return (ids[account], new()
            {
                Sequence = sequence,
                TransactionNumber = sequence,
                IsTransaction = true,
                Key = BinaryPrimitives.ReadUInt128BigEndian(key),
                Facts = facts,
                Texts = texts,
                Link = links[account],
            });
        }
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
}
