using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;

namespace Metering.Benchmarks;

/// <summary>A small benchmark as it is stored.</summary>
/// <param name="Name">The method.</param>
/// <param name="Nanoseconds">The mean.</param>
/// <param name="Error">Half of the 99.9 % confidence interval, nanoseconds.</param>
/// <param name="AllocatedBytes">Bytes allocated a call; null where unknown.</param>
internal sealed record MicroResult(string Name, double Nanoseconds, double Error, long? AllocatedBytes);

/// <summary>BenchmarkDotNet on the small parts.</summary>
internal sealed class MicroCommand(ResultStore results)
{
    public const string Usage = """
        micro     BenchmarkDotNet on the small parts: decisions, codecs, chain, key window, one caller's deduction in memory
          --filter PATTERN        of the benchmarks' names, default *
          --job short|default     short takes about a minute, default several; default default
        """;

    public void Run(Arguments arguments)
    {
        var filter = arguments.Text("--filter") ?? "*";
        var job = arguments.Choice("--job", "default", ["short", "default"]) == "short" ? Job.ShortRun : Job.Default;
        arguments.RefuseOthers();

        // In this process: what is measured must not be built again by a tool that does not know the repository's rules.
        var config = ManualConfig.Create(DefaultConfig.Instance)
            .WithArtifactsPath(results.PathOf("micro"))
            .AddJob(job.WithToolchain(InProcessEmitToolchain.Instance));
        var summaries = BenchmarkSwitcher.FromTypes([typeof(CoreBenchmarks), typeof(RecordBenchmarks), typeof(MeterBenchmarks)])
            .Run(["--filter", filter], config);
        foreach (var report in summaries.SelectMany(summary => summary.Reports))
        {
            if (report.ResultStatistics is { } statistics)
            {
                var name = report.BenchmarkCase.Descriptor.WorkloadMethod.Name;
                results.Save($"micro-{name}", new MicroResult(name, statistics.Mean, statistics.ConfidenceInterval.Margin, report.GcStats.GetBytesAllocatedPerOperation(report.BenchmarkCase)));
            }
        }
    }
}
