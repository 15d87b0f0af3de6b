using System.Globalization;
using Metering.Engine;
using Microsoft.Extensions.Configuration;

namespace Metering.Gateway;

/// <summary>Checks the whole ledger of a data folder, or of a PostgreSQL database.</summary>
internal static class LedgerVerification
{
    /// <returns>The exit code: 0 where the ledger is sound, else 1.</returns>
    /// <exception cref="MeteringStartupException">There is no ledger, or it cannot be opened.</exception>
    public static async Task<int> RunAsync(IConfigurationSection section, TextWriter output, Action<LedgerMigrationProgress> migrating)
    {
        var store = Open(section, migrating);
        await using (store.ConfigureAwait(false))
        {
            var report = await LedgerVerifier.VerifyAsync(store).ConfigureAwait(false);
            await output.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"Accounts checked: {report.Accounts}; entries checked: {report.Entries}.")).ConfigureAwait(false);
            await output.WriteLineAsync(report.IsSound ? "The ledger is sound." : $"The ledger is NOT sound. First fault: {report.Fault}").ConfigureAwait(false);
            return report.IsSound ? 0 : 1;
        }
    }

    private static ILedgerStore Open(IConfigurationSection section, Action<LedgerMigrationProgress> migrating)
    {
        if (MeteringConfiguration.PostgreSqlConnection(section) is { } connection)
        {
            // Opening must not make an empty ledger, which is sound: a mistyped name must not pass for a good one.
            return PostgreSqlLedgerStore.Open(connection, new() { MigrateAtStart = false });
        }

        var path = MeteringConfiguration.DatabasePath(section);
        if (!File.Exists(path))
        {
            throw new MeteringStartupException($"There is no ledger at {path}; name its folder with --data.");
        }

        // The file itself, also where memory is configured: an empty ledger in memory is always sound.
        return SqliteLedgerStore.Open(path, new() { Migrating = migrating });
    }
}
