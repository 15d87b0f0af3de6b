using System.Net.Http.Json;
using System.Text.Json;
using Metering.Engine;
using Metering.Gateway;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.TestHost;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Metering.Samples.LeadSearch.Tests;

/// <summary>The whole service in memory, with one account of 100 monthly and 25 bonus credits and a caller that has its key.</summary>
internal sealed class LeadSearchHost : IAsyncDisposable
{
    private readonly WebApplication app;

    private LeadSearchHost(WebApplication app) => this.app = app;

    public AccountId Account { get; } = new("acme");

    /// <summary>Calls with the account's key.</summary>
    public HttpClient Caller { get; private set; } = null!;

    public static async Task<LeadSearchHost> StartAsync(params (string Setting, string Value)[] settings)
    {
        var builder = WebApplication.CreateBuilder();
        builder.Logging.ClearProviders();
        builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?> { ["Metering:Store"] = "memory" });
        builder.Configuration.AddInMemoryCollection(settings.ToDictionary(setting => setting.Setting, setting => (string?)setting.Value));
        builder.WebHost.UseTestServer();
        var host = new LeadSearchHost(LeadSearchProgram.Create().Build(builder));
        await host.app.StartAsync();
        var meter = host.app.Services.GetRequiredService<ICreditMeter>();
        var opened = await meter.OpenAccountAsync(host.Account, new() { Plan = "starter" });
        if (opened.IsSuccess)
        {
            Assert.True((await meter.GrantAsync(host.Account, new() { Source = GrantSource.Bonus, Amount = Credits.Of(25) })).IsSuccess);
        }

        host.Caller = await host.AddCallerAsync(ApiKeyScopes.Read | ApiKeyScopes.Spend);
        return host;
    }

    /// <summary>A caller without a key.</summary>
    public HttpClient MakeStranger() => app.GetTestClient();

    /// <summary>A caller with a new key of the account.</summary>
    public async Task<HttpClient> AddCallerAsync(ApiKeyScopes scopes)
    {
        var key = ApiKeys.Create(Account, "test", scopes, TimeProvider.System.GetUtcNow());
        await app.Services.GetRequiredService<IDirectoryStore>().AddKeyAsync(key.Stored);
        var caller = app.GetTestClient();
        caller.DefaultRequestHeaders.Add("X-API-Key", key.Key);
        return caller;
    }

    public async Task<(HttpResponseMessage Response, JsonElement Body)> GetAsync(string path, string? idempotencyKey = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        if (idempotencyKey is not null)
        {
            request.Headers.Add("Idempotency-Key", idempotencyKey);
        }

        var response = await Caller.SendAsync(request);
        return (response, await response.Content.ReadFromJsonAsync<JsonElement>());
    }

    /// <summary>The balance and the number of transactions: unchanged where nothing was charged or recorded.</summary>
    public async Task<(decimal Balance, int Transactions)> ReadLedgerAsync()
    {
        var (_, balance) = await GetAsync("/v1/credits");
        var (_, transactions) = await GetAsync("/api/v1/credits/transactions");
        return (balance.GetProperty("credits").GetDecimal(), transactions.GetProperty("meta").GetProperty("total").GetInt32());
    }

    public async Task<JsonElement> ReadNewestTransactionAsync() =>
        (await GetAsync("/api/v1/credits/transactions?limit=1")).Body.GetProperty("data")[0];

    public async ValueTask DisposeAsync() => await app.DisposeAsync();
}
