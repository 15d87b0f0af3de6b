using System.CommandLine;
using System.Globalization;

namespace Metering.Cli;

/// <summary><c>metering import</c>: accounts, balances and keys from NDJSON; run again after a break, it goes on.</summary>
internal static class ImportCommand
{
    private const string Input = "-";
    private const string Instead = "Stop the server for the time of the import; on PostgreSQL an import runs beside servers.";

    public static Command Create(ToolTerminal terminal)
    {
        var file = new Argument<string>("FILE") { Description = "NDJSON, or - for the input. Each line has an id of its own, a kind (account, balance, key) and an account." };
        var store = StoreOption.Create("The store to import into, made where it is missing; a SQLite store must not be in use.");
        var rejected = new Option<string?>("--rejected") { Description = "Where lines go that are not imported, with number, field and reason; left out: FILE.rejected.ndjson.", HelpName = "FILE" };
        var keys = new Option<string?>("--keys") { Description = "Where fresh keys are told, for lines of kind key without a hash; only its owner can read it.", HelpName = "FILE" };
        var settings = new Option<string?>("--settings") { Description = "The server's settings, for its plans; left out: appsettings.json in the current folder, and the environment.", HelpName = "FILE" };
        var dryRun = new Option<bool>("--dry-run") { Description = "Import into an empty store in memory, which is then forgotten: says what would be rejected. The store is not opened." };
        var command = new Command("import", "Bring accounts, balances, record subscriptions and keys in, each line once for ever; run again after a break, it goes on.") { file, store, rejected, keys, settings, dryRun };
        command.SetAction((parsed, cancellationToken) => RunAsync(
            terminal,
            new(parsed.GetRequiredValue(file), StoreLocation.Parse(parsed.GetRequiredValue(store)), parsed.GetValue(rejected), parsed.GetValue(keys), parsed.GetValue(settings), parsed.GetValue(dryRun)),
            cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(ToolTerminal terminal, ImportJob job, CancellationToken cancellationToken)
    {
        if (job.File != Input && !File.Exists(job.File))
        {
            return await terminal.RefuseAsync($"There is no file {job.File}; name a file of NDJSON, or - for the input.");
        }

        var catalogue = ToolCatalogue.Read(job.Settings);
        var input = job.File == Input ? terminal.OpenInput() : new FileStream(job.File, FileMode.Open, FileAccess.Read, FileShare.Read);
        await using (input)
        {
            using var report = new ImportReport(job.RejectedFile);
            using var freshKeys = job.Keys is null || job.DryRun ? null : FreshKeys.Open(job.Keys);
            try
            {
                await using var store = job.DryRun
                    ? OpenStore.InMemory(catalogue, terminal.Time)
                    : await OpenStore.AtAsync(job.Store, catalogue, Instead, mayMake: true, terminal.Time, cancellationToken);
                var code = ExitCode.Done;
                await store.Audit.TakeAsync("accounts.import", null, new() { ["file"] = Path.GetFileName(job.File) }, async () =>
                {
                    code = await RunAsync(terminal, job, store, input, freshKeys, report, cancellationToken);
                    return code == ExitCode.Done ? null : new ToolRefusal("Lines were rejected.", 409, "refused");
                });
                return code;
            }
            catch (OperationCanceledException)
            {
                await terminal.RefuseAsync("Stopped before the end; run the same command again to go on.");
                return ExitCode.Interrupted;
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                return await terminal.RefuseAsync($"The import cannot go on: {error.Message}");
            }
        }
    }

    private static async Task<int> RunAsync(
        ToolTerminal terminal, ImportJob job, OpenStore store, Stream input, FreshKeys? freshKeys, ImportReport report, CancellationToken cancellationToken)
    {
        report.Begin();
        var started = terminal.Time.GetTimestamp();
        using var batch = new DirectoryBatch(store.Directory, report);
        await terminal.ShowAsync(job.DryRun ? "Trying" : "Importing", "lines", async progress =>
        {
            var all = 0L;
            if (input.CanSeek)
            {
                all = await TextLines.CountAsync(input, cancellationToken);
                input.Position = 0;
            }

            var lines = new LineImport(store, batch, freshKeys, report, terminal.Time);
            await new ImportRun(new(job.Keys is not null), lines, report, progress, all).RunAsync(input, cancellationToken);
            await batch.FlushAsync(cancellationToken);
            return true;
        });
        var seconds = terminal.Time.GetElapsedTime(started).TotalSeconds;
        await terminal.Output.WriteLineAsync(string.Create(
            CultureInfo.InvariantCulture,
            $"{(job.DryRun ? "Tried" : "Imported")} {report.Imported:N0} lines in {seconds:F1} s; {report.Kept:N0} were there before, {report.Rejected:N0} were rejected."));
        if (freshKeys is not null)
        {
            await terminal.Output.WriteLineAsync($"Fresh keys stand in {job.Keys}: hand them out, then remove the file.");
        }

        if (report.Rejected == 0)
        {
            return ExitCode.Done;
        }

        await terminal.RefuseAsync($"The rejected lines, with field and reason, stand in {report.Path}; mend them and run the same command again: what is in is passed over.");
        return ExitCode.Unsound;
    }

    /// <summary>The command line.</summary>
    private sealed record ImportJob(string File, StoreLocation Store, string? Rejected, string? Keys, string? Settings, bool DryRun)
    {
        public string RejectedFile => Rejected ?? $"{(File == Input ? "import" : File)}.rejected.ndjson";
    }
}
