using System.Diagnostics.Metrics;
using Metering.Cluster;
using Metering.Engine;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace Metering.Silo;

/// <summary>
/// Sends meters and traces of this silo, of Orleans, of the web server and of PostgreSQL's driver to an OpenTelemetry collector, as OpenTelemetry's
/// own environment variables say. Without <see cref="Endpoint"/> nothing listens to them, and they cost nothing.
/// </summary>
internal sealed class Telemetry(IConfiguration settings, AccountEngine engine) : IHostedService, IDisposable
{
    /// <summary>The variable that switches it on: the collector's address.</summary>
    public const string Endpoint = "OTEL_EXPORTER_OTLP_ENDPOINT";

    /// <summary>The name of this project's meter.</summary>
    public const string MeterName = "Metering";

    private const string Sampler = "OTEL_TRACES_SAMPLER";
    private const string ServiceName = "OTEL_SERVICE_NAME";
    private const string DefaultService = "metering-silo";

    // Every trace of a busy silo would cost more than its calls.
    private const double DefaultSampling = 0.01;

    private static readonly string[] Meters =
        [MeterName, "Microsoft.Orleans", "Microsoft.AspNetCore.Hosting", "Microsoft.AspNetCore.Server.Kestrel", "Npgsql", "System.Runtime"];

    private static readonly string[] Sources = ["Microsoft.Orleans.*", "Microsoft.AspNetCore", "Npgsql"];

    private Meter? meter;
    private MeterProvider? metrics;
    private TracerProvider? traces;

    /// <summary>OpenTelemetry's variables, from the environment alone, as its specification has it.</summary>
    public static IConfiguration Environment { get; } = new ConfigurationBuilder().AddEnvironmentVariables().Build();

    /// <summary>Whether telemetry is to be sent.</summary>
    /// <exception cref="MeteringStartupException">The collector's address is none.</exception>
    public static bool IsWanted(IConfiguration settings)
    {
        if (settings[Endpoint] is not { Length: > 0 } address)
        {
            return false;
        }

        return Uri.TryCreate(address, UriKind.Absolute, out var uri) && (uri.Scheme == Uri.UriSchemeHttp || uri.Scheme == Uri.UriSchemeHttps)
            ? true
            : throw new MeteringStartupException($"{Endpoint} is '{address}'; allowed: the collector's address, such as http://localhost:4317.");
    }

    /// <inheritdoc />
    public Task StartAsync(CancellationToken cancellationToken)
    {
        meter = new(MeterName);
        meter.CreateObservableGauge("metering.accounts.active", () => engine.Meter.ActiveAccounts, "{account}", "Accounts in this silo's memory.");
        meter.CreateObservableGauge("metering.queue.depth", () => engine.Meter.QueueDepth, "{call}", "Calls that are decided and wait for their commit.");
        metrics = Sdk.CreateMeterProviderBuilder()
            .ConfigureServices(Configure)
            .ConfigureResource(Describe)
            .AddMeter(Meters)
            .AddOtlpExporter()
            .Build();

        var tracing = Sdk.CreateTracerProviderBuilder()
            .ConfigureServices(Configure)
            .ConfigureResource(Describe)
            .AddSource(Sources)
            .AddOtlpExporter();
        if (settings[Sampler] is null)
        {
            tracing.SetSampler(new ParentBasedSampler(new TraceIdRatioBasedSampler(DefaultSampling)));
        }

        traces = tracing.Build();
        return Task.CompletedTask;
    }

    /// <inheritdoc />
    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask; // What the silo does while it stops is of interest too.

    /// <summary>Sends what is left, for five seconds at most.</summary>
    public void Dispose()
    {
        metrics?.Dispose();
        traces?.Dispose();
        meter?.Dispose();
    }

    private void Configure(IServiceCollection services) => services.AddSingleton(settings);

    private void Describe(ResourceBuilder resource)
    {
        // Not added where the environment names the service: what is added later wins.
        if (settings[ServiceName] is null)
        {
            resource.AddService(DefaultService, serviceInstanceId: $"{System.Environment.MachineName}:{System.Environment.ProcessId}");
        }
    }
}
