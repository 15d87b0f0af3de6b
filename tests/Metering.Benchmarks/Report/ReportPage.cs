using static Metering.Benchmarks.MarkdownPage;

namespace Metering.Benchmarks;

/// <summary>RESULTS.md, from stored results alone.</summary>
internal sealed class ReportPage(ResultStore results)
{
    private readonly MarkdownPage page = new();

    /// <summary>The page.</summary>
    /// <param name="plot">The plot's file name beside the page; null for none.</param>
    /// <param name="leftOut">Peers that were not installed, and how to install them.</param>
    public string Render(string? plot, IReadOnlyList<string> leftOut)
    {
        page.Line("# Results");
        page.Line();
        if (results.Find<Machine>("machine") is { } machine)
        {
            page.LineOf($"Measured {machine.MeasuredAt:yyyy-MM-dd HH:mm} UTC on {machine}.");
            page.Line();
        }

        page.Line("`dotnet run -c Release --project tests/Metering.Benchmarks -- report` measures all of it again and writes this page;");
        page.Line("`-- table` writes it from the results of parts that were run alone. Burst: calls a second while they were made. Sustained: with the time");
        page.Line("that the system then took to move everything to its final place in the division. The meter has everything on: hash chain, idempotency");
        page.Line("keys, a durable answer to every call. Peers run in the same run on the same disk and processors, with their durability on.");
        foreach (var line in leftOut)
        {
            page.Line();
            page.Line($"Left out: {line}.");
        }

        AddTargets();
        AddLoads();
        AddSystems();
        AddPlot(plot);
        AddHttp();
        AddMemory();
        AddSmall();
        AddCommands();
        return page.ToString();
    }

    private void AddTargets() => page.AddTable(
        "Beside the targets",
        ["", "target", "measured", ""],
        new Targets(results).Rows().Select(row => new[] { row.Name, row.Target, row.Measured ?? "not measured", row.Measured is null ? string.Empty : row.IsReached ? "reached" : "**not reached**" }));

    private void AddLoads() => page.AddTable(
        "Loads",
        ["system", "in flight", "accounts", "kind", "rate/s", "measured s", "drain s", "p50 ms", "p90", "p99", "p99.9", "max", "driven by"],
        results.All<LoadResult>("burst-").Concat(results.All<LoadResult>("sustained-"))
            .OrderBy(result => result.System, StringComparer.Ordinal)
            .ThenBy(result => result.Shape.Callers)
            .ThenByDescending(result => result.Shape.Accounts)
            .ThenBy(result => result.Kind, StringComparer.Ordinal)
            .Select(result => new[]
            {
                result.System, Text($"{result.Shape.Callers:N0}"), result.Shape.IsHot ? "one, hot" : Text($"{result.Shape.Accounts:N0}"), result.Kind,
                Text($"{result.Rate:N0}"), Text($"{result.Figure.Seconds:0.0}"), result.Kind == "sustained" ? Text($"{result.Figure.DrainSeconds:0.0}") : string.Empty,
                Text($"{result.Figure.Latency.P50:0.000}"), Text($"{result.Figure.Latency.P90:0.000}"), Text($"{result.Figure.Latency.P99:0.00}"),
                Text($"{result.Figure.Latency.P999:0.00}"), Text($"{result.Figure.Latency.Max:0}"), result.Figure.Notes,
            }));

    private void AddSystems()
    {
        page.Line();
        foreach (var system in LoadSystems.All)
        {
            page.Line($"- **{system}**: {LoadSystems.Create(system).Description}.");
        }
    }

    private void AddPlot(string? plot)
    {
        if (plot is not null)
        {
            page.Line();
            page.Line("## Over the number of callers");
            page.Line();
            page.Line($"![Throughput and latency over the number of callers]({plot})");
        }
    }

    private void AddHttp()
    {
        if (results.Find<HttpResult>("http") is not { } http)
        {
            return;
        }

        page.AddTable(
            "HTTP",
            ["request", "rate/s", "p50 ms", "p99 ms", "beside"],
            HttpCall.All.Where(call => http.Figures.ContainsKey(call.Name)).Select(call => new[]
            {
                $"`{call.Method} {call.Path}`{(call.HasKey && call.Baseline is not null ? " with a key" : string.Empty)}",
                Text($"{http.Figures[call.Name].RatePerSecond:N0}"), Text($"{http.Figures[call.Name].P50:0.00}"), Text($"{http.Figures[call.Name].P99:0.00}"),
                call.Baseline is { } baseline && http.Figures.TryGetValue(baseline, out var empty)
                    ? Text($"{http.Figures[call.Name].RatePerSecond / empty.RatePerSecond * 100:0} % of `{HttpCall.Named(baseline).Method} {HttpCall.Named(baseline).Path}`")
                    : string.Empty,
            }));
        page.Line();
        page.LineOf($"{http.Driver}, {http.Connections} connections over loopback, {http.Accounts:N0} accounts with a key each, store {http.Store}, medians of {http.Rounds} rounds of {http.Seconds} s.");
        page.Line("Every endpoint gets the same headers and body, built by the same script on the same processors. `/bare` is Kestrel and routing alone,");
        page.Line("`/empty` has what every answer of the gateway has (the request id).");
    }

    private void AddMemory() => page.AddTable(
        "Memory",
        ["", "bytes each", "built"],
        results.All<MemoryResult>("memory-").Select(result => new[] { result.What, Text($"{result.BytesEach:N1}"), Text($"{result.Count:N0}") }));

    private void AddSmall()
    {
        page.AddTable(
            "One durable record",
            ["", "p50 ms", "p99 ms", "times"],
            results.All<CommitResult>("commit-").Select(result => new[] { result.Description, Text($"{result.Latency.P50:0.000}"), Text($"{result.Latency.P99:0.000}"), Text($"{result.Count:N0}") }));
        page.AddTable(
            "Small parts",
            ["", "mean ns", "± ns", "allocated B"],
            results.All<MicroResult>("micro-").Select(result => new[] { result.Name, Text($"{result.Nanoseconds:N1}"), Text($"{result.Error:N1}"), Text($"{result.AllocatedBytes}") }));
    }

    private void AddCommands()
    {
        var commands = results.All<LoadResult>("burst-").Concat(results.All<LoadResult>("sustained-")).Select(result => result.Command).Distinct().ToArray();
        if (commands.Length > 0)
        {
            page.Line();
            page.Line("## Commands");
            page.Line();
            page.Line("Each after `dotnet run -c Release --project tests/Metering.Benchmarks --`; `--help` lists all.");
            page.Line();
            page.Line("```");
            Array.ForEach(commands, page.Line);
            page.Line("```");
        }
    }
}
