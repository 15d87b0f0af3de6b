using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Metering.Simulation;

/// <summary>The command line.</summary>
internal static class SimulationCommand
{
    private const string Usage = """
        Runs the metering engine in a simulated world against an independent model.

          --seeds N        how many seeds to run (default 200)
          --from S         the first seed (default 1)
          --seed S         one seed
          --verbose        with --seed: print every step
          --keep 1,5,9     with --seed: only these items of its plan (a failure prints them)
          --no-faults      with --seed: the store never fails
          --no-shrink      print a failure as it is
          --digests        print a digest of every seed's history, which no other process may give otherwise
          --mutants        plant every known bug in a copy of the sources and find each within --seeds
          --only A,B       with --mutants: only these
          --bug NAME       a planted bug of the store: SkipCompare, LetLaterSequencesIn, NoFence,
                           FenceLetsLateOnesIn, CompareBeforeWaiting

        Exit code: 0 nothing found, 1 a failure, 2 wrong arguments.
        """;

    public static int Run(string[] args, TextWriter output)
    {
        if (SimulationArguments.TryParse(args) is not { } arguments)
        {
            output.WriteLine(Usage);
            return 2;
        }

        if (arguments.Mutants)
        {
            return RunMutants(arguments, output);
        }

        if (arguments.Digests)
        {
            return RunDigests(arguments, output);
        }

        return arguments.Seed is { } seed ? RunOne(seed, arguments, output) : RunMany(arguments, output);
    }

    /// <summary>A digest of everything that happens within a seed's history.</summary>
    public static string DigestOf(int seed)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Simulation.Execute(PlanGenerator.Generate(seed), trace: line => hash.AppendData(Encoding.UTF8.GetBytes(line)));
        return Convert.ToHexString(hash.GetHashAndReset());
    }

    private static int RunDigests(SimulationArguments arguments, TextWriter output)
    {
        for (var seed = arguments.From; seed < arguments.From + arguments.Seeds; seed++)
        {
            output.WriteLine($"{seed} {DigestOf(seed)}");
        }

        return 0;
    }

    private static int RunOne(int seed, SimulationArguments arguments, TextWriter output)
    {
        var plan = PlanGenerator.Generate(seed);
        plan = plan with
        {
            Items = arguments.Keep is { } keep ? [.. keep.Select(index => plan.Items[index])] : plan.Items,
            Faults = arguments.NoFaults ? FaultProfile.None : plan.Faults,
        };
        output.WriteLine($"seed {seed}: {plan.Items.Count} items, {plan.Processes} processes of {plan.MetersPerProcess} meters, on {plan.StorageText}");
        var (run, violation) = Simulation.Execute(plan, arguments.Bug, arguments.IsVerbose ? output.WriteLine : null);
        output.WriteLine(violation is null ? $"seed {seed}: sound, {run.Steps} steps, {run.Calls.Count} calls, {run.Ledger.Accounts.Sum(account => run.Rows(account).Count)} entries" : $"seed {seed} FAILED: {violation}");
        return violation is null ? 0 : 1;
    }

    private static int RunMany(SimulationArguments arguments, TextWriter output)
    {
        var campaign = new Campaign(arguments.Bug);
        var isInteractive = !Console.IsOutputRedirected;
        var failure = campaign.Run(arguments.From, arguments.Seeds, done =>
        {
            if (isInteractive)
            {
                output.Write($"\r{done} of {arguments.Seeds} seeds");
            }
            else if (done % 1_000 == 0)
            {
                output.WriteLine($"{done} of {arguments.Seeds} seeds");
            }
        });
        output.WriteLine(isInteractive ? "\r" : string.Empty);
        output.WriteLine($"{campaign.Seeds} seeds, {campaign.Steps} steps, {campaign.Calls} calls, {campaign.Entries} entries ({campaign.Storages}): {(failure is null ? "sound" : "FAILED")}");
        if (failure is null)
        {
            return 0;
        }

        output.WriteLine($"seed {failure.Value.Seed}: {failure.Value.Violation}");
        if (!arguments.NoShrink)
        {
            output.WriteLine(Shrinker.Shrink(failure.Value.Seed, arguments.Bug).ToString());
        }

        return 1;
    }

    private static int RunMutants(SimulationArguments arguments, TextWriter output)
    {
        var seeds = arguments.Seeds;
        using var build = MutantBuild.Create([.. PlantedBugs.All, PlantedBugs.SmallFigures]);
        var small = build.Run(PlantedBugs.SmallFigures, seeds);
        output.WriteLine($"{PlantedBugs.SmallFigures.Name,-20} {(small.Seed is { } unsound ? $"seed {unsound} FAILED: {small.Finding}" : "sound")}");
        var missed = small.Seed is null ? 0 : 1;
        foreach (var bug in PlantedBugs.All.Where(bug => arguments.Only is null || arguments.Only.Contains(bug.Name)))
        {
            var result = build.Run(bug, seeds);
            missed += result.Seed is null ? 1 : 0;
            output.WriteLine($"{bug.Name,-20} {(result.Seed is { } seed ? $"seed {seed,3}" : "MISSED  ")}  {bug.Bug}");
            output.WriteLine($"{"",-30}  {result.Finding}");
        }

        return missed == 0 ? 0 : 1;
    }
}

/// <summary>What the command line asked for.</summary>
internal sealed record SimulationArguments
{
    public int Seeds { get; private set; } = 200;

    public int From { get; private set; } = 1;

    public int? Seed { get; private set; }

    public bool IsVerbose { get; private set; }

    public bool NoFaults { get; private set; }

    public bool NoShrink { get; private set; }

    public bool Mutants { get; private set; }

    public bool Digests { get; private set; }

    public int[]? Keep { get; private set; }

    /// <summary>The planted bugs to look for; null for all.</summary>
    public string[]? Only { get; private set; }

    public StoreBug Bug { get; private set; }

    /// <summary>Null where something is not understood.</summary>
    public static SimulationArguments? TryParse(string[] args)
    {
        var arguments = new SimulationArguments();
        var rest = new Queue<string>(args);
        while (rest.TryDequeue(out var name))
        {
            if (!arguments.Set(name, rest))
            {
                return null;
            }
        }

        return arguments;
    }

    private bool Set(string name, Queue<string> rest)
    {
        switch (name)
        {
            case "--verbose":
                return IsVerbose = true;
            case "--no-shrink":
                return NoShrink = true;
            case "--mutants":
                return Mutants = true;
            case "--digests":
                return Digests = true;
            case "--no-faults":
                return NoFaults = true;
            default:
                break;
        }

        if (!rest.TryDequeue(out var value))
        {
            return false;
        }

        var isNumber = int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var number);
        switch (name)
        {
            case "--seeds" when isNumber:
                Seeds = number;
                return true;
            case "--from" when isNumber:
                From = number;
                return true;
            case "--seed" when isNumber:
                Seed = number;
                return true;
            case "--keep":
                Keep = [.. value.Split(',').Select(text => int.Parse(text, CultureInfo.InvariantCulture))];
                return true;
            case "--only":
                Only = value.Split(',');
                return true;
            case "--bug" when Enum.TryParse<StoreBug>(value, out var bug):
                Bug = bug;
                return true;
            default:
                return false;
        }
    }
}
