using System.Net;
using System.Net.Sockets;
using Metering.Engine;
using Metering.Server;
using Xunit;

namespace Metering.Gateway.Tests;

/// <summary>The server as a person starts it: its own process, in an empty folder.</summary>
public sealed class ServerTests : IDisposable
{
    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("metering-server-");

    public void Dispose() => folder.Delete(recursive: true);

    [Fact]
    public async Task A_first_start_makes_the_files_and_a_key_whose_curl_lines_work()
    {
        await using var server = await ServerProcess.StartAsync(folder);
        Assert.True(File.Exists(Path.Combine(folder.FullName, "metering-data", "metering.db")));
        Assert.Equal(3, server.CurlLines.Count);
        Assert.Equal("""{"credits":125}""", await server.RunAsync(server.CurlLines[0]));
        Assert.Contains("\"credits\":82", await server.RunAsync(server.CurlLines[1]), StringComparison.Ordinal);
        Assert.Contains(
            "\"monthlyCredits\":100,\"bonusCredits\":25,\"usedCredits\":43,\"availableCredits\":82",
            await server.RunAsync(server.CurlLines[2]),
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_later_start_keeps_the_balance_and_the_key_and_says_how_to_get_a_new_one()
    {
        IReadOnlyList<string> lines;
        await using (var first = await ServerProcess.StartAsync(folder))
        {
            lines = first.CurlLines;
            await first.RunAsync(lines[1]);
        }

        await using (var second = await ServerProcess.StartAsync(folder))
        {
            Assert.Empty(second.CurlLines);
            Assert.Contains("--new-demo-key", second.Output, StringComparison.Ordinal);
            Assert.Equal("""{"credits":82}""", await second.RunAsync(lines[0]));
        }

        await using var third = await ServerProcess.StartAsync(folder, "--new-demo-key");
        Assert.Equal("""{"credits":82}""", await third.RunAsync(third.CurlLines[0]));
        Assert.Equal("""{"credits":82}""", await third.RunAsync(lines[0]));
    }

    [Fact]
    public async Task A_start_that_is_asked_for_an_admin_key_prints_one_that_works()
    {
        await using var server = await ServerProcess.StartAsync(folder, "--new-admin-key");
        var key = server.Output.Split('\n').Single(line => line.StartsWith("A key for /admin/v1, shown only now: ", StringComparison.Ordinal)).Split(' ')[^1];
        Assert.Contains("\"plan\":\"starter\"", await server.RunAsync($"curl -H \"X-API-Key: {key}\" http://127.0.0.1:5080/admin/v1/plans"), StringComparison.Ordinal);
        var log = await server.RunAsync($"curl -H \"X-API-Key: {key}\" http://127.0.0.1:5080/admin/v1/audit");
        Assert.Contains("\"action\":\"key.create\"", log, StringComparison.Ordinal);
        Assert.DoesNotContain(key, log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_was_acknowledged_before_a_kill_is_there_after_it_and_the_ledger_verifies()
    {
        string first;
        await using (var server = await ServerProcess.StartAsync(folder))
        {
            first = server.CurlLines[0];
            await server.RunAsync(server.CurlLines[1]);
            server.Kill();
        }

        await using (var server = await ServerProcess.StartAsync(folder))
        {
            Assert.Equal("""{"credits":82}""", await server.RunAsync(first));
        }

        var (exitCode, output, errors) = await RunAsync("--verify", "--data", Path.Combine(folder.FullName, "metering-data"));
        Assert.Equal((0, string.Empty), (exitCode, errors));
        Assert.Contains("Accounts checked: 1; entries checked: 4.", output, StringComparison.Ordinal);
        Assert.Contains("sound", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_second_process_on_the_same_data_is_refused_in_one_sentence()
    {
        await using var server = await ServerProcess.StartAsync(folder);
        await IsRefusedAsync("in use", "--data", Path.Combine(folder.FullName, "metering-data"), "--urls", "http://127.0.0.1:0");
    }

    [Fact]
    public async Task A_port_in_use_is_one_sentence_and_costs_nobody_the_first_key()
    {
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        await IsRefusedAsync("already in use", "--urls", $"http://127.0.0.1:{((IPEndPoint)taken.LocalEndpoint).Port}", "--data", folder.FullName);
        await using var server = await ServerProcess.StartAsync(folder, "--data", folder.FullName);
        Assert.Equal(3, server.CurlLines.Count);
    }

    [Theory]
    [InlineData("--bogus is not an option", "--bogus")]
    [InlineData("--conection is not an option", "--store", "postgres", "--conection=Host=db;Password=secret")]
    [InlineData("Host is not an option", "--store", "postgres", "Host=db;Password=secret")]
    [InlineData("Metering:Store (Metering__Store in the environment) is a connection string; sqlite or postgres or memory is allowed", "--store", "Host=db;Password=secret")]
    [InlineData("--verify takes no value", "--verify=no")]
    [InlineData("--data needs a value", "--data")]
    [InlineData("Metering:Store (Metering__Store in the environment) is \"oracle\"", "--store", "oracle")]
    [InlineData("There is no ledger", "--verify", "--data", "no-such-folder")]
    [InlineData("cannot listen at nonsense", "--store", "memory", "--urls", "nonsense")]
    [InlineData("cannot listen at http://127.0.0.1:99999", "--store=memory", "--urls=http://127.0.0.1:99999")]
    public Task A_broken_start_is_one_sentence_and_exit_code_1(string says, params string[] args) => IsRefusedAsync(says, args);

    [Fact]
    public async Task A_damaged_ledger_is_one_sentence_and_exit_code_1()
    {
        await File.WriteAllTextAsync(Path.Combine(folder.FullName, "metering.db"), new string('x', 10_000));
        await IsRefusedAsync("metering.db", "--data", folder.FullName);
    }

    [Fact]
    public async Task Help_tells_every_option()
    {
        var (exitCode, output, _) = await RunAsync("--help");
        Assert.Equal(0, exitCode);
        Assert.All(["--urls", "--data", "--store", "--new-demo-key", "--new-admin-key", "--verify"], option => Assert.Contains(option, output, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_demo_account_whose_making_was_interrupted_is_completed()
    {
        await using var host = await GatewayHost.StartAsync();
        var demo = new DemoAccount(host.Meter, host.Directory, host.Clock);
        var account = new AccountId("demo");

        // What a process that died after its second step left behind.
        await host.Directory.TryAddProfileAsync(new() { Account = account, Email = "demo@example.com", CreatedAt = GatewayHost.Start });
        await host.Meter.OpenAccountAsync(account, new() { Plan = "starter" });
        var (exists, key) = await demo.EnsureAsync(wantsNewKey: false, default);
        Assert.True(exists);
        Assert.NotNull(key);
        Assert.Equal(Credits.Of(125), (await host.Meter.GetBalanceAsync(account)).Value.Available);
        Assert.Equal((true, null), await demo.EnsureAsync(wantsNewKey: false, default));
    }

    [Fact]
    public async Task A_demo_account_waits_for_a_meter_that_cannot_answer_yet_but_not_for_ever()
    {
        await using var host = await GatewayHost.StartAsync();
        var notYet = new Refusal(RefusalReason.OutcomeUnknown, "Nobody knows yet.") { RetryAfter = TimeSpan.Zero };
        var answers = new Queue<Refusal>([notYet, notYet, new(RefusalReason.AccountExists, "It is there."), notYet, new(RefusalReason.ReferenceUsed, "It was given.")]);
        Assert.NotNull((await new DemoAccount(new StubMeter(answers.Dequeue), host.Directory, host.Clock).EnsureAsync(wantsNewKey: false, default)).NewKey);
        Assert.Empty(answers);

        await using var other = await GatewayHost.StartAsync();
        var never = await Assert.ThrowsAsync<MeteringStartupException>(() => new DemoAccount(new StubMeter(() => notYet), other.Directory, other.Clock).EnsureAsync(wantsNewKey: false, default));
        Assert.Contains("Nobody knows yet.", never.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Where_other_accounts_live_no_demo_account_is_made()
    {
        await using var host = await GatewayHost.StartAsync();
        await host.Directory.TryAddProfileAsync(new() { Account = new("mine"), Email = "me@example.com", CreatedAt = GatewayHost.Start });
        Assert.Equal((false, null), await new DemoAccount(host.Meter, host.Directory, host.Clock).EnsureAsync(wantsNewKey: false, default));
    }

    private static async Task IsRefusedAsync(string says, params string[] args)
    {
        var (exitCode, _, errors) = await RunAsync(args);
        Assert.Equal(1, exitCode);
        Assert.Contains(says, errors, StringComparison.Ordinal);
        Assert.Single(errors.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.DoesNotContain("   at ", errors, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", errors, StringComparison.Ordinal);
    }

    private static async Task<(int ExitCode, string Output, string Errors)> RunAsync(params string[] args)
    {
        using var output = new StringWriter();
        using var errors = new StringWriter();
        var exitCode = await MeteringServer.RunAsync(args, output, errors);
        return (exitCode, output.ToString(), errors.ToString());
    }
}
