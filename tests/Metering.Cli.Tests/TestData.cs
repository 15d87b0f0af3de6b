using Metering.Engine;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Metering.Cli.Tests;

/// <summary>Data folders as a server leaves them: accounts with every kind of entry, profiles, keys, snapshots.</summary>
internal static class TestData
{
    private const int AloneInCommit = 20;
    private const int AtOnce = 50;
    private static readonly DateTimeOffset Start = new(2026, 1, 31, 12, 0, 0, TimeSpan.Zero);

    /// <summary>Where a data folder has its ledger.</summary>
    public static string LedgerOf(string folder) => Path.Combine(folder, "metering.db");

    /// <summary>Opens what a server would run on a data folder.</summary>
    public static ServiceProvider Serve(string folder, TimeProvider? clock = null)
    {
        var services = new ServiceCollection();
        services.AddSingleton(clock ?? TimeProvider.System);
        services.AddLogging();
        services.AddCreditMetering(options => options.UseSqlite(LedgerOf(folder)).SnapshotInterval = 100);
        return services.BuildServiceProvider();
    }

    /// <summary>Makes a data folder with a few accounts, one of which has many entries.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="accounts">How many accounts.</param>
    /// <param name="many">Entries of the first account, about.</param>
    /// <param name="clock">The server's clock; null for the system's.</param>
    public static async Task FillAsync(string folder, int accounts = 4, int many = 250, TimeProvider? clock = null)
    {
        await using var services = Serve(folder, clock);
        var (meter, directory) = (services.GetRequiredService<EmbeddedCreditMeter>(), services.GetRequiredService<IDirectoryStore>());
        for (var number = 0; number < accounts; number++)
        {
            var account = new AccountId($"account-{number:D3}");
            await OpenAsync(meter, account);
            await SpendAsync(meter, account, number == 0 ? many : 3);
            await AddToDirectoryAsync(directory, account, (byte)number);
        }

        await meter.DrainAsync();
    }

    /// <summary>Gives an account the sandbox <c>test:…</c>.</summary>
    public static async Task AddSandboxAsync(string folder, AccountId account)
    {
        await using var services = Serve(folder);
        var (meter, directory, twin) = (services.GetRequiredService<EmbeddedCreditMeter>(), services.GetRequiredService<IDirectoryStore>(), new AccountId($"test:{account}"));
        await using var operators = new ServiceCollection().AddSingleton(directory).AddOperatorStores().BuildServiceProvider();
        await operators.GetRequiredService<ISandboxStore>().AddAsync(account, twin, TimeProvider.System.GetUtcNow());
        _ = (await meter.OpenAccountAsync(twin, new() { Plan = "starter" })).Value;
        await meter.DrainAsync();
    }

    /// <summary>Opens an account with a month's credits and a purchase.</summary>
    public static async Task OpenAsync(ICreditMeter meter, AccountId account)
    {
        _ = (await meter.OpenAccountAsync(account, new() { Plan = "starter" })).Value;
        _ = (await meter.GrantAsync(account, new() { Source = GrantSource.Purchase, Amount = Credits.Of(1_000_000), Description = "Purchase" })).Value;
    }

    /// <summary>Spends in every way: searches with and without keys, records, a batch (several entries a commit), a refund.</summary>
    public static async Task SpendAsync(ICreditMeter meter, AccountId account, int calls)
    {
        _ = (await meter.AccessRecordsAsync(account, new() { Records = [new("company", "ACME-" + account), new("contact", "1")] })).Value;
        var batch = Enumerable.Range(0, 5).Select(index => new DeductRequest { Amount = Credits.Of(index + 1), Description = $"Item {index}" });
        _ = (await meter.DeductBatchAsync(account, new() { Items = [.. batch], IdempotencyKey = $"batch-{account}" })).Value;
        for (var call = 0; call < calls; call += call < AloneInCommit ? 1 : AtOnce)
        {
            // The first ones are commits of their own; the others share some.
            var together = call < AloneInCommit ? 1 : Math.Min(AtOnce, calls - call);
            await Task.WhenAll(Enumerable.Range(call, together).Select(async number =>
            {
                var request = new DeductRequest { Product = "lead.search", Quantity = 97, Description = $"Search number {number} of {account}", IdempotencyKey = number % 2 == 0 ? $"key-{number}" : null };
                _ = (await meter.DeductAsync(account, request)).Value;
            }));
        }

        var charge = (await meter.DeductAsync(account, new() { Amount = Credits.Of(9) })).Value;
        _ = (await meter.RefundAsync(account, new() { TransactionId = charge.TransactionId, Amount = Credits.Of(4) })).Value;
    }

