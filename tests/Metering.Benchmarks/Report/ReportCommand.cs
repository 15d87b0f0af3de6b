using System.Diagnostics;

namespace Metering.Benchmarks;

/// <summary>Runs every part, each in a process of its own, and writes the page with the results beside the targets.</summary>
internal sealed class ReportCommand(ResultStore results)
{
    public const string Usage = """
        report    everything in order, then the page RESULTS.md and the plot beside it; it says first how long that takes
          --burst N               seconds of each burst, 1 to 3600, default 10
          --sustained N           seconds of each sustained load, 1 to 3600, default 120
          --only a,b              some of commits, micro, memory, load, peers, http, sweep, merged into stored results; default all, beginning without any
          --stores a,b            the stores that are loaded, default sqlite,memory
          --page FILE             default tests/Metering.Benchmarks/RESULTS.md of the repository that the current folder is in
        table     the page again from stored results, without measuring
          --page FILE             as above
        """;

    private static readonly IReadOnlyList<string> Parts = ["commits", "micro", "memory", "load", "peers", "http", "sweep"];

    private const string Project = "Metering.Benchmarks";

    /// <summary>Seconds beside the measured ones: starting, opening accounts, warming up.</summary>
    private const int Overhead = 8;

    public async Task RunAsync(Arguments arguments)
    {
        var burst = arguments.Number("--burst", 10, 1, 3_600);
        var sustained = arguments.Number("--sustained", 120, 1, 3_600);
        var only = arguments.Choices("--only", Parts, Parts);
        var stores = arguments.Choices("--stores", LoadSystems.Stores, LoadSystems.Stores);
        var page = PageOf(arguments, Project);
        arguments.RefuseOthers();
        var steps = Steps(stores, burst, sustained).Where(step => only.Contains(step.Part)).ToArray();
        Console.WriteLine($"{steps.Length} steps, about {TimeSpan.FromSeconds(steps.Sum(step => step.Seconds)):h\\:mm\\:ss} in all; raw results go to {results.PathOf(string.Empty)}");
        if (only.Count == Parts.Count)
        {
            results.Clear();
        }

        results.Save("machine", Machine.This());
        for (var index = 0; index < steps.Length; index++)
        {
            Console.WriteLine($"[{index + 1}/{steps.Length}] {steps[index].Command}");
            await RunAsync(steps[index].Command);
        }

        await WriteAsync(page);
    }

    public Task TableAsync(Arguments arguments)
    {
        var page = PageOf(arguments, Project);
        arguments.RefuseOthers();
        return WriteAsync(page);
    }

    private static IEnumerable<(string Part, string Command, int Seconds)> Steps(IReadOnlyList<string> stores, int burst, int sustained)
    {
        var both = $"--burst {burst} --sustained {sustained}";
        var seconds = burst + sustained + (2 * Overhead);
        yield return ("micro", "micro", 300);
        yield return ("memory", "memory", 60);
        foreach (var store in stores)
        {
            foreach (var load in store switch
            {
                "memory" => (string[])["--callers 64", "--callers 1 --accounts 1"],
                "postgres" => ["--callers 256", "--callers 256 --accounts 1", "--callers 4096", "--callers 4096 --accounts 1", "--callers 1 --accounts 1"],
                _ => ["--callers 256", "--callers 256 --accounts 1", "--callers 1 --accounts 1"],
            })
            {
                yield return ("load", $"load --store {store} {load} {both}", seconds);
            }
        }

        // Right after one caller's load, which is compared with it: the disk of a shared machine changes by the minute.
        yield return ("commits", "commits --seconds 10", 40);
        foreach (var peer in (string[])["redis --callers 2048", "redis --callers 256", "pgbench --callers 16", "pgbench --callers 256"])
        {
            yield return ("peers", $"peers --peer {peer} {both}", seconds);
            yield return ("peers", $"peers --peer {peer} --accounts 1 {both}", seconds);
        }

        yield return ("peers", $"peers --peer redis-keys --callers 2048 {both}", seconds);
        yield return ("http", "http --rounds 3", 3 * HttpCall.All.Count * 14);
        yield return ("sweep", "sweep", 6 * 7 * 9);
    }

    /// <summary>The page that a command line names, else the one of a project of the repository around the current folder.</summary>
    /// <exception cref="ArgumentException">The current folder is in no repository.</exception>
    public static string PageOf(Arguments arguments, string project)
    {
        if (arguments.Text("--page") is { } page)
        {
            return Path.GetFullPath(page);
        }

        for (var folder = new DirectoryInfo(Directory.GetCurrentDirectory()); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Metering.sln")))
            {
                return Path.Combine(folder.FullName, "tests", project, "RESULTS.md");
            }
        }

        throw new ArgumentException("The current folder is in no copy of the repository; name the page with --page FILE.");
    }

    /// <summary>A process a part, so that none inherits the heap of another.</summary>
    private async Task RunAsync(string command)
    {
        using var process = Process.Start(OwnProcess.Again([.. command.Split(' '), "--results", results.PathOf(string.Empty)]))!;
        await process.WaitForExitAsync();
        if (process.ExitCode != 0)
        {
            Console.WriteLine($"{command} failed with {process.ExitCode}; the page goes on without it.");
        }
    }

    private async Task WriteAsync(string page)
    {
        var points = results.All<LoadResult>("sweep-");
        var plot = Path.ChangeExtension(page, ".svg");
        if (points.Count > 0)
        {
            await File.WriteAllTextAsync(plot, SweepCommand.Plot(points));
        }

        var leftOut = LoadSystems.Peers.Select(LoadSystems.Create).Select(peer => peer.Missing).OfType<string>().Distinct().ToArray();
        await File.WriteAllTextAsync(page, new ReportPage(results).Render(points.Count > 0 ? Path.GetFileName(plot) : null, leftOut));
        foreach (var row in new Targets(results).Rows())
        {
            Console.WriteLine($"{(row.Measured is null ? "-" : row.IsReached ? "+" : "!")} {row.Name,-66} {row.Target,-14} {row.Measured ?? "not measured"}");
        }

        Console.WriteLine($"Page: {page}");
    }
}
