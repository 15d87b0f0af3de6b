using Metering.PostgreSql.Tests;
using Microsoft.Extensions.Configuration;

namespace Metering.Gateway.Tests;

/// <summary>The store under the gateway's suites here: a PostgreSQL database of each host's own.</summary>
internal sealed class GatewayStore(Database database) : IAsyncDisposable
{
    public static async Task<GatewayStore> AddAsync(IConfigurationBuilder configuration)
    {
        var database = await Databases.CreateAsync();
        configuration.AddInMemoryCollection([new("Metering:Store", "postgres"), new("Metering:Connection", database.ConnectionString)]);
        return new(database);
    }

    public ValueTask DisposeAsync() => database.DisposeAsync();
}
