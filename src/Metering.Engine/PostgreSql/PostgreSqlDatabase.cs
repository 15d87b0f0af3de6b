using System.Globalization;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Metering.Engine;

/// <summary>Opens a database for the stores: checks all that can be wrong with it, in one sentence each, and brings the schema up to date.</summary>
internal static class PostgreSqlDatabase
{
    private const int OldestServer = 15;

    // An append, a snapshot, and two that end writers whose answers were lost.
    private const int WriterConnections = 4;

    /// <summary>How the setting is called in messages.</summary>
    private const string Setting = "the connection string (Metering:Connection, --connection)";

    /// <summary>
    /// Opens a database with this build's schema, for as many connections as the options say; what the connection string says of them is
    /// not heard, because each store has pools of its own.
    /// </summary>
    /// <exception cref="MeteringStartupException">A setting or the database is not usable; the message says which and what mends it.</exception>
    public static NpgsqlDataSource Open(string connectionString, PostgreSqlStoreOptions options, ILogger logger)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        var settings = Parse(connectionString, options);
        var source = NpgsqlDataSource.Create(settings);
        try
        {
            using var connection = source.OpenConnection();
            Prepare(connection, settings, options, logger);
            return source;
        }
        catch (Exception error) when (PostgreSqlFailure.IsOfServer(error))
        {
            source.Dispose();
            throw new MeteringStartupException(Sentence(error, settings, PostgreSqlSchema.Ledger), error);
        }
        catch
        {
            source.Dispose();
            throw;
        }
    }

    /// <summary>The version of a database's schema, whatever it is; 0 where it has none. Changes nothing.</summary>
    /// <exception cref="MeteringStartupException">The database cannot be reached; the message says why and what mends it.</exception>
    public static int ReadSchemaVersion(string connectionString, PostgreSqlStoreOptions options) =>
        Connect(connectionString, PostgreSqlSchema.Ledger, options, (connection, _) => PostgreSqlSchema.Ledger.Read(connection));

    /// <summary>Makes a cluster's tables or brings them up to date.</summary>
    /// <returns>The schema's version before; 0 for none.</returns>
    /// <exception cref="MeteringStartupException">The database cannot be used; the message says why and what mends it.</exception>
    public static int MigrateOrleans(string connectionString) => OpenOrleans(connectionString, new() { MigrateAtStart = true });

    /// <summary>Looks whether a cluster's tables are there, at this build's version, and may be used. Changes nothing.</summary>
    /// <exception cref="MeteringStartupException">They cannot be used; the message says why and what mends it.</exception>
    public static void RequireOrleans(string connectionString) => OpenOrleans(connectionString, new() { MigrateAtStart = false });

    /// <summary>A second, smaller pool for writing, so that readers never keep a commit waiting for a connection.</summary>
    public static NpgsqlDataSource OpenWriter(string connectionString, PostgreSqlStoreOptions options)
    {
        var settings = Parse(connectionString, options);
        settings.MaxPoolSize = WriterConnections;
        return NpgsqlDataSource.Create(settings);
    }

    private static NpgsqlConnectionStringBuilder Parse(string connectionString, PostgreSqlStoreOptions options)
    {
        NpgsqlConnectionStringBuilder settings;
        try
        {
            settings = new(connectionString);
        }
        catch (Exception error) when (error is ArgumentException or FormatException or KeyNotFoundException)
        {
            // Not what was wrong with it: that could be a piece of the password.
            throw new MeteringStartupException(
                $"{Capital(Setting)} has a part that is no setting of PostgreSQL's; an example is \"Host=localhost;Username=metering;Password=…;Database=metering\".");
        }

        if (string.IsNullOrEmpty(settings.Host))
        {
            throw new MeteringStartupException($"{Capital(Setting)} names no Host; an example is \"Host=localhost;Username=metering;Password=…;Database=metering\".");
        }

        // A pooler gives a connection for one transaction at a time: nothing may be left on one, and nothing prepared or reset.
        settings.NoResetOnClose = true;
        settings.MaxAutoPrepare = 0;
        settings.Enlist = false;
        settings.Multiplexing = false;
        settings.ApplicationName ??= "metering";
        settings.Timeout = options.ConnectTimeoutSeconds;
        settings.CommandTimeout = options.CommandTimeoutSeconds;
        settings.MaxPoolSize = options.MaxReaders;
        settings.MinPoolSize = 0;
        return settings;
    }

    private static int OpenOrleans(string connectionString, PostgreSqlStoreOptions options) => Connect(
        connectionString, PostgreSqlSchema.Orleans, options, (connection, settings) => PrepareOrleans(connection, settings, options));

    private static int Connect(
        string connectionString, PostgreSqlSchema schema, PostgreSqlStoreOptions options, Func<NpgsqlConnection, NpgsqlConnectionStringBuilder, int> use)
    {
        var settings = Parse(connectionString, options);
        try
        {
            using var source = NpgsqlDataSource.Create(settings);
            using var connection = source.OpenConnection();
            return use(connection, settings);
        }
        catch (Exception error) when (PostgreSqlFailure.IsOfServer(error))
        {
            throw new MeteringStartupException(Sentence(error, settings, schema), error);
        }
    }

    private static void Prepare(NpgsqlConnection connection, NpgsqlConnectionStringBuilder settings, PostgreSqlStoreOptions options, ILogger logger)
    {
        RequireWritableServer(connection, settings);
        var before = BringUpToDate(connection, settings, PostgreSqlSchema.Ledger, options);
        if (before is > 0 && before < PostgreSqlSchema.Ledger.Version)
        {
            logger.LogWarning("The schema metering in {Database} was brought from version {Before} to {After}.", Name(settings), before, PostgreSqlSchema.Ledger.Version);
        }

        if (!Ask(connection, "SELECT has_table_privilege('metering.heads', 'INSERT') AND has_table_privilege('metering.pages', 'INSERT') AND has_table_privilege('metering.writers', 'DELETE')"))
        {
            throw MayNotWrite(settings, PostgreSqlSchema.Ledger);
        }
    }

    private static int PrepareOrleans(NpgsqlConnection connection, NpgsqlConnectionStringBuilder settings, PostgreSqlStoreOptions options)
    {
        RequireWritableServer(connection, settings);
        var before = BringUpToDate(connection, settings, PostgreSqlSchema.Orleans, options);
        if (!Ask(connection, "SELECT coalesce(to_regclass('OrleansQuery') = to_regclass('public.OrleansQuery'), false)"))
        {
            throw new MeteringStartupException(
                $"OrleansQuery in {Name(settings)} is not the one of {PostgreSqlSchema.Orleans.Command}; let public stand in the search path of {User(settings)} before any schema with a table of that name.");
        }

        if (!Ask(connection, "SELECT has_table_privilege('orleans.silos', 'INSERT') AND has_table_privilege('orleans.grain_states', 'UPDATE') AND has_table_privilege('orleans.reminders', 'DELETE')"))
        {
            throw MayNotWrite(settings, PostgreSqlSchema.Orleans);
        }

        return before;
    }

    private static void RequireWritableServer(NpgsqlConnection connection, NpgsqlConnectionStringBuilder settings)
    {
        var database = Name(settings);
        if (connection.PostgreSqlVersion.Major < OldestServer)
        {
            throw new MeteringStartupException(
                $"{database} runs on PostgreSQL {connection.PostgreSqlVersion}; {OldestServer} or later is needed. Upgrade the server (pg_upgrade), or name another one in {Setting}.");
        }

        // In a transaction, which a pooler for single statements refuses: better here than when the first entries are archived.
        using (connection.BeginTransaction())
        {
            if (Ask(connection, "SELECT pg_is_in_recovery()"))
            {
                throw new MeteringStartupException(
                    $"{database} is a read-only replica; name the primary server in {Setting}, or several hosts with Target Session Attributes=primary.");
            }
        }

        if (Ask(connection, "SELECT current_setting('transaction_read_only') = 'on'"))
        {
            throw new MeteringStartupException(
                $"{database} is set to read-only; allow writing with: ALTER DATABASE \"{connection.Database}\" SET default_transaction_read_only = off (or the same of ROLE).");
        }
    }

    /// <returns>The version before.</returns>
    private static int BringUpToDate(NpgsqlConnection connection, NpgsqlConnectionStringBuilder settings, PostgreSqlSchema schema, PostgreSqlStoreOptions options)
    {
        var before = schema.Read(connection);
        if (before < schema.Version)
        {
            before = Migrate(connection, Name(settings), before, schema, options);
        }

        return before <= schema.Version
            ? before
            : throw new MeteringStartupException(
                $"The schema {schema.Name} in {Name(settings)} was made by a newer version (schema {before}; this build knows {schema.Version}). Start the newer version.");
    }

    private static int Migrate(NpgsqlConnection connection, string database, int version, PostgreSqlSchema schema, PostgreSqlStoreOptions options)
    {
        var state = version == 0
            ? $"has no schema {schema.Name} (this build needs schema {schema.Version})"
            : $"has an older schema {schema.Name} ({version}; this build needs {schema.Version})";
        if (!options.MigrateAtStart)
        {
            var atStart = schema == PostgreSqlSchema.Ledger ? ", or start the server with MigrateAtStart" : string.Empty;
            throw new MeteringStartupException($"{Capital(database)} {state}; run {schema.Command}{atStart}.");
        }

        try
        {
            return schema.Migrate(connection);
        }
        catch (PostgresException error) when (error.SqlState == PostgresErrorCodes.InsufficientPrivilege)
        {
            var inPublic = schema == PostgreSqlSchema.Orleans ? " and GRANT CREATE ON SCHEMA public" : string.Empty;
            throw new MeteringStartupException(
                $"{Capital(database)} {state}, and this user may not change it ({error.MessageText}); run {schema.Command} as the database's owner, or: GRANT CREATE ON DATABASE \"{connection.Database}\"{inPublic}.",
                error);
        }
        catch (PostgresException error) when (schema == PostgreSqlSchema.Orleans && error.SqlState == PostgresErrorCodes.DuplicateTable)
        {
            throw new MeteringStartupException(
                $"{Capital(database)} has tables of Orleans that something else made ({error.MessageText}); give the silos a database of their own (Metering:Cluster:Connection), or remove those.",
                error);
        }
    }

    private static MeteringStartupException MayNotWrite(NpgsqlConnectionStringBuilder settings, PostgreSqlSchema schema) => new(
        $"{User(settings)} may not write in the schema {schema.Name} of {Name(settings)}; as its owner run: GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema.Name} TO {settings.Username}.");

    private static bool Ask(NpgsqlConnection connection, string sql)
    {
        using var command = new NpgsqlCommand(sql, connection);
        return command.ExecuteScalar() is true;
    }

    private static string Sentence(Exception error, NpgsqlConnectionStringBuilder settings, PostgreSqlSchema schema) => error switch
    {
        PostgresException { SqlState: PostgresErrorCodes.InvalidCatalogName } =>
            $"There is no {Name(settings)}; make it with: createdb -h {settings.Host} -p {settings.Port} -U {settings.Username} {settings.Database ?? settings.Username}.",
        PostgresException { SqlState: PostgresErrorCodes.InvalidPassword or PostgresErrorCodes.InvalidAuthorizationSpecification } refused =>
            $"{Server(settings)} does not let {User(settings)} in ({refused.MessageText}); check Username and Password in {Setting}, and pg_hba.conf on the server.",
        PostgresException { SqlState: PostgresErrorCodes.InsufficientPrivilege } denied =>
            $"{User(settings)} has no rights in {Name(settings)} ({denied.MessageText}); run {schema.Command} as the database's owner and grant that user the schema {schema.Name}.",
        PostgresException { MessageText: var text } when text.Contains("statement pooling", StringComparison.Ordinal) =>
            $"The pooler at {settings.Host}:{settings.Port} gives a connection for one statement only; set its pool_mode to transaction.",
        PostgresException other => $"{Name(settings)} refused the start: {other.MessageText} (SQLSTATE {other.SqlState}).",
        _ when error is TimeoutException || error.InnerException is SocketException or TimeoutException or IOException =>
            $"{Server(settings)} does not answer ({(error.InnerException ?? error).Message.TrimEnd('.')}); check Host and Port in {Setting}, and that the server runs.",
        _ => $"{Server(settings)} cannot be used: {PostgreSqlFailure.Describe(error)} Check {Setting}.",
    };

    private static string Server(NpgsqlConnectionStringBuilder settings) =>
        string.Create(CultureInfo.InvariantCulture, $"PostgreSQL at {settings.Host}:{settings.Port}");

    private static string Name(NpgsqlConnectionStringBuilder settings) =>
        string.Create(CultureInfo.InvariantCulture, $"database \"{settings.Database ?? settings.Username}\" at {settings.Host}:{settings.Port}");

    private static string User(NpgsqlConnectionStringBuilder settings) => $"User \"{settings.Username}\"";

    private static string Capital(string sentence) => string.Concat(char.ToUpperInvariant(sentence[0]).ToString(), sentence.AsSpan(1));
}
