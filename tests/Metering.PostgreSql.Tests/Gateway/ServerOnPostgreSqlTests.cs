using Metering.Gateway.Tests;
using Metering.Server;
using Xunit;

namespace Metering.PostgreSql.Tests;

/// <summary>The server as a person starts it on PostgreSQL.</summary>
public sealed class ServerOnPostgreSqlTests : IAsyncLifetime
{
    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("metering-server-");
    private Database database = null!;

    private string[] Arguments => ["--store", "postgres", "--connection", database.ConnectionString];

    public async Task InitializeAsync() => database = await Databases.CreateEmptyAsync();

    public async Task DisposeAsync()
    {
        await database.DisposeAsync();
        folder.Delete(recursive: true);
    }

    [Fact]
    public async Task A_first_start_on_an_empty_database_makes_the_schema_and_a_key_whose_curl_lines_work_and_all_of_it_lasts()
    {
        IReadOnlyList<string> lines;
        await using (var server = await ServerProcess.StartAsync(folder, Arguments))
        {
            lines = server.CurlLines;
            Assert.Equal(3, lines.Count);
            Assert.Equal("""{"credits":125}""", await server.RunAsync(lines[0]));
            Assert.Contains("\"credits\":82", await server.RunAsync(lines[1]), StringComparison.Ordinal);
            Assert.Contains(
                "\"monthlyCredits\":100,\"bonusCredits\":25,\"usedCredits\":43,\"availableCredits\":82", await server.RunAsync(lines[2]), StringComparison.Ordinal);
            server.Kill();
        }

        // Everything is in the database, but the ring of keys that the database must not hold and the mail on its way.
        Assert.All(folder.EnumerateFiles("*", SearchOption.AllDirectories), file => Assert.True(file.Directory!.Name is "keys" or "mail", file.FullName));
        await using (var server = await ServerProcess.StartAsync(folder, Arguments))
        {
            Assert.Empty(server.CurlLines);
            Assert.Equal("""{"credits":82}""", await server.RunAsync(lines[0]));
        }

        var (exitCode, output, errors) = await RunAsync(["--verify", .. Arguments]);
        Assert.Equal((0, string.Empty), (exitCode, errors));
        Assert.Contains("Accounts checked: 1; entries checked: 4.", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Damage_is_found_by_verification()
    {
        await using (var server = await ServerProcess.StartAsync(folder, Arguments))
        {
            await server.RunAsync(server.CurlLines[1]);
        }

        await database.ExecuteAsync("UPDATE metering.pages SET facts = set_byte(facts, length(facts) - 1, 1 # get_byte(facts, length(facts) - 1)) WHERE first_sequence = 1");
        var (exitCode, output, _) = await RunAsync(["--verify", .. Arguments]);
        Assert.Equal(1, exitCode);
        Assert.Contains("NOT sound", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Metering:Connection is not set", "--store", "postgres")]
    [InlineData("Metering:Connection is set, but Metering:Store is sqlite", "--connection", "Host=localhost;Password=hunter2secret")]
    [InlineData("does not answer", "--store", "postgres", "--connection", "Host=127.0.0.1;Port=1;Password=hunter2secret")]
    public async Task A_broken_start_is_one_sentence_and_exit_code_1(string says, params string[] args)
    {
        var (exitCode, _, errors) = await RunAsync(args);
        Assert.Equal(1, exitCode);
        Assert.Contains(says, errors, StringComparison.Ordinal);
        Assert.DoesNotContain("hunter2secret", errors, StringComparison.Ordinal);
        Assert.Single(errors.Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    [Fact]
    public async Task Verification_makes_no_schema()
    {
        var (exitCode, _, errors) = await RunAsync(["--verify", .. Arguments]);
        Assert.Equal(1, exitCode);
        Assert.Contains("has no schema metering", errors, StringComparison.Ordinal);
        Assert.Equal(0L, await database.ExecuteAsync("SELECT count(*) FROM pg_namespace WHERE nspname = 'metering'"));
    }

    private static async Task<(int ExitCode, string Output, string Errors)> RunAsync(string[] args)
    {
        using var output = new StringWriter();
        using var errors = new StringWriter();
        var exitCode = await MeteringServer.RunAsync(args, output, errors);
        return (exitCode, output.ToString(), errors.ToString());
    }
}
