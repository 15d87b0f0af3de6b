using System.Net;
using Metering.Cluster;
using Metering.Engine;
using Metering.Gateway;
using Npgsql;
using Orleans.Configuration;
using Orleans.Storage;

namespace Metering.Silo;

/// <summary>The section <c>Metering:Cluster</c>.</summary>
internal sealed record SiloSettings
{
    public const string Section = "Cluster";

    private const string Localhost = "localhost";
    private const string PostgreSql = "postgres";
    private const string Invariant = "Npgsql";
    private const int MinDashboardKey = 16;

    private static readonly string[] Known =
        ["Clustering", "Connection", "ClusterId", "ServiceId", "Address", "SiloPort", "GatewayPort", "DashboardKey", "WakeWindowMinutes"];

    /// <summary>
    /// The database of Orleans' own tables (<c>Connection</c>, default the ledger's); null for a cluster of this silo alone, which keeps its
    /// membership and reminders in memory, and snapshots in the ledger.
    /// </summary>
    public string? Connection { get; init; }

    /// <summary>Silos with the same id are one cluster; default <c>metering</c>.</summary>
    public required string ClusterId { get; init; }

    /// <summary>Names the service across clusters: its reminders and snapshots; default <c>metering</c>.</summary>
    public required string ServiceId { get; init; }

    /// <summary>The address that other silos and clients reach this one at; null for the machine's own, or loopback on localhost.</summary>
    public IPAddress? Address { get; init; }

    /// <summary>The port for other silos; default 11111.</summary>
    public int SiloPort { get; init; }

    /// <summary>The port for Orleans clients; default 30000.</summary>
    public int GatewayPort { get; init; }

    /// <summary>The password of the Orleans dashboard, 16 characters or more; null for no dashboard.</summary>
    public string? DashboardKey { get; init; }

    /// <summary>See <see cref="MeteringClusterOptions.WakeWindow"/>.</summary>
    public TimeSpan WakeWindow { get; init; }

    /// <summary>Reads the settings.</summary>
    /// <param name="metering">The section <c>Metering</c>.</param>
    /// <exception cref="MeteringStartupException">A setting is wrong; the message names it, its value and what is allowed.</exception>
    public static SiloSettings Read(IConfigurationSection metering)
    {
        var section = metering.GetSection(Section);
        var settings = new SettingReader(section);
        settings.AllowOnly(Known);
        var isShared = settings.ReadChoice("Clustering", [Localhost, PostgreSql], Localhost) == PostgreSql;
        var ledger = MeteringConfiguration.PostgreSqlConnection(metering);
        if (isShared && ledger is null)
        {
            throw new MeteringStartupException(
                $"{section.Path}:Clustering is {PostgreSql}, but {metering.Path}:Store is not: silos of one cluster share one ledger, which only {PostgreSql} can be.");
        }

        var key = settings.ReadOptionalText("DashboardKey", null);
        if (key is { Length: < MinDashboardKey })
        {
            throw new MeteringStartupException($"{section.Path}:DashboardKey has {key.Length} characters; {MinDashboardKey} or more are needed.");
        }

        var address = settings.ReadOptionalText("Address", null);
        return new()
        {
            Connection = isShared ? Bound(settings.ReadText("Connection", ledger!)) : null,
            ClusterId = settings.ReadText("ClusterId", "metering"),
            ServiceId = settings.ReadText("ServiceId", "metering"),
            Address = address is null ? null : IPAddress.TryParse(address, out var parsed) ? parsed : throw SettingReader.Error(section.GetSection("Address"), "an IP address"),
            SiloPort = (int)settings.ReadNumber("SiloPort", 1, 65_535, EndpointOptions.DEFAULT_SILO_PORT),
            GatewayPort = (int)settings.ReadNumber("GatewayPort", 1, 65_535, EndpointOptions.DEFAULT_GATEWAY_PORT),
            DashboardKey = key,
            WakeWindow = TimeSpan.FromMinutes(settings.ReadNumber("WakeWindowMinutes", 0, 24 * 60, 60)),
        };
    }

    /// <summary>
    /// Orleans opens a connection for each of its statements. When a silo takes over thousands of accounts at once, they wait for these few
    /// instead of using up the database's; a connection string that says otherwise stands.
    /// </summary>
    private static string Bound(string connection)
    {
        try
        {
            var builder = new NpgsqlConnectionStringBuilder(connection);
            if (!builder.ShouldSerialize("Maximum Pool Size"))
            {
                builder.MaxPoolSize = 16;
            }

            builder.ApplicationName ??= "metering-orleans";
            return builder.ConnectionString;
        }
        catch (ArgumentException)
        {
            // The store, which reads the same, says what is wrong with it.
            return connection;
        }
    }

    /// <summary>Sets a silo up.</summary>
    public void Configure(ISiloBuilder silo)
    {
        if (Connection is null)
        {
            silo.UseLocalhostClustering(SiloPort, GatewayPort, serviceId: ServiceId, clusterId: ClusterId);
            silo.UseInMemoryReminderService();
            return;
        }

        silo.Configure<ClusterOptions>(cluster => (cluster.ClusterId, cluster.ServiceId) = (ClusterId, ServiceId));
        silo.Configure<EndpointOptions>(endpoint =>
        {
            (endpoint.SiloPort, endpoint.GatewayPort) = (SiloPort, GatewayPort);
            if (Address is not null)
            {
                endpoint.AdvertisedIPAddress = Address;
                endpoint.SiloListeningEndpoint = new(IPAddress.IsLoopback(Address) ? Address : IPAddress.Any, SiloPort);
                endpoint.GatewayListeningEndpoint = new(IPAddress.IsLoopback(Address) ? Address : IPAddress.Any, GatewayPort);
            }
        });
        silo.UseAdoNetClustering(clustering => (clustering.Invariant, clustering.ConnectionString) = (Invariant, Connection));
        silo.UseAdoNetReminderService(reminders => (reminders.Invariant, reminders.ConnectionString) = (Invariant, Connection));
        silo.AddAdoNetGrainStorage(AccountHosting.StorageName, (Microsoft.Extensions.Options.OptionsBuilder<AdoNetGrainStorageOptions> builder) =>
            builder.Configure<IServiceProvider>((storage, services) =>
            {
                (storage.Invariant, storage.ConnectionString) = (Invariant, Connection);

                // Snapshots are bytes: as JSON they would be a third longer.
                storage.GrainStorageSerializer = ActivatorUtilities.CreateInstance<OrleansGrainStorageSerializer>(services);
            }));
    }
}
