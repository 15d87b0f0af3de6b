using System.Globalization;
using System.Reflection;
using Npgsql;

namespace Metering.Engine;

/// <summary>The numbered scripts that make and change one schema, and the version that a database is at.</summary>
internal sealed class PostgreSqlSchema
{
    // Any number will do that nobody else locks: "MTMIGRAT" in ASCII.
    private const long MigrationLock = 0x4D544D4947524154;

    private readonly string[] scripts;

    private PostgreSqlSchema(string name, string folder, string command)
    {
        Name = name;
        Command = command;
        scripts = [.. Assembly.GetExecutingAssembly().GetManifestResourceNames()
            .Where(script => script.Contains($".PostgreSql.{folder}.", StringComparison.Ordinal)).Order(StringComparer.Ordinal)];
    }

    /// <summary>Ledger and directory.</summary>
    public static PostgreSqlSchema Ledger { get; } = new("metering", "Migrations", "metering migrate");

    /// <summary>Membership, grains' state and reminders of a cluster of silos.</summary>
    public static PostgreSqlSchema Orleans { get; } = new("orleans", "OrleansMigrations", "metering migrate --orleans");

    /// <summary>The schema's name.</summary>
    public string Name { get; }

    /// <summary>The command that brings it up to date.</summary>
    public string Command { get; }

    /// <summary>The version that this build works with.</summary>
    public int Version => scripts.Length;

    /// <summary>The version of a database; 0 where it has no such schema.</summary>
    /// <exception cref="NpgsqlException">The server refused.</exception>
    public int Read(NpgsqlConnection connection)
    {
        // Not to_regclass, which answers from a cache: it would miss the schema that another process made while this one waited for the lock.
        using var exists = new NpgsqlCommand(
            $"SELECT EXISTS (SELECT FROM pg_catalog.pg_tables WHERE schemaname = '{Name}' AND tablename = 'schema_version')", connection);
        if (exists.ExecuteScalar() is not true)
        {
            return 0;
        }

        using var version = new NpgsqlCommand($"SELECT max(version) FROM {Name}.schema_version", connection);
        return Convert.ToInt32(version.ExecuteScalar(), CultureInfo.InvariantCulture);
    }

    /// <summary>Runs the scripts that are missing, all in one transaction; of several processes one does, and the others find it done.</summary>
    /// <returns>The version before; a newer one than this build's is left alone.</returns>
    /// <exception cref="NpgsqlException">The server refused; nothing was changed.</exception>
    public int Migrate(NpgsqlConnection connection)
    {
        using var transaction = connection.BeginTransaction();
        Execute(connection, $"SELECT pg_advisory_xact_lock({MigrationLock})");
        var before = Read(connection);
        if (before < Version)
        {
            if (before == 0)
            {
                Execute(connection, $"CREATE SCHEMA IF NOT EXISTS {Name}");
                Execute(connection, $"CREATE TABLE {Name}.schema_version (version integer PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())");
            }

            for (var version = before + 1; version <= Version; version++)
            {
                Execute(connection, Script(version));
                Execute(connection, $"INSERT INTO {Name}.schema_version (version) VALUES ({version})");
            }

            transaction.Commit();
        }

        return before;
    }

    private static void Execute(NpgsqlConnection connection, string sql)
    {
        using var command = new NpgsqlCommand(sql, connection);
        command.ExecuteNonQuery();
    }

    private string Script(int version)
    {
        using var stream = Assembly.GetExecutingAssembly().GetManifestResourceStream(scripts[version - 1])!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }
}
