namespace Metering.Simulation;

/// <summary>A failing plan without what it does not need.</summary>
internal sealed record ShrunkFailure(int Seed, IReadOnlyList<int> Keep, bool NoFaults, string Violation, string Storage, IReadOnlyList<PlanItem> Items)
{
    public override string ToString() => $"""
        shrunk to {Items.Count} items{(NoFaults ? ", without faults of the store" : "")}, on {Storage}:
          {string.Join("\n  ", Items)}
        {Violation}
        replay: dotnet run --project tests/Metering.Simulation -- --seed {Seed} --verbose --keep {string.Join(",", Keep)}{(NoFaults ? " --no-faults" : "")}
        """;
}

/// <summary>Finds a smaller plan that still fails, by leaving out more and more of it.</summary>
internal static class Shrinker
{
    private const int MaxRuns = 400;

    public static ShrunkFailure Shrink(int seed, StoreBug bug)
    {
        var plan = PlanGenerator.Generate(seed);
        var keep = Enumerable.Range(0, plan.Items.Count).ToList();
        var (faults, runs) = (plan.Faults, 0);
        string? Violation(List<int> subset, FaultProfile profile) => runs++ < MaxRuns
            ? Simulation.Execute(plan with { Items = [.. subset.Select(index => plan.Items[index])], Faults = profile }, bug).Violation
            : null;
        if (Violation(keep, FaultProfile.None) is not null)
        {
            faults = FaultProfile.None;
        }

        var violation = Violation(keep, faults) ?? "the failure did not come back";
        for (var size = keep.Count / 2; size >= 1; size /= 2)
        {
            for (var start = 0; start < keep.Count;)
            {
                var without = keep.Where((_, position) => position < start || position >= start + size).ToList();
                if (Violation(without, faults) is { } still)
                {
                    (keep, violation) = (without, still);
                }
                else
                {
                    start += size;
                }
            }
        }

        return new(seed, keep, faults == FaultProfile.None, violation, plan.StorageText, [.. keep.Select(index => plan.Items[index])]);
    }
}
