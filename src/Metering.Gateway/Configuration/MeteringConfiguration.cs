using Metering.Engine;
using Microsoft.Extensions.Configuration;

namespace Metering.Gateway;

/// <summary>Reads the section <c>Metering</c> of a host's configuration. Unknown settings are errors, so that a mistyped one is not lost.</summary>
public static class MeteringConfiguration
{
    /// <summary>The folder of the ledger where none is configured.</summary>
    public const string DefaultData = "metering-data";

    private const string SqliteStore = "sqlite";
    private const string MemoryStore = "memory";
    private const string PostgreSqlStore = "postgres";
    private const int MaxPrefix = 16;

    private static readonly string[] Known =
    [
        "Data", "Store", "Connection", "PostgreSql", "QueueCapacity", "MaxBatch", "MemoryBudgetBytes", "SnapshotInterval", "GraceDays", "MaxBacklogBytes",
        "MaxBacklogEntries", "Due", "ApiKeys", "Admin", "RateLimits", "Products", "Plans", "Payments", "Settings", "Suggestions",
    ];

    /// <summary>
    /// Sets the store, the limits and the catalogue: <c>Data</c> (a folder, made where it is missing; default <c>metering-data</c>),
    /// <c>Store</c> (<c>sqlite</c>, <c>postgres</c>, or <c>memory</c> for trying out: it forgets everything), <c>Connection</c> (PostgreSQL's
    /// connection string), <c>PostgreSql</c> (<see cref="PostgreSqlStoreOptions"/>), <c>QueueCapacity</c>, <c>MaxBatch</c>,
    /// <c>MemoryBudgetBytes</c>, <c>SnapshotInterval</c>, <c>GraceDays</c>, <c>MaxBacklogBytes</c> and <c>MaxBacklogEntries</c> (of <see cref="SqliteLedgerOptions"/>),
    /// <c>Due</c> (<see cref="DueQueueOptions"/>), <c>Products</c> and <c>Plans</c>.
    /// </summary>
    /// <param name="options">The meter's options.</param>
    /// <param name="section">The section <c>Metering</c>.</param>
    /// <param name="migrating">Told how far the migration of an older ledger is; null for nobody.</param>
    /// <param name="others">Settings of the section that somebody else reads.</param>
    /// <exception cref="MeteringStartupException">A setting is wrong; the message names it, its value and what is allowed.</exception>
    public static void ReadConfiguration(
        this CreditMeteringOptions options, IConfigurationSection section, Action<LedgerMigrationProgress>? migrating = null, IReadOnlyList<string>? others = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        var settings = new SettingReader(section);
        settings.AllowOnly([.. Known, .. others ?? []]);
        options.QueueCapacity = (int)settings.ReadNumber(nameof(options.QueueCapacity), 1, 1_000_000, options.QueueCapacity);
        options.MaxBatch = (int)settings.ReadNumber(nameof(options.MaxBatch), 1, 100_000, options.MaxBatch);
        options.MemoryBudgetBytes = settings.ReadNumber(nameof(options.MemoryBudgetBytes), 1L << 20, long.MaxValue, options.MemoryBudgetBytes);
        options.SnapshotInterval = (int)settings.ReadNumber(nameof(options.SnapshotInterval), 100, 1_000_000, options.SnapshotInterval);
        options.GraceDays = (int)settings.ReadNumber(nameof(options.GraceDays), 0, CreditMeteringOptions.MaxGraceDays, options.GraceDays);
        ReadDue(options.Due, section);
        options.Catalogue = CatalogueReader.Read(section, options.Catalogue);
        UseStore(options, section, migrating);
    }

