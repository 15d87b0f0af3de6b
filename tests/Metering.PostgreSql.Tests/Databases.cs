using Metering.Engine;
using Metering.PostgreSql.Testing;

namespace Metering.PostgreSql.Tests;

/// <summary>The server of this assembly's tests, started with the first of them and gone with the process, and databases in it.</summary>
internal static class Databases
{
    private static readonly Lazy<Task<PostgreSqlServer>> Started = new(() => PostgreSqlServer.StartAsync());

    private static readonly Lazy<Task<string>> Template = new(async () =>
    {
        var server = await ServerAsync();
        var name = await server.CreateDatabaseAsync();
        await using (PostgreSqlLedgerStore.Open($"{server.ConnectionString(name)};Pooling=false"))
        {
            return name;
        }
    });

    public static Task<PostgreSqlServer> ServerAsync() => Started.Value;

    /// <summary>A new database with an empty schema of this build.</summary>
    public static async Task<Database> CreateAsync()
    {
        var server = await ServerAsync();
        return new(server, await server.CreateDatabaseAsync(await Template.Value));
    }

    /// <summary>A new database without anything in it.</summary>
    public static async Task<Database> CreateEmptyAsync()
    {
        var server = await ServerAsync();
        return new(server, await server.CreateDatabaseAsync());
    }
}

/// <summary>A database of one test's own.</summary>
internal sealed class Database(PostgreSqlServer server, string name) : IAsyncDisposable
{
    public PostgreSqlServer Server => server;

    public string Name => name;

    public string ConnectionString => server.ConnectionString(name);

    public PostgreSqlLedgerStore OpenLedger(PostgreSqlStoreOptions? options = null) => PostgreSqlLedgerStore.Open(ConnectionString, options);

    public PostgreSqlDirectoryStore OpenDirectory() => PostgreSqlDirectoryStore.Open(ConnectionString);

    public Task<object?> ExecuteAsync(string sql) => server.ExecuteAsync(name, sql);

    public async ValueTask DisposeAsync() => await server.DropDatabaseAsync(name);
}
