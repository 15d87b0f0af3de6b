using Metering.Engine;
using Metering.Gateway;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Metering.Proof.Tests;

/// <summary>A temporary folder with a server's data: accounts with credits enough for every test, and their keys.</summary>
internal sealed class DataFolder : IDisposable
{
    /// <summary>How many accounts it has.</summary>
    public const int Accounts = 4;

    private readonly DirectoryInfo root;

    private DataFolder(DirectoryInfo root) => this.root = root;

    /// <summary>The server's data folder.</summary>
    public string Path => File("data");

    /// <summary>The accounts' API keys.</summary>
    public IReadOnlyList<string> Keys { get; private set; } = [];

    /// <summary>A temporary folder whose data folder is missing as yet.</summary>
    public static DataFolder Empty() => new(System.IO.Directory.CreateTempSubdirectory("metering-proof-"));

    /// <summary>A data folder with accounts, closed.</summary>
    public static async Task<DataFolder> CreateAsync()
    {
        var folder = Empty();
        var services = new ServiceCollection().AddLogging();
        services.AddCreditMetering(options => options.UseSqlite(System.IO.Path.Combine(folder.Path, "metering.db")));
        await using var provider = services.BuildServiceProvider();
        var (meter, directory) = (provider.GetRequiredService<ICreditMeter>(), provider.GetRequiredService<IDirectoryStore>());
        var keys = new List<string>();
        for (var number = 0; number < Accounts; number++)
        {
            var account = new AccountId($"account-{number}");
            Accept(await meter.OpenAccountAsync(account, new() { Plan = "starter" }));
            Accept(await meter.GrantAsync(account, new() { Source = GrantSource.Bonus, Amount = Credits.Of(100_000_000) }));
            var key = ApiKeys.Create(account, "Proof", ApiKeyScopes.Read | ApiKeyScopes.Spend, TimeProvider.System.GetUtcNow());
            await directory.AddKeyAsync(key.Stored);
            keys.Add(key.Key);
        }

        folder.Keys = keys;
        return folder;
    }

    /// <summary>A path beside the data folder.</summary>
    public string File(string name) => System.IO.Path.Combine(root.FullName, name);

    public void Dispose() => root.Delete(recursive: true);

    private static void Accept<T>(Outcome<T> outcome)
        where T : class
    {
        if (outcome.Refusal is { } refusal)
        {
            throw new InvalidOperationException(refusal.Message);
        }
    }
}
