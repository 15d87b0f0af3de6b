using Metering.Benchmarks;
using Metering.Engine;

namespace Metering.Cluster.Benchmarks;

/// <summary>The harness' command line.</summary>
internal static class ClusterBenchmarkProgram
{
    private const string Usage = """
        Measures the meter on an Orleans cluster beside what Orleans itself takes for a call, and beside the embedded meter.

          dotnet run -c Release --project tests/Metering.Cluster.Benchmarks -- COMMAND [options]

        memory    a silo in this process on a memory store, 64 callers: a deduction beside an empty grain call and the embedded meter
        postgres  the same silo on PostgreSQL, every commit synced, 256 callers: a deduction beside the embedded meter's, and beside a grain that writes its
                  state on each deduction
        client    from this process to a silo in another one over TCP, memory store, 64 callers: a deduction beside an empty grain call
        """;

    public static async Task<int> RunAsync(string[] args)
    {
        try
        {
            if (args is [] or ["--help"] or ["help"])
            {
                Console.WriteLine(string.Join(Environment.NewLine, Usage, Comparison.Usage, ClusterReport.Usage));
                return 0;
            }

            var arguments = new Arguments(args[1..]);
            await RunAsync(args[0], arguments, new ResultStore(arguments.Text("--results") ?? Path.Combine(Path.GetTempPath(), "metering-cluster-benchmarks")));
            return 0;
        }
        catch (Exception exception) when (exception is ArgumentException or MeteringStartupException)
        {
            Console.Error.WriteLine(exception.Message);
            return 1;
        }
    }

    private static Task RunAsync(string command, Arguments arguments, ResultStore results) => command switch
    {
        "report" => new ClusterReport(results).RunAsync(arguments),
        "table" => new ClusterReport(results).TableAsync(arguments),
        SiloProcess.Command => SiloProcess.ServeAsync(),
        _ when ComparedSystems.Parts.FirstOrDefault(part => part.Name == command) is { } part => ComparedSystems.RunAsync(part, arguments, results),
        _ => throw new ArgumentException($"{command} is not a command; memory, postgres, client, report, table are. --help explains them."),
    };
}
