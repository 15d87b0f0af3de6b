using System.Text;
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
    ];

    private static readonly Dictionary<string, (int Status, Func<string, byte[]> Make)> Faults = new()
    {
        ["depth 1,000"] = (400, open => Utf8(open + new string('[', 1_000) + new string(']', 1_000) + Close(open))),
        ["depth 1,000 in an unknown field"] = (400, open => Utf8("{\"unknown\": " + new string('[', 1_000) + new string(']', 1_000) + "}")),
        ["not UTF-8"] = (400, open => [.. Utf8(open), .. "\"a"u8, 0xC3, 0x28, .. "\""u8, .. Utf8(Close(open))]),
        ["overlong UTF-8"] = (400, open => [.. Utf8(open), .. "\"a"u8, 0xC0, 0x80, .. "\""u8, .. Utf8(Close(open))]),
        ["\\u0000"] = (400, open => Utf8(open + "\"a\\u0000b\"" + Close(open))),
        ["half of a surrogate pair"] = (400, open => Utf8(open + "\"\\udc00\"" + Close(open))),
        ["NaN"] = (400, open => Utf8(open + "NaN" + Close(open))),
        ["1e400"] = (400, open => Utf8(open + "1e400" + Close(open))),
        ["-Infinity"] = (400, open => Utf8(open + "-Infinity" + Close(open))),
        ["a field twice"] = (400, open => Utf8(Twice(open))),
        ["a comment"] = (400, open => Utf8(open + "\"a\"" + Close(open) + " // done")),
        ["a byte order mark"] = (400, open => [0xEF, 0xBB, 0xBF, .. Utf8(open + "\"a" + Close(open))]),
        ["cut off"] = (400, open => Utf8(open)),
        ["null"] = (400, _ => Utf8("null")),
        ["2 MiB"] = (413, open => Utf8(open + "\"" + new string('x', 2 << 20) + "\"" + Close(open))),
    };

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
        foreach (var (fault, (status, make)) in Faults.Where(fault => !IsOfOneItem(path, fault.Key)))
        {
            using var content = new ByteArrayContent(make(open));
            content.Headers.ContentType = new("application/json");
            var answer = await caller.SendAsync(new(method), sent, content, method == "POST" ? "bad-1" : null);
            Assert.Equal((fault, status, "90", null), (fault, answer.Status, answer.Remaining, answer.Cost));
            Assert.NotEmpty(answer.Json.GetProperty(path.StartsWith("/v1", StringComparison.Ordinal) ? "detail" : "error").GetString()!);
            Assert.InRange(answer.Body.Length, 1, 1_000);
        }

        Assert.Equal(2, (await host.Meter.ListTransactionsAsync(caller.Account, new())).Value.Total);
        Assert.Empty((await host.Meter.ListRecordsAsync(caller.Account, new())).Value.Items);
        Assert.Single(await host.Directory.ListKeysAsync(caller.Account));
        Assert.Null(await host.Directory.FindProfileAsync(caller.Account));
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
                          && (path.Name.StartsWith("/v1/", StringComparison.Ordinal) || path.Name.StartsWith("/api/v1/api-keys", StringComparison.Ordinal) || path.Name == "/api/v1/me")
                      select $"{operation.Name.ToUpperInvariant()} {path.Name}";
        var swept = Bodies.Select(body => $"{body.Method} {body.Path.Replace("{txn}", "{id}", StringComparison.Ordinal).Replace("{key}", "{id}", StringComparison.Ordinal)}");
        Assert.Equal(reading.Order(), swept.Order());
    }

    /// <summary>What is JSON, but no text that an item may have: that item is refused, the others are not.</summary>
    private static bool IsOfOneItem(string path, string fault) => path.EndsWith("/batch", StringComparison.Ordinal) && fault == "\\u0000";

    private static byte[] Utf8(string text) => Encoding.UTF8.GetBytes(text);

    /// <summary>What closes a request that is open.</summary>
    private static string Close(string open) => open.Contains("\"items\"", StringComparison.Ordinal) ? "}]}" : "}";

    /// <summary>The open field's object with that field twice.</summary>
    private static string Twice(string open)
    {
        var name = open[(open.LastIndexOf('"', open.LastIndexOf('"') - 1))..];
        return $"{open}null, {name}null{Close(open)}";
    }
}
