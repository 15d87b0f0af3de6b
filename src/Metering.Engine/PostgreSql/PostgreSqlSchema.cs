using System.Globalization;
using System.Reflection;
using Npgsql;

namespace Metering.Engine;

/// <summary>The numbered scripts that make and change the schema, and the version that a database is at.</summary>
internal static class PostgreSqlSchema
{
    // Any number will do that nobody else locks: "MTMIGRAT" in ASCII.
    private const long MigrationLock = 0x4D544D4947524154;

    private static readonly string[] Scripts = [.. Assembly.GetExecutingAssembly().GetManifestResourceNames()
        .Where(name => name.Contains(".PostgreSql.Migrations.", StringComparison.Ordinal)).Order(StringComparer.Ordinal)];

    /// <summary>The version that this build works with.</summary>
    public static int Version => Scripts.Length;

    /// <summary>The version of a database; 0 where it has no schema.</summary>
    /// <exception cref="NpgsqlException">The server refused.</exception>
    public static int Read(NpgsqlConnection connection)
    {
        // Not to_regclass, which answers from a cache: it would miss the schema that another process made while this one waited for the lock.
        using var exists = new NpgsqlCommand(
            "SELECT EXISTS (SELECT FROM pg_catalog.pg_tables WHERE schemaname = 'metering' AND tablename = 'schema_version')", connection);
        if (exists.ExecuteScalar() is not true)
        {
            return 0;
        }

        using var version = new NpgsqlCommand("SELECT max(version) FROM metering.schema_version", connection);
        return Convert.ToInt32(version.ExecuteScalar(), CultureInfo.InvariantCulture);
    }

    /// <summary>Runs the scripts that are missing, all in one transaction; of several processes one does, and the others find it done.</summary>
    /// <returns>The version before; a newer one than this build's is left alone.</returns>
    /// <exception cref="NpgsqlException">The server refused; nothing was changed.</exception>
    public static int Migrate(NpgsqlConnection connection)
    {
        using var transaction = connection.BeginTransaction();
        Execute(connection, $"SELECT pg_advisory_xact_lock({MigrationLock})");
        var before = Read(connection);
        if (before < Version)
        {
            if (before == 0)
            {
                Execute(connection, "CREATE SCHEMA IF NOT EXISTS metering");
                Execute(connection, "CREATE TABLE metering.schema_version (version integer PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())");
            }

            for (var version = before + 1; version <= Version; version++)
            {
                Execute(connection, Script(version));
                Execute(connection, $"INSERT INTO metering.schema_version (version) VALUES ({version})");
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

    private static string Script(int version)
    {
        using var stream = Assembly.GetExecutingAssembly().GetManifestResourceStream(Scripts[version - 1])!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }
}
