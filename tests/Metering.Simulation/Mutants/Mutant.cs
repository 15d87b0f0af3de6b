namespace Metering.Simulation;

/// <summary>A change of one source file. The original stands there exactly once.</summary>
/// <param name="File">From the root of the repository.</param>
/// <param name="Original">The snippet.</param>
/// <param name="Replacement">What takes its place; it asks <c>Mutant.Is(name)</c>, so that one build holds every mutant.</param>
internal sealed record SourceEdit(string File, string Original, string Replacement);

/// <summary>A bug that the simulation has to find.</summary>
/// <param name="Name">Switches it on.</param>
/// <param name="Bug">The bug, for people.</param>
/// <param name="Edits">How it is planted in a copy of the sources; none where the simulated store has it built in.</param>
internal sealed record PlantedBug(string Name, string Bug, params SourceEdit[] Edits)
{
    /// <summary>True for a bug of what is rare in a short history: it is looked for with <see cref="PlantedBugs.SmallFigures"/>.</summary>
    public bool NeedsSmallFigures { get; init; }

    /// <summary>A bug of the store itself.</summary>
    public StoreBug Store { get; init; }
}

/// <summary>What became of a planted bug.</summary>
/// <param name="Planted">The bug.</param>
/// <param name="Seed">The seed that caught it; null where none did.</param>
/// <param name="Finding">What was found, its first line.</param>
internal sealed record MutantResult(PlantedBug Planted, int? Seed, string Finding);
