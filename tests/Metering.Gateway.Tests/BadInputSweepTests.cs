using Metering.Engine;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Metering.Gateway.Tests;

/// <summary>The same bad bodies at every route that reads one: refused before the core, in the route's dialect, and nothing changed.</summary>
public sealed class BadInputSweepTests : IAsyncLifetime
{
    /// <summary>Routes, each with a field that is a text, and JSON of a request in which that field comes last and is open.</summary>
    private static readonly (string Method, string Path, string Open)[] Bodies =
    [
        ("POST", "/v1/credits/deduct", """{"amount": 1, "description": """),
        ("POST", "/v1/credits/deduct/batch", """{"items": [{"amount": 1}, {"amount": 1, "reference": """),
        ("POST", "/v1/records/access", """{"records": [{"type": "company", "id": "a"}], "description": """),
        ("POST", "/v1/records/visits", """{"companies": ["a"], "seenAt": """),
        ("POST", "/v1/transactions/{txn}/refund", """{"amount": 1, "description": """),
        ("POST", "/v1/coupons/redeem", """{"code": """),
        ("POST", "/api/v1/api-keys", """{"name": """),
        ("POST", "/api/v1/api-keys/{key}/rotate", """{"gracePeriodHours": 0, "expiresAt": """),
        ("PATCH", "/api/v1/me", """{"companyName": "New", "firstName": """),
        ("POST", "/api/v1/purchase", """{"plan": "growth", "email": """),
        ("POST", "/api/v1/claim-key", """{"email": "ann@example.com", "claimToken": """),
        ("POST", "/api/v1/purchase-credits", """{"creditCount": """),
        ("POST", "/api/v1/subscription/change-plan", """{"targetPlan": """),
        ("POST", "/api/v1/settings/switch-database", """{"smbType": """),
        ("POST", "/api/v1/ai/suggest-categories", """{"limit": 5, "description": """),
        ("POST", "/api/v1/ai/generate-keywords", """{"limit": 5, "description": """),
    ];

    private GatewayHost host = null!;
    private TestCaller caller = null!;
    private string transaction = null!;

    public static TheoryData<string> Paths() => [.. Bodies.Select(body => body.Path)];

    public async Task InitializeAsync()
    {
        host = await GatewayHost.StartAsync();
        caller = await host.OpenAsync();
        transaction = (await caller.PostAsync("/v1/credits/deduct", """{"amount": 10}""")).Json.GetProperty("transactionId").GetString()!;
    }

    public async Task DisposeAsync() => await host.DisposeAsync();

    [Theory]
    [MemberData(nameof(Paths))]
    public async Task Bad_bodies_are_refused_in_the_routes_dialect_and_change_nothing(string path)
    {
        var (method, _, open) = Bodies.Single(body => body.Path == path);
        var sent = path.Replace("{txn}", transaction, StringComparison.Ordinal).Replace("{key}", caller.Key.Stored.Id, StringComparison.Ordinal);
        var remaining = path == "/api/v1/claim-key" ? null : "90"; // It looks at no key.
        foreach (var (fault, (status, make)) in BadBodies.Faults.Where(fault => !IsOfOneItem(path, fault.Key)))
        {
            host.Clock.Advance(TimeSpan.FromMinutes(1)); // A few routes answer five calls a minute.
            using var content = new ByteArrayContent(make(open));
            content.Headers.ContentType = new("application/json");
            var answer = await caller.SendAsync(new(method), sent, content, method == "POST" ? "bad-1" : null);
            Assert.Equal((fault, IsUnknownToken(path, fault) ? 404 : status, remaining, null), (fault, answer.Status, answer.Remaining, answer.Cost));
            Assert.NotEmpty(answer.Json.GetProperty(path.StartsWith("/v1", StringComparison.Ordinal) ? "detail" : "error").GetString()!);
            Assert.InRange(answer.Body.Length, 1, 1_000);
        }

        Assert.Equal(2, (await host.Meter.ListTransactionsAsync(caller.Account, new())).Value.Total);
        Assert.Empty((await host.Meter.ListRecordsAsync(caller.Account, new())).Value.Items);
        Assert.Single(await host.Directory.ListKeysAsync(caller.Account));
        Assert.Null(await host.Directory.FindProfileAsync(caller.Account));
        var payments = host.Services.GetRequiredService<IPaymentStore>();
        foreach (var kind in (string[])["plan-purchase", "credit-purchase", "settings"])
        {
            Assert.Empty(await payments.ListAsync(kind, null, 10));
        }
    }

    [Fact]
    public async Task A_control_character_in_an_item_of_a_batch_refuses_that_item_alone()
    {
        var answer = await caller.PostAsync("/v1/credits/deduct/batch", """{"items": [{"amount": 1, "reference": "a\u0000b"}, {"amount": 2}]}""");
        Assert.Equal((200, "88", "2"), (answer.Status, answer.Remaining, answer.Cost));
        var error = answer.Json.GetProperty("items")[0].GetProperty("error");
        Assert.Equal(("invalid_request", "items[0].reference"), (error.GetProperty("code").GetString(), error.GetProperty("field").GetString()));
    }

    [Fact]
    public async Task Every_route_that_reads_a_body_is_swept()
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/openapi/v1.json");
        var document = (await Answer.OfAsync(host.Client, request)).Json;
        var reading = from path in document.GetProperty("paths").EnumerateObject()
                      from operation in path.Value.EnumerateObject()
                      where operation.Value.TryGetProperty("requestBody", out _)
                          && !path.Name.StartsWith("/admin/", StringComparison.Ordinal)
                      select $"{operation.Name.ToUpperInvariant()} {path.Name}";
        var swept = Bodies.Select(body => $"{body.Method} {body.Path.Replace("{txn}", "{id}", StringComparison.Ordinal).Replace("{key}", "{id}", StringComparison.Ordinal)}");
        Assert.Equal(reading.Order(), swept.Order());
    }

    /// <summary>A text that no claim token is like belongs to no purchase, which the contract answers with 404.</summary>
    private static bool IsUnknownToken(string path, string fault) => path == "/api/v1/claim-key" && fault == "\\u0000";

    /// <summary>What is JSON, but no text that an item may have: that item is refused, the others are not.</summary>
    private static bool IsOfOneItem(string path, string fault) => path.EndsWith("/batch", StringComparison.Ordinal) && fault == "\\u0000";
}
