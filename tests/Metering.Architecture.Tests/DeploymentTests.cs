using System.Globalization;
using System.Text.RegularExpressions;
using Xunit;

namespace Metering.Architecture.Tests;

/// <summary>What docker-compose.yml and deploy/ name is in the repository: files, projects, settings, ports, routes. No container engine is needed to know.</summary>
public sealed partial class DeploymentTests
{
    private static readonly string[] Files = [Path.Combine(Repository.Root, "docker-compose.yml"), .. Repository.Files("deploy", "*")];

    [Fact]
    public void Every_file_that_the_compose_file_names_is_there()
    {
        var named = RelativePath().Matches(Read("docker-compose.yml")).Select(match => match.Groups["path"].Value).ToArray();
        Assert.Contains("deploy/Dockerfile", named);
        Assert.All(named, path => Assert.True(Path.Exists(Path.Combine(Repository.Root, path)), path));
    }

    [Fact]
    public void Every_resource_of_Kubernetes_is_applied()
    {
        var applied = KustomizeResource().Matches(Read("deploy/kubernetes/kustomization.yaml")).Select(match => match.Groups["file"].Value);
        var there = Repository.Files("deploy/kubernetes", "*.yaml").Select(file => Path.GetFileName(file)).Where(file => file != "kustomization.yaml");
        Assert.Equal(there.Order(), applied.Order());
    }

    [Fact]
    public void Every_setting_is_one_that_the_programs_read()
    {
        var settings = SettingName().Matches(All()).Select(match => match.Value).ToHashSet();
        Assert.Contains("Metering__Cluster__Clustering", settings);
        Assert.All(settings, setting =>
        {
            var source = setting.Split("__") switch
            {
                ["Metering", "Cluster", _] => "src/Metering.Silo/SiloSettings.cs",
                ["Metering", "Payments", _] => "src/Metering.Gateway/Payments/PaymentConfiguration.cs",
                ["Metering", "PostgreSql", _] => "src/Metering.Engine/PostgreSql/PostgreSqlMeteringOptions.cs",
                ["Metering", _] => "src/Metering.Gateway/Configuration/MeteringConfiguration.cs",
                _ => throw new InvalidOperationException($"{setting} is beneath a section that nothing reads."),
            };
            Assert.Matches($@"\b{setting.Split("__")[^1]}\b", Read(source));
        });
        Assert.Contains("\"OTEL_EXPORTER_OTLP_ENDPOINT\"", Read("src/Metering.Silo/Telemetry.cs"), StringComparison.Ordinal);
    }

    [Fact]
    public void The_image_publishes_projects_that_exist_and_runs_what_they_make()
    {
        var image = Read("deploy/Dockerfile");
        var published = PublishedProjects().Match(image).Groups["projects"].Value.Split(' ');
        Assert.All(published, project => Assert.True(File.Exists(Path.Combine(Repository.Root, "src", $"Metering.{project}", $"Metering.{project}.csproj")), project));
        var programs = ProgramFile().Matches(All()).ToArray();
        Assert.NotEmpty(programs);
        Assert.All(programs, program =>
        {
            var project = program.Groups["folder"].Value;
            Assert.Contains(project, published);
            Assert.Equal(Repository.Projects[$"Metering.{project}"].Descendants("AssemblyName").FirstOrDefault()?.Value ?? $"Metering.{project}", program.Groups["assembly"].Value);
        });
    }

    [Fact]
    public void The_image_needs_nothing_that_its_context_leaves_out()
    {
        var taken = Read("deploy/Dockerfile.dockerignore").Split('\n').Where(line => line.StartsWith('!')).Select(line => line[1..]).ToArray();
        Assert.All(taken, path => Assert.True(Path.Exists(Path.Combine(Repository.Root, path)), path));
        var needed = Directory.GetFiles(Repository.Root, "Directory.*").Select(Path.GetFileName).Concat(["global.json", "nuget.config", ".editorconfig", "src", "deploy/health.sh"]);
        Assert.Equal(needed.Order(), taken.Order());
    }

    [Fact]
    public void Whoever_stops_a_silo_waits_for_longer_than_its_stop_may_take()
    {
        var stop = int.Parse(ShutdownTime().Match(Read("src/Metering.Silo/MeteringSilo.cs")).Groups["seconds"].Value, CultureInfo.InvariantCulture);
        Assert.InRange(stop, 20, int.Parse(GracePeriod().Match(Read("docker-compose.yml")).Groups["seconds"].Value, CultureInfo.InvariantCulture) - 1);
        Assert.InRange(stop, 20, int.Parse(TerminationPeriod().Match(Read("deploy/kubernetes/silos.yaml")).Groups["seconds"].Value, CultureInfo.InvariantCulture) - 1);
    }

    [Fact]
    public void What_can_be_configured_is_not_cut_off_by_the_network_policy()
    {
        var (settings, policy) = (Read("deploy/kubernetes/configuration.yaml"), Read("deploy/kubernetes/network.yaml"));
        Assert.Contains("stripe", settings, StringComparison.OrdinalIgnoreCase);
        Assert.All((string[])["port: 443,", "port: 587,"], port => Assert.Contains(port, policy, StringComparison.Ordinal));
    }

    [Fact]
    public void The_balancer_judges_a_path_as_the_silos_read_it() =>
        Assert.Contains("deny_status 404 if { path,url_dec -m sub -i /orleans }", Read("deploy/haproxy.cfg"), StringComparison.Ordinal);

