using System.Diagnostics;
using System.Globalization;

namespace Metering.Simulation;

/// <summary>
/// A copy of the sources with every bug planted in it, each behind its switch, built once. The product's own code holds no switch.
/// </summary>
internal sealed class MutantBuild : IDisposable
{
    private const string SwitchVariable = "METERING_MUTANT";
    private const string SimulationProject = "tests/Metering.Simulation";

    private static readonly string[] Projects = ["src/Metering.Contracts", "src/Metering.Core", "src/Metering.Engine", SimulationProject];
    private static readonly string[] Files = ["Directory.Build.props", "Directory.Packages.props", "global.json", "nuget.config", ".editorconfig", "src/Directory.Build.props", "src/BannedSymbols.txt"];

    private readonly string folder = Directory.CreateTempSubdirectory("metering-mutants-").FullName;

    private MutantBuild()
    {
    }

    /// <summary>Copies, plants and builds.</summary>
    /// <exception cref="InvalidOperationException">A snippet no longer stands exactly once in its file, or the copy does not build.</exception>
    public static MutantBuild Create(IEnumerable<PlantedBug> bugs)
    {
        var build = new MutantBuild();
        try
        {
            build.Copy();
            build.Plant(bugs);
            build.Build();
            return build;
        }
        catch
        {
            build.Dispose();
            throw;
        }
    }

    /// <summary>Runs seeds with one bug switched on until one fails.</summary>
    public MutantResult Run(PlantedBug bug, int seeds)
    {
        var (exitCode, output) = Start(
            [Path.Combine(SimulationProject, "bin", "Release", "net10.0", "Metering.Simulation.dll"), "--seeds", seeds.ToString(CultureInfo.InvariantCulture), "--no-shrink", "--bug", bug.Store.ToString()],
            bug.NeedsSmallFigures ? $"{bug.Name},{PlantedBugs.SmallFigures.Name}" : bug.Name);
        var finding = output.Split('\n').FirstOrDefault(line => line.StartsWith("seed ", StringComparison.Ordinal));
        return exitCode == 1 && finding is not null
            ? new(bug, int.Parse(finding.AsSpan(5, finding.IndexOf(':', StringComparison.Ordinal) - 5), CultureInfo.InvariantCulture), finding[(finding.IndexOf(':', StringComparison.Ordinal) + 1)..].Trim())
            : exitCode == 0 ? new(bug, null, string.Empty) : throw new InvalidOperationException($"The simulation with {bug.Name} did not run: {output}");
    }

    public void Dispose() => Directory.Delete(folder, recursive: true);

    private static string RepositoryRoot()
    {
        for (var at = new DirectoryInfo(AppContext.BaseDirectory); at is not null; at = at.Parent)
        {
            if (File.Exists(Path.Combine(at.FullName, "Metering.sln")))
            {
                return at.FullName;
            }
        }

        throw new InvalidOperationException($"No Metering.sln above {AppContext.BaseDirectory}: mutants are made of the sources, so run from a clone.");
    }

    private void Copy()
    {
        var root = RepositoryRoot();
        var sources = Projects
            .SelectMany(project => Directory.EnumerateFiles(Path.Combine(root, project), "*", SearchOption.AllDirectories))
            .Select(path => Path.GetRelativePath(root, path))
            .Where(path => !path.Split(Path.DirectorySeparatorChar).Any(part => part is "bin" or "obj"));
        foreach (var path in sources.Concat(Files))
        {
            var target = Path.Combine(folder, path);
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(Path.Combine(root, path), target);
        }
    }

    private void Plant(IEnumerable<PlantedBug> bugs)
    {
        File.WriteAllText(Path.Combine(folder, "src/Metering.Contracts/Mutant.cs"), $$"""
            namespace Metering;

            public static class Mutant
            {
                private static readonly string[] Active = (Environment.GetEnvironmentVariable("{{SwitchVariable}}") ?? string.Empty).Split(',');

                public static bool Is(string name) => Array.IndexOf(Active, name) >= 0;
            }
            """);
        foreach (var (bug, edit) in bugs.SelectMany(bug => bug.Edits.Select(edit => (bug, edit))))
        {
            var path = Path.Combine(folder, edit.File);
            var text = File.ReadAllText(path);
            var at = text.IndexOf(edit.Original, StringComparison.Ordinal);
            if (at < 0 || text.IndexOf(edit.Original, at + 1, StringComparison.Ordinal) >= 0)
            {
                throw new InvalidOperationException($"The bug {bug.Name} cannot be planted: this snippet stands {(at < 0 ? "nowhere" : "more than once")} in {edit.File}; adapt PlantedBugs.cs:\n{edit.Original}");
            }

            File.WriteAllText(path, string.Concat(text.AsSpan(0, at), edit.Replacement, text.AsSpan(at + edit.Original.Length)));
        }
    }

    private void Build()
    {
        // Analyzers judge the product elsewhere; here they only cost time. No server may outlive the build and keep its output open.
        var (exitCode, output) = Start(
            ["build", SimulationProject, "-c", "Release", "--nologo", "-v", "q", "-nodeReuse:false", "-p:UseSharedCompilation=false", "-p:RunAnalyzers=false", "-p:TreatWarningsAsErrors=false", "-p:GenerateDocumentationFile=false"],
            string.Empty);
        if (exitCode != 0)
        {
            throw new InvalidOperationException($"The sources with the planted bugs do not build:\n{output}");
        }
    }

    private (int ExitCode, string Output) Start(string[] arguments, string mutant)
    {
        var start = new ProcessStartInfo("dotnet", arguments) { WorkingDirectory = folder, RedirectStandardOutput = true };
        start.Environment[SwitchVariable] = mutant;
        foreach (var name in start.Environment.Keys.Where(name => name.StartsWith("MSBUILD", StringComparison.OrdinalIgnoreCase)).ToArray())
        {
            start.Environment.Remove(name);
        }

        using var process = Process.Start(start) ?? throw new InvalidOperationException("dotnet cannot be started.");
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output);
    }
}
