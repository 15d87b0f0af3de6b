using Metering.Benchmarks;

namespace Metering.Cluster.Benchmarks;

/// <summary>A system's figures of one run, a round each.</summary>
/// <param name="Part">The command that they come from.</param>
/// <param name="System">The system.</param>
/// <param name="Shape">How it was loaded.</param>
/// <param name="Rounds">A figure a round.</param>
/// <param name="Command">What measures them again.</param>
internal sealed record ComparedResult(string Part, string System, LoadShape Shape, IReadOnlyList<LoadFigure> Rounds, string Command)
{
    /// <summary>The name that a part's result of a system is stored under.</summary>
    public static string NameOf(string part, string system, bool isHot) => $"{part}-{system.Replace(' ', '-')}-{(isHot ? "hot" : "spread")}";

    public string Name => NameOf(Part, System, Shape.IsHot);

    /// <summary>The round of the median rate.</summary>
    public LoadFigure Median() => Rounds.OrderBy(round => round.BurstRate).ElementAt(Rounds.Count / 2);

    /// <summary>How a figure compares with another system's of the same round, which was measured beside it; the median.</summary>
    public double Beside(ComparedResult other, Func<LoadFigure, double> figure) =>
        Rounds.Zip(other.Rounds, (mine, theirs) => figure(mine) / figure(theirs)).Order().ElementAt(Math.Min(Rounds.Count, other.Rounds.Count) / 2);
}

/// <summary>Loads systems in turns, in one run: what else the machine does then falls on all of them.</summary>
internal sealed class Comparison(ResultStore results)
{
    public const string Usage = """
          --callers N             calls in flight, 1 to 50000, default as above
          --accounts a,b          how many accounts the calls are spread over, a comparison each, 1 to 1000000, default 10000,1; 1 is one hot account
          --seconds N             of one system's turn, 1 to 600, default 10
          --warmup N              seconds before each turn, 1 to 600, default 3
          --rounds N              turns a system, 1 to 100, default 3; medians count
          --systems a,b           some of the systems, as the tables call them, to look into: their figures are not kept; default all
        """;

    public async Task RunAsync(ComparedPart part, Arguments arguments, IReadOnlyList<ILoadSystem> systems)
    {
        var callers = arguments.Number("--callers", part.Callers, 1, systems.Min(system => system.MaxCallers));
        var accounts = arguments.Numbers("--accounts", [10_000, 1], 1, 1_000_000);
        var (seconds, warmup) = (arguments.Number("--seconds", 10, 1, 600), arguments.Number("--warmup", 3, 1, 600));
        var rounds = arguments.Number("--rounds", 3, 1, 100);
        var names = systems.Select(system => system.Name).ToArray();
        var chosen = arguments.Choices("--systems", names, names);
        arguments.RefuseOthers();
        systems = [.. systems.Where(system => chosen.Contains(system.Name))];
        if (systems.Select(system => system.Missing).OfType<string>().FirstOrDefault() is { } missing)
        {
            Console.WriteLine($"{part.Name} is left out: {missing}");
            return;
        }

        var isComplete = systems.Count == names.Length;
        if (isComplete)
        {
            results.Save("machine", Machine.This());
        }

        foreach (var count in accounts)
        {
            var shape = new LoadShape(callers, count, true, warmup, seconds);
            Console.WriteLine($"{part.Name}, {shape}, {rounds} rounds of {systems.Count} systems, {seconds} s each after {warmup} s of warm-up");
            foreach (var result in await CompareAsync(part.Name, shape, rounds, systems, $"{part.Name} --callers {callers} --accounts {count} --seconds {seconds} --warmup {warmup} --rounds {rounds}"))
            {
                var figure = result.Median();
                Console.WriteLine($"  {result.System,-18} {figure.BurstRate,9:N0}/s  {figure.Latency}  {figure.Notes}");

                // A ratio compares systems of one run: part of a run must not take its place beside another's.
                if (isComplete)
                {
                    results.Save(result.Name, result);
                }
            }
        }
    }

    private static async Task<IEnumerable<ComparedResult>> CompareAsync(string part, LoadShape shape, int rounds, IReadOnlyList<ILoadSystem> systems, string command)
    {
        var figures = systems.Select(_ => new List<LoadFigure>()).ToArray();
        for (var round = 0; round < rounds; round++)
        {
            for (var index = 0; index < systems.Count; index++)
            {
                // Turn about, so that none always comes behind the same other.
                var turn = round % 2 == 0 ? index : systems.Count - 1 - index;
                figures[turn].Add(await systems[turn].MeasureAsync(shape));
            }
        }

        return systems.Select((system, index) => new ComparedResult(part, system.Name, shape, figures[index], command));
    }
}
