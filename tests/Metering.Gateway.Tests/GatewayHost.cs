using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Metering.Conformance;
using Metering.Engine;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.TestHost;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Xunit;

namespace Metering.Gateway.Tests;

/// <summary>A gateway over an embedded meter on a <see cref="GatewayStore"/>, on a clock that tests move.</summary>
internal sealed class GatewayHost : IAsyncDisposable
{
    /// <summary>The instant of the document's example (002).</summary>
    public static readonly DateTimeOffset Start = new(2026, 5, 1, 0, 0, 0, TimeSpan.Zero);

    private readonly WebApplication app;
    private readonly IAsyncDisposable store;
    private int accounts;

    private GatewayHost(WebApplication app, ManualTimeProvider clock, IAsyncDisposable store)
    {
        this.app = app;
        this.store = store;
        Clock = clock;
        Client = app.GetTestClient();
    }

    public ManualTimeProvider Clock { get; }

    public HttpClient Client { get; }

    public IServiceProvider Services => app.Services;

    public ICreditMeter Meter => Services.GetRequiredService<ICreditMeter>();

    public IDirectoryStore Directory => Services.GetRequiredService<IDirectoryStore>();

    public static Task<GatewayHost> StartAsync(
        Action<IServiceCollection>? services = null,
        Action<WebApplication>? map = null,
        IReadOnlyDictionary<string, string?>? settings = null) =>
        StartAsync(services, map, settings, async configuration => await GatewayStore.AddAsync(configuration));

    /// <summary>Starts on the store that the settings name, whose life is not the host's.</summary>
    public static Task<GatewayHost> StartOnAsync(IReadOnlyDictionary<string, string?> settings) => StartAsync(null, null, settings, _ => Task.FromResult<IAsyncDisposable>(new MemoryStream()));

    private static async Task<GatewayHost> StartAsync(
        Action<IServiceCollection>? services,
        Action<WebApplication>? map,
        IReadOnlyDictionary<string, string?>? settings,
        Func<IConfigurationBuilder, Task<IAsyncDisposable>> addStore)
    {
        var clock = new ManualTimeProvider(Start);
        var builder = WebApplication.CreateBuilder();
        builder.WebHost.UseTestServer();
        builder.Logging.ClearProviders();
        builder.Configuration.Sources.Clear();
        builder.Configuration.AddInMemoryCollection(settings ?? new Dictionary<string, string?>());
        var store = await addStore(builder.Configuration);
        var section = builder.Configuration.GetSection("Metering");
        builder.Services.AddSingleton<TimeProvider>(clock);
        builder.Services.AddCreditMetering(options => options.ReadConfiguration(section));
        builder.Services.AddMeteringGateway(section);
        services?.Invoke(builder.Services);
        var app = builder.Build();
        app.UseMeteringGateway();
        app.MapMetering();
        map?.Invoke(app);
        await app.StartAsync();
        return new(app, clock, store);
    }

    /// <summary>Opens an account with a key of all scopes but admin.</summary>
    public async Task<TestCaller> OpenAsync(
        string plan = "starter",
        decimal bonus = 0,
        ApiKeyScopes scopes = ApiKeyScopes.Read | ApiKeyScopes.Spend | ApiKeyScopes.Refund,
        DateTimeOffset? keyExpiresAt = null,
        DateTimeOffset? paidThrough = null)
    {
        var account = new AccountId($"account-{++accounts}");
        Assert.True((await Meter.OpenAccountAsync(account, new() { Plan = plan, PaidThrough = paidThrough })).IsSuccess);
        if (bonus > 0)
        {
            Assert.True((await Meter.GrantAsync(account, new() { Source = GrantSource.Bonus, Amount = Credits.Of(bonus) })).IsSuccess);
        }

        return await AddKeyAsync(account, scopes, keyExpiresAt);
    }

    public async Task<TestCaller> AddKeyAsync(AccountId account, ApiKeyScopes scopes, DateTimeOffset? expiresAt = null, string prefix = ApiKeys.DefaultPrefix)
    {
        var key = ApiKeys.Create(account, "Test", scopes, Clock.GetUtcNow(), expiresAt, prefix);
        await Directory.AddKeyAsync(key.Stored);
        return new(Client, account, key);
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await app.StopAsync();
        await app.DisposeAsync();
        await store.DisposeAsync();
    }
}

/// <summary>Calls with one account's key.</summary>
internal sealed class TestCaller(HttpClient client, AccountId account, NewApiKey? key, string text)
{
    public TestCaller(HttpClient client, AccountId account, NewApiKey key)
        : this(client, account, key, key.Key)
    {
    }

    public AccountId Account => account;

    /// <summary>The key where the test made it itself.</summary>
    public NewApiKey Key => key!;

    /// <summary>Calls the same account with another key.</summary>
    public TestCaller With(string otherKey) => new(client, account, null, otherKey);

    public Task<Answer> GetAsync(string path) => SendAsync(HttpMethod.Get, path);

    public Task<Answer> PostAsync(string path, string? json = null, string? idempotencyKey = null) =>
        SendAsync(HttpMethod.Post, path, json is null ? null : new StringContent(json, Encoding.UTF8, "application/json"), idempotencyKey);

    public Task<Answer> PatchAsync(string path, string json) =>
        SendAsync(HttpMethod.Patch, path, new StringContent(json, Encoding.UTF8, "application/json"));

    public Task<Answer> DeleteAsync(string path) => SendAsync(HttpMethod.Delete, path);

    public async Task<Answer> SendAsync(HttpMethod method, string path, HttpContent? content = null, string? idempotencyKey = null)
    {
        using var request = new HttpRequestMessage(method, path) { Content = content };
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", text);
        if (idempotencyKey is not null)
        {
            request.Headers.TryAddWithoutValidation("Idempotency-Key", idempotencyKey);
        }

        return await Answer.OfAsync(client, request);
    }
}

/// <summary>An answer, read to its end.</summary>
internal sealed record Answer(int Status, string Body, string? ContentType, IReadOnlyDictionary<string, string> Headers)
{
    public JsonElement Json => JsonElement.Parse(Body);

    public string? Remaining => Headers.GetValueOrDefault("X-Credits-Remaining");

    public string? Cost => Headers.GetValueOrDefault("X-Credits-Cost");

    public bool IsReplay => Headers.GetValueOrDefault("Idempotent-Replayed") == "true";

    /// <summary>The code of a problem.</summary>
    public string? Code => Json.GetProperty("code").GetString();

    /// <summary>The field of a problem.</summary>
    public string? Field => Json.TryGetProperty("field", out var name) ? name.GetString() : null;

    public static async Task<Answer> OfAsync(HttpClient client, HttpRequestMessage request)
    {
        using var response = await client.SendAsync(request);
        var headers = response.Headers.Concat(response.Content.Headers)
            .ToDictionary(header => header.Key, header => string.Join(", ", header.Value), StringComparer.OrdinalIgnoreCase);
        return new((int)response.StatusCode, await response.Content.ReadAsStringAsync(), response.Content.Headers.ContentType?.MediaType, headers);
    }

    /// <summary>Compares JSON by value, so that only what the document promises counts, not its blanks.</summary>
    public void HasJson(string expected) =>
        Assert.True(JsonElement.DeepEquals(JsonElement.Parse(expected), Json), $"Expected {expected}\nbut got {Body}");
}
