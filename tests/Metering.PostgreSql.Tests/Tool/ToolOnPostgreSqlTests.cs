using Metering.Cli;
using Metering.Cli.Tests;
using Metering.Engine;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Metering.PostgreSql.Tests;

/// <summary>The metering tool on databases: what it does there beside what its own tests show on files.</summary>
public sealed class ToolOnPostgreSqlTests : IAsyncLifetime
{
    private readonly TempFolder folder = new();
    private Database database = null!;

    public async Task InitializeAsync() => database = await Databases.CreateEmptyAsync();

    public async Task DisposeAsync()
    {
        await database.DisposeAsync();
        folder.Remove();
    }

    [Fact]
    public async Task A_copy_into_a_database_and_back_is_the_same_byte_for_byte()
    {
        var (source, back) = (folder.File("source"), folder.File("back"));
        await TestData.FillAsync(source, accounts: 5, many: 900);
        var content = await TestData.ContentOfAsync(source);
        var there = (await ToolRun.OfAsync("copy", "--from", source, "--to", database.ConnectionString)).IsDone();
        Assert.Contains("0 were there before.\n", there.Output, StringComparison.Ordinal);
        Assert.Contains("Copying: 100% (", there.Errors, StringComparison.Ordinal);
        (await ToolRun.OfAsync("verify", "--store", database.ConnectionString)).IsDone();
        (await ToolRun.OfAsync("copy", "--from", $"postgres:{database.ConnectionString}", "--to", back)).IsDone();
        Assert.Equal(content, await TestData.ContentOfAsync(back));
        await using var ledger = database.OpenLedger();
        Assert.StartsWith(await TestData.ContentOfAsync(ledger), content, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Every_table_of_the_directory_comes_into_a_database_and_back_and_its_numbers_go_on()
    {
        var (source, back) = (folder.File("source"), folder.File("back"));
        await DirectoryRows.FillAsync(source, 1, 300);
        (await ToolRun.OfAsync("copy", "--from", source, "--to", database.ConnectionString)).IsDone();
        await DirectoryRows.FillAsync(source, 301, 100);
        DirectoryRows.Execute(source, "UPDATE payment_documents SET version = 1000, due_at = NULL WHERE version = 7; DELETE FROM answers WHERE started_at = 9");
        var there = (await ToolRun.OfAsync("copy", "--from", source, "--to", database.ConnectionString)).IsDone();
        Assert.Contains("Directory, audit: 400 rows in both; 100 brought", there.Output, StringComparison.Ordinal);
        Assert.Contains("Directory, payment_documents: 400 rows in both; 101 brought", there.Output, StringComparison.Ordinal);
        (await ToolRun.OfAsync("copy", "--from", database.ConnectionString, "--to", back)).IsDone();
        Assert.Equal(DirectoryRows.ContentOf(source), DirectoryRows.ContentOf(back));

        await using var directory = database.OpenDirectory();
        var action = new AuditAction { At = DateTimeOffset.UnixEpoch, KeyId = "k", Actor = new("a"), Action = "x", Summary = "{}", RequestId = "r" };
        Assert.Equal(401, await new SqlAuditLog(((IDirectoryTables)directory).Sql).BeginAsync(action));
        await directory.AddKeyAsync(new() { Id = "new", Account = new("a"), Name = "n", Hash = new byte[32], Display = "d", Scopes = ApiKeyScopes.Read, CreatedAt = DateTimeOffset.UnixEpoch });
        Assert.Equal(401L, await database.ExecuteAsync("SELECT number FROM metering.api_keys WHERE id = 'new'"));
        (await ToolRun.OfAsync("copy", "--from", source, "--to", database.ConnectionString)).IsOneSentence(ExitCode.Unsound, "The API key number 401 in the target is not in the source");
    }

    [Fact]
    public async Task A_copy_knows_every_table_and_column_of_the_database()
    {
        await using (database.OpenLedger())
        {
        }

        // The ledger's own, which its copy brings or makes anew.
        string[] ledger = ["bases", "dues", "heads", "key_segments", "pages", "schema_version", "snapshots", "writers"];
        var expected = DirectoryTables.All([]).SelectMany(table => table.Columns.Select(column => $"{table.Name}.{column.Name}")).Order(StringComparer.Ordinal);
        var found = (string)(await database.ExecuteAsync(
            $"""
            SELECT string_agg(table_name || '.' || column_name, ' ' ORDER BY (table_name || '.' || column_name) COLLATE "C") FROM information_schema.columns
            WHERE table_schema = 'metering' AND table_name !~ '^pages_[0-9]+$' AND table_name NOT IN ({string.Join(", ", ledger.Select(name => $"'{name}'"))})
            """))!;
        Assert.Equal(expected, found.Split(' '));
    }

    [Fact]
    public async Task Erased_texts_stay_erased_and_sound_in_a_copy_and_the_copy_of_it()
    {
        var (source, back) = (folder.File("source"), folder.File("back"));
        await TestData.FillAsync(source);
        await using (var services = TestData.Serve(source))
        {
            await TestData.ChangeTermsAsync((ICreditMeter)services.GetService(typeof(ICreditMeter))!, new("account-001"));
        }

        await using (var ledger = SqliteLedgerStore.Open(TestData.LedgerOf(source)))
        {
            Assert.True(await ((IPersonalTexts)ledger).EraseTextsAsync(new("account-000")) > 0);
            Assert.Contains(await ledger.ReadAsync(new("account-000"), 1, 1_000), row => row.TextsDigest is not null);
        }

        (await ToolRun.OfAsync("copy", "--from", source, "--to", database.ConnectionString)).IsDone();
        (await ToolRun.OfAsync("copy", "--from", database.ConnectionString, "--to", back)).IsDone();
        Assert.Equal(await TestData.ContentOfAsync(source), await TestData.ContentOfAsync(back));
        Assert.Contains("The ledger is sound.", (await ToolRun.OfAsync("verify", "--store", database.ConnectionString)).IsDone().Output, StringComparison.Ordinal);
        (await ToolRun.OfAsync("verify", "--store", back)).IsDone();
    }

    [Fact]
    public async Task What_is_in_the_way_of_the_second_half_of_a_copy_is_gone_when_it_goes_on()
    {
        var source = folder.File("source");
        await TestData.FillAsync(source, accounts: 3, many: 2_000);
        using var stop = new CancellationTokenSource();
        var stopped = await ToolRun.OfAsync(["copy", "--from", source, "--to", database.ConnectionString], new CancellingWriter(stop, "Copying: 10%"), stop.Token);
        Assert.Equal(ExitCode.Interrupted, stopped.Code);
        var resumed = (await ToolRun.OfAsync("copy", "--from", source, "--to", database.ConnectionString)).IsDone();
        Assert.DoesNotContain("; 0 were there before", resumed.Output, StringComparison.Ordinal);
        await using var ledger = database.OpenLedger();
        Assert.StartsWith(await TestData.ContentOfAsync(ledger), await TestData.ContentOfAsync(source), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Accounts_are_imported_tended_and_exported_beside_a_running_server()
    {
        var file = folder.File("accounts.ndjson");
        await File.WriteAllLinesAsync(file, Enumerable.Range(0, 50).SelectMany(number => (string[])
        [
            $$"""{"id":"a{{number}}","kind":"account","account":"c-{{number}}","plan":"starter","monthlyCredits":40,"email":"{{number}}@example.com"}""",
            $$"""{"id":"b{{number}}","kind":"balance","account":"c-{{number}}","bucket":"permanent","amount":2.5}""",
        ]));
        await using var ledger = database.OpenLedger();
        await using var server = new EmbeddedCreditMeter(ledger, new(), TimeProvider.System, NullLogger<EmbeddedCreditMeter>.Instance);
        (await ToolRun.OfAsync("import", file, "--store", database.ConnectionString)).IsDone();
        Assert.Equal(Credits.Of(42.5m), (await server.GetBalanceAsync(new("c-7"))).Value.Available);
        _ = (await server.DeductAsync(new("c-7"), new() { Amount = Credits.Of(2) })).Value;
        Assert.Contains("; 50.5 credits now", (await ToolRun.OfAsync("account", "grant", "c-7", "--amount", "10", "--store", database.ConnectionString)).IsDone().Output, StringComparison.Ordinal);
        Assert.Equal(Credits.Of(50.5m), (await server.DeductAsync(new("c-7"), new() { Amount = Credits.Of(0.5m) })).Value.Credits + Credits.Of(0.5m));
        Assert.Contains("; 100 were there before, 0 were rejected", (await ToolRun.OfAsync("import", file, "--store", database.ConnectionString)).IsDone().Output, StringComparison.Ordinal);
        var exported = (await ToolRun.OfAsync("export", "--account", "c-7", "--store", database.ConnectionString)).IsDone().Output;
        Assert.Equal(6, exported.Count(character => character == '\n'));
        (await ToolRun.OfAsync("verify", "--store", database.ConnectionString)).IsDone();
    }

    [Theory]
    [InlineData("verify", "--store")]
    [InlineData("export", "--store")]
    [InlineData("account", "show", "c-1", "--store")]
    [InlineData("copy", "--to", "{folder}", "--from")]
    [InlineData("archive", "--before", "2026-01-01", "--to", "{folder}", "--store")]
    public async Task A_database_without_a_ledger_is_told_of_and_left_alone(params string[] command)
    {
        string[] args = [.. command.Select(word => word.Replace("{folder}", folder.File("other.db"), StringComparison.Ordinal)), database.ConnectionString];
        (await ToolRun.OfAsync(args)).IsOneSentence(ExitCode.CannotRun, $"There is no ledger in PostgreSQL at");
        Assert.Equal(0L, await database.ExecuteAsync("SELECT count(*) FROM pg_namespace WHERE nspname = 'metering'"));
        Assert.False(File.Exists(folder.File("other.db")));
    }

    [Fact]
    public async Task Migration_makes_the_schema_for_a_server_that_may_not()
    {
        var made = (await ToolRun.OfAsync("migrate", "--store", database.ConnectionString)).IsDone();
        Assert.Contains($": made, schema {PostgreSqlSchema.Ledger.Version}.", made.Output, StringComparison.Ordinal);
        Assert.Contains("nothing to do", (await ToolRun.OfAsync("migrate", "--store", database.ConnectionString)).IsDone().Output, StringComparison.Ordinal);
        (await ToolRun.OfAsync("verify", "--store", database.ConnectionString)).IsDone();
    }
}
