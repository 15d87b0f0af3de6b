using System.Text.RegularExpressions;
using Metering.Engine;
using Metering.Gateway.Payments;
using Metering.Gateway.Setup;
using Metering.Server;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
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
        Assert.Contains("Metering:GraceDays = 7  # default", lines);
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
    [InlineData("Metering:Payments:Stripe:WebhookSecrets:0", "a secret", "***")]
    [InlineData("Metering:Payments:Provider", "sk_live_1", "***")]
    [InlineData("Metering:Other", "rk_test_1", "***")]
    [InlineData("Metering:Other", "whsec_1", "***")]
    [InlineData("Metering:Payments:TrustedProxies:0", "10.0.0.0/8", "10.0.0.0/8")]
    [InlineData("Metering:Data", "metering-data", "metering-data")]
    public void Secrets_are_masked_by_their_name_and_by_their_look(string path, string value, string shown) =>
        Assert.Equal(shown, SettingLog.Mask(path, value), ignoreCase: true);

    [Fact]
    public async Task What_sells_and_suggests_is_printed_too()
    {
        var lines = await PrintAsync("--print-config");
        Assert.Contains("Metering:Payments:Provider = sandbox  # default", lines);
        Assert.Contains("Metering:Payments:Plans:growth:AmountCents = 7500  # default", lines);
        Assert.Contains("Metering:Payments:Plans:growth:CreditTenthCents = 75  # default", lines);
        Assert.Contains("Metering:Payments:PurchasesAnHour = 5  # default", lines);
        Assert.Contains($"Metering:Payments:KeyRing = {System.IO.Path.Combine("metering-data", "keys")}  # default", lines);
        Assert.Contains("Metering:Payments:Stripe:ApiKey = (not set)  # default", lines);
        Assert.Contains("Metering:Payments:Stripe:TimeoutSeconds = 20  # default", lines);
        Assert.Contains("Metering:Settings:SwitchCooldownDays = 30  # default", lines);
        Assert.Contains("Metering:Suggestions:ApiBase = (not set)  # default", lines);
        Assert.Contains("Metering:Suggestions:TimeoutSeconds = 10  # default", lines);
    }

    [Fact]
    public void Every_secret_of_selling_and_suggesting_is_known_and_masked()
    {
        var root = new ConfigurationBuilder().AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["Metering:Payments:PublicUrl"] = "https://meter.example",
            ["Metering:Payments:Stripe:ApiKey"] = "sk_live_hunter1",
            ["Metering:Payments:Stripe:WebhookSecrets:0"] = "hunter2",
            ["Metering:Payments:Stripe:WebhookSecrets:1"] = "hunter3",
            ["Metering:Payments:Stripe:ApiBase"] = "https://user:hunter4@stripe.example",
            ["Metering:Payments:Smtp:Host"] = "mail.example",
            ["Metering:Payments:Smtp:From"] = "meter@example.com",
            ["Metering:Payments:Smtp:UserName"] = "meter",
            ["Metering:Payments:Smtp:Password"] = "hunter5",
            ["Metering:Suggestions:ApiBase"] = "https://model.example/v1",
            ["Metering:Suggestions:Model"] = "small",
            ["Metering:Suggestions:ApiKey"] = "hunter6",
            ["Metering:Payments:Plans:starter:StripePrice"] = "price_1",
            ["Metering:Payments:Plans:growth:StripePrice"] = "price_2",
            ["Metering:Payments:Plans:scale:StripePrice"] = "price_3",
            ["Metering:Payments:Plans:platinum:ForSale"] = "false",
            ["Metering:Payments:Plans:enterprise:ForSale"] = "false",
        }).Build();
        var log = new SettingLog(root, _ => null);
        var section = new LoggedSection(root.GetSection("Metering"), log);
        var options = PaymentConfiguration.Read(section);
        new ServiceCollection().AddSetup(section);
        Assert.Equal(("sk_live_hunter1", "hunter5", 2), (options.Stripe.ApiKey, options.Smtp!.Password, options.Stripe.WebhookSecrets.Count));
        string[] masked = ["Payments:Stripe:ApiKey", "Payments:Stripe:WebhookSecrets:0", "Payments:Stripe:WebhookSecrets:1", "Payments:Smtp:Password", "Suggestions:ApiKey"];
        Assert.All(masked, path => Assert.Contains(log.Lines, line => line.StartsWith($"Metering:{path} = ***  #", StringComparison.Ordinal)));
        Assert.DoesNotContain("hunter", string.Join('\n', log.Lines), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Payments:Stripe:SecretKey", "hunter1")]
    [InlineData("Payments:Stripe:Key", "sk_live_hunter1")]
    [InlineData("Payments:Stripe", "sk_live_hunter1")]
    [InlineData("Payments:Stripe:WebhookSecrets", "hunter1")]
    [InlineData("Payments:Provider", "sk_live_hunter1")]
    [InlineData("Payments:Smtp:Password", "hunter1")]
    [InlineData("Suggestions:ApiToken", "hunter1")]
    public void A_secret_in_the_wrong_place_is_not_repeated_in_the_error(string setting, string value)
    {
        var root = new ConfigurationBuilder().AddInMemoryCollection(new Dictionary<string, string?>
        {
            [$"Metering:{setting}"] = value, ["Metering:Payments:Smtp:Host"] = "mail.example", ["Metering:Payments:Smtp:From"] = "meter@example.com",
        }).Build().GetSection("Metering");
        var error = Assert.Throws<MeteringStartupException>(() =>
        {
            new ServiceCollection().AddSetup(root);
            PaymentConfiguration.Read(root);
        });
        Assert.Contains($"Metering:{setting}", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("hunter", error.Message, StringComparison.Ordinal);
    }

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
