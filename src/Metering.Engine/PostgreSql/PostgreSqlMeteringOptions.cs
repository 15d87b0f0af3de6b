using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Metering.Engine;

/// <summary>How the PostgreSQL stores behave. What is not here (TLS, pool size, several hosts) is said in the connection string.</summary>
public sealed class PostgreSqlStoreOptions
{
    /// <summary>
    /// How long a statement may take, 1 to 300 seconds; default 15. Beyond it the call ends, and an append's outcome is looked up. Shorter
    /// gives up on a server under strain; longer keeps callers waiting for one that hangs.
    /// </summary>
    public int CommandTimeoutSeconds { get; set; } = 15;

    /// <summary>How long a new connection may take, 1 to 300 seconds; default 5, for the same reasons.</summary>
    public int ConnectTimeoutSeconds { get; set; } = 5;

    /// <summary>
    /// Connections that reads of the ledger may hold at once, 1 to 1,000; default 16; as many again for the directory, and up to 4 for
    /// writing. Fewer let reads wait in line under load, more take server processes; the sum over all processes must fit max_connections.
    /// </summary>
    public int MaxReaders { get; set; } = 16;

    /// <summary>
    /// True makes the schema, or brings an older one to this build's, at the start, where the user may; default true. False leaves that to
    /// <c>metering migrate</c>, and a start on another schema ends with a sentence.
    /// </summary>
    public bool MigrateAtStart { get; set; } = true;

    /// <summary>Checks every setting.</summary>
    /// <exception cref="MeteringStartupException">A setting is out of range; the message names it, its value and what is allowed.</exception>
    internal void Validate()
    {
        Check(nameof(CommandTimeoutSeconds), CommandTimeoutSeconds, 300);
        Check(nameof(ConnectTimeoutSeconds), ConnectTimeoutSeconds, 300);
        Check(nameof(MaxReaders), MaxReaders, 1_000);
    }

    private static void Check(string setting, int value, int max)
    {
        if (value < 1 || value > max)
        {
            throw new MeteringStartupException($"{setting} is {value}; 1 to {max} are allowed.");
        }
    }
}

/// <summary>Chooses PostgreSQL as the store.</summary>
public static class PostgreSqlMeteringOptions
{
    /// <summary>
    /// Keeps ledger and directory in a PostgreSQL database, version 15 or later, in its schema <c>metering</c>. Several processes may share
    /// it. It works through a pooler that gives a connection for one transaction at a time.
    /// </summary>
    /// <param name="options">The options.</param>
    /// <param name="connectionString">As Npgsql reads it, for example <c>Host=localhost;Username=metering;Database=metering</c>.</param>
    /// <param name="configure">Sets what is not in the connection string; null for the defaults.</param>
    /// <returns>The options.</returns>
    public static CreditMeteringOptions UsePostgreSql(
        this CreditMeteringOptions options, string connectionString, Action<PostgreSqlStoreOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        var settings = new PostgreSqlStoreOptions();
        configure?.Invoke(settings);
        options.LedgerStoreFactory = services => PostgreSqlLedgerStore.Open(connectionString, settings, Logger(services));
        options.DirectoryStoreFactory = services => PostgreSqlDirectoryStore.Open(connectionString, settings, Logger(services));
        return options;
    }

    private static ILogger Logger(IServiceProvider? services) =>
        services?.GetService<ILoggerFactory>()?.CreateLogger("Metering.PostgreSql") ?? NullLogger.Instance;
}
