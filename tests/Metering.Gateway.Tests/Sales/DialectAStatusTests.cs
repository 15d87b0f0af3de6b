using System.Net.Http.Headers;
using System.Text;
using Metering.Engine;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Metering.Gateway.Tests.Sales;

/// <summary>Dialect A: every status that the OpenAPI document names for a route is brought about, and it names at least the contract's.</summary>
public sealed class DialectAStatusTests
{
    private const string Claim = "/api/v1/claim-key";
    private const string Purchase = "/api/v1/purchase";
    private const string Credits = "/api/v1/purchase-credits";
    private const string Cancel = "/api/v1/subscription/cancel";
    private const string ChangePlan = "/api/v1/subscription/change-plan";

    /// <summary>Routes, each with a body that succeeds, and the statuses of the contract's table.</summary>
    private static readonly (string Method, string Path, string? Body, int[] Contract)[] Routes =
    [
        ("GET", "/api/v1/me", null, [200, 401]),
        ("PATCH", "/api/v1/me", """{"firstName": "Ann"}""", [200, 400, 401]),
        ("POST", Credits, """{"creditCount": 101}""", [200, 400, 401, 402, 403, 422]),
        ("POST", Cancel, null, [200, 401, 404]),
        ("POST", ChangePlan, """{"targetPlan": "scale"}""", [200, 400, 401, 402]),
        ("POST", Purchase, """{"email": "bob@example.com", "plan": "growth"}""", [201, 400, 409, 422, 429, 503]),
        ("POST", Claim, null, [200, 202, 403, 404, 409, 410, 429]),
        ("GET", "/api/v1/settings/database", null, [200, 401]),
        ("POST", "/api/v1/settings/switch-database", """{"smbType": "other"}""", [200, 400, 401, 403]),
        ("POST", "/api/v1/ai/suggest-categories", """{"description": "roofs"}""", [200, 400, 401, 429]),
        ("POST", "/api/v1/ai/generate-keywords", """{"description": "roofs"}""", [200, 400, 401, 429]),
        ("GET", "/api/v1/ai/keyword-status", null, [200, 401, 429]),
    ];

    public static TheoryData<string, string> Rows()
    {
        var rows = new TheoryData<string, string>();
        foreach (var (method, path, _, _) in Routes)
        {
            rows.Add(method, path);
        }

        return rows;
    }

    [Theory]
    [MemberData(nameof(Rows))]
    public async Task Every_status_comes_about_in_the_dialects_shape(string method, string path)
    {
        var documented = (await DocumentedAsync()).Where(row => (row.Method, row.Path) == (method, path)).Select(row => row.Status).ToArray();
        Assert.Empty(Routes.Single(route => (route.Method, route.Path) == (method, path)).Contract.Except(documented));
        foreach (var status in documented)
        {
            await using var host = await StartAsync(path, status);
            var answer = await AskAsync(host, method, path, status);
            Assert.True(answer.Status == status, $"{answer.Status} in place of {status}: {answer.Body}");
            Assert.NotEmpty(answer.Headers["X-Request-Id"]);
            Assert.Equal("application/json", answer.ContentType);
            HasShape(answer);
            Assert.Equal((status, status is 429 or 503 or 202), (status, answer.Headers.ContainsKey("Retry-After")));
            if (!IsOpen(path) && status is not (400 or 401 or 404 or 500 or 503))
            {
                Assert.NotNull(answer.Remaining);
            }
        }
    }

    [Fact]
    public async Task No_route_of_the_dialect_is_left_out() => Assert.Equal(
        (await DocumentedAsync()).Select(row => (row.Method, row.Path)).Distinct().Order(), Routes.Select(route => (route.Method, route.Path)).Order());

