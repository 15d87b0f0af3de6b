using Microsoft.Extensions.Logging.Abstractions;

namespace Metering.Engine;

/// <summary>Brings a PostgreSQL database to this build's schema, for tools and for operators who let no server do it.</summary>
public static class PostgreSqlMigration
{
    /// <summary>Makes the schema <c>metering</c> or brings it up to date, in one transaction; of several processes one does.</summary>
    /// <param name="connectionString">As Npgsql reads it; its user may change the schema.</param>
    /// <returns>The schema's version before, 0 for none, and this build's.</returns>
    /// <exception cref="MeteringStartupException">The database cannot be used; the message says why and what mends it.</exception>
    public static (int Before, int After) Run(string connectionString)
    {
        var options = new PostgreSqlStoreOptions();
        var before = PostgreSqlDatabase.ReadSchemaVersion(connectionString, options);
        using (PostgreSqlDatabase.Open(connectionString, options, NullLogger.Instance))
        {
            return (before, PostgreSqlSchema.Ledger.Version);
        }
    }

    /// <summary>The version of the schema <c>metering</c> in a database, whatever it is; 0 where there is none. Changes nothing.</summary>
    /// <param name="connectionString">As Npgsql reads it.</param>
    /// <exception cref="MeteringStartupException">The database cannot be used; the message says why and what mends it.</exception>
    public static int ReadVersion(string connectionString) => PostgreSqlDatabase.ReadSchemaVersion(connectionString, new());

    /// <summary>
    /// Makes the tables and queries of a cluster of silos (schema <c>orleans</c>, and the view <c>public.OrleansQuery</c>) or brings them up to
    /// date, in one transaction; of several processes one does. It needs nothing of Orleans.
    /// </summary>
    /// <param name="connectionString">As Npgsql reads it; its user may make schemas, and views in the schema public.</param>
    /// <returns>The schema's version before, 0 for none, and this build's.</returns>
    /// <exception cref="MeteringStartupException">The database cannot be used; the message says why and what mends it.</exception>
    public static (int Before, int After) RunOrleans(string connectionString) =>
        (PostgreSqlDatabase.MigrateOrleans(connectionString), PostgreSqlSchema.Orleans.Version);

    /// <summary>Looks whether silos can use the tables of <see cref="RunOrleans"/>, and changes nothing.</summary>
    /// <param name="connectionString">As Npgsql reads it, of a silo.</param>
    /// <exception cref="MeteringStartupException">They are missing, older or newer, or may not be used; the message says which and what mends it.</exception>
    public static void RequireOrleans(string connectionString) => PostgreSqlDatabase.RequireOrleans(connectionString);
}
