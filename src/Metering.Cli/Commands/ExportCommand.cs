using System.CommandLine;
using System.Globalization;
using Metering.Engine;

namespace Metering.Cli;

/// <summary><c>metering export</c>: transactions of one account or of all, oldest first, as NDJSON or CSV.</summary>
internal static class ExportCommand
{
    private const string Instead =
        "A running server exports by GET /v1/transactions/export; or export from a backup of it (metering backup).";

    public static Command Create(ToolTerminal terminal)
    {
        var store = StoreOption.Create("The store to export from; a SQLite store must not be in use.");
        var account = new Option<string?>("--account") { Description = "Only this account; left out: all, in the order of their ids.", HelpName = "ID" };
        var format = new Option<string>("--format") { Description = "ndjson: an object a line. csv: RFC 4180; a text that a spreadsheet would run as a formula begins with an apostrophe.", HelpName = "FORMAT", DefaultValueFactory = _ => "ndjson" };
        var since = new Option<string?>("--since") { Description = "Only what was created at or after this day or instant (UTC).", HelpName = "DATE" };
        var until = new Option<string?>("--until") { Description = "Only what was created before this day or instant (UTC).", HelpName = "DATE" };
        var after = new Option<string?>("--after") { Description = "With --account: go on after this transaction.", HelpName = "TXN" };
        var to = new Option<string?>("--to") { Description = "The file; it has its name once it is whole, until then FILE.partial is written. Left out: the output.", HelpName = "FILE" };
        var resume = new Option<bool>("--resume") { Description = "Go on with FILE.partial of a run with the same options that was broken off." };
        var command = new Command("export", "Write transactions, oldest first, as NDJSON or CSV.") { store, account, format, since, until, after, to, resume };
        command.SetAction((parsed, cancellationToken) => RunAsync(
            terminal,
            StoreLocation.Parse(parsed.GetRequiredValue(store)),
            new(parsed.GetValue(account), parsed.GetRequiredValue(format), parsed.GetValue(since), parsed.GetValue(until), parsed.GetValue(after), parsed.GetValue(to), parsed.GetValue(resume)),
            cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(ToolTerminal terminal, StoreLocation location, Words words, CancellationToken cancellationToken)
    {
        if (words.Refuse(out var job) is { } refusal)
        {
            return await terminal.RefuseAsync(refusal);
        }

        await using var ledger = await location.OpenExistingLedgerAsync(Instead, cancellationToken);
        var export = new LedgerExport(ledger, job);
        try
        {
            return words.To is null ? await WriteOutputAsync(terminal, export, cancellationToken) : await WriteFileAsync(terminal, export, words.To, words.Resume, cancellationToken);
        }
        catch (OperationCanceledException) when (words.To is not null)
        {
            await terminal.RefuseAsync("Stopped before the end; run the same command with --resume to go on.");
            return ExitCode.Interrupted;
        }
        catch (IOException error)
        {
            return await terminal.RefuseAsync($"The export cannot be written: {error.Message}");
        }
    }

    private static async Task<int> WriteOutputAsync(ToolTerminal terminal, LedgerExport export, CancellationToken cancellationToken)
    {
        var output = terminal.OpenOutput();
        await using (output)
        {
            return await export.RunAsync(output, null, new Nobody(), cancellationToken) is { } refusal ? await terminal.RefuseAsync(refusal) : ExitCode.Done;
        }
    }

    private static async Task<int> WriteFileAsync(ToolTerminal terminal, LedgerExport export, string path, bool resume, CancellationToken cancellationToken)
    {
        var started = terminal.Time.GetTimestamp();
        await using var file = PartialFile.Open(path);
        var (position, unusable) = resume ? await ExportPosition.FindAsync(file.Stream, export.Job.Format, cancellationToken) : (null, null);
        if (unusable is not null)
        {
            return await terminal.RefuseAsync($"{PartialFile.NameOf(path)} cannot be continued: {unusable} Leave out --resume to begin anew.");
        }

        file.Stream.SetLength(position?.Bytes ?? 0);
        file.Stream.Position = position?.Bytes ?? 0;
        if (await terminal.ShowAsync("Exporting", "entries", progress => export.RunAsync(file.Stream, position, progress, cancellationToken)) is { } refusal)
        {
            return await terminal.RefuseAsync(refusal);
        }

        file.Complete();
        var seconds = terminal.Time.GetElapsedTime(started).TotalSeconds;
        var before = position is null ? string.Empty : $" It went on after {position.Last} of {position.Account}.";
        await terminal.Output.WriteLineAsync(string.Create(
            CultureInfo.InvariantCulture, $"Exported {export.Rows:N0} transactions of {export.Accounts:N0} accounts to {Path.GetFullPath(path)} in {seconds:F1} s.{before}"));
        return ExitCode.Done;
    }

    /// <summary>The command line as it was written.</summary>
    private sealed record Words(string? Account, string Format, string? Since, string? Until, string? After, string? To, bool Resume)
    {
        /// <summary>What is wrong with it, or null and what it asks for.</summary>
        public string? Refuse(out ExportJob job)
        {
            job = new(null, default, new());
            AccountId account = default;
            TransactionId after = default;
            var badDate = Instants.Refuse("--since", Since, out var since);
            var badUntil = Instants.Refuse("--until", Until, out var until);
            badDate ??= badUntil ?? (since >= until ? "--until must be after --since." : null);
            var refusal = Account is not null && !AccountId.TryParse(Account, out account) ? $"--account is '{Account}'; 1 to {AccountId.MaxLength} characters of A-Z a-z 0-9 . _ : - are allowed."
                : Format is not ("ndjson" or "csv") ? $"--format is '{Format}'; ndjson or csv is allowed."
                : After is not null && Account is null ? "--after needs --account: a transaction is one of an account."
                : After is not null && !TransactionId.TryParse(After, out after) ? $"--after is '{After}'; the id of a transaction is allowed (\"txn_\" and 26 characters)."
                : Resume && To is null ? "--resume needs --to: only a file can be continued."
                : To is not null && string.IsNullOrWhiteSpace(To) ? "--to is empty; name the file of the export."
                : badDate;
            job = new(Account is null ? null : account, Format == "csv" ? ExportFormat.Csv : ExportFormat.Ndjson, new() { From = since, To = until, After = After is null ? null : after });
            return refusal;
        }
    }

    // Beside rows on the output, progress would be noise.
    private sealed class Nobody : IProgressDisplay
    {
        public void Set(long done, long all)
        {
        }
    }
}
