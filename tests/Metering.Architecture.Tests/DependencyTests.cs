using System.Text.RegularExpressions;
using Xunit;

namespace Metering.Architecture.Tests;

/// <summary>The arrows between projects, as src/ARCHITECTURE.md draws them. A project exists to forbid a dependency.</summary>
public sealed partial class DependencyTests
{
    private static readonly Dictionary<string, string[]> MayReference = new()
    {
        ["Metering.Contracts"] = [],
        ["Metering.Core"] = ["Metering.Contracts"],
        ["Metering.Engine"] = ["Metering.Core"],
        ["Metering.Cluster"] = ["Metering.Engine"],
        ["Metering.Gateway"] = ["Metering.Contracts", "Metering.Engine"],
        ["Metering.Server"] = ["Metering.Gateway"],
        ["Metering.Silo"] = ["Metering.Cluster", "Metering.Gateway"],
        ["Metering.Cli"] = ["Metering.Engine", "Metering.Gateway"],
        ["Metering.Samples.LeadSearch"] = ["Metering.Gateway"],
    };

    private static readonly Dictionary<string, string[]> MayUsePackages = new()
    {
        ["Metering.Engine"] = ["Microsoft.Data.Sqlite.Core", "Npgsql", "SQLitePCLRaw.bundle_e_sqlite3"],
        ["Metering.Cluster"] =
        [
            "Microsoft.Orleans.Clustering.AdoNet", "Microsoft.Orleans.Persistence.AdoNet", "Microsoft.Orleans.Reminders",
            "Microsoft.Orleans.Reminders.AdoNet", "Microsoft.Orleans.Server",
        ],
        ["Metering.Gateway"] = ["Microsoft.AspNetCore.OpenApi"],
        ["Metering.Cli"] = ["Spectre.Console", "System.CommandLine"],
        ["Metering.Silo"] = ["Microsoft.Orleans.Dashboard", "OpenTelemetry.Exporter.OpenTelemetryProtocol"],
    };

    [Fact]
    public void Every_project_of_src_has_its_arrows_written_down() =>
        Assert.Equal(MayReference.Keys.Order(), Repository.Projects.Keys.Order());

    [Fact]
    public void Projects_reference_only_what_they_may() =>
        Assert.All(Repository.Projects, project =>
            Assert.All(project.Value.References(), reference => Assert.Contains(reference, MayReference[project.Key])));

    [Fact]
    public void Projects_use_only_the_packages_they_may() =>
        Assert.All(Repository.Projects, project =>
            Assert.All(project.Value.Items("PackageReference"), package => Assert.Contains(package, MayUsePackages.GetValueOrDefault(project.Key, []))));

    [Fact]
    public void The_core_does_no_input_or_output_and_awaits_nothing() =>
        Assert.All(Repository.Files("src/Metering.Core", "*.cs"), file =>
        {
            var source = File.ReadAllText(file);
            Assert.DoesNotMatch(Effects(), source);
        });

    [Fact]
    public void The_engine_awaits_on_its_callers_scheduler_so_that_a_simulation_owns_every_step() =>
        Assert.All(Repository.Files("src/Metering.Engine", "*.cs"), file =>
            Assert.DoesNotMatch(EscapesScheduler(), File.ReadAllText(file)));

    [Fact]
    public void No_project_silences_a_check() =>
        Assert.All(Repository.Files("src", "*.cs*").Concat(Repository.Files("tests", "*.csproj")), file =>
            Assert.DoesNotMatch(Silenced(), File.ReadAllText(file)));

    [Fact]
    public void The_embedded_solution_lists_only_projects_that_exist()
    {
        var filter = File.ReadAllText(Path.Combine(Repository.Root, "Metering.Embedded.slnf"));
        var projects = ProjectPath().Matches(filter).Select(match => match.Value.Replace("\\\\", "/", StringComparison.Ordinal));
        Assert.All(projects, project => Assert.True(File.Exists(Path.Combine(Repository.Root, project)), project));
        Assert.Contains(projects, project => project.EndsWith("Metering.Server.csproj", StringComparison.Ordinal));
    }

    [Fact]
    public void The_embedded_solution_needs_no_package_of_the_cluster()
    {
        var filter = File.ReadAllText(Path.Combine(Repository.Root, "Metering.Embedded.slnf"));
        var projects = ProjectPath().Matches(filter).Select(match => Path.Combine(Repository.Root, match.Value.Replace("\\\\", "/", StringComparison.Ordinal)));
        Assert.All(projects, project => Assert.DoesNotContain("Microsoft.Orleans", File.ReadAllText(project), StringComparison.Ordinal));
        Assert.DoesNotContain("Metering.Cluster", filter, StringComparison.Ordinal);
    }

    [GeneratedRegex(@"\basync\b|\bawait\b|\bTask\b|System\.IO\b|\bFile\.|TimeProvider|\bConsole\.|\bHttp")]
    private static partial Regex Effects();

    [GeneratedRegex(@"ConfigureAwait\(false\)|\bTask\.Run\(|ThreadPool\.")]
    private static partial Regex EscapesScheduler();

    [GeneratedRegex(@"#pragma warning disable|<NoWarn>|SuppressMessage\(")]
    private static partial Regex Silenced();

    [GeneratedRegex(@"(src|tests)[\\/][^""]+\.csproj")]
    private static partial Regex ProjectPath();
}
