using Metering.Cluster;
using Metering.Engine;
using Metering.Gateway;
using Orleans.Dashboard;

namespace Metering.Silo;

/// <summary>The server as one of a cluster's silos: the same gateway over accounts that the cluster places.</summary>
internal static class MeteringSilo
{
    /// <summary>How long a stop may take: requests end, accounts are handed over, commits are awaited. Deployments wait a little longer before they kill.</summary>
    public static readonly TimeSpan ShutdownTime = TimeSpan.FromSeconds(40);

    public static readonly MeteringProgram Program = new()
    {
        Name = "Metering silo",
        Purpose = "A credit meter on a cluster: every account on one of its silos.",
        Project = "src/Metering.Silo",
        DefaultUrl = "http://127.0.0.1:5080",
        DefaultData = MeteringConfiguration.DefaultData,
        Settings = [SiloSettings.Section],
        OtherSettings = [Telemetry.Endpoint],
        ConfigureMeter = Configure,
        RequireStores = RequireOrleans,
        AddServices = AddServices,
        MapRoutes = MapDashboard,
        Introduce = (key, url) => $$"""
            curl -H "X-API-Key: {{key}}" {{url}}/v1/credits
            curl -H "X-API-Key: {{key}}" -H "Content-Type: application/json" -d '{"amount": 43}' {{url}}/v1/credits/deduct
            """,
    };

    private static void Configure(CreditMeteringOptions options, IConfigurationSection section)
    {
        var settings = SiloSettings.Read(section);
        options.UseOrleansSilo(
            silo =>
            {
                settings.Configure(silo);
                if (settings.DashboardKey is not null)
                {
                    silo.AddDashboard();
                }

                if (Telemetry.IsWanted(Telemetry.Environment))
                {
                    silo.AddActivityPropagation();
                }
            },
            cluster => cluster.WakeWindow = settings.WakeWindow);
    }

    private static void RequireOrleans(IConfigurationSection section)
    {
        if (SiloSettings.Read(section).Connection is { } connection)
        {
            // Here it is one sentence; from Orleans it would be a start that fails with whatever the database said.
            PostgreSqlMigration.RequireOrleans(connection);
        }
    }

    private static void AddServices(IServiceCollection services)
    {
        services.Configure<HostOptions>(static host => host.ShutdownTimeout = ShutdownTime);
        services.AddLogging(logging =>
        {
            // Its first look compares with the time at which the machine started, and warns of hours.
            logging.AddFilter("Orleans.Runtime.Watchdog", LogLevel.Error);

            // A snapshot that was not read or written is told by its grain, in a sentence.
            logging.AddFilter("Orleans.Storage", LogLevel.Critical);
        });
        if (Telemetry.IsWanted(Telemetry.Environment))
        {
            services.AddHostedService(provider => new Telemetry(Telemetry.Environment, provider.GetRequiredService<AccountEngine>()));
        }
    }

    private static void MapDashboard(WebApplication app)
    {
        if (SiloSettings.Read(app.Configuration.GetSection("Metering")).DashboardKey is not { } key)
        {
            return;
        }

        app.UseMiddleware<DashboardLogin>(key);
        app.MapOrleansDashboard(DashboardLogin.Path);
    }
}
