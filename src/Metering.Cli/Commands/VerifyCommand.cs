using System.CommandLine;
using System.Globalization;
using Metering.Engine;

namespace Metering.Cli;

/// <summary><c>metering verify</c>: proves a ledger from its rows, and reads the directory through.</summary>
internal static class VerifyCommand
{
    public static Command Create(ToolTerminal terminal)
    {
        var store = StoreOption.Create("The store to verify; it must not be in use. A store of an older build is brought to this one's schema first.");
        var archive = new Option<string?>("--archive") { Description = "Verify this archive of the store too, and that it holds what the store was cut at.", HelpName = "FILE" };
        var command = new Command("verify", "Check chains, sums and snapshots of a whole ledger; name the first bad row.") { store, archive };
        command.SetAction((parsed, cancellationToken) => RunAsync(
            terminal, StoreLocation.Parse(parsed.GetRequiredValue(store)), parsed.GetValue(archive) is { } file ? SqliteLocation.Of(file) : null, cancellationToken));
        return command;
    }

    /// <summary>Verifies an open ledger under a progress display and says what was found.</summary>
    /// <returns>True where it is sound.</returns>
    public static Task<bool> VerifyAsync(ToolTerminal terminal, ILedgerStore ledger, string title, CancellationToken cancellationToken) =>
        VerifyAsync(terminal, ledger, title, "ledger", progress => LedgerVerifier.VerifyAsync(ledger, progress, cancellationToken), cancellationToken);

    private static async Task<bool> VerifyAsync(
        ToolTerminal terminal, ILedgerStore ledger, string title, string what, Func<IProgress<VerificationReport>, Task<VerificationReport>> verify, CancellationToken cancellationToken)
    {
        var started = terminal.Time.GetTimestamp();
        var report = await terminal.ShowAsync(title, "entries", async progress =>
        {
            var all = await CountAsync(ledger, cancellationToken);
            return await verify(new Relay(now => progress.Set(now.Entries, all)));
        });
        var seconds = terminal.Time.GetElapsedTime(started).TotalSeconds;
        await terminal.Output.WriteLineAsync(string.Create(
            CultureInfo.InvariantCulture, $"Checked {report.Entries:N0} entries of {report.Accounts:N0} accounts in {seconds:F1} s."));
        await terminal.Output.WriteLineAsync(report.IsSound ? $"The {what} is sound." : $"The {what} is NOT sound. First fault: {report.Fault}");
        return report.IsSound;
    }

    private static async Task<int> RunAsync(ToolTerminal terminal, StoreLocation location, SqliteLocation? archiveLocation, CancellationToken cancellationToken)
    {
        location.RequireExisting();
        archiveLocation?.RequireExisting();
        await using var ledger = await location.OpenLedgerAsync(cancellationToken);
        if (!await VerifyAsync(terminal, ledger, "Verifying", cancellationToken))
        {
            return ExitCode.Unsound;
        }

        if (archiveLocation is not null)
        {
            await using var archive = await archiveLocation.OpenLedgerAsync(cancellationToken);
            if (!await VerifyAsync(terminal, archive, "Verifying the archive", "archive", progress => LedgerVerifier.VerifyArchiveAsync(archive, ledger, progress, cancellationToken), cancellationToken))
            {
                return ExitCode.Unsound;
            }
        }

        if (!location.HasDirectory)
        {
            return ExitCode.Done;
        }

        await using var directory = await location.OpenDirectoryAsync(cancellationToken);
        var (profiles, keys) = (0L, 0L);
        await foreach (var page in DirectoryPages.ProfilesAsync(directory, cancellationToken))
        {
            profiles += page.Count;
        }

        await foreach (var page in DirectoryPages.KeysAsync(directory, cancellationToken))
        {
            keys += page.Count;
        }

        await terminal.Output.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"The directory can be read: {profiles:N0} profiles, {keys:N0} API keys."));
        return ExitCode.Done;
    }

    private static async Task<long> CountAsync(ILedgerStore ledger, CancellationToken cancellationToken)
    {
        try
        {
            return await AccountPages.CountEntriesAsync(ledger, cancellationToken);
        }
        catch (Core.LedgerFormatException)
        {
            // No bar then: the verification itself says what is damaged.
            return 0;
        }
    }

    // Progress<T> would post to the thread pool, and so tell of the past.
    private sealed class Relay(Action<VerificationReport> tell) : IProgress<VerificationReport>
    {
        public void Report(VerificationReport value) => tell(value);
    }
}
