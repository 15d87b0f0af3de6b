using System.Diagnostics;
using Metering.Engine;
using Spectre.Console;
using Xunit;

namespace Metering.Cli.Tests;

/// <summary>The command line itself, migrations, how stores are named, and what a terminal sees.</summary>
public sealed class ToolTests : IDisposable
{
    private readonly TempFolder folder = new();

    private string Data => folder.File("data");

    public void Dispose() => folder.Remove();

    [Theory]
    [InlineData("Required command was not provided; see metering --help.")]
    [InlineData("'prove'", "prove")]
    [InlineData("see metering verify --help.", "verify", "--stoer", "x")]
    [InlineData("'--to' is required; see metering copy --help.", "copy", "--from", "x")]
    [InlineData("'--from'", "copy", "--from")]
    [InlineData("'--to' is required", "backup")]
    [InlineData("names no store", "verify", "--store", "")]
    [InlineData("names no store", "verify", "--store", "sqlite: ")]
    [InlineData("is not a connection string", "verify", "--store", "postgres://user:secret@host/db")]
    [InlineData("names no host", "verify", "--store", "Hostname=db;Password=secret")]
    [InlineData("names no host", "copy", "--from", "x", "--to", "Hostname=db;Pwd=secret")]
    [InlineData("is no command or option here; see metering verify --help.", "verify", "Host=db;Password=secret")]
    [InlineData("is no command or option here; see metering verify --help.", "verify", "--stoer=Host=db;Password=secret")]
    [InlineData("'--min-entries'", "archive", "--before", "2026-01-01", "--min-entries", "Host=db;Password=secret")]
    public async Task A_wrong_command_line_ends_in_one_sentence(string part, params string[] args)
    {
        var run = await ToolRun.OfAsync(args);
        run.IsOneSentence(ExitCode.CannotRun, part);
        Assert.Empty(run.Output);
        Assert.DoesNotContain("secret", run.Errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("verify")]
    [InlineData("copy")]
    [InlineData("backup")]
    [InlineData("migrate")]
    public async Task Every_command_explains_itself(string command)
    {
        Assert.Contains(command, (await ToolRun.OfAsync("--help")).IsDone().Output, StringComparison.Ordinal);
        Assert.Contains($" {command} [options]", (await ToolRun.OfAsync(command, "--help")).IsDone().Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Host=db;Database=m;Username=u;Password=secret", "PostgreSQL at db, database m")]
    [InlineData("postgres:Server=db;Password=secret", "PostgreSQL at db, database the user's own database")]
    [InlineData("postgresql:HOST=db;database=m", "PostgreSQL at db, database m")]
    public void Connection_strings_are_known_and_shown_without_their_secrets(string text, string display)
    {
        var location = StoreLocation.Parse(text);
        Assert.IsType<PostgreSqlLocation>(location);
        Assert.Equal(display, location.Display);
        Assert.DoesNotContain("secret", location.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Folders_and_files_name_a_ledger()
    {
        Directory.CreateDirectory(folder.File("ends-as.db"));
        File.WriteAllText(folder.File("ledger"), "");
        Assert.Equal(new SqliteLocation(folder.File("data/metering.db")), StoreLocation.Parse(Data));
        Assert.Equal(new SqliteLocation(folder.File("data/metering.db")), StoreLocation.Parse($"SQLite:{Data}/"));
        Assert.Equal(new SqliteLocation(folder.File("other.db")), StoreLocation.Parse(folder.File("other.db")));
        Assert.Equal(new SqliteLocation(folder.File("ledger")), StoreLocation.Parse(folder.File("ledger")));
        Assert.Equal(new SqliteLocation(folder.File("ends-as.db/metering.db")), StoreLocation.Parse(folder.File("ends-as.db")));
    }

    [Fact]
    public async Task Migrating_says_what_it_did()
    {
        (await ToolRun.OfAsync("migrate", "--store", Data)).IsOneSentence(ExitCode.CannotRun, "There is no ledger at");
        await SqliteLedgerStore.Open(TestData.LedgerOf(Data)).DisposeAsync();
        var idle = (await ToolRun.OfAsync("migrate", "--store", Data)).IsDone();
        Assert.Matches(@"^metering\.db: schema \d+ is this build's; nothing to do\.\n", idle.Output);
        Assert.DoesNotContain("directory", idle.Output, StringComparison.Ordinal);

        // A file that a start was killed before it had a schema.
        await File.WriteAllBytesAsync(SqliteMeteringOptions.DirectoryPath(TestData.LedgerOf(Data)), []);
        Assert.Matches(@"metering\.directory\.db: made, schema \d+\.\n", (await ToolRun.OfAsync("migrate", "--store", Data)).IsDone().Output);
    }

    [Fact]
    public async Task A_file_is_no_place_for_the_tables_of_a_cluster()
    {
        await TestData.FillAsync(Data);
        (await ToolRun.OfAsync("migrate", "--orleans", "--store", Data)).IsOneSentence(ExitCode.CannotRun, "--orleans needs a PostgreSQL database");
    }

    [Fact]
    public async Task A_ledger_without_a_directory_stays_without_one()
    {
        await SqliteLedgerStore.Open(folder.File("embedded.db")).DisposeAsync();
        (await ToolRun.OfAsync("migrate", "--store", folder.File("embedded.db"))).IsDone();
        (await ToolRun.OfAsync("verify", "--store", folder.File("embedded.db"))).IsDone();
        (await ToolRun.OfAsync("copy", "--from", folder.File("embedded.db"), "--to", Data)).IsDone();
        (await ToolRun.OfAsync("backup", "--store", folder.File("embedded.db"), "--to", folder.File("backup"), "--verify")).IsDone();
        Assert.Empty(Directory.GetFiles(folder.File("."), "*directory*", SearchOption.AllDirectories));
    }

    [Fact]
    public async Task A_newer_schema_is_refused_in_one_sentence()
    {
        await TestData.FillAsync(Data);
        var bytes = File.ReadAllBytes(TestData.LedgerOf(Data));
        bytes[63] = 200;
        File.WriteAllBytes(TestData.LedgerOf(Data), bytes);
        foreach (var command in new[] { "migrate", "verify" })
        {
            (await ToolRun.OfAsync(command, "--store", Data)).IsOneSentence(ExitCode.CannotRun, "was written by a newer version (schema 200");
        }
    }

    [Fact]
    public async Task On_a_screen_a_bar_is_drawn()
    {
        var screen = new StringWriter();
        var console = AnsiConsole.Create(new() { Ansi = AnsiSupport.Yes, ColorSystem = ColorSystemSupport.NoColors, Interactive = InteractionSupport.Yes, Out = new AnsiConsoleOutput(screen) });
        console.Profile.Width = 120;
        var result = await ScreenProgress.RunAsync(console, "Copying [all]", "entries", progress =>
        {
            progress.Set(0, 0);
            progress.Set(1_500, 3_000);
            progress.Set(3_000, 3_000);
            return Task.FromResult(7);
        });
        Assert.Equal(7, result);
        Assert.Contains("Copying [all] 3,000 of 3,000 entries", screen.ToString(), StringComparison.Ordinal);
        Assert.Contains("100%", screen.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task As_a_process_it_writes_plain_lines_and_exits_with_its_code()
    {
        await TestData.FillAsync(Data);
        var sound = await StartAsync("verify", "--store", Data);
        Assert.Equal(ExitCode.Done, sound.Code);
        Assert.Contains("The ledger is sound.", sound.Output, StringComparison.Ordinal);
        Assert.Contains("Verifying: 100%", sound.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain('\e', sound.Output + sound.Errors);

        TestData.FlipByteOf(Data, "Search number 1 of account-001");
        Assert.Equal(ExitCode.Unsound, (await StartAsync("verify", "--store", Data)).Code);
        (await StartAsync("verify", "--store", folder.File("none"))).IsOneSentence(ExitCode.CannotRun, "There is no ledger at");
    }

    private static async Task<ToolRun> StartAsync(params string[] args)
    {
        var host = Environment.ProcessPath is { } path && Path.GetFileNameWithoutExtension(path) == "dotnet" ? path : "dotnet";
        var start = new ProcessStartInfo(host, [Path.Combine(AppContext.BaseDirectory, "metering.dll"), .. args]) { RedirectStandardOutput = true, RedirectStandardError = true };
        using var process = Process.Start(start)!;
        var (output, errors) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync();
        return new(process.ExitCode, await output, await errors);
    }
}
