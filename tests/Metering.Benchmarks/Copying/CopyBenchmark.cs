using Metering.Engine;

namespace Metering.Benchmarks;

/// <summary>A run of the tool as it is stored.</summary>
internal sealed record CopyResult(string Name, string What, long Entries, long Accounts, double Seconds, long PeakBytes);

/// <summary>
/// Copies a large ledger from SQLite to PostgreSQL and back with the tool itself, in processes of its own, and kills a copy half way: run
/// again, it must go on. Every copy is verified by the tool, and by a run of <c>metering verify</c> beside it.
/// </summary>
internal sealed class CopyBenchmark(ResultStore results)
{
    public const string Usage = """
        copy      how long the tool takes to copy a ledger from SQLite to PostgreSQL and back, with kill -9 half way too
          --entries N             1000 to 100000000, default 1000000
          --accounts N            1 to 1000000, default 10000
        """;

    private const int Connections = 100;

    public async Task RunAsync(Arguments arguments)
    {
        var entries = arguments.Number("--entries", 1_000_000, 1_000, 100_000_000);
        var accounts = arguments.Number("--accounts", 10_000, 1, 1_000_000);
        arguments.RefuseOthers();
        if (!PostgreSqlServer.IsInstalled)
        {
            Console.WriteLine($"copy is left out: {PostgreSqlServer.HowToInstall}");
            return;
        }

        using var folder = new ScratchFolder("copy");
        Console.WriteLine($"Writing {entries:N0} entries in {accounts:N0} accounts ...");
        var source = Path.Combine(folder.Path, "source");
        await SampleStore.WriteAsync(source, entries, accounts);
        await using var server = await PostgreSqlServer.StartAsync(Connections);
        await server.ExecuteAsync("CREATE DATABASE whole");
        await server.ExecuteAsync("CREATE DATABASE broken");
        var (whole, broken) = (Database(server, "whole"), Database(server, "broken"));
        var back = Path.Combine(folder.Path, "back");

        Task RunAsync(string name, string what, params string[] command) => MeasureAsync(name, what, entries, accounts, command);
        await RunAsync("to-postgres", "copied from SQLite to PostgreSQL, compared and verified", "copy", "--from", source, "--to", whole);
        await RunAsync("to-sqlite", "copied from PostgreSQL to SQLite, compared and verified", "copy", "--from", whole, "--to", back);
        await RunAsync("verify-postgres", "verified on PostgreSQL", "verify", "--store", whole);
        await RunAsync("verify-sqlite", "verified on SQLite", "verify", "--store", back);
        await KillAsync("copy", "--from", source, "--to", broken);
        await RunAsync("resumed", "copied to PostgreSQL, the second half after a kill", "copy", "--from", source, "--to", broken);
        await RunAsync("verify-resumed", "verified after that", "verify", "--store", broken);
    }

    private static string Database(PostgreSqlServer server, string name) => $"Host={server.Host};Username={PostgreSqlServer.User};Database={name}";

    private async Task MeasureAsync(string name, string what, long entries, long accounts, string[] command)
    {
        var run = await ToolProcess.RunAsync(command);
        var result = new CopyResult($"copy-{name}", what, entries, accounts, run.Seconds, run.PeakBytes);
        results.Save(result.Name, result);
        Console.WriteLine($"{what}: {result.Seconds:F1} s, at most {result.PeakBytes >> 20} MB of memory");
    }

    private static async Task KillAsync(params string[] command)
    {
        var run = await ToolProcess.RunAsync(command, killAt: "Copying: 50%");
        Console.WriteLine($"killed half way: {run.Seconds:F1} s");
    }
}
