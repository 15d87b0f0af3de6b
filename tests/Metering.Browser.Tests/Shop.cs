using System.Net;
using System.Text;
using System.Text.Json;
using Metering.Gateway.Tests;
using Microsoft.Playwright;
using Xunit;

namespace Metering.Browser.Tests;

/// <summary>The server as shipped, in a process of its own on SQLite, its sandbox's events over its socket; and a browser in front of it.</summary>
public sealed class Shop : IAsyncLifetime, IDisposable
{
    /// <summary>How long the browser is waited for before a test fails: far longer than a busy machine needs.</summary>
    public const float PatienceMilliseconds = 120_000;

    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("metering-browser-");
    private HttpClient? client;
    private ServerProcess? server;
    private IPlaywright? playwright;
    private IBrowser? browser;

    public async Task InitializeAsync()
    {
        if (Chromium.WhyNot is not null)
        {
            return; // Every test is left out.
        }

        await File.WriteAllTextAsync(Path.Combine(folder.FullName, "appsettings.json"), """{"Metering": {"Payments": {"PurchasesAnHour": 1000, "ClaimsAnHour": 1000}}}""");
        server = await ServerProcess.StartAsync(folder);
        client = new(new HttpClientHandler { AllowAutoRedirect = false, UseProxy = false }) { BaseAddress = server.Address };
        playwright = await Playwright.CreateAsync();
        browser = await Chromium.LaunchAsync(playwright);
    }

    public async Task DisposeAsync()
    {
        if (browser is not null)
        {
            await browser.DisposeAsync();
        }

        playwright?.Dispose();
        if (server is not null)
        {
            await server.DisposeAsync();
        }

        folder.Delete(recursive: true);
    }

    public void Dispose() => client?.Dispose();

    /// <summary>A page of a person who was never here.</summary>
    public async Task<IPage> OpenAsync(string url, BrowserNewContextOptions? options = null)
    {
        var context = await browser!.NewContextAsync(options);
        context.SetDefaultTimeout(PatienceMilliseconds);
        context.SetDefaultNavigationTimeout(PatienceMilliseconds);
        var page = await context.NewPageAsync();
        await page.GotoAsync(url);
        return page;
    }

    /// <summary>Does something that leads to another page, or to this one anew, and waits until that is there.</summary>
    public static async Task LeaveAsync(IPage page, Func<Task> act)
    {
        var loaded = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        void Tell(object? sender, IPage arrived) => loaded.TrySetResult();
        page.Load += Tell;
        await act();
        await loaded.Task.WaitAsync(TimeSpan.FromMilliseconds(PatienceMilliseconds));
        page.Load -= Tell;
    }

    /// <summary>Presses a button.</summary>
    public static Task PressAsync(IPage page, string button) => LeaveAsync(page, () => page.GetByRole(AriaRole.Button, new() { Name = button, Exact = true }).ClickAsync());

    /// <summary>Begins a purchase of the plan growth.</summary>
    public async Task<Order> PurchaseAsync(string email = "ann@example.com")
    {
        // One person, one subscription: a plus makes each test's address its own.
        email = email.Replace("@", $"+{Guid.NewGuid():N}@", StringComparison.Ordinal);
        var data = await CallAsync(HttpMethod.Post, "/api/v1/purchase", new { email, plan = "growth" }, HttpStatusCode.Created);
        return new(email, data.GetProperty("checkoutUrl").GetString()!, data.GetProperty("claimToken").GetString()!);
    }

    /// <summary>Claims the key of a purchase; the status must be as expected.</summary>
    public Task<JsonElement> ClaimAsync(Order order, HttpStatusCode expected) =>
        CallAsync(HttpMethod.Post, "/api/v1/claim-key", new { order.Email, order.ClaimToken }, expected);

    /// <summary>Claims the key of a purchase that is paid.</summary>
    public async Task<string> KeyOfAsync(Order order) => (await ClaimAsync(order, HttpStatusCode.OK)).GetProperty("apiKey").GetString()!;

    public Task<JsonElement> MeAsync(string key) => CallAsync(HttpMethod.Get, "/api/v1/me", null, HttpStatusCode.OK, key);

    /// <summary>Makes a call and answers with its data, or with its error where that is expected.</summary>
    public async Task<JsonElement> CallAsync(HttpMethod method, string path, object? body, HttpStatusCode expected, string? key = null)
    {
        using var request = new HttpRequestMessage(method, path);
        if (body is not null)
        {
            request.Content = new StringContent(JsonSerializer.Serialize(body, JsonSerializerOptions.Web), Encoding.UTF8, "application/json");
        }

        if (key is not null)
        {
            request.Headers.Add("X-API-Key", key);
        }

        using var response = await client!.SendAsync(request);
        var text = await response.Content.ReadAsStringAsync();
        Assert.True(response.StatusCode == expected, $"{path}: {response.StatusCode}, {text}");
        var json = JsonElement.Parse(text);
        return json.TryGetProperty("data", out var data) ? data : json;
    }

    /// <summary>Asks without following where the answer leads.</summary>
    public async Task<HttpResponseMessage> AskAsync(HttpMethod method, string url, string accept = "text/html")
    {
        using var request = new HttpRequestMessage(method, url);
        request.Headers.Add("Accept", accept);
        return await client!.SendAsync(request);
    }
}

/// <summary>A purchase that was begun.</summary>
public sealed record Order(string Email, string CheckoutUrl, string ClaimToken);
