using System.Text.RegularExpressions;
using Metering.Engine;
using Metering.Server;
using Microsoft.Extensions.Configuration;
using Xunit;

namespace Metering.Gateway.Tests;

/// <summary><c>--print-config</c>: every setting in force with its source, and no secret.</summary>
public sealed class PrintedConfigurationTests : IDisposable
{
    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("metering-config-");

    public void Dispose() => folder.Delete(recursive: true);

    [Fact]
    public async Task Everything_in_force_is_printed_with_its_source_and_nothing_is_opened()
    {
        var lines = await PrintAsync("--print-config", "--store", "memory", "--urls=http://127.0.0.1:1");
        Assert.Contains("Metering:Store = memory  # argument --store", lines);
        Assert.Contains("urls = http://127.0.0.1:1  # argument --urls", lines);
        Assert.Contains("Metering:Data = metering-data  # default", lines);
        Assert.Contains("Metering:QueueCapacity = 65536  # default", lines);
        Assert.Contains("Metering:PostgreSql:MigrateAtStart = true  # default", lines);
        Assert.Contains("Metering:Products:lead.search:Base = 2  # default", lines);
        Assert.Contains("Metering:Plans:starter:MonthlyCredits = 100  # default", lines);
        Assert.All(lines, line => Assert.Matches(@"^[\w:.]+ = .*  # (default|argument --[a-z]+|environment.*|file .+)$", line));
        Assert.Equal(lines.Order(StringComparer.OrdinalIgnoreCase).Select(Path), lines.Select(Path));
    }

    [Fact]
    public async Task A_password_is_never_printed()
    {
        var lines = await PrintAsync("--print-config", "--store=postgres", "--connection", "Host=db;Username=metering;Password=hunter2;SSL Password=hunter3;Database=m");
        var connection = Assert.Single(lines, line => line.StartsWith("Metering:Connection = ", StringComparison.Ordinal));
        Assert.EndsWith("  # argument --connection", connection, StringComparison.Ordinal);
        Assert.Contains("host=db", connection, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("hunter", string.Join('\n', lines), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_wrong_setting_ends_in_the_sentence_of_a_start()
    {
        var (output, errors) = (new StringWriter(), new StringWriter());
        Assert.Equal(1, await MeteringServer.RunAsync(["--print-config", "--store", "oracle"], output, errors));
        Assert.Equal("Metering cannot start: Metering:Store (Metering__Store in the environment) is \"oracle\"; sqlite or postgres or memory is allowed.\n", errors.ToString().ReplaceLineEndings("\n"));
        Assert.Empty(output.ToString());
    }

    [Fact]
    public void Files_and_the_environment_are_named_as_sources_and_the_later_one_wins()
    {
        var file = System.IO.Path.Combine(folder.FullName, "settings.json");
        File.WriteAllText(file, """{"Metering": {"MaxBatch": 7, "QueueCapacity": 8, "Plans": {"pilot": {"MonthlyCredits": 250}}}}""");
        const string Variable = "PRINTED_CONFIGURATION_TEST_Metering__QueueCapacity";
        Environment.SetEnvironmentVariable(Variable, "9");
        try
        {
            var root = new ConfigurationBuilder().AddJsonFile(file).AddEnvironmentVariables("PRINTED_CONFIGURATION_TEST_").Build();
            var log = new SettingLog(root, _ => null);
            new CreditMeteringOptions().ReadConfiguration(new LoggedSection(root.GetSection("Metering"), log));
            Assert.Contains("Metering:MaxBatch = 7  # file settings.json", log.Lines);
            Assert.Contains("Metering:QueueCapacity = 9  # environment Metering__QueueCapacity", log.Lines);
            Assert.Contains("Metering:Plans:pilot:MonthlyCredits = 250  # file settings.json", log.Lines);
            Assert.Contains("Metering:Plans:pilot:PeriodMonths = 1  # default", log.Lines);
        }
        finally
        {
            Environment.SetEnvironmentVariable(Variable, null);
        }
    }

    [Theory]
    [InlineData("Metering:Cluster:DashboardKey", "a secret of some length", "***")]
    [InlineData("Metering:Stripe:SecretKey", "sk_live_1", "***")]
    [InlineData("Metering:Mail:Password", "x", "***")]
    [InlineData("Metering:Admin:KeyHash", "0123456789abcdef", "***")]
    [InlineData("Metering:Payments:Stripe:WebhookSecrets:0", "whsec_1", "***")]
    [InlineData("Metering:Some:Tokens:12", "x", "***")]
    [InlineData("Metering:ApiKeys:Prefixes:0", "mtr_", "mtr_")]
    [InlineData("Metering:Other", "https://user:secret@example.com/x", "https://***@example.com/x")]
    [InlineData("Metering:Other", "https://example.com/x", "https://example.com/x")]
    [InlineData("Metering:Connection", "Host=db;Password=\"a;b=c\"", "host=db;password=***")]
    [InlineData("Metering:Connection", "Password=\"broken", "***")]
    [InlineData("Metering:Other", "postgres://u:p@ss@host/db", "postgres://***@host/db")]
    [InlineData("Metering:Other", "postgres://u:p/@ss?x@host:5432/db", "postgres://***@host:5432/db")]
    [InlineData("Metering:Connection", "postgres://host/db?password=x&user=y", "postgres://host/db?***")]
    [InlineData("Metering:Connection", "postgres://u:p@host/db?password=x@y", "postgres://***@y")]
    [InlineData("Metering:Data", "metering-data", "metering-data")]
    public void Secrets_are_masked_by_their_name_and_by_their_look(string path, string value, string shown) =>
        Assert.Equal(shown, SettingLog.Mask(path, value), ignoreCase: true);

    [Fact]
    public async Task The_help_names_the_flag()
    {
        var output = new StringWriter();
        Assert.Equal(0, await MeteringServer.RunAsync(["--help"], output, TextWriter.Null));
        Assert.Contains("--print-config", output.ToString(), StringComparison.Ordinal);
    }

    private static string Path(string line) => Regex.Match(line, "^[^ ]+").Value;

    private async Task<string[]> PrintAsync(params string[] args)
    {
        var (output, errors) = (new StringWriter(), new StringWriter());
        Assert.True(await MeteringServer.RunAsync(args, output, errors) == 0, errors.ToString());
        Assert.Empty(Directory.GetFileSystemEntries(folder.FullName));
        return output.ToString().ReplaceLineEndings("\n").Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }
}