    /// <summary>Changes an account's terms in every way: status, credit limit, credits taken back, adjustment, plan, cancelling and resuming.</summary>
    public static async Task ChangeTermsAsync(ICreditMeter meter, AccountId account)
    {
        _ = (await meter.SetCreditLimitAsync(account, new() { Limit = Credits.Of(50) })).Value;
        _ = (await meter.TakeBackAsync(account, new() { Amount = Credits.Of(5), ExternalReference = "dispute", Reason = "Charged back" })).Value;
        _ = (await meter.AdjustAsync(account, new() { Amount = Credits.Of(-1), Reason = "Put right" })).Value;
        _ = (await meter.ChangePlanAsync(account, new() { Plan = "growth" })).Value;
        _ = (await meter.CancelAsync(account, new())).Value;
        _ = (await meter.ResumeAsync(account, new())).Value;
        _ = (await meter.SetStatusAsync(account, new() { Status = AccountStatus.Suspended, Reason = "Looked at" })).Value;
        _ = (await meter.SetStatusAsync(account, new() { Status = AccountStatus.Active, Reason = "Looked at" })).Value;
    }

    /// <summary>Everything that two stores must agree on, as text: rows byte for byte with their links, newest snapshots, profiles, keys in order.</summary>
    public static async Task<string> ContentOfAsync(string folder)
    {
        await using var ledger = SqliteLedgerStore.Open(LedgerOf(folder));
        await using var directory = SqliteDirectoryStore.Open(SqliteMeteringOptions.DirectoryPath(LedgerOf(folder)));
        return await ContentOfAsync(ledger) + await ContentOfAsync(directory);
    }

    public static async Task<string> ContentOfAsync(ILedgerStore ledger)
    {
        var content = new StringWriter();
        foreach (var account in await ledger.ListAccountsAsync(null, int.MaxValue))
        {
            content.WriteLine($"{account} {await ledger.ReadHeadAsync(account)}");
            foreach (var row in await ledger.ReadAsync(account, 1, int.MaxValue))
            {
                content.WriteLine($"{row.Sequence} {row.TransactionNumber} {row.IsTransaction} {row.Key} {Hex(row.Facts)} {Hex(row.Texts)} {row.Link} {row.TextsDigest}");
                Assert.True(row.Key is not { } key || await ledger.FindKeyAsync(account, key) >= row.Sequence);
            }

            foreach (var newest in (await ledger.ReadSnapshotsAsync(account)).Take(1))
            {
                content.WriteLine($"Snapshot {newest.Head} {newest.FormatVersion} {Hex(newest.State)}");
            }
        }

        return content.ToString();
    }

    private static async Task<string> ContentOfAsync(SqliteDirectoryStore directory)
    {
        var content = new StringWriter();
        foreach (var profile in await directory.ListProfilesAsync(null, int.MaxValue))
        {
            content.WriteLine(profile);
        }

        foreach (var key in await directory.ListAllKeysAsync(null, int.MaxValue))
        {
            content.WriteLine($"{Hex(key.Hash)} {key with { Hash = default }}");
        }

        return content.ToString();
    }

    private static async Task AddToDirectoryAsync(IDirectoryStore directory, AccountId account, byte number)
    {
        await directory.TryAddProfileAsync(new() { Account = account, Email = $"{number}@example.com", LastName = "Łovelace", CreatedAt = Start });
        for (byte which = 0; which < 2; which++)
        {
            await directory.AddKeyAsync(new()
            {
                // Ids that fall while the order of making rises.
                Id = $"key_{255 - number:x2}{which:x22}",
                Account = account,
                Name = "Key",
                Hash = Enumerable.Range(0, 32).Select(index => (byte)(index + number * 2 + which)).ToArray(),
                Display = "mtr_12345678",
                Scopes = ApiKeyScopes.Read | ApiKeyScopes.Spend,
                CreatedAt = Start,
                RevokedAt = which == 1 ? Start.AddDays(1) : null,
            });
        }
    }

    /// <summary>Changes one byte of every copy of a text in a data folder's files, as a failing disk would.</summary>
    public static void FlipByteOf(string folder, string text)
    {
        var wanted = System.Text.Encoding.UTF8.GetBytes(text);
        var found = 0;
        foreach (var file in Directory.GetFiles(folder, "*.db"))
        {
            var bytes = File.ReadAllBytes(file);
            for (var at = bytes.AsSpan().IndexOf(wanted); at >= 0; at = bytes.AsSpan().IndexOf(wanted))
            {
                bytes[at] ^= 1;
                found++;
            }

            File.WriteAllBytes(file, bytes);
        }

        Assert.True(found > 0, $"'{text}' stands in no file of {folder}.");
    }

    private static string Hex(ReadOnlyMemory<byte> bytes) => Convert.ToHexString(bytes.Span);
}
