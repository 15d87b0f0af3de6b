using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Metering.Engine;
using Metering.Gateway;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Metering.Cli.Tests;

public sealed class ImportTests : IDisposable
{
    private const string Hash = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    private static readonly string[] Sample =
    [
        """{"id":"a-1","kind":"account","account":"c-1","plan":"starter","monthlyCredits":37.5,"email":"ada@example.com","firstName":"Ada","companyName":"Łovelace & Co","createdAt":"2025-03-01T12:00:00Z"}""",
        """{"id":"b-1","kind":"balance","account":"c-1","bucket":"bonus","amount":25,"expiresAt":"2099-01-01","description":"Welcome"}""",
        """{"id":"b-2","kind":"balance","account":"c-1","bucket":"permanent","amount":1000.25}""",
        $$"""{"id":"k-1","kind":"key","account":"c-1","name":"Main","scopes":["read","spend","admin","refund"],"hash":"{{Hash}}","display":"smbk_1234567"}""",
        """{"id":"a-2","kind":"account","account":"c-2","plan":"growth","anchor":"2026-01-31","paidThrough":"2026-02-28"}""",
        """{"id":"k-2","kind":"key","account":"c-2","name":"Fresh"}""",
    ];

    private readonly TempFolder folder = new();

    private string Data => folder.File("data");

    public void Dispose() => folder.Remove();

    [Fact]
    public async Task Accounts_balances_profiles_and_keys_come_in()
    {
        var run = (await ImportAsync(Sample)).IsDone();
        Assert.Matches(@"^Imported 6 lines in \d+\.\d s; 0 were there before, 0 were rejected\.\nFresh keys stand in .*\n$", run.Output);
        Assert.False(File.Exists(Rejected));
        await using var services = TestData.Serve(Data);
        var (meter, directory) = (services.GetRequiredService<ICreditMeter>(), services.GetRequiredService<IDirectoryStore>());
        var balance = (await meter.GetBalanceAsync(new("c-1"))).Value;
        Assert.Equal((Credits.Of(37.5m), Credits.Of(25), Credits.Of(1000.25m)), (balance.Monthly, balance.Bonus, balance.Permanent));
        Assert.Equal(("starter", Credits.Of(100)), (balance.Plan, balance.MonthlyAllotment));
        Assert.Equal(new DateTimeOffset(2026, 2, 28, 0, 0, 0, TimeSpan.Zero), (await meter.GetBalanceAsync(new("c-2"))).Value.PaidThrough);
        var profile = (await directory.FindProfileAsync(new("c-1")))!;
        Assert.Equal(("ada@example.com", "Ada", null, "Łovelace & Co", new DateTimeOffset(2025, 3, 1, 12, 0, 0, TimeSpan.Zero)), (profile.Email, profile.FirstName, profile.LastName, profile.CompanyName, profile.CreatedAt));
        var key = (await directory.FindKeyAsync(Convert.FromHexString(Hash)))!;
        Assert.Equal((new("c-1"), "Main", "smbk_1234567", ApiKeyScopes.Read | ApiKeyScopes.Spend | ApiKeyScopes.Admin | ApiKeyScopes.Refund), (key.Account, key.Name, key.Display, key.Scopes));
    }

    [Fact]
    public async Task Record_subscriptions_come_in_once_and_cost_nothing_until_their_end()
    {
        string[] lines =
        [
            Sample[0],
            $$"""{"id":"r-1","kind":"records","account":"c-1","records":[{"type":"company","id":"a","expiresAt":"{{InDays(30):yyyy-MM-dd}}"},{"type":"contact","id":"a","expiresAt":"{{InDays(300):yyyy-MM-dd}}T00:00:01Z"}]}""",
            $$"""{"id":"r-2","kind":"records","account":"c-1","records":[{"type":"company","id":"a","expiresAt":"{{InDays(20):yyyy-MM-dd}}"}]}""",
        ];
        (await ImportAsync(lines)).IsDone();
        Assert.Contains("Imported 0 lines in", (await ImportAsync(lines)).IsDone().Output, StringComparison.Ordinal);
        await using var services = TestData.Serve(Data);
        var meter = services.GetRequiredService<ICreditMeter>();
        var listed = (await meter.ListRecordsAsync(new("c-1"), new())).Value.Items;
        Assert.Equal([("company", "a", InDays(30)), ("contact", "a", InDays(301))], listed.Select(item => (item.Type, item.Id, item.ExpiresAt)));
        var access = (await meter.AccessRecordsAsync(new("c-1"), new() { Records = [new("company", "a"), new("contact", "a"), new("company", "b")] })).Value;
        Assert.Equal((Credits.Of(1), Credits.Of(36.5m)), (access.Charged, access.Credits));
    }

