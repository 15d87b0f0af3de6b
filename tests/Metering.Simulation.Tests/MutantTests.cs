using Xunit;
using Xunit.Abstractions;

namespace Metering.Simulation.Tests;

/// <summary>Who watches the watchman: bugs planted in a copy of the sources, each of which the simulation must find.</summary>
public sealed class MutantTests(ITestOutputHelper output)
{
    private const int Seeds = 500;

    [Fact]
    [Trait("Category", "Mutants")]
    public void Every_planted_bug_is_found_within_five_hundred_seeds_and_small_figures_alone_are_none()
    {
        using var build = MutantBuild.Create([.. PlantedBugs.All, PlantedBugs.SmallFigures]);
        var sound = build.Run(PlantedBugs.SmallFigures, Seeds);
        Assert.True(sound.Seed is null, $"seed {sound.Seed} with small figures: {sound.Finding}");
        var results = PlantedBugs.All.Select(bug => build.Run(bug, Seeds)).ToList();
        foreach (var result in results)
        {
            output.WriteLine($"{result.Planted.Name,-20} {result.Seed,4}  {result.Planted.Bug}");
        }

        Assert.Empty(results.Where(result => result.Seed is null).Select(result => result.Planted.Name));
    }
}
