using System.Collections.Concurrent;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Metering.Engine;
using Metering.Silo;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Xunit;

namespace Metering.Cluster.Tests;

/// <summary>What a silo tells a collector, over the wire as OpenTelemetry has it.</summary>
public sealed partial class TelemetryTests : IAsyncLifetime
{
    private readonly ConcurrentQueue<(string Path, string Body)> received = new();
    private WebApplication collector = null!;

    public async Task InitializeAsync()
    {
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore().UseUrls("http://127.0.0.1:0");
        builder.Logging.SetMinimumLevel(LogLevel.None);
        collector = builder.Build();
        collector.Run(async context =>
        {
            using var body = new MemoryStream();
            await context.Request.Body.CopyToAsync(body);
            received.Enqueue((context.Request.Path, Encoding.Latin1.GetString(body.ToArray())));
            context.Response.StatusCode = StatusCodes.Status200OK;
        });
        await collector.StartAsync();
    }

    public async Task DisposeAsync() => await collector.DisposeAsync();

    [Fact]
    public async Task Our_meters_and_Orleans_go_to_the_collector_with_what_the_dashboard_draws()
    {
        await using var silos = await TestSilos.StartAsync(2, new MemoryLedgerStore());
        using (var telemetry = new Telemetry(Settings(), silos.Silos[0].ServiceProvider.GetRequiredService<AccountEngine>()))
        {
            await telemetry.StartAsync(CancellationToken.None);
            for (var number = 0; number < 8; number++)
            {
                var account = new AccountId($"a-{number}");
                Assert.Null((await silos.Client.OpenAccountAsync(account, new() { Plan = "growth" })).Refusal);
            }

            await silos.Cluster.StopSiloAsync(silos.Silos[1]); // its accounts leave it
            await telemetry.StopAsync(CancellationToken.None);
        }

        var metrics = string.Concat(received.Where(message => message.Path == "/v1/metrics").Select(message => message.Body));
        Assert.Contains("metering-silo", metrics, StringComparison.Ordinal);
        Assert.Contains("metering.queue.depth", metrics, StringComparison.Ordinal);

        // Those of the web server and of PostgreSQL need both; the others are here.
        var drawn = DashboardMetrics().Where(name => name.StartsWith("metering_", StringComparison.Ordinal) || name.StartsWith("orleans_", StringComparison.Ordinal)).ToArray();
        Assert.NotEmpty(drawn);
        var names = InstrumentName().Matches(metrics).Select(match => match.Value.Replace('.', '_').Replace('-', '_')).ToHashSet();
        Assert.All(drawn, name => Assert.Contains(name, names));
    }

    [Theory]
    [InlineData(null, false)]
    [InlineData("", false)]
    [InlineData("http://collector:4317", true)]
    [InlineData("https://collector/otlp", true)]
    public void The_address_of_a_collector_switches_it_on(string? address, bool wanted) => Assert.Equal(wanted, Telemetry.IsWanted(Settings(address)));

    [Theory]
    [InlineData("collector:4317")]
    [InlineData("/v1/metrics")]
    public void What_is_no_address_is_one_sentence(string address)
    {
        var refused = Assert.Throws<MeteringStartupException>(() => Telemetry.IsWanted(Settings(address)));
        Assert.Equal($"OTEL_EXPORTER_OTLP_ENDPOINT is '{address}'; allowed: the collector's address, such as http://localhost:4317.", refused.Message);
    }

    private static IConfiguration Settings(string? address) =>
        new ConfigurationBuilder().AddInMemoryCollection([new(Telemetry.Endpoint, address)]).Build();

    private IConfiguration Settings() => new ConfigurationBuilder().AddInMemoryCollection(
    [
        new(Telemetry.Endpoint, collector.Urls.First()), new("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
    ]).Build();

    /// <summary>The names in the queries of deploy/grafana's dashboard, as Prometheus has them.</summary>
    private static HashSet<string> DashboardMetrics()
    {
        using var dashboard = JsonDocument.Parse(File.ReadAllText(Path.Combine(Root(AppContext.BaseDirectory), "deploy", "grafana", "dashboards", "metering.json")));
        return dashboard.RootElement.GetProperty("panels").EnumerateArray()
            .SelectMany(panel => panel.GetProperty("targets").EnumerateArray())
            .SelectMany(target => MetricName().Matches(target.GetProperty("expr").GetString()!))
            .Select(match => match.Value)
            .ToHashSet();
    }

    private static string Root(string folder) => File.Exists(Path.Combine(folder, "Metering.sln"))
        ? folder
        : Root(Path.GetDirectoryName(folder) ?? throw new InvalidOperationException("The tests do not run inside the repository."));

    [GeneratedRegex("[a-z]+(_[a-z]+)+")]
    private static partial Regex MetricName();

    [GeneratedRegex("(metering|orleans)[a-z.-]+")]
    private static partial Regex InstrumentName();
}