    private static void UseStore(CreditMeteringOptions options, IConfigurationSection section, Action<LedgerMigrationProgress>? migrating)
    {
        // Read whatever the store: a wrong limit is told today and not on the day on which the store is changed.
        var (path, sqlite, postgreSql) = (DatabasePath(section), ReadSqlite(new(section), migrating), new PostgreSqlStoreOptions());
        ReadPostgreSql(postgreSql, section);
        switch (ReadStore(section))
        {
            case MemoryStore:
                options.UseMemory();
                break;
            case PostgreSqlStore:
                options.UsePostgreSql(ReadConnection(section), store => ReadPostgreSql(store, section));
                break;
            default:
                options.UseSqlite(path, sqlite);
                break;
        }
    }

    /// <summary>The PostgreSQL connection string where PostgreSQL is the configured store, else null.</summary>
    /// <param name="section">The section <c>Metering</c>.</param>
    /// <exception cref="MeteringStartupException">The store is unknown, or has no connection string or one too many.</exception>
    public static string? PostgreSqlConnection(IConfigurationSection section)
    {
        ArgumentNullException.ThrowIfNull(section);
        return ReadStore(section) == PostgreSqlStore ? ReadConnection(section) : null;
    }

    /// <summary>The ledger's file: <c>metering.db</c> in the folder <c>Metering:Data</c>.</summary>
    /// <param name="section">The section <c>Metering</c>.</param>
    /// <exception cref="MeteringStartupException">The setting is empty.</exception>
    public static string DatabasePath(IConfigurationSection section)
    {
        ArgumentNullException.ThrowIfNull(section);
        return Path.Combine(new SettingReader(section).ReadText("Data", DefaultData), "metering.db");
    }

    private static string ReadStore(IConfigurationSection section)
    {
        var settings = new SettingReader(section);
        var store = settings.ReadChoice("Store", [SqliteStore, PostgreSqlStore, MemoryStore], SqliteStore);
        return store == PostgreSqlStore || !settings.Has("Connection")
            ? store
            : throw new MeteringStartupException(
                $"{section.Path}:Connection is set, but {section.Path}:Store is {store}; set it to {PostgreSqlStore} (--store {PostgreSqlStore}), or remove the connection.");
    }

    private static string ReadConnection(IConfigurationSection section) => section["Connection"] is { Length: > 0 } connection
        ? connection
        : throw new MeteringStartupException(
            $"{section.Path}:Store is {PostgreSqlStore}, but {section.Path}:Connection is not set; set it or --connection, for example \"Host=localhost;Username=metering;Password=…;Database=metering\".");

    private static SqliteLedgerOptions ReadSqlite(SettingReader settings, Action<LedgerMigrationProgress>? migrating)
    {
        var ledger = new SqliteLedgerOptions { Migrating = migrating };
        ledger.MaxBacklogBytes = settings.ReadNumber(
            nameof(ledger.MaxBacklogBytes), SqliteLedgerOptions.LeastBacklogBytes, SqliteLedgerOptions.MostBacklogBytes, ledger.MaxBacklogBytes);
        ledger.MaxBacklogEntries = settings.ReadNumber(
            nameof(ledger.MaxBacklogEntries), SqliteLedgerOptions.LeastBacklogEntries, SqliteLedgerOptions.MostBacklogEntries, ledger.MaxBacklogEntries);
        return ledger;
    }

    private static void ReadDue(DueQueueOptions options, IConfigurationSection section)
    {
        var settings = new SettingReader(section.GetSection("Due"));
        settings.AllowOnly(["Enabled", "WindowSeconds", nameof(options.MaxPerSecond), "IntervalSeconds"]);
        options.IsEnabled = settings.ReadFlag("Enabled", options.IsEnabled);
        options.Window = TimeSpan.FromSeconds(settings.ReadNumber("WindowSeconds", 0, 86_400, (long)options.Window.TotalSeconds));
        options.MaxPerSecond = (int)settings.ReadNumber(nameof(options.MaxPerSecond), 0, 1_000_000, options.MaxPerSecond);
        options.Interval = TimeSpan.FromSeconds(settings.ReadNumber("IntervalSeconds", 1, 3_600, (long)options.Interval.TotalSeconds));
    }

