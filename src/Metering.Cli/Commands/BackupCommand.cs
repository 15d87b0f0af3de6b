using System.CommandLine;
using System.Globalization;
using Metering.Engine;

namespace Metering.Cli;

/// <summary><c>metering backup</c>: a consistent copy of a SQLite data folder, while a server runs on it or not.</summary>
internal static class BackupCommand
{
    public static Command Create(ToolTerminal terminal)
    {
        var store = StoreOption.Create("The store to back up; a server may run on it.");
        var to = new Option<string>("--to") { Description = "The folder of the backup, missing or empty; it is a data folder that a server starts on.", HelpName = "FOLDER", Required = true };
        var verify = new Option<bool>("--verify") { Description = "Verify the backup afterwards." };
        var command = new Command("backup", "Copy all files of a data folder consistently, in use or not; for PostgreSQL: say how.") { store, to, verify };
        command.SetAction((parsed, cancellationToken) => RunAsync(
            terminal, StoreLocation.Parse(parsed.GetRequiredValue(store)), parsed.GetRequiredValue(to), parsed.GetValue(verify), cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(ToolTerminal terminal, StoreLocation location, string folder, bool verify, CancellationToken cancellationToken)
    {
        if (string.IsNullOrWhiteSpace(folder) || folder.Contains('\0', StringComparison.Ordinal))
        {
            return await terminal.RefuseAsync($"--to is '{folder}'; name the folder of the backup.");
        }

        if (location is PostgreSqlLocation postgreSql)
        {
            // Not success: a nightly job must not take advice for a backup.
            await terminal.Output.WriteLineAsync(PostgreSqlGuidance.Of(postgreSql, Path.GetFullPath(folder)));
            return ExitCode.CannotRun;
        }

        var sqlite = (SqliteLocation)location;
        location.RequireExisting();
        var started = terminal.Time.GetTimestamp();
        var files = await terminal.ShowAsync(
            "Backing up", "bytes", progress => Task.Run(() => SqliteBackup.Run(sqlite.Path, folder, progress.Set, cancellationToken), cancellationToken));
        var seconds = terminal.Time.GetElapsedTime(started).TotalSeconds;
        foreach (var file in files)
        {
            await terminal.Output.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"{file.Name}: {file.Bytes:N0} bytes"));
        }

        var backup = SqliteLocation.Of(Path.Combine(folder, Path.GetFileName(sqlite.Path)));
        await terminal.Output.WriteLineAsync(string.Create(
            CultureInfo.InvariantCulture, $"Backed up to {Path.GetFullPath(folder)} in {seconds:F1} s. It is a data folder: verify it, or start a server on it."));
        if (!verify)
        {
            return ExitCode.Done;
        }

        await using var ledger = await backup.OpenLedgerAsync(cancellationToken);
        return await VerifyCommand.VerifyAsync(terminal, ledger, "Verifying the backup", cancellationToken) ? ExitCode.Done : ExitCode.Unsound;
    }
}
