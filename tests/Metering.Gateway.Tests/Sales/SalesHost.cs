using System.Text;
using System.Text.Json;
using Metering.Conformance;
using Metering.Engine;
using Metering.Gateway.Payments;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.TestHost;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Metering.Gateway.Tests.Sales;

/// <summary>A gateway that sells, with the sandbox, whose events come back to it over HTTP, and a folder for mails.</summary>
internal sealed class SalesHost : IAsyncDisposable
{
    private readonly DirectoryInfo folder;

    private SalesHost(GatewayHost gateway, DirectoryInfo folder)
    {
        Gateway = gateway;
        this.folder = folder;
    }

    public GatewayHost Gateway { get; }

    public HttpClient Client => Gateway.Client;

    public ManualTimeProvider Clock => Gateway.Clock;

    public string MailFolder => Path.Combine(folder.FullName, "mail");

    public IPaymentStore Store => Gateway.Services.GetRequiredService<IPaymentStore>();

    public IReadOnlyList<string> Mails => Directory.Exists(MailFolder)
        ? [.. Directory.GetFiles(MailFolder, "*.eml").Order(StringComparer.Ordinal).Select(file => TextOf(File.ReadAllText(file)))]
        : [];

    public static async Task<SalesHost> StartAsync(Action<IServiceCollection>? services = null, params (string Name, string? Value)[] settings)
    {
        var folder = Directory.CreateTempSubdirectory("metering-sales-");
        var all = new Dictionary<string, string?> { ["Metering:Payments:MailFolder"] = Path.Combine(folder.FullName, "mail") };
        foreach (var (name, value) in settings)
        {
            all[name.StartsWith("Metering:", StringComparison.Ordinal) ? name : $"Metering:Payments:{name}"] = value;
        }

        var gateway = await GatewayHost.StartAsync(
            collection =>
            {
                collection.AddHttpClient("metering-sandbox")
                    .ConfigurePrimaryHttpMessageHandler(provider => ((TestServer)provider.GetRequiredService<IServer>()).CreateHandler());
                services?.Invoke(collection);
            },
            settings: all);
        return new(gateway, folder);
    }

    /// <summary>Does what is due now.</summary>
    public async Task WorkAsync() => await Gateway.Services.GetRequiredService<PaymentWork>().RunDueAsync(CancellationToken.None);

    public async Task<Answer> PostAsync(string path, string? json, string? idempotencyKey = null, string? forwardedFor = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path)
        {
            Content = json is null ? null : new StringContent(json, Encoding.UTF8, "application/json"),
        };
        if (idempotencyKey is not null)
        {
            request.Headers.Add("Idempotency-Key", idempotencyKey);
        }

        if (forwardedFor is not null)
        {
            request.Headers.Add("X-Forwarded-For", forwardedFor);
        }

        return await Answer.OfAsync(Client, request);
    }

    public async Task<(string CheckoutUrl, string ClaimToken)> PurchaseAsync(string email = "ann@example.com", string plan = "growth")
    {
        var answer = await PostAsync("/api/v1/purchase", $$"""{"email": "{{email}}", "plan": "{{plan}}"}""");
        Assert.Equal(201, answer.Status);
        var data = answer.Json.GetProperty("data");
        return (data.GetProperty("checkoutUrl").GetString()!, data.GetProperty("claimToken").GetString()!);
    }

    public Task<Answer> PressAsync(string url, string button) => PostAsync($"{url}/{button}", null);

    public Task<Answer> ClaimAsync(string token, string email = "ann@example.com") =>
        PostAsync("/api/v1/claim-key", $$"""{"email": "{{email}}", "claimToken": "{{token}}"}""");

    /// <summary>Goes the whole way of a new customer, to calls with the claimed key.</summary>
    public async Task<(TestCaller Caller, string CheckoutUrl)> SubscribeAsync(string email = "ann@example.com", string plan = "growth", string button = "pay")
    {
        var (url, token) = await PurchaseAsync(email, plan);
        Assert.Equal(303, (await PressAsync(url, button)).Status);
        var claim = await ClaimAsync(token, email);
        Assert.Equal(200, claim.Status);
        return (await CallerAsync(claim.Json.GetProperty("data").GetProperty("apiKey").GetString()!), url);
    }

    public async Task<TestCaller> CallerAsync(string key)
    {
        var stored = await Gateway.Directory.FindKeyAsync(ApiKeys.Hash(key));
        Assert.NotNull(stored);
        return new(Client, stored.Account, new(key, stored));
    }

    public async Task<List<JsonElement>> DocumentsAsync(string kind) =>
        [.. (await Store.ListAsync(kind, null, 1_000)).Select(document => JsonElement.Parse(document.Json))];

    public async ValueTask DisposeAsync()
    {
        await Gateway.DisposeAsync();
        folder.Delete(recursive: true);
    }

    private static string TextOf(string mail) => mail[..mail.IndexOf("\r\n\r\n", StringComparison.Ordinal)]
        + "\n\n" + Encoding.UTF8.GetString(Convert.FromBase64String(mail[mail.IndexOf("\r\n\r\n", StringComparison.Ordinal)..]));
}
