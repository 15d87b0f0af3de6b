using System.Collections.Concurrent;
using Metering.Engine;
using Metering.Gateway;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.TestHost;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Metering.Proof.Tests;

/// <summary>The gateway in this process, on SQLite, with accounts and keys of every kind. It keeps what it logs as an error.</summary>
internal sealed class FuzzHost : IAsyncDisposable
{
    private readonly DataFolder folder;
    private readonly WebApplication app;

    private FuzzHost(DataFolder folder, WebApplication app, ErrorLog errors) => (this.folder, this.app, Errors) = (folder, app, errors);

    /// <summary>Accounts that a key of this host can spend from.</summary>
    public static IReadOnlyList<AccountId> Accounts { get; } = [new("rich"), new("poor")];

    /// <summary>API keys: the rich account's first, then the poor one's, and keys that may only read, have expired or open nothing.</summary>
    public IReadOnlyList<string> Keys { get; private set; } = [];

    /// <summary>What was logged as an error or worse.</summary>
    public ErrorLog Errors { get; }

    public TestServer Server => app.GetTestServer();

    public ICreditMeter Meter => app.Services.GetRequiredService<ICreditMeter>();

    public static async Task<FuzzHost> StartAsync()
    {
        var (folder, errors) = (DataFolder.Empty(), new ErrorLog());
        var builder = WebApplication.CreateBuilder();
        builder.WebHost.UseTestServer();
        builder.Logging.ClearProviders().AddProvider(errors);
        builder.Configuration.Sources.Clear();
        builder.Configuration.AddInMemoryCollection([new("Metering:Data", folder.Path)]);
        var section = builder.Configuration.GetSection("Metering");
        builder.Services.AddCreditMetering(options => options.ReadConfiguration(section));
        builder.Services.AddMeteringGateway(section);
        var app = builder.Build();
        app.UseMeteringGateway();
        app.MapMetering();
        await app.StartAsync();
        var host = new FuzzHost(folder, app, errors);
        await host.OpenAsync();
        return host;
    }

    public async ValueTask DisposeAsync()
    {
        await app.StopAsync();
        await app.DisposeAsync();
        folder.Dispose();
    }

    private async Task OpenAsync()
    {
        foreach (var (account, bonus) in Accounts.Zip([1_000_000_000L, 3]))
        {
            await Meter.OpenAccountAsync(account, new() { Plan = "starter" });
            await Meter.GrantAsync(account, new() { Source = GrantSource.Bonus, Amount = Credits.Of(bonus) });
        }

        var now = app.Services.GetRequiredService<TimeProvider>().GetUtcNow();
        const ApiKeyScopes Both = ApiKeyScopes.Read | ApiKeyScopes.Spend;
        Keys =
        [
            await AddKeyAsync("rich", Both, now),
            await AddKeyAsync("poor", Both, now),
            await AddKeyAsync("rich", ApiKeyScopes.Read, now),
            await AddKeyAsync("rich", ApiKeyScopes.None, now),
            await AddKeyAsync("rich", Both, now.AddDays(-2), now.AddDays(-1)),
            await AddKeyAsync("never-opened", Both, now),
            ApiKeys.DefaultPrefix + new string('0', 64),
        ];
    }

    private async Task<string> AddKeyAsync(string account, ApiKeyScopes scopes, DateTimeOffset now, DateTimeOffset? expiresAt = null)
    {
        var key = ApiKeys.Create(new(account), "Fuzz", scopes, now, expiresAt);
        await app.Services.GetRequiredService<IDirectoryStore>().AddKeyAsync(key.Stored);
        return key.Key;
    }
}

/// <summary>Keeps errors: a fault that the gateway turned into an answer is a fault all the same.</summary>
internal sealed class ErrorLog : ILoggerProvider, ILogger
{
    private readonly ConcurrentQueue<string> errors = new();

    public string? First => errors.TryPeek(out var first) ? first : null;

    public ILogger CreateLogger(string categoryName) => this;

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Error;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (IsEnabled(logLevel))
        {
            errors.Enqueue($"{formatter(state, exception)} {exception}");
        }
    }

    public void Dispose()
    {
    }
}