    private static async Task<List<(string Method, string Path, int Status)>> DocumentedAsync()
    {
        await using var host = await GatewayHost.StartAsync();
        using var request = new HttpRequestMessage(HttpMethod.Get, "/openapi/v1.json");
        var document = (await Answer.OfAsync(host.Client, request)).Json;
        return
        [
            .. from path in document.GetProperty("paths").EnumerateObject()
               from operation in path.Value.EnumerateObject()
               where operation.Value.GetProperty("tags").EnumerateArray().Any(tag => tag.GetString() is "Credits and subscription" or "Account setup" or "Programmatic purchase")
               from answer in operation.Value.GetProperty("responses").EnumerateObject()
               select (operation.Name.ToUpperInvariant(), path.Name, int.Parse(answer.Name, null)),
        ];
    }

    private static void HasShape(Answer answer)
    {
        if (answer.Status < 400)
        {
            Assert.True(answer.Json.TryGetProperty("data", out _), answer.Body);
            return;
        }

        Assert.Matches("^[a-z]+(_[a-z]+)*$", answer.Json.GetProperty("error").GetString());
        Assert.InRange(answer.Json.GetProperty("message").GetString()!.Length, 10, 500);
        Assert.Empty(answer.Json.EnumerateObject().Select(property => property.Name).Except(["error", "message", "paymentUrl"]));
        Assert.DoesNotContain("secret inside", answer.Body, StringComparison.Ordinal);
    }

    private static bool IsOpen(string path) => path is Purchase or Claim;

    private static string? BodyOf(string method, string path) => Routes.Single(route => route.Method == method && route.Path == path).Body;

    private static Task<SalesHost> StartAsync(string path, int status)
    {
        Exception? fault = status switch { 500 => new InvalidTimeZoneException("the secret inside"), 503 => new LedgerUnavailableException("The disk is away."), _ => null };
        return SalesHost.StartAsync(
            services =>
            {
                if (fault is not null && IsOpen(path))
                {
                    services.AddSingleton(FailingStore.Of<IPaymentStore>(fault));
                }
                else if (fault is not null)
                {
                    services.AddSingleton(FailingStore.Of<IDirectoryStore>(fault)).AddSingleton<IPaymentStore>(new MemoryPaymentStore());
                }
            },
            ("Metering:Plans:growth:RequestsPerMinute", status == 429 ? "1" : "1000"),
            ("Metering:Plans:scale:RequestsPerMinute", status == 429 ? "1" : "1000"));
    }

    private static Task<Answer> AskAsync(SalesHost host, string method, string path, int status) => path switch
    {
        Purchase => AskToPurchaseAsync(host, status),
        Claim => AskToClaimAsync(host, status),
        _ => AskWithKeyAsync(host, method, path, status),
    };

    private static async Task<Answer> AskToPurchaseAsync(SalesHost host, int status)
    {
        var body = BodyOf("POST", Purchase)!;
        string? key = null;
        switch (status)
        {
            case 401: // The route is open, but a key that opens nothing must not buy a new account.
                key = ApiKeys.DefaultPrefix + new string('0', 64);
                break;
            case 403:
                key = (await host.Gateway.OpenAsync(scopes: ApiKeyScopes.Read)).Key.Key;
                break;
            case 409:
                await host.SubscribeAsync("bob@example.com");
                break;
            case 422:
                await host.PostAsync(Purchase, body.Replace("growth", "scale", StringComparison.Ordinal), "key-1");
                break;
            case 429:
                for (var before = 0; before < 5; before++)
                {
                    await host.PurchaseAsync($"a{before}@example.com");
                }

                break;
            default:
                break;
        }

        return await SendAsync(host, "POST", Purchase, key, status, body, status == 422 ? "key-1" : null);
    }

