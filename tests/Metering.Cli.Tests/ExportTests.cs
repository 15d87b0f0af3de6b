using System.Text.Json;
using Metering.Engine;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Metering.Cli.Tests;

public sealed class ExportTests : IDisposable
{
    private readonly TempFolder folder = new();

    private string Data => folder.File("data");

    public void Dispose() => folder.Remove();

    [Theory]
    [InlineData("ndjson")]
    [InlineData("csv")]
    public async Task All_accounts_come_in_the_order_of_their_ids_each_oldest_first(string format)
    {
        await TestData.FillAsync(Data);
        var file = folder.File("all");
        var run = (await ToolRun.OfAsync("export", "--store", Data, "--format", format, "--to", file)).IsDone();
        Assert.Matches(@"^Exported [\d,]+ transactions of 4 accounts to .*all in \d+\.\d s\.\n$", run.Output);
        Assert.False(File.Exists(file + ".partial"));
        Assert.Equal(await ExpectedAsync(), (await File.ReadAllLinesAsync(file)).Skip(format == "csv" ? 1 : 0).Select(line => Identify(line, format)));
        Assert.Equal(await File.ReadAllTextAsync(file), (await ToolRun.OfAsync("export", "--store", Data, "--format", format)).IsDone().Output);
    }

    [Theory]
    [InlineData("ndjson")]
    [InlineData("csv")]
    public async Task Broken_off_anywhere_and_resumed_it_is_the_same_file(string format)
    {
        await TestData.FillAsync(Data, many: 40);
        var file = folder.File("all");
        (await ToolRun.OfAsync("export", "--store", Data, "--format", format, "--to", file)).IsDone();
        var whole = await File.ReadAllBytesAsync(file);
        for (var length = 0; length <= whole.Length; length += 997)
        {
            File.Delete(file);
            await File.WriteAllBytesAsync(file + ".partial", whole[..length]);
            (await ToolRun.OfAsync("export", "--store", Data, "--format", format, "--to", file, "--resume")).IsDone();
            Assert.Equal(whole, await File.ReadAllBytesAsync(file));
        }
    }

    [Fact]
    public async Task One_account_goes_on_after_a_transaction_and_keeps_to_its_dates()
    {
        await TestData.FillAsync(Data);
        var ids = (await ToolRun.OfAsync("export", "--store", Data, "--account", "account-001")).IsDone().Output
            .Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonElement.Parse(line).GetProperty("id").GetString()!).ToArray();
        Assert.Equal((await ExpectedAsync()).Where(line => line.StartsWith("account-001", StringComparison.Ordinal)).Select(line => line.Split(' ')[1]), ids);
        var rest = (await ToolRun.OfAsync("export", "--store", Data, "--account", "account-001", "--after", ids[2])).IsDone().Output;
        Assert.Equal(ids.Length - 3, rest.Count(character => character == '\n'));
        Assert.Equal(string.Empty, (await ToolRun.OfAsync("export", "--store", Data, "--until", "2020-01-01")).IsDone().Output);
        Assert.Equal(ids.Length, (await ToolRun.OfAsync("export", "--store", Data, "--account", "account-001", "--since", "2020-01-01")).IsDone().Output.Count(character => character == '\n'));
    }

    [Fact]
    public async Task What_cannot_be_exported_is_refused_in_one_sentence_and_leaves_no_file()
    {
        await TestData.FillAsync(Data);
        var file = folder.File("x.csv");
        (await ToolRun.OfAsync("export", "--store", folder.File("none"))).IsOneSentence(ExitCode.CannotRun, "There is no ledger at");
        (await Export("--format", "xml")).IsOneSentence(ExitCode.CannotRun, "--format is 'xml'; ndjson or csv");
        (await Export("--since", "soon")).IsOneSentence(ExitCode.CannotRun, "--since is 'soon'; write a day");
        (await Export("--since", "2026-01-02", "--until", "2026-01-02")).IsOneSentence(ExitCode.CannotRun, "--until must be after --since");
        (await Export("--account", "ä")).IsOneSentence(ExitCode.CannotRun, "--account is 'ä'");
        (await Export("--account", "nobody", "--to", file)).IsOneSentence(ExitCode.CannotRun, "There is no account nobody");
        (await Export("--after", "txn_1")).IsOneSentence(ExitCode.CannotRun, "--after needs --account");
        (await Export("--account", "account-001", "--after", "txn_1")).IsOneSentence(ExitCode.CannotRun, "--after is 'txn_1'");
        (await Export("--resume")).IsOneSentence(ExitCode.CannotRun, "--resume needs --to");
        (await Export("--to", folder.File("away/x.csv"))).IsOneSentence(ExitCode.CannotRun, "cannot be written");
        await File.WriteAllTextAsync(file + ".partial", "somebody's notes\n");
        (await Export("--to", file, "--resume")).IsOneSentence(ExitCode.CannotRun, "cannot be continued: its last line is none of a ndjson export");
        Assert.Equal("somebody's notes\n", await File.ReadAllTextAsync(file + ".partial"));
        Assert.False(File.Exists(file));
        await using var services = TestData.Serve(Data);
        _ = services.GetRequiredService<EmbeddedCreditMeter>();
        (await Export()).IsOneSentence(ExitCode.CannotRun, "A running server exports by GET /v1/transactions/export");

        Task<ToolRun> Export(params string[] args) => ToolRun.OfAsync(["export", "--store", Data, .. args]);
    }

    private async Task<string[]> ExpectedAsync()
    {
        await using var services = TestData.Serve(Data);
        var (meter, ledger) = (services.GetRequiredService<ICreditMeter>(), services.GetRequiredService<ILedgerStore>());
        var expected = new List<string>();
        foreach (var account in await ledger.ListAccountsAsync(null, 100))
        {
            var page = (await meter.ListTransactionsAsync(account, new() { Limit = 1_000 })).Value;
            Assert.Null(page.NextBefore);
            expected.AddRange(page.Items.Reverse().Select(transaction => $"{account} {transaction.Id}"));
        }

        return [.. expected];
    }

    private static string Identify(string line, string format)
    {
        if (format == "csv")
        {
            return string.Join(' ', line.Split(',').Take(2));
        }

        var json = JsonElement.Parse(line);
        return $"{json.GetProperty("account")} {json.GetProperty("id")}";
    }
}
