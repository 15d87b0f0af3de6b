using Metering.Engine;
using Metering.Gateway;
using Microsoft.Extensions.DependencyInjection;

namespace Metering.Proof.Tests;

/// <summary>Puts accounts and their keys in a new store.</summary>
internal static class ProofAccounts
{
    /// <summary>Credits enough for every test that does not want them to end.</summary>
    public const long Plenty = 100_000_000;

    /// <summary>The id of an account by its number.</summary>
    public static AccountId Id(int number) => new($"account-{number}");

    /// <summary>Opens accounts with bonus credits in a store that nobody uses yet, and closes it.</summary>
    /// <param name="useStore">Chooses the store.</param>
    /// <param name="accounts">How many accounts.</param>
    /// <param name="credits">Bonus credits of each.</param>
    /// <returns>Their API keys.</returns>
    public static async Task<IReadOnlyList<string>> OpenAsync(Action<CreditMeteringOptions> useStore, int accounts, long credits)
    {
        var services = new ServiceCollection().AddLogging();
        services.AddCreditMetering(useStore);
        await using var provider = services.BuildServiceProvider();
        var (meter, directory) = (provider.GetRequiredService<ICreditMeter>(), provider.GetRequiredService<IDirectoryStore>());
        var keys = new List<string>();
        for (var number = 0; number < accounts; number++)
        {
            Accept(await meter.OpenAccountAsync(Id(number), new() { Plan = "starter" }));
            Accept(await meter.GrantAsync(Id(number), new() { Source = GrantSource.Bonus, Amount = Credits.Of(credits) }));
            var key = ApiKeys.Create(Id(number), "Proof", ApiKeyScopes.Read | ApiKeyScopes.Spend, TimeProvider.System.GetUtcNow());
            await directory.AddKeyAsync(key.Stored);
            keys.Add(key.Key);
        }

        return keys;
    }

    private static void Accept<T>(Outcome<T> outcome)
        where T : class
    {
        if (outcome.Refusal is { } refusal)
        {
            throw new InvalidOperationException(refusal.Message);
        }
    }
}
