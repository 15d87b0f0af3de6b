using Metering.Engine;
using Metering.Gateway;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Metering.Benchmarks;

/// <summary>The gateway on a loopback port, with accounts and keys, and empty endpoints beside its own.</summary>
internal sealed class GatewayUnderTest : IAsyncDisposable
{
    private readonly WebApplication app;

    private GatewayUnderTest(WebApplication app, IReadOnlyList<string> keys)
    {
        this.app = app;
        Keys = keys;
    }

    public Uri Address => new(app.Urls.First());

    public IReadOnlyList<string> Keys { get; }

    public static async Task<GatewayUnderTest> StartAsync(string store, string folder, int accounts)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Configuration.Sources.Clear();
        builder.Configuration.AddInMemoryCollection([new("Metering:Store", store), new("Metering:Data", folder)]);
        builder.WebHost.UseKestrel(kestrel => kestrel.AddServerHeader = false).UseUrls("http://127.0.0.1:0");
        builder.Logging.ClearProviders().AddSimpleConsole().SetMinimumLevel(LogLevel.Warning);
        var section = builder.Configuration.GetSection("Metering");
        builder.Services.AddCreditMetering(options => options.ReadConfiguration(section));
        builder.Services.AddMeteringGateway(section);
        var app = builder.Build();

        // Bare: nothing but Kestrel and routing. Empty: what every answer of the gateway has (its request id) on top.
        app.UseWhen(context => !context.Request.Path.StartsWithSegments("/bare"), branch => branch.UseMeteringGateway());
        app.MapMetering();
        foreach (var path in (ReadOnlySpan<string>)["/bare", "/empty"])
        {
            app.MapGet(path, context => Task.CompletedTask);
            app.MapPost(path, context => Task.CompletedTask);
        }

        await app.StartAsync();
        return new(app, await OpenAccountsAsync(app.Services, accounts));
    }

    public async ValueTask DisposeAsync()
    {
        await app.StopAsync();
        await app.DisposeAsync();
    }

    private static async Task<IReadOnlyList<string>> OpenAccountsAsync(IServiceProvider services, int count)
    {
        var meter = services.GetRequiredService<ICreditMeter>();
        var directory = services.GetRequiredService<IDirectoryStore>();
        var keys = new string[count];
        await Parallel.ForAsync(0, count, new ParallelOptions { MaxDegreeOfParallelism = 64 }, async (index, cancellationToken) =>
        {
            var account = new AccountId($"acct_{index}");
            _ = (await meter.OpenAccountAsync(account, new() { Plan = "starter" }, cancellationToken)).Value;
            _ = (await meter.GrantAsync(account, new() { Source = GrantSource.Purchase, Amount = Credits.Of(1_000_000_000) }, cancellationToken)).Value;
            var key = ApiKeys.Create(account, "Benchmark", ApiKeyScopes.Read | ApiKeyScopes.Spend, TimeProvider.System.GetUtcNow());
            await directory.AddKeyAsync(key.Stored, cancellationToken);
            keys[index] = key.Key;
        });
        return keys;
    }
}
