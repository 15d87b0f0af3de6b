using System.Diagnostics;
using Metering.Benchmarks;
using static Metering.Benchmarks.MarkdownPage;

namespace Metering.Cluster.Benchmarks;

/// <summary>Runs every part, each in a process of its own, and writes the page with the results beside the targets.</summary>
internal sealed class ClusterReport(ResultStore results)
{
    public const string Usage = """
        report    all parts, then the page RESULTS.md; it says first how long that takes
          --seconds N             as above
          --rounds N              as above
          --only a,b              some of the parts, merged into stored results; default all, beginning without any
          --page FILE             default tests/Metering.Cluster.Benchmarks/RESULTS.md of the repository that the current folder is in
        table     the page again from stored results, without measuring
          --page FILE             as above
        Everywhere:
          --results FOLDER        where raw results are kept as JSON; default metering-cluster-benchmarks in the temporary folder
        """;

    private const string Project = "Metering.Cluster.Benchmarks";

    /// <summary>Seconds of a turn beside the measured ones: starting, opening accounts, warming up, checking the books.</summary>
    private const int Overhead = 12;

    public async Task RunAsync(Arguments arguments)
    {
        var (seconds, rounds) = (arguments.Number("--seconds", 10, 1, 600), arguments.Number("--rounds", 3, 1, 100));
        var parts = ComparedSystems.Parts.Select(part => part.Name).ToArray();
        var only = arguments.Choices("--only", parts, parts);
        var page = ReportCommand.PageOf(arguments, Project);
        arguments.RefuseOthers();
        await using var store = new PostgresMeterStore();
        var turns = ComparedSystems.Parts.Where(part => only.Contains(part.Name)).Sum(part => part.Create(store).Count) * 2 * rounds;
        Console.WriteLine($"{only.Count} parts, about {TimeSpan.FromSeconds(turns * (seconds + Overhead)):h\\:mm\\:ss} in all; raw results go to {results.PathOf(string.Empty)}");
        if (only.Count == parts.Length)
        {
            results.Clear();
        }

        foreach (var part in only)
        {
            using var process = Process.Start(OwnProcess.Again(
                [part, "--seconds", $"{seconds}", "--rounds", $"{rounds}", "--results", results.PathOf(string.Empty)]))!;
            await process.WaitForExitAsync();
            if (process.ExitCode != 0)
            {
                Console.WriteLine($"{part} failed with {process.ExitCode}; the page goes on without it.");
            }
        }

        await WriteAsync(page);
    }

    public Task TableAsync(Arguments arguments)
    {
        var page = ReportCommand.PageOf(arguments, Project);
        arguments.RefuseOthers();
        return WriteAsync(page);
    }

    private async Task WriteAsync(string file)
    {
        await File.WriteAllTextAsync(file, Render());
        foreach (var row in new ClusterTargets(results).Rows())
        {
            Console.WriteLine($"{(row.Measured is null ? "-" : row.IsReached ? "+" : "!")} {row.Name,-66} {row.Target,-14} {row.Measured ?? "not measured"}");
        }

        Console.WriteLine($"Page: {file}");
    }

    private string Render()
    {
        var page = new MarkdownPage();
        page.Line("# Results");
        page.Line();
        if (results.Find<Machine>("machine") is { } machine)
        {
            page.LineOf($"Measured {machine.MeasuredAt:yyyy-MM-dd HH:mm} UTC on {machine}.");
            page.Line();
        }

        page.Line("`dotnet run -c Release --project tests/Metering.Cluster.Benchmarks -- report` measures all of it again and writes this page; `-- table` writes");
        page.Line("it from the results of parts that were run alone. Systems of a part take turns in one run; a ratio is the median of the rounds' ratios. Every");
        page.Line("deduction has an idempotency key of its own, and the sum of all balances is compared with what was answered.");
        page.AddTable(
            "Beside the targets",
            ["", "target", "measured", ""],
            new ClusterTargets(results).Rows().Select(row => new[] { row.Name, row.Target, row.Measured ?? "not measured", row.Measured is null ? string.Empty : row.IsReached ? "reached" : "**not reached**" }));
        page.AddTable(
            "Loads",
            ["part", "system", "in flight", "accounts", "rate/s", "lowest", "highest", "p50 ms", "p90", "p99", "p99.9", "max", "processor µs a call", "rounds"],
            All().Select(Row));
        page.Line();
        foreach (var part in ComparedSystems.Parts)
        {
            foreach (var system in part.Create(new()))
            {
                page.Line($"- {part.Name}, **{system.Name}**: {system.Description}.");
            }
        }

        AddCommands(page);
        return page.ToString();
    }

    private IEnumerable<ComparedResult> All() => ComparedSystems.Parts.SelectMany(part =>
        results.All<ComparedResult>($"{part.Name}-").OrderByDescending(result => result.Shape.Accounts));

    private static string[] Row(ComparedResult result)
    {
        var figure = result.Median();
        return
        [
            result.Part, result.System, Text($"{result.Shape.Callers:N0}"), result.Shape.IsHot ? "one, hot" : Text($"{result.Shape.Accounts:N0}"),
            Text($"{figure.BurstRate:N0}"), Text($"{result.Rounds.Min(round => round.BurstRate):N0}"), Text($"{result.Rounds.Max(round => round.BurstRate):N0}"),
            Text($"{figure.Latency.P50:0.000}"), Text($"{figure.Latency.P90:0.000}"), Text($"{figure.Latency.P99:0.00}"), Text($"{figure.Latency.P999:0.00}"),
            Text($"{figure.Latency.Max:0}"), Text($"{figure.ProcessorMicroseconds:0.0}"), Text($"{result.Rounds.Count} of {result.Shape.Seconds} s"),
        ];
    }

    private void AddCommands(MarkdownPage page)
    {
        var commands = All().Select(result => result.Command).Distinct().ToArray();
        if (commands.Length == 0)
        {
            return;
        }

        page.Line();
        page.Line("## Commands");
        page.Line();
        page.Line("Each after `dotnet run -c Release --project tests/Metering.Cluster.Benchmarks --`; `--help` lists all.");
        page.Line();
        page.Line("```");
        Array.ForEach(commands, page.Line);
        page.Line("```");
    }
}