    [Fact]
    public async Task A_fresh_key_works_and_stands_in_a_file_that_only_its_owner_reads()
    {
        await File.WriteAllTextAsync(Keys, string.Empty); // Made by somebody before, for everybody to read.
        (await ImportAsync(Sample)).IsDone();
        var told = JsonElement.Parse(Assert.Single(await File.ReadAllLinesAsync(Keys)));
        var key = told.GetProperty("key").GetString()!;
        Assert.Equal(("k-2", "c-2"), (told.GetProperty("id").GetString(), told.GetProperty("account").GetString()));
        Assert.True(ApiKeys.IsWellFormed(key, [ApiKeys.DefaultPrefix]));
        if (!OperatingSystem.IsWindows())
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Keys));
        }

        await using var services = TestData.Serve(Data);
        var stored = await services.GetRequiredService<IDirectoryStore>().FindKeyAsync(ApiKeys.Hash(key));
        Assert.Equal((new AccountId("c-2"), key[..12]), (stored!.Account, stored.Display));
    }

    [Fact]
    public async Task The_same_file_again_changes_nothing_and_grants_nothing_twice()
    {
        (await ImportAsync(Sample)).IsDone();
        var content = await TestData.ContentOfAsync(Data);
        var keys = await File.ReadAllTextAsync(Keys);
        var again = (await ImportAsync(Sample)).IsDone();
        Assert.Contains("Imported 0 lines in", again.Output, StringComparison.Ordinal);
        Assert.Contains("; 6 were there before, 0 were rejected.", again.Output, StringComparison.Ordinal);
        Assert.Equal(WithoutSnapshots(content), WithoutSnapshots(await TestData.ContentOfAsync(Data)));
        Assert.Equal(keys, await File.ReadAllTextAsync(Keys));
    }

    [Fact]
    public async Task What_is_in_stays_in_whatever_became_of_accounts_and_ends_since()
    {
        string[] lines =
        [
            """{"id":"a-1","kind":"account","account":"c-1","plan":"starter","monthlyCredits":37.5}""",
            """{"id":"a-2","kind":"account","account":"c-2","plan":"starter","monthlyCredits":100}""",
            """{"id":"a-3","kind":"account","account":"c-3","plan":"starter","email":"ada@example.com"}""",
            $$"""{"id":"b-1","kind":"balance","account":"c-1","bucket":"bonus","amount":25,"expiresAt":"{{InDays(-10):yyyy-MM-dd}}"}""",
            $$"""{"id":"k-1","kind":"key","account":"c-1","name":"Main","hash":"{{Hash}}","display":"smbk_1234567","expiresAt":"{{InDays(-10):yyyy-MM-dd}}"}""",
        ];
        await WriteAsync(lines);
        (await ToolRun.OfAsync(["import", Input, "--store", Data], new StringWriter(), CancellationToken.None, clock: new Shifted(TimeSpan.FromDays(-20)))).IsDone();
        await using (var services = TestData.Serve(Data))
        {
            var meter = services.GetRequiredService<EmbeddedCreditMeter>();
            foreach (var account in new AccountId[] { new("c-1"), new("c-2"), new("c-3") })
            {
                _ = (await meter.DeductAsync(account, new() { Amount = Credits.Of(1) })).Value;
            }

            _ = (await meter.ChangePlanAsync(new("c-1"), new() { Plan = "growth" })).Value;
            _ = (await meter.ChangePlanAsync(new("c-3"), new() { Plan = "growth" })).Value;
            await meter.DrainAsync();
        }

        var content = await TestData.ContentOfAsync(Data);
        var again = (await ImportAsync(lines)).IsDone();
        Assert.Contains("; 5 were there before, 0 were rejected.", again.Output, StringComparison.Ordinal);
        Assert.Equal(WithoutSnapshots(content), WithoutSnapshots(await TestData.ContentOfAsync(Data)));
    }

    [Fact]
    public async Task The_keys_of_a_sandbox_are_sandbox_keys()
    {
        (await ImportAsync("""{"id":"1","kind":"account","account":"c","plan":"starter"}""")).IsDone();
        await TestData.AddSandboxAsync(Data, new("c"));
        var run = await ImportAsync(
            """{"id":"2","kind":"key","account":"test:c","name":"n","scopes":["admin"]}""",
            """{"id":"3","kind":"key","account":"test:c","name":"n"}""");
        Assert.Equal(ExitCode.Unsound, run.Code);
        Assert.Equal((1, "2", "scopes"), Fault(Assert.Single(await File.ReadAllLinesAsync(Rejected))));
        Assert.StartsWith("mtr_test_", JsonElement.Parse(Assert.Single(await File.ReadAllLinesAsync(Keys))).GetProperty("key").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Broken_off_anywhere_and_run_again_it_is_as_if_it_had_gone_through()
    {
        var lines = ManyLines(accounts: 300);
        await WriteAsync(lines);
        for (var attempt = 0; attempt < 3; attempt++)
        {
            using var stopping = new CancellationTokenSource();
            var broken = await ToolRun.OfAsync(["import", Input, "--store", Data], new CancellingWriter(stopping, "Importing: "), stopping.Token);
            Assert.Equal(ExitCode.Interrupted, broken.Code);
            Assert.EndsWith("Stopped before the end; run the same command again to go on.\n", broken.Errors, StringComparison.Ordinal);
        }

        var run = (await ToolRun.OfAsync("import", Input, "--store", Data)).IsDone();
        Assert.DoesNotContain("; 0 were there before", run.Output, StringComparison.Ordinal);
        await using var services = TestData.Serve(Data);
        var (meter, directory) = (services.GetRequiredService<ICreditMeter>(), services.GetRequiredService<IDirectoryStore>());
        for (var number = 0; number < 300; number++)
        {
            var balance = (await meter.GetBalanceAsync(new($"c-{number}"))).Value;
            Assert.Equal((Credits.Of(number % 100), Credits.Of(5), Credits.Of(7)), (balance.Monthly, balance.Bonus, balance.Permanent));
            Assert.NotNull(await directory.FindProfileAsync(new($"c-{number}")));
            Assert.Single(await directory.ListKeysAsync(new($"c-{number}")));
        }
    }

    [Fact]
    public async Task A_kill_between_opening_and_the_rest_of_the_month_is_mended_by_the_next_run_only_while_nothing_happened()
    {
        await using (var services = TestData.Serve(Data))
        {
            // As a kill leaves it: opened, and nothing more. The other one was used since.
            var meter = services.GetRequiredService<EmbeddedCreditMeter>();
            _ = (await meter.OpenAccountAsync(new("c-1"), new() { Plan = "starter" })).Value;
            _ = (await meter.OpenAccountAsync(new("c-2"), new() { Plan = "starter" })).Value;
            _ = (await meter.DeductAsync(new("c-2"), new() { Amount = Credits.Of(1) })).Value;
            await services.GetRequiredService<IDirectoryStore>().IsEmptyAsync();
        }

        var run = await ImportAsync(
            """{"id":"1","kind":"account","account":"c-1","plan":"starter","monthlyCredits":40}""",
            """{"id":"2","kind":"account","account":"c-2","plan":"starter","monthlyCredits":40}""");
        Assert.Equal(ExitCode.Unsound, run.Code);
        Assert.Equal((2, "2", "monthlyCredits"), Fault(Assert.Single(await File.ReadAllLinesAsync(Rejected))));
        Assert.Contains("metering account adjust c-2 --amount=-60 --reason=", await File.ReadAllTextAsync(Rejected), StringComparison.Ordinal);

        // What the sentence says gives nothing back of what was spent since, and is known to the next run.
        (await ToolRun.OfAsync("account", "adjust", "c-2", "--amount=-60", "--reason=Spent before the import (2)", "--store", Data)).IsDone();
        (await ToolRun.OfAsync("import", Input, "--store", Data)).IsDone();
        await using var after = TestData.Serve(Data);
        Assert.Equal(Credits.Of(40), (await after.GetRequiredService<ICreditMeter>().GetBalanceAsync(new("c-1"))).Value.Available);
        Assert.Equal(Credits.Of(39), (await after.GetRequiredService<ICreditMeter>().GetBalanceAsync(new("c-2"))).Value.Available);
    }

    [Theory]
    [InlineData("""{"id":"1","kind":"account","account":"c","plan":"gold"}""", "plan")]
    [InlineData("""{"id":"1","kind":"account","account":"c","plan":"starter","anchor":"2099-01-01"}""", "anchor")]
    [InlineData("""{"id":"1","kind":"account","account":"c","plan":"starter","anchor":"31.01.2026"}""", "anchor")]
    [InlineData("""{"id":"1","kind":"account","account":"c","plan":"starter","monthlyCredits":101}""", "monthlyCredits")]
    [InlineData("""{"id":"1","kind":"account","account":"c","plan":"starter","monthlyCredits":-1}""", "monthlyCredits")]
    [InlineData("""{"id":"1","kind":"account","account":"ä","plan":"starter"}""", "account")]
    [InlineData("""{"id":"1","kind":"account","account":"c"}""", "plan")]
    [InlineData("""{"id":"1","kind":"account","account":"c","plan":"starter","monthlycredits":1}""", "monthlycredits")]
    [InlineData("""{"id":"1","kind":"account","account":"c","plan":"starter","email":"nobody"}""", "email")]
    [InlineData("""{"id":"1","kind":"account","account":"c","plan":"starter","firstName":"Ada"}""", "email")]
    [InlineData("""{"id":"1","kind":"account","account":"c","plan":"starter","email":"a@b.c","lastName":"\u0000"}""", "lastName")]
    [InlineData("""{"id":"1","kind":"account","account":"c","plan":"starter","email":"a@b.c","lastName":"\ud800"}""", "lastName")]
    [InlineData("""{"id":"1","kind":"account","account":"c","plan":"starter","email":"a@b.c","companyWebsite":"javascript:80/alert(1)"}""", "companyWebsite")]
    [InlineData("""{"id":"1","kind":"account","account":"test:c","plan":"starter"}""", "account")]
    [InlineData("""{"kind":"account","account":"c","plan":"starter"}""", "id")]
    [InlineData("""{"id":"1","kind":"subscription","account":"c"}""", "kind")]
    [InlineData("""{"id":"1","kind":"balance","account":"nobody","bucket":"bonus","amount":1}""", null)]
    [InlineData("""{"id":"1","kind":"balance","account":"c","bucket":"monthly","amount":1}""", "bucket")]
    [InlineData("""{"id":"1","kind":"balance","account":"c","bucket":"bonus","amount":0}""", "amount")]
    [InlineData("""{"id":"1","kind":"balance","account":"c","bucket":"bonus","amount":1e3}""", "amount")]
    [InlineData("""{"id":"1","kind":"balance","account":"c","bucket":"bonus","amount":"5"}""", "amount")]
    [InlineData("""{"id":"1","kind":"balance","account":"c","bucket":"bonus"}""", "amount")]
    [InlineData("""{"id":"1","kind":"balance","account":"known","bucket":"bonus","amount":1,"expiresAt":"2020-01-01"}""", "expiresAt")]
    [InlineData("""{"id":"1","kind":"key","account":"known","name":"n","hash":"abc","display":"d"}""", "hash")]
    [InlineData("""{"id":"1","kind":"key","account":"known","name":"n"}""", "hash")]
    [InlineData("""{"id":"1","kind":"key","account":"known","name":"n","scopes":["root"],"hash":"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef","display":"d"}""", "scopes")]
    [InlineData("""{"id":"1","kind":"key","account":"nobody","name":"n","hash":"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef","display":"d"}""", "account")]
    [InlineData("""{"id":"1","kind":"records","account":"known"}""", "records")]
    [InlineData("""{"id":"1","kind":"records","account":"known","records":[]}""", "records")]
    [InlineData("""{"id":"1","kind":"records","account":"known","records":["a"]}""", "records")]
    [InlineData("""{"id":"1","kind":"records","account":"known","records":[{"type":"company","id":"a"}]}""", "records[0].expiresAt")]
    [InlineData("""{"id":"1","kind":"records","account":"known","records":[{"type":"company","id":"a","expiresAt":"2020-01-01"}]}""", "records[0].expiresAt")]
    [InlineData("""{"id":"1","kind":"records","account":"known","records":[{"type":"company","id":"a","expiresAt":"2999-01-01"}]}""", "records[0].expiresAt")]
    [InlineData("""{"id":"1","kind":"records","account":"known","records":[{"type":"company","id":"a","expiresat":"2999-01-01","expiresAt":"2999-01-01"}]}""", "records[0].expiresat")]
    [InlineData("""{"id":"1","kind":"records","account":"known","records":[{"type":"planet","id":"a","expiresAt":"2999-01-01"}]}""", "records[0].type")]
    [InlineData("""{"id":"1","kind":"records","account":"nobody","records":[{"type":"company","id":"a","expiresAt":"2999-01-01"}]}""", null)]
    [InlineData("""{"id":"1","id":"2","kind":"account","account":"c","plan":"starter"}""", null)]
    [InlineData("""["id"]""", null)]
    [InlineData("""{"id":"1",""", null)]
    public async Task A_line_that_cannot_be_is_reported_with_its_number_and_field_and_others_go_in(string line, string? field)
    {
        await WriteAsync("""{"id":"known","kind":"account","account":"known","plan":"starter"}""", "  ", line, """{"id":"last","kind":"balance","account":"known","bucket":"bonus","amount":1}""");
        var run = await ToolRun.OfAsync("import", Input, "--store", Data);
        Assert.Equal(ExitCode.Unsound, run.Code);
        Assert.Contains("Imported 2 lines", run.Output, StringComparison.Ordinal);
        var (number, _, at) = Fault(Assert.Single(await File.ReadAllLinesAsync(Rejected)));
        Assert.Equal((3, field), (number, at));
        Assert.Contains("The rejected lines, with field and reason, stand in", run.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task One_id_twice_in_a_file_and_a_hash_of_somebody_elses_key_are_rejected()
    {
        var run = await ImportAsync(
            """{"id":"1","kind":"account","account":"c","plan":"starter"}""",
            """{"id":"2","kind":"balance","account":"c","bucket":"bonus","amount":1}""",
            """{"id":"2","kind":"balance","account":"c","bucket":"bonus","amount":100}""",
            $$"""{"id":"3","kind":"key","account":"c","name":"n","hash":"{{Hash}}","display":"d"}""",
            $$"""{"id":"4","kind":"key","account":"c","name":"n","hash":"{{Hash}}","display":"d"}""");
        Assert.Equal(ExitCode.Unsound, run.Code);
        Assert.Equal([(3, "2", "id"), (5, "4", "hash")], (await File.ReadAllLinesAsync(Rejected)).Select(Fault));
    }

    [Fact]
    public async Task An_account_that_is_there_on_another_plan_is_left_alone()
    {
        (await ImportAsync("""{"id":"1","kind":"account","account":"c","plan":"starter"}""")).IsDone();
        var run = await ImportAsync("""{"id":"1","kind":"account","account":"c","plan":"growth"}""");
        Assert.Equal(ExitCode.Unsound, run.Code);
        Assert.Contains("exists already on \\\"starter\\\"", await File.ReadAllTextAsync(Rejected), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_dry_run_tells_and_writes_nothing()
    {
        var records = $$"""{"id":"r","kind":"records","account":"c-1","records":[{"type":"company","id":"a","expiresAt":"{{InDays(30):yyyy-MM-dd}}"}]}""";
        await WriteAsync([.. Sample, records, """{"id":"x","kind":"balance","account":"nobody","bucket":"bonus","amount":1}"""]);
        var run = await ToolRun.OfAsync("import", Input, "--store", Data, "--dry-run", "--keys", Keys);
        Assert.Equal(ExitCode.Unsound, run.Code);
        Assert.Contains("Tried 7 lines", run.Output, StringComparison.Ordinal);
        Assert.Equal(8, Fault(Assert.Single(await File.ReadAllLinesAsync(Rejected))).Number);
        Assert.False(Directory.Exists(Data));
        Assert.False(File.Exists(Keys));
    }

    [Fact]
    public async Task A_plan_of_the_servers_settings_can_be_imported_and_it_reads_the_input()
    {
        await File.WriteAllTextAsync(folder.File("settings.json"), """{"Metering": {"Plans": {"pilot": {"MonthlyCredits": 250}}}}""");
        const string Line = """{"id":"1","kind":"account","account":"c","plan":"pilot"}""";
        (await ToolRun.FedAsync(Line, "import", "-", "--store", Data, "--settings", folder.File("settings.json"), "--rejected", Rejected)).IsDone();
        var shown = (await ToolRun.OfAsync("account", "show", "c", "--store", Data)).IsDone();
        Assert.Contains("pilot", shown.Output, StringComparison.Ordinal);
        Assert.Contains("monthly 250 of 250", shown.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_cannot_be_run_is_refused_in_one_sentence()
    {
        (await ToolRun.OfAsync("import", folder.File("none"), "--store", Data)).IsOneSentence(ExitCode.CannotRun, "There is no file");
        (await ToolRun.FedAsync("", "import", "-", "--store", Data, "--settings", folder.File("none"))).IsOneSentence(ExitCode.CannotRun, "--settings: there is no file");
        (await ToolRun.FedAsync("", "import", "-", "--store", Data, "--keys", folder.File("a/b"))).IsOneSentence(ExitCode.CannotRun, "--keys: ");
        await File.WriteAllTextAsync(folder.File("bad.json"), "{");
        (await ToolRun.FedAsync("", "import", "-", "--store", Data, "--settings", folder.File("bad.json"))).IsOneSentence(ExitCode.CannotRun, "bad.json");
        await TestData.FillAsync(Data);
        await using var services = TestData.Serve(Data);
        _ = services.GetRequiredService<EmbeddedCreditMeter>();
        (await ToolRun.FedAsync("", "import", "-", "--store", Data, "--rejected", Rejected)).IsOneSentence(ExitCode.CannotRun, "Stop the server for the time of the import");
    }

    [Fact]
    public async Task A_line_longer_than_a_megabyte_is_rejected_and_the_next_one_is_read()
    {
        var run = await ImportAsync(
            $$"""{"id":"1","kind":"account","account":"c","plan":"{{new string('x', 3 << 20)}}"}""",
            """{"id":"2","kind":"account","account":"c","plan":"starter"}""");
        Assert.Contains("Imported 1 lines", run.Output, StringComparison.Ordinal);
        Assert.Equal((1, null, null), Fault(Assert.Single(await File.ReadAllLinesAsync(Rejected))));
    }

    private string Input => folder.File("accounts.ndjson");

    private string Rejected => Input + ".rejected.ndjson";

    private string Keys => folder.File("fresh-keys.ndjson");

    private static DateTimeOffset InDays(int days) => new DateTimeOffset(TimeProvider.System.GetUtcNow().UtcDateTime.Date, TimeSpan.Zero).AddDays(days);

    private Task WriteAsync(params string[] lines) => File.WriteAllLinesAsync(Input, lines);

    private async Task<ToolRun> ImportAsync(params string[] lines)
    {
        await WriteAsync(lines);
        return await ToolRun.OfAsync("import", Input, "--store", Data, "--keys", Keys);
    }

    private static string[] ManyLines(int accounts) =>
    [
        .. Enumerable.Range(0, accounts).SelectMany(number => (string[])
        [
            $$"""{"id":"a{{number}}","kind":"account","account":"c-{{number}}","plan":"starter","monthlyCredits":{{number % 100}},"email":"{{number}}@example.com"}""",
            $$"""{"id":"b{{number}}","kind":"balance","account":"c-{{number}}","bucket":"bonus","amount":5}""",
            $$"""{"id":"p{{number}}","kind":"balance","account":"c-{{number}}","bucket":"permanent","amount":7}""",
            $$"""{"id":"k{{number}}","kind":"key","account":"c-{{number}}","name":"Key","hash":"{{Convert.ToHexString(SHA256.HashData(Encoding.ASCII.GetBytes($"{number}")))}}","display":"smbk_12"}""",
        ]),
    ];

    private static (int Number, string? Id, string? Field) Fault(string line)
    {
        var json = JsonElement.Parse(line);
        return (json.GetProperty("line").GetInt32(), json.GetProperty("id").GetString(), json.GetProperty("field").GetString());
    }

    private static string WithoutSnapshots(string content) => string.Join('\n', content.Split('\n').Where(line => !line.StartsWith("Snapshot", StringComparison.Ordinal)));
}
