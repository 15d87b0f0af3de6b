namespace Metering.Benchmarks;

/// <summary>Throughput and latency of several systems over the number of callers, spread and hot, and a plot of them.</summary>
internal sealed class SweepCommand(ResultStore results)
{
    public const string Usage = """
        sweep     throughput and latency over the number of callers, for several systems, and a plot of them (SVG)
          --systems a,b           some of sqlite, memory, pgbench, redis, redis-keys; default sqlite,redis,pgbench; what is not installed is left out
          --callers a,b           default 1,4,16,64,256,1024,4096; pgbench stops at 256
          --accounts N            of the spread load, 2 to 1000000, default 10000; the hot load has one
          --seconds N             of each point, 1 to 600, default 5
          --warmup N              seconds before each point, 1 to 60, default 2
          --plot FILE             where the plot goes; default load.svg among the results
        """;

    /// <summary>The series in the plot: a colour for a system, a line for spread, dashes for hot.</summary>
    private static readonly IReadOnlyDictionary<string, string> Colours = new Dictionary<string, string>
    {
        ["sqlite"] = "#0b62c4",
        ["memory"] = "#6b6b6b",
        ["postgres"] = "#1a7f4b",
        ["pgbench"] = "#c2571a",
        ["redis"] = "#b3123f",
        ["redis-keys"] = "#7a3fa8",
    };

    public async Task RunAsync(Arguments arguments)
    {
        var systems = arguments.Choices("--systems", ["sqlite", "redis", "pgbench"], LoadSystems.All);
        var callers = arguments.Numbers("--callers", [1, 4, 16, 64, 256, 1_024, 4_096], 1, 65_536);
        var accounts = arguments.Number("--accounts", 10_000, 2, 1_000_000);
        var seconds = arguments.Number("--seconds", 5, 1, 600);
        var warmup = arguments.Number("--warmup", 2, 1, 60);
        var plot = arguments.Text("--plot") ?? results.PathOf("load.svg");
        arguments.RefuseOthers();
        Console.WriteLine($"{systems.Count * callers.Count * 2} points, about {TimeSpan.FromSeconds(systems.Count * callers.Count * 2 * (seconds + warmup + 2)):h\\:mm\\:ss} in all");
        foreach (var name in systems)
        {
            await using var system = LoadSystems.Create(name);
            if (system.Missing is { } missing)
            {
                Console.WriteLine($"{name} is left out: {missing}");
                continue;
            }

            foreach (var shape in from spread in new[] { accounts, 1 }
                                  from count in callers
                                  where count <= system.MaxCallers
                                  select new LoadShape(count, spread, true, warmup, seconds))
            {
                await MeasureAsync(system, shape, $"sweep --systems {name} --callers {shape.Callers} --accounts {accounts} --seconds {seconds} --warmup {warmup}");
            }
        }

        await File.WriteAllTextAsync(plot, Plot(results.All<LoadResult>("sweep-")));
        Console.WriteLine($"Plot: {plot}");
    }

    private async Task MeasureAsync(ILoadSystem system, LoadShape shape, string command)
    {
        try
        {
            var figure = await system.MeasureAsync(shape);
            var result = new LoadResult(system.Name, "sweep", shape, figure, command);
            results.Save(result.Name, result);
            Console.WriteLine($"{system.Name,-10} {shape,-32} {figure.BurstRate,10:N0}/s  p50 {figure.Latency.P50,8:F2}  p99 {figure.Latency.P99,8:F2} ms");
        }
        catch (ArgumentException exception)
        {
            // A peer that fails at one point must not cost the others theirs.
            Console.WriteLine($"{system.Name,-10} {shape,-32} failed: {exception.Message}");
        }
    }

    /// <summary>The plot of stored points: throughput above, latencies below.</summary>
    public static string Plot(IReadOnlyList<LoadResult> points)
    {
        var series = points.GroupBy(point => (point.System, point.Shape.IsHot))
            .OrderBy(group => group.Key.System, StringComparer.Ordinal)
            .ThenBy(group => group.Key.IsHot)
            .ToArray();
        SvgSeries Line(IGrouping<(string System, bool IsHot), LoadResult> group, string name, SvgStroke stroke, Func<LoadFigure, double> value) => new(
            name,
            Colours.GetValueOrDefault(group.Key.System, "#000000"),
            stroke,
            [.. group.OrderBy(point => point.Shape.Callers).Select(point => (X: (double)point.Shape.Callers, Y: value(point.Figure)))]);
        string Name(IGrouping<(string System, bool IsHot), LoadResult> group) => $"{group.Key.System}, {(group.Key.IsHot ? "one hot account" : "spread")}";
        return SvgPlot.Render(
            "Durable deductions under load",
            [
                new("deductions a second", "callers", [.. series.Select(group => Line(group, Name(group), group.Key.IsHot ? SvgStroke.Dashed : SvgStroke.Solid, figure => figure.BurstRate))]),
                new("latency of spread calls, ms", "callers",
                [
                    .. series.Where(group => !group.Key.IsHot).SelectMany(group => new[]
                    {
                        Line(group, $"{group.Key.System}, p50", SvgStroke.Solid, figure => figure.Latency.P50),
                        Line(group, $"{group.Key.System}, p99", SvgStroke.Dotted, figure => figure.Latency.P99),
                    }),
                ]),
                new("latency on one hot account, ms", "callers",
                [
                    .. series.Where(group => group.Key.IsHot).SelectMany(group => new[]
                    {
                        Line(group, $"{group.Key.System}, p50", SvgStroke.Solid, figure => figure.Latency.P50),
                        Line(group, $"{group.Key.System}, p99", SvgStroke.Dotted, figure => figure.Latency.P99),
                    }),
                ]),
            ]);
    }
}