    private static async Task<Answer> AskToClaimAsync(SalesHost host, int status)
    {
        var (url, token) = status is 500 or 503 ? (string.Empty, "claim_" + new string('0', 64)) : await host.PurchaseAsync();
        if (status is 200 or 409)
        {
            await host.PressAsync(url, "pay");
        }

        if (status == 409)
        {
            Assert.Equal(200, (await host.ClaimAsync(token)).Status);
        }

        if (status == 422)
        {
            await host.PressAsync(url, "pay");
            Assert.Equal(200, (await host.PostAsync(Claim, $$"""{"email": "ann@example.com", "claimToken": "{{token}}"}""", "key-1")).Status);
        }

        if (status == 410)
        {
            await host.PressAsync(url, "abandon");
        }

        for (var guess = 0; status == 429 && guess < 30; guess++)
        {
            await host.ClaimAsync($"claim_{guess:x64}");
        }

        var (email, sent) = (status is 403 or 422 ? "bob@example.com" : "ann@example.com", status is 404 or 429 ? "claim_" + new string('f', 64) : token);
        return await SendAsync(host, "POST", Claim, null, status, $$"""{"email": "{{email}}", "claimToken": "{{sent}}"}""", status == 422 ? "key-1" : null);
    }

    private static async Task<Answer> AskWithKeyAsync(SalesHost host, string method, string path, int status)
    {
        var body = BodyOf(method, path);
        switch (status)
        {
            case 401:
                return await SendAsync(host, method, path, null, status, body);
            case 500 or 503:
                return await SendAsync(host, method, path, ApiKeys.DefaultPrefix + new string('0', 64), status, body);
            case 403:
                return await SendAsync(host, method, path, (await host.Gateway.OpenAsync(scopes: ApiKeyScopes.Refund)).Key.Key, status, body);
            case 404 when path.Contains("/subscription/", StringComparison.Ordinal):
                return await SendAsync(host, method, path, (await host.Gateway.OpenAsync()).Key.Key, status, body);
            case 404:
                return await SendAsync(host, method, path, (await host.Gateway.AddKeyAsync(new("nobody"), ApiKeyScopes.Read | ApiKeyScopes.Spend)).Key.Key, status, body);
            default:
                break;
        }

        var (caller, url) = await host.SubscribeAsync();
        switch (status)
        {
            case 402:
                await host.PressAsync(url, "card-declines");
                break;
            case 422:
                var (first, other) = path == Cancel ? (ChangePlan, null) : (path, body!.Replace("101", "102", StringComparison.Ordinal).Replace("scale", "starter", StringComparison.Ordinal)
                    .Replace("other", "home_improvement", StringComparison.Ordinal).Replace("roofs", "tiles", StringComparison.Ordinal));
                Assert.Equal(200, (await caller.PostAsync(first, BodyOf("POST", first), "key-1")).Status);
                return await caller.PostAsync(path, other, "key-1");
            case 429:
                Assert.Equal(200, (await SendAsync(host, method, path, caller.Key.Key, 200, body)).Status);
                break;
            default:
                break;
        }

        return await SendAsync(host, method, path, caller.Key.Key, status, body);
    }

    /// <summary>Sends a request; for 400, 413 and 415 one that is wrong in that way.</summary>
    private static Task<Answer> SendAsync(SalesHost host, string method, string path, string? key, int status, string? body, string? idempotencyKey = null)
    {
        var request = new HttpRequestMessage(new(method), path);
        if (body is not null)
        {
            request.Content = new StringContent(
                status switch { 400 => body[..^1], 413 => $"{body[..^1]}, \"x\": \"{new string('x', 2 << 20)}\"}}", _ => body }, Encoding.UTF8, status == 415 ? "text/plain" : "application/json");
        }

        if (key is not null)
        {
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", key);
        }

        if (status == 400 && body is null)
        {
            request.Headers.Add("X-API-Key", ApiKeys.DefaultPrefix + new string('0', 64)); // Two keys that differ.
        }

        if (idempotencyKey is not null)
        {
            request.Headers.Add("Idempotency-Key", idempotencyKey);
        }

        return Answer.OfAsync(host.Client, request);
    }
}
