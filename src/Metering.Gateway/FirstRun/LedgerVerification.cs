using System.Globalization;
using Metering.Engine;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace Metering.Gateway;

/// <summary>Checks the whole ledger of a data folder.</summary>
internal static class LedgerVerification
{
    /// <returns>The exit code: 0 where the ledger is sound, else 1.</returns>
    /// <exception cref="MeteringStartupException">There is no ledger, or it cannot be opened.</exception>
    public static async Task<int> RunAsync(IConfigurationSection section, TextWriter output)
    {
        var path = MeteringConfiguration.DatabasePath(section);
        if (!File.Exists(path))
        {
            // Opening would make an empty ledger, which is sound: a mistyped folder must not pass for a good one.
            throw new MeteringStartupException($"There is no ledger at {path}; name its folder with --data.");
        }

        var options = new CreditMeteringOptions();
        options.ReadConfiguration(section);
        var provider = new ServiceCollection().AddLogging().AddSingleton(TimeProvider.System).BuildServiceProvider();
        await using (provider.ConfigureAwait(false))
        {
            var store = options.LedgerStoreFactory!(provider);
            await using (store.ConfigureAwait(false))
            {
                var report = await LedgerVerifier.VerifyAsync(store).ConfigureAwait(false);
                await output.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"Accounts checked: {report.Accounts}; entries checked: {report.Entries}.")).ConfigureAwait(false);
                await output.WriteLineAsync(report.IsSound ? "The ledger is sound." : $"The ledger is NOT sound. First fault: {report.Fault}").ConfigureAwait(false);
                return report.IsSound ? 0 : 1;
            }
        }
    }
}
