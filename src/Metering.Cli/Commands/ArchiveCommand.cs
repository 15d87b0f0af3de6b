using System.CommandLine;
using System.Globalization;
using Metering.Engine;
using Microsoft.Extensions.Logging.Abstractions;

namespace Metering.Cli;

/// <summary><c>metering archive</c>: moves old entries into a ledger file of their own and cuts them from the store.</summary>
internal static class ArchiveCommand
{
    public static Command Create(ToolTerminal terminal)
    {
        var store = StoreOption.Create("The store to archive from; a SQLite store must not be in use.");
        var before = new Option<string>("--before") { Description = "Entries before this day or instant (UTC) go: 2026-01-01 or 2026-01-01T12:00:00Z. Every account keeps its last two days.", HelpName = "DATE", Required = true };
        var to = new Option<string?>("--to") { Description = "The archive's file, made where it is missing; left out: metering.archive.db beside the ledger.", HelpName = "FILE" };
        var minimum = new Option<int>("--min-entries") { Description = "Accounts with fewer entries to archive stay whole.", HelpName = "N", DefaultValueFactory = _ => new ArchiveOptions { Before = default }.MinEntries };
        var command = new Command("archive", "Move old entries into an archive behind checkpoints; run again after a break, it goes on.") { store, before, to, minimum };
        command.SetAction((parsed, cancellationToken) => RunAsync(
            terminal, StoreLocation.Parse(parsed.GetRequiredValue(store)), parsed.GetRequiredValue(before), parsed.GetValue(to), parsed.GetValue(minimum), cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(ToolTerminal terminal, StoreLocation location, string before, string? to, int minimum, CancellationToken cancellationToken)
    {
        if (Instants.Refuse("--before", before, out var day) is { } refusal)
        {
            return await terminal.RefuseAsync(refusal);
        }

        if (minimum < 1)
        {
            return await terminal.RefuseAsync($"--min-entries is {minimum}; 1 or more are allowed.");
        }

        if (ArchiveLocation.Of(location, to) is not { } file)
        {
            return await terminal.RefuseAsync("--to is missing; a store that is no file needs the name of the archive's file.");
        }

        if (file == location)
        {
            return await terminal.RefuseAsync($"--to and --store are the same file, {file.Display}.");
        }

        location.RequireExisting();
        await using var ledger = await location.OpenLedgerAsync(cancellationToken);
        await using var archive = await file.OpenLedgerAsync(cancellationToken);
        await terminal.Output.WriteLineAsync($"Archiving {location.Display} into {file.Display}.");
        try
        {
            return await RunAsync(terminal, ledger, archive, new() { Before = day!.Value, MinEntries = minimum }, cancellationToken);
        }
        catch (OperationCanceledException)
        {
            await terminal.RefuseAsync("Stopped before the end; run the same command again to go on.");
            return ExitCode.Interrupted;
        }
        catch (ArchiveException refused)
        {
            await terminal.RefuseAsync(refused.Message);
            return ExitCode.Unsound;
        }
    }

    private static async Task<int> RunAsync(ToolTerminal terminal, ILedgerStore ledger, ILedgerStore archive, ArchiveOptions options, CancellationToken cancellationToken)
    {
        var started = terminal.Time.GetTimestamp();
        var report = await terminal.ShowAsync("Archiving", "accounts", async progress =>
        {
            var all = 0L;
            await foreach (var page in AccountPages.ReadAsync(ledger, cancellationToken))
            {
                all += page.Count;
            }

            await using var meter = new EmbeddedCreditMeter(ledger, new(), terminal.Time, NullLogger<EmbeddedCreditMeter>.Instance);
            return await new LedgerArchiver(ledger, archive, meter, options).ArchiveAsync(new Relay(now => progress.Set(now.Accounts, all)), cancellationToken);
        });
        var seconds = terminal.Time.GetElapsedTime(started).TotalSeconds;
        await terminal.Output.WriteLineAsync(string.Create(
            CultureInfo.InvariantCulture,
            $"Archived {report.Entries:N0} entries ({report.Bytes:N0} bytes) of {report.AccountsArchived:N0} of {report.Accounts:N0} accounts in {seconds:F1} s."));
        await terminal.Output.WriteLineAsync(report.Entries == 0
            ? "Nothing was old enough; the ledger is as it was."
            : "They were read back and proved before they were cut. The room that they took is used again by new entries.");
        return ExitCode.Done;
    }

    // Progress<T> would post to the thread pool, and so tell of the past.
    private sealed class Relay(Action<ArchiveReport> tell) : IProgress<ArchiveReport>
    {
        public void Report(ArchiveReport value) => tell(value);
    }
}

/// <summary>Where an archive is: always a ledger's file, whatever the store.</summary>
internal static class ArchiveLocation
{
    /// <summary>The archive's file; null where none is named and the store is no file to stand beside.</summary>
    public static SqliteLocation? Of(StoreLocation store, string? file) =>
        file is not null ? SqliteLocation.Of(file)
        : store is SqliteLocation ledger ? new(Path.Combine(
            Path.GetDirectoryName(ledger.Path) ?? string.Empty, $"{Path.GetFileNameWithoutExtension(ledger.Path)}.archive{Path.GetExtension(ledger.Path)}"))
        : null;
}
