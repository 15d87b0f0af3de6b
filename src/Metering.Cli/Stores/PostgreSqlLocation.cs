using System.Data.Common;
using System.Text;
using Metering.Engine;

namespace Metering.Cli;

/// <summary>A ledger in a PostgreSQL database.</summary>
/// <param name="ConnectionString">Npgsql's connection string; it may hold a password and is never printed.</param>
internal sealed record PostgreSqlLocation(string ConnectionString) : StoreLocation
{
    private static readonly string[] HostWords = ["host", "server", "data source"];
    private static readonly string[] DatabaseWords = ["database", "db"];
    private static readonly string[] PortWords = ["port"];
    private static readonly string[] UserWords = ["username", "user name", "user id", "user", "uid"];
    private static readonly string[] PasswordWords = ["password", "pwd", "psw", "passwd"];

    /// <inheritdoc />
    public override string Display
    {
        get
        {
            var database = Find(DatabaseWords) is { } name ? name : "the user's own database";
            return $"PostgreSQL at {Find(HostWords)}, database {database}";
        }
    }

    /// <summary>The name of the database; that of the user where the connection string names none.</summary>
    public string Database => Find(DatabaseWords) ?? Find(UserWords) ?? "metering";

    /// <summary>The server and the user as PostgreSQL's own programs read them; no password, for which they ask or look into <c>.pgpass</c>.</summary>
    public string ServerSettings => string.Join(
        ' ', from setting in new[] { ("host", Find(HostWords)), ("port", Find(PortWords)), ("user", Find(UserWords)) } where setting.Item2 is not null select $"{setting.Item1}={setting.Item2}");

    /// <summary>True where a text is meant as a connection string: it names a host.</summary>
    public static bool LooksLikeOne(string text) => Read(text) is { } settings && HostWords.Any(settings.ContainsKey);

    /// <summary>True for a text that must not be repeated: it sets a password, or is an address, which may have one before its host.</summary>
    public static bool MayHoldPassword(string text) =>
        text.Contains("://", StringComparison.Ordinal) || PasswordWords.Any(word => text.Contains(word, StringComparison.OrdinalIgnoreCase) && text.Contains('='));

    /// <summary>Reads a connection string.</summary>
    /// <exception cref="MeteringStartupException">It is none; the sentence does not repeat it, because it may hold a password.</exception>
    public static PostgreSqlLocation Of(string text) => LooksLikeOne(text)
        ? new(text)
        : throw new MeteringStartupException(
            "What follows postgres: is not a connection string; write settings, not an address: \"postgres:Host=…;Port=5432;Database=…;Username=…;Password=…\".");

    /// <inheritdoc />
    public override void RequireExisting()
    {
        if (PostgreSqlMigration.ReadVersion(ConnectionString) == 0)
        {
            throw new MeteringStartupException($"There is no ledger in {Display}: it has no schema metering; a server makes it at its first start, or metering migrate.");
        }
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

    private string? Find(string[] words)
    {
        var settings = Read(ConnectionString)!;
        return words.Select(word => settings.TryGetValue(word, out var value) ? value.ToString() : null).FirstOrDefault(value => value is not null);
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
