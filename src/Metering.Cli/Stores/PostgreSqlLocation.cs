using System.Data.Common;
using System.Text;
using Metering.Engine;

namespace Metering.Cli;

/// <summary>A ledger in a PostgreSQL database.</summary>
/// <param name="ConnectionString">Npgsql's connection string; it may hold a password and is never printed.</param>
internal sealed record PostgreSqlLocation(string ConnectionString) : StoreLocation
{
    private static readonly string[] HostWords = ["host", "server", "data source"];

    /// <inheritdoc />
    public override string Display
    {
        get
        {
            var settings = Read(ConnectionString)!;
            var host = HostWords.Select(word => settings.TryGetValue(word, out var value) ? value : null).First(value => value is not null);
            var database = settings.TryGetValue("database", out var name) ? name : "the user's own database";
            return $"PostgreSQL at {host}, database {database}";
        }
    }

    /// <summary>True where a text is meant as a connection string: it names a host.</summary>
    public static bool LooksLikeOne(string text) => Read(text) is { } settings && HostWords.Any(settings.ContainsKey);

    /// <summary>Reads a connection string.</summary>
    /// <exception cref="MeteringStartupException">It is none; the sentence does not repeat it, because it may hold a password.</exception>
    public static PostgreSqlLocation Of(string text) => LooksLikeOne(text)
        ? new(text)
        : throw new MeteringStartupException(
            "What follows postgres: is not a connection string; write settings, not an address: \"postgres:Host=…;Port=5432;Database=…;Username=…;Password=…\".");

    /// <inheritdoc />
    public override void RequireExisting()
    {
        // Only the database can tell, when it is opened.
    }

    /// <inheritdoc />
    public override ValueTask<ILedgerStore> OpenLedgerAsync(CancellationToken cancellationToken) => new(PostgreSqlLedgerStore.Open(ConnectionString));

    /// <inheritdoc />
    public override ValueTask<IDirectoryStore> OpenDirectoryAsync(CancellationToken cancellationToken) => new(PostgreSqlDirectoryStore.Open(ConnectionString));

    /// <inheritdoc />
    public override ValueTask<IReadOnlyList<string>> MigrateAsync(bool orleans, CancellationToken cancellationToken)
    {
        var ledger = Describe(Display, PostgreSqlMigration.Run(ConnectionString));
        return new(orleans ? [ledger, Describe($"Orleans' tables in {Display}", PostgreSqlMigration.RunOrleans(ConnectionString))] : [ledger]);
    }

    private static string Describe(string what, (int Before, int After) schema) => schema switch
    {
        (0, var after) => $"{what}: made, schema {after}.",
        var (before, after) when before == after => $"{what}: schema {after} is this build's; nothing to do.",
        var (before, after) => $"{what}: brought from schema {before} to {after}.",
    };

    // Every record prints its members; this one must not print its password.
    protected override bool PrintMembers(StringBuilder builder)
    {
        builder.Append(Display);
        return true;
    }

    private static DbConnectionStringBuilder? Read(string text)
    {
        try
        {
            return new() { ConnectionString = text };
        }
        catch (ArgumentException)
        {
            return null;
        }
    }
}
