using Metering.Engine;
using Metering.Gateway;
using Microsoft.Extensions.Logging.Abstractions;

namespace Metering.Benchmarks;

/// <summary>Makes a data folder as a server leaves one: accounts with a plan, a purchase and deductions with keys, profiles, API keys.</summary>
internal static class SampleStore
{
    private const int Callers = 256;

    // Of an account that is opened: its opening, the first month, the purchase.
    private const int EntriesOfOpening = 3;

    /// <summary>Writes a ledger with about a number of entries, round the accounts.</summary>
    public static async Task WriteAsync(string folder, long entries, int accounts)
    {
        Directory.CreateDirectory(folder);
        var options = new CreditMeteringOptions().UseSqlite(Path.Combine(folder, "metering.db"));
        await using var ledger = options.LedgerStoreFactory!(null!);
        await using (var meter = new EmbeddedCreditMeter(ledger, options, TimeProvider.System, NullLogger<EmbeddedCreditMeter>.Instance))
        {
            await AtOnceAsync(accounts, number => OpenAsync(meter, Account(number)));
            await AtOnceAsync(entries - ((long)accounts * EntriesOfOpening), number => DeductAsync(meter, Account(number % accounts), number));
            await meter.DrainAsync();
        }

        await using var directory = options.DirectoryStoreFactory!(null!);
        var now = TimeProvider.System.GetUtcNow();
        for (var first = 0; first < accounts; first += 1_000)
        {
            var chunk = Enumerable.Range(first, Math.Min(1_000, accounts - first)).Select(number => Account(number)).ToArray();
            await directory.ImportAsync(
                [.. chunk.Select(account => new AccountProfile { Account = account, Email = $"{account}@example.com", CreatedAt = now })],
                [.. chunk.Select(account => ApiKeys.Create(account, "Key", ApiKeyScopes.Read | ApiKeyScopes.Spend, now).Stored)]);
        }
    }

    private static AccountId Account(long number) => new($"acct_{number}");

    private static Task AtOnceAsync(long count, Func<long, Task> work) =>
        Parallel.ForAsync(0, count, new ParallelOptions { MaxDegreeOfParallelism = Callers }, async (number, _) => await work(number));

    private static async Task OpenAsync(EmbeddedCreditMeter meter, AccountId account)
    {
        _ = (await meter.OpenAccountAsync(account, new() { Plan = "starter" })).Value;
        _ = (await meter.GrantAsync(account, new() { Source = GrantSource.Purchase, Amount = Credits.MaxAmount })).Value;
    }

    private static async Task DeductAsync(EmbeddedCreditMeter meter, AccountId account, long number) => _ = (await meter.DeductAsync(account, new()
    {
        Product = "lead.search",
        Quantity = 97,
        Description = "Lead search: Restaurants in US (97 results)",
        IdempotencyKey = $"key-{number}",
    })).Value;
}
