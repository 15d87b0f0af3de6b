using Metering.Engine;

namespace Metering.Benchmarks;

/// <summary>The harness' command line.</summary>
internal static class BenchmarkProgram
{
    private const string Usage = """
        Measures the meter beside its peers.

          dotnet run -c Release --project tests/Metering.Benchmarks -- COMMAND [options]

        """;

    private const string Common = """

        Everywhere:
          --results FOLDER        where raw results are kept as JSON; default metering-benchmarks in the temporary folder
        """;

    public static async Task<int> RunAsync(string[] args)
    {
        try
        {
            if (args is [] or ["--help"] or ["help"])
            {
                Console.WriteLine(string.Join(Environment.NewLine, Usage, LoadCommand.Usage, SweepCommand.Usage, HttpOptions.Usage, CommitBenchmark.Usage, MemoryCommand.Usage, LargeCommand.Usage, DueCommand.Usage, MicroCommand.Usage, MigrateCommand.Usage, CopyBenchmark.Usage, OperateBenchmark.Usage, SampleImport.Usage, ReportCommand.Usage, Common));
                return 0;
            }

            var arguments = new Arguments(args[1..]);
            await RunAsync(args[0], arguments, new ResultStore(arguments.Text("--results")));
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
        "load" => new LoadCommand(results).LoadAsync(arguments),
        "peers" => new LoadCommand(results).PeerAsync(arguments),
        "http" => HttpBenchmark.RunAsync(arguments, results),
        "sweep" => new SweepCommand(results).RunAsync(arguments),
        "commits" => new CommitBenchmark(results).RunAsync(arguments),
        "memory" => new MemoryCommand(results).RunAsync(arguments),
        "large" => new LargeCommand(results).RunAsync(arguments),
        "due" => new DueCommand(results).RunAsync(arguments),
        "micro" => Task.Run(() => new MicroCommand(results).Run(arguments)),
        "migrate" => MigrateCommand.RunAsync(arguments),
        "copy" => new CopyBenchmark(results).RunAsync(arguments),
        "operate" => new OperateBenchmark(results).RunAsync(arguments),
        "sample" => SampleImport.RunAsync(arguments),
        "report" => new ReportCommand(results).RunAsync(arguments),
        "table" => new ReportCommand(results).TableAsync(arguments),
        _ => throw new ArgumentException($"{command} is not a command; load, peers, sweep, http, commits, memory, large, due, micro, migrate, copy, operate, sample, report, table are. --help explains them."),
    };
}
