using Microsoft.Extensions.Configuration;

namespace Metering.Gateway.Tests;

/// <summary>The store under the gateway's suites: memory. Tests of another store compile the same suites with a file of their own in place of this.</summary>
internal sealed class GatewayStore : IAsyncDisposable
{
    /// <summary>Sets an empty store of one host's own.</summary>
    public static Task<GatewayStore> AddAsync(IConfigurationBuilder configuration)
    {
        configuration.AddInMemoryCollection([new("Metering:Store", "memory")]);
        return Task.FromResult(new GatewayStore());
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
