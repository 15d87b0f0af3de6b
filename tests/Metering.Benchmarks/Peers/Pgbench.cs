using System.Globalization;
using System.Text.RegularExpressions;

namespace Metering.Benchmarks;

/// <summary>Runs a script in pgbench, prepared, and reads its figures.</summary>
internal static partial class Pgbench
{
    /// <param name="server">Where.</param>
    /// <param name="title">For the progress line.</param>
    /// <param name="script">pgbench's script: one transaction.</param>
    /// <param name="shape">How many connections, and how long.</param>
    /// <param name="loggedShare">The share of transactions whose latency is logged, so that logging does not slow what it measures.</param>
    public static async Task<LoadFigure> RunAsync(PostgreSqlServer server, string title, string script, LoadShape shape, double loggedShare)
    {
        using var folder = new ScratchFolder("pgbench");
        var file = Path.Combine(folder.Path, "call.sql");
        await File.WriteAllTextAsync(file, script);
        var threads = Math.Min(shape.Callers, Environment.ProcessorCount);
        string[] arguments = ["-h", server.Host, "-U", PostgreSqlServer.User, "-n", "-M", "prepared", "-c", $"{shape.Callers}", "-j", $"{threads}", "-f", file];
        var line = new ProgressLine();
        line.Write($"{title}, warm-up");
        await OwnProcess.RunAsync(PostgreSqlServer.Find("pgbench")!, [.. arguments, "-T", $"{shape.WarmupSeconds}", "postgres"]);
        var share = loggedShare.ToString(CultureInfo.InvariantCulture);
        var output = await OwnProcess.RunAsync(
            PostgreSqlServer.Find("pgbench")!,
            [.. arguments, "-T", $"{shape.Seconds}", "-P", "1", "-l", $"--sampling-rate={share}", "postgres"],
            text => line.Write($"{title}  {text.Replace("progress: ", string.Empty, StringComparison.Ordinal)}"),
            folder.Path);
        line.End();
        if (!Rate().IsMatch(output))
        {
            throw new ArgumentException($"pgbench gave no rate: {shape.Callers} connections took longer to open than the {shape.Seconds} s that were to be measured; measure longer.");
        }

        var calls = long.Parse(Processed().Match(output).Groups[1].Value, CultureInfo.InvariantCulture);
        var rate = double.Parse(Rate().Match(output).Groups[1].Value, CultureInfo.InvariantCulture);
        return new(calls, calls / rate, 0, 0, ReadLatencies(folder.Path), $"pgbench -M prepared -c {shape.Callers} -j {threads}");
    }

    private static Percentiles ReadLatencies(string folder)
    {
        var latencies = new LatencyHistogram();
        foreach (var file in Directory.EnumerateFiles(folder, "pgbench_log.*"))
        {
            foreach (var line in File.ReadLines(file))
            {
                latencies.Add(TimeSpan.FromMicroseconds(double.Parse(line.Split(' ')[2], CultureInfo.InvariantCulture)));
            }
        }

        return latencies.ToPercentiles();
    }

    [GeneratedRegex(@"number of transactions actually processed: (\d+)")]
    private static partial Regex Processed();

    [GeneratedRegex(@"tps = ([\d.]+) \(without initial connection time\)")]
    private static partial Regex Rate();
}
