using Metering.Engine;

namespace Metering.Benchmarks;

/// <summary>The store that several processes share, on a PostgreSQL of the harness's own, everything there as shipped.</summary>
internal sealed class PostgresMeterStore : IMeterStore
{
    private const int Connections = 100;

    private PostgreSqlServer? server;

    public string Name => "postgres";

    /// <summary>Where it is, once it was chosen.</summary>
    public string ConnectionString => $"Host={server!.Host};Username={PostgreSqlServer.User};Database=postgres";

    public string? Missing => PostgreSqlServer.IsInstalled ? null : PostgreSqlServer.HowToInstall;

    public async Task ConfigureAsync(CreditMeteringOptions options, string folder)
    {
        if (server is null)
        {
            server = await PostgreSqlServer.StartAsync(Connections);
        }
        else
        {
            await server.ExecuteAsync("DROP SCHEMA IF EXISTS metering CASCADE");
            await server.ExecuteAsync("CHECKPOINT");
        }

        options.UsePostgreSql(ConnectionString);
    }

    public async ValueTask DisposeAsync()
    {
        if (server is not null)
        {
            await server.DisposeAsync();
        }
    }
}