    private static void ReadPostgreSql(PostgreSqlStoreOptions options, IConfigurationSection section)
    {
        var settings = new SettingReader(section.GetSection("PostgreSql"));
        settings.AllowOnly([nameof(options.CommandTimeoutSeconds), nameof(options.ConnectTimeoutSeconds), nameof(options.MaxReaders), nameof(options.MigrateAtStart)]);
        options.CommandTimeoutSeconds = (int)settings.ReadNumber(nameof(options.CommandTimeoutSeconds), 1, 300, options.CommandTimeoutSeconds);
        options.ConnectTimeoutSeconds = (int)settings.ReadNumber(nameof(options.ConnectTimeoutSeconds), 1, 300, options.ConnectTimeoutSeconds);
        options.MaxReaders = (int)settings.ReadNumber(nameof(options.MaxReaders), 1, 1_000, options.MaxReaders);
        options.MigrateAtStart = settings.ReadFlag(nameof(options.MigrateAtStart), options.MigrateAtStart);
    }

    /// <summary>Reads what the gateway itself needs.</summary>
    internal static MeteringGatewayOptions ReadGatewayOptions(IConfiguration? configuration)
    {
        return configuration is null
            ? new()
            : new()
            {
                KeyPrefixes = ReadPrefixes(configuration.GetSection("ApiKeys")),
                AdminKeyHash = ReadAdminKeyHash(configuration.GetSection("Admin")),
                RateLimits = ReadMode(configuration.GetSection("RateLimits")),
            };
    }

    private static RateLimitMode ReadMode(IConfigurationSection section)
    {
        const string Report = "report";
        var settings = new SettingReader(section);
        settings.AllowOnly(["Mode"]);
        return settings.ReadChoice("Mode", ["enforce", Report], "enforce") == Report ? RateLimitMode.Report : RateLimitMode.Enforce;
    }

    private static IReadOnlyList<string> ReadPrefixes(IConfigurationSection section)
    {
        var settings = new SettingReader(section);
        settings.AllowOnly(["Prefixes"]);
        var prefixes = settings.ReadSections("Prefixes", "a list of texts").ToArray();
        foreach (var prefix in prefixes)
        {
            if (prefix.Value is not { Length: > 0 and <= MaxPrefix } text || text.Any(character => !char.IsAsciiLetterOrDigit(character) && character is not ('_' or '-')))
            {
                throw SettingReader.Error(prefix, $"1 to {MaxPrefix} characters of A-Z a-z 0-9 _ -");
            }
        }

        if (prefixes.Length > 0 && !prefixes.Any(prefix => prefix.Value == ApiKeys.DefaultPrefix))
        {
            throw new MeteringStartupException($"{section.Path}:Prefixes must hold {ApiKeys.DefaultPrefix}, the prefix of new keys.");
        }

        return prefixes.Length == 0 ? new MeteringGatewayOptions().KeyPrefixes : [.. prefixes.Select(prefix => prefix.Value!)];
    }

    private static ReadOnlyMemory<byte>? ReadAdminKeyHash(IConfigurationSection section)
    {
        var hash = section["KeyHash"];
        if (!section.Exists())
        {
            return null;
        }

        if (section.GetChildren().FirstOrDefault(setting => !string.Equals(setting.Key, "KeyHash", StringComparison.OrdinalIgnoreCase)) is { } unknown)
        {
            throw new MeteringStartupException($"{unknown.Path} is not a setting; {section.Path} knows KeyHash.");
        }

        // Not repeated: what stands there by mistake may be the key.
        return hash is { Length: 64 } && hash.All(char.IsAsciiHexDigit)
            ? Convert.FromHexString(hash)
            : throw new MeteringStartupException(
                $"{section.Path}:KeyHash is not the SHA-256 of a key, which has 64 hex digits; printf %s KEY | sha256sum makes it, for a key of {ApiKeys.DefaultPrefix} and 64 random lowercase hex digits.");
    }
}
