using System.CommandLine;
using System.Globalization;
using Metering.Engine;
using Metering.Gateway.Payments;

namespace Metering.Cli;

/// <summary><c>metering copy</c>: a whole store into another, verified at the end; run again, it goes on where it was broken off.</summary>
internal static class CopyCommand
{
    public static Command Create(ToolTerminal terminal)
    {
        var from = new Option<string>("--from") { Description = "The store to copy; it stays as it is.", HelpName = "STORE", Required = true };
        var to = new Option<string>("--to") { Description = "The store to copy into; made where it is missing. What it has must be a beginning of what the source has.", HelpName = "STORE", Required = true };
        var command = new Command("copy", "Copy a ledger and its whole directory into another store and verify it; run again after a break, it goes on.") { from, to };
        command.SetAction((parsed, cancellationToken) => RunAsync(
            terminal, StoreLocation.Parse(parsed.GetRequiredValue(from)), StoreLocation.Parse(parsed.GetRequiredValue(to)), cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(ToolTerminal terminal, StoreLocation from, StoreLocation to, CancellationToken cancellationToken)
    {
        if (from == to)
        {
            return await terminal.RefuseAsync($"--from and --to are the same store, {from.Display}.");
        }

        from.RequireExisting();
        await using var sourceLedger = await from.OpenLedgerAsync(cancellationToken);
        await using var sourceDirectory = from.HasDirectory ? await from.OpenDirectoryAsync(cancellationToken) : null;
        await using var targetLedger = await to.OpenLedgerAsync(cancellationToken);
        await using var targetDirectory = from.HasDirectory ? await to.OpenDirectoryAsync(cancellationToken) : null;
        await terminal.Output.WriteLineAsync($"Copying {from.Display} to {to.Display}.");
        try
        {
            var directory = sourceDirectory is null || targetDirectory is null ? null : new DirectoryMove(sourceDirectory, targetDirectory, PassingDocuments.Kinds);
            return await RunAsync(terminal, new LedgerCopy(sourceLedger, targetLedger), directory, targetLedger, cancellationToken);
        }
        catch (OperationCanceledException)
        {
            await terminal.RefuseAsync("Stopped before the end; run the same command again to go on.");
            return ExitCode.Interrupted;
        }
    }

    /// <summary>Copies, verifies, and says what was done.</summary>
    private static async Task<int> RunAsync(
        ToolTerminal terminal, LedgerCopy ledger, DirectoryMove? directory, ILedgerStore target, CancellationToken cancellationToken)
    {
        var started = terminal.Time.GetTimestamp();
        var refusal = await terminal.ShowAsync(
            "Copying", "entries", async progress => await ledger.CheckTargetAsync(cancellationToken) ?? await ledger.RunAsync(progress, cancellationToken));
        var tables = new List<MovedTable>();
        if (refusal is not null || (directory is not null && (refusal = await directory.RunAsync(tables.Add, cancellationToken)) is not null))
        {
            await terminal.RefuseAsync(refusal);
            return ExitCode.Unsound;
        }

        var seconds = terminal.Time.GetElapsedTime(started).TotalSeconds;
        await terminal.Output.WriteLineAsync(string.Create(
            CultureInfo.InvariantCulture,
            $"Copied {ledger.Copied:N0} entries of {ledger.Accounts:N0} accounts in {seconds:F1} s; {ledger.Kept:N0} were there before."));
        foreach (var table in tables)
        {
            await terminal.Output.WriteLineAsync(string.Create(
                CultureInfo.InvariantCulture, $"Directory, {table.Table}: {table.Rows:N0} rows in both; {table.Copied:N0} brought and {table.Removed:N0} removed by this run."));
        }

        if (await ledger.CompareAsync(cancellationToken) is { } difference)
        {
            await terminal.RefuseAsync(difference);
            return ExitCode.Unsound;
        }

        if (!await VerifyCommand.VerifyAsync(terminal, target, "Verifying the copy", cancellationToken))
        {
            return ExitCode.Unsound;
        }

        await terminal.Output.WriteLineAsync("Every account of the source stands at the same entry and link in the copy.");
        return ExitCode.Done;
    }
}
