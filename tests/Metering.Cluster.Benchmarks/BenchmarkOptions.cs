using System.Globalization;

namespace Metering.Cluster.Benchmarks;

/// <summary>How long and how hard.</summary>
/// <param name="Callers">Calls in flight.</param>
/// <param name="Seconds">Of one measurement, after a warm-up of a third of it.</param>
/// <param name="Rounds">How often every system has its turn; the best counts, because what disturbs only ever slows.</param>
/// <param name="Accounts">How many accounts the calls are spread over, a table each; 1 is one hot account.</param>
internal sealed record BenchmarkOptions(int Callers, int Seconds, int Rounds, int[] Accounts)
{
    public static BenchmarkOptions Parse(IEnumerable<string> args)
    {
        var options = new BenchmarkOptions(256, 6, 2, [1, 10_000]);
        foreach (var pair in args.Chunk(2))
        {
            var number = pair.Length == 2 ? pair[1] : throw new ArgumentException($"{pair[0]} needs a value.");
            options = pair[0] switch
            {
                "--callers" => options with { Callers = Read(number) },
                "--seconds" => options with { Seconds = Read(number) },
                "--rounds" => options with { Rounds = Read(number) },
                "--accounts" => options with { Accounts = [.. number.Split(',').Select(Read)] },
                _ => throw new ArgumentException($"{pair[0]} is not an option; --callers, --seconds, --rounds and --accounts are."),
            };
        }

        return options;
    }

    private static int Read(string text) =>
        int.TryParse(text, CultureInfo.InvariantCulture, out var value) && value > 0 ? value : throw new ArgumentException($"{text} is not a whole number above 0.");
}