    [Fact]
    public void Probes_and_ports_are_those_of_the_programs()
    {
        var routes = Read("src/Metering.Gateway/Http/HealthRoutes.cs");
        var probes = ProbePath().Matches(All()).Select(match => match.Groups["probe"].Value).ToHashSet();
        Assert.Equal(["live", "ready"], probes.Order());
        Assert.Contains("MapGroup(\"/health\")", routes, StringComparison.Ordinal);
        Assert.All(probes, probe => Assert.Contains($"MapMethods(\"{probe}\"", routes, StringComparison.Ordinal));

        var silo = Read("src/Metering.Silo/SiloSettings.cs");
        Assert.Contains("EXPOSE 8080 11111 30000", Read("deploy/Dockerfile"), StringComparison.Ordinal);
        Assert.All(["11111", "30000"], port =>
        {
            Assert.Contains($"default {port}", silo, StringComparison.Ordinal);
            Assert.Contains($"containerPort: {port}", Read("deploy/kubernetes/silos.yaml"), StringComparison.Ordinal);
            Assert.Contains($"port: {port}, protocol: TCP", Read("deploy/kubernetes/network.yaml"), StringComparison.Ordinal);
        });
        Assert.Contains("\"--orleans\"", Read("src/Metering.Cli/Commands/MigrateCommand.cs"), StringComparison.Ordinal);
    }

    [Fact]
    public void What_the_balancer_and_the_collector_call_is_a_service_at_its_port()
    {
        var services = ServiceName().Matches(Read("docker-compose.yml")).Select(match => match.Groups["name"].Value).ToArray();
        var silos = services.Where(service => service.StartsWith("silo-", StringComparison.Ordinal)).Order().ToArray();
        Assert.Equal(3, silos.Length);
        Assert.Equal(silos, BalancedSilo().Matches(Read("deploy/haproxy.cfg")).Select(match => match.Groups["name"].Value).Order());
        Assert.All(ScrapeTarget().Matches(Read("deploy/prometheus/prometheus.yml")), target => Assert.Contains(target.Groups["name"].Value, services));
        Assert.Contains("endpoint: 0.0.0.0:8889", Read("deploy/collector.yaml"), StringComparison.Ordinal);
        Assert.Contains("bind :8404", Read("deploy/haproxy.cfg"), StringComparison.Ordinal);
    }

    [Fact]
    public void Images_have_a_version_and_name_no_registry_and_nothing_holds_a_secret()
    {
        var images = ImageName().Matches(All()).Select(match => match.Groups["image"].Value).ToHashSet();
        Assert.Contains("postgres:17", images);
        Assert.All(images, image =>
        {
            Assert.DoesNotMatch("^[^/]*[.:][^/]*/", image);
            Assert.True(image == "metering" || image.Contains(':', StringComparison.Ordinal), image);
        });
        Assert.DoesNotMatch(@"(?i)password=[^\s…""]", All().Replace("from-literal=password=…", string.Empty, StringComparison.Ordinal));
        Assert.All(PasswordValue().Matches(All()), value => Assert.StartsWith("${", value.Groups["value"].Value, StringComparison.Ordinal));
    }

    private static string Read(string path) => File.ReadAllText(Path.Combine(Repository.Root, path));

    private static string All() => string.Join('\n', Files.Select(File.ReadAllText));

    [GeneratedRegex(@"ShutdownTime = TimeSpan\.FromSeconds\((?<seconds>\d+)\)")]
    private static partial Regex ShutdownTime();

    [GeneratedRegex(@"stop_grace_period: (?<seconds>\d+)s")]
    private static partial Regex GracePeriod();

    [GeneratedRegex(@"terminationGracePeriodSeconds: (?<seconds>\d+)")]
    private static partial Regex TerminationPeriod();

    [GeneratedRegex(@"(dockerfile: |\./)(?<path>deploy/[\w./-]+)")]
    private static partial Regex RelativePath();

    [GeneratedRegex(@"^  - (?<file>\w+\.yaml)$", RegexOptions.Multiline)]
    private static partial Regex KustomizeResource();

    [GeneratedRegex(@"\b[A-Z]\w*?__\w+")]
    private static partial Regex SettingName();

    [GeneratedRegex(@"for project in (?<projects>[\w ]+);")]
    private static partial Regex PublishedProjects();

    [GeneratedRegex(@"/app/(?<folder>\w+)/(?<assembly>[\w.]+)\.dll")]
    private static partial Regex ProgramFile();

    [GeneratedRegex(@"/health/(?<probe>\w+)")]
    private static partial Regex ProbePath();

    [GeneratedRegex(@"^  (?<name>[a-z][a-z0-9-]*):$", RegexOptions.Multiline)]
    private static partial Regex ServiceName();

    [GeneratedRegex(@"server (?<name>[\w-]+) \k<name>:8080")]
    private static partial Regex BalancedSilo();

    [GeneratedRegex(@"targets: \[""(?<name>[\w-]+):\d+""\]")]
    private static partial Regex ScrapeTarget();

    [GeneratedRegex(@"^\s*(- )?image: (?<image>\S+)", RegexOptions.Multiline)]
    private static partial Regex ImageName();

    [GeneratedRegex(@"PASSWORD: (?<value>\S+)")]
    private static partial Regex PasswordValue();
}
