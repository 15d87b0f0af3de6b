using System.Text.Json;
using Metering.Engine;
using Xunit;

namespace Metering.Gateway.Tests;

/// <summary>Bad bodies, addresses and queries at every route of operators: refused with a word, and nothing changed, nor in the log of who did what.</summary>
public sealed class AdminBadInputSweepTests : IAsyncLifetime
{
    /// <summary>Routes, each with JSON of a request in which a field comes last and is open.</summary>
    private static readonly (string Method, string Path, string Open)[] Bodies =
    [
        ("POST", "/admin/v1/accounts", """{"plan": "starter", "email": """),
        ("POST", "/admin/v1/accounts/{id}/keys", """{"scopes": ["read"], "name": """),
        ("POST", "/admin/v1/accounts/{id}/grants", """{"source": "top_up", "amount": 50, "description": """),
        ("POST", "/admin/v1/accounts/{id}/adjustments", """{"amount": -12.5, "reason": """),
        ("POST", "/admin/v1/accounts/{id}/payments", """{"paidThrough": "2026-07-01T00:00:00Z", "externalReference": """),
        ("POST", "/admin/v1/accounts/{id}/status", """{"status": "suspended", "reason": """),
        ("POST", "/admin/v1/accounts/{id}/credit-limit", """{"limit": """),
        ("POST", "/admin/v1/accounts/{id}/plan", """{"plan": "growth", "when": """),
        ("POST", "/admin/v1/accounts/{id}/take-back", """{"amount": 100, "reason": "Dispute lost", "externalReference": """),
        ("POST", "/admin/v1/coupons", """{"amount": 25, "code": """),
        ("PATCH", "/admin/v1/coupons/{code}", """{"active": false, "expiresAt": """),
    ];

    /// <summary>What may stand in an address in place of an id, and is none.</summary>
    private static readonly string[] BadIds = [new string('a', 129), "a%20b", "a%01b", "%F0%9F%98%80", "a%2Fb", "..%2F..", "%22%27%3B--", "%25", "%C3%28", "no-such-id"];

    /// <summary>Values that are no number, instant, cursor or word of a query.</summary>
    private static readonly string[] BadValues = ["-1", "1e3", "%00", "1%2000", "999999999999999999999", "%F0%9F%98%80", "a&{0}=b", new string('9', 400)];

    private GatewayHost host = null!;
    private TestCaller admin = null!;
    private string before = null!;

    public static TheoryData<string, string> WithBodies()
    {
        var rows = new TheoryData<string, string>();
        foreach (var (method, path, _) in Bodies)
        {
            rows.Add(method, path);
        }

        return rows;
    }

    public async Task InitializeAsync()
    {
        host = await GatewayHost.StartAsync();
        admin = await host.AddKeyAsync(new("operator"), ApiKeyScopes.Admin);
        Assert.Equal(201, (await admin.PostAsync("/admin/v1/accounts", """{"id": "acme", "plan": "starter", "email": "ann@acme.example", "key": {"name": "First key"}}""")).Status);
        Assert.Equal(201, (await admin.PostAsync("/admin/v1/coupons", """{"code": "SPRING", "amount": 25}""")).Status);
        before = await StateAsync();
    }

    public async Task DisposeAsync() => await host.DisposeAsync();

    [Theory]
    [MemberData(nameof(WithBodies))]
    public async Task Bad_bodies_are_refused_and_change_nothing(string method, string path)
    {
        var open = Bodies.Single(body => (body.Method, body.Path) == (method, path)).Open;
        foreach (var (fault, (status, make)) in BadBodies.Faults)
        {
            using var content = new ByteArrayContent(make(open));
            content.Headers.ContentType = new("application/json");
            var answer = await admin.SendAsync(new(method), Fill(path, "acme", "SPRING"), content, "bad-1");
            Assert.True(answer.Status == status, $"{fault}: {answer.Status}, {answer.Body}");
            HasShape(answer);
        }

        using var text = new StringContent(open + "\"a\"}");
        Assert.Equal(415, (await admin.SendAsync(new(method), Fill(path, "acme", "SPRING"), text)).Status);
        Assert.Equal(before, await StateAsync());
    }

    [Fact]
    public async Task Ids_that_are_none_are_refused_by_every_route()
    {
        foreach (var (method, path, operation) in await OperationsAsync())
        {
            foreach (var id in path.Contains('{', StringComparison.Ordinal) ? BadIds : [])
            {
                using var content = JsonOf(operation);
                var answer = await admin.SendAsync(new(method), Fill(path, id, id), content);
                Assert.True(answer.Status is 400 or 404, $"{method} {Fill(path, id, id)}: {answer.Status}, {answer.Body}");
                HasShape(answer);
            }
        }

        Assert.Equal(before, await StateAsync());
    }

    [Fact]
    public async Task Queries_that_are_none_are_refused_by_every_route_that_knows_them()
    {
        var asked = 0;
        foreach (var (method, path, operation) in await OperationsAsync())
        {
            foreach (var name in NamesOf(operation).Where(name => name is "limit" or "cursor" or "offset" or "from" or "to" or "since" or "until"))
            {
                foreach (var value in BadValues.Append(name == "cursor" ? "nonsense" : "0x10"))
                {
                    var url = $"{Fill(path, "acme", "SPRING")}?{name}={value.Replace("{0}", name, StringComparison.Ordinal)}";
                    var answer = await admin.SendAsync(new(method), url);
                    asked++;
                    if (answer.Status == 200 && name == "cursor")
                    {
                        continue; // A cursor is where a list goes on behind; an id that nobody has is such a place, too.
                    }

                    Assert.True(answer.Status == 400, $"{url}: {answer.Status}, {answer.Body}");
                    HasShape(answer);
                }
            }
        }

        Assert.InRange(asked, 50, 5_000);
    }

    [Fact]
    public async Task Keys_without_the_scope_get_into_no_route_and_bodies_are_not_looked_at()
    {
        var caller = await host.OpenAsync();
        foreach (var (method, path, _) in await OperationsAsync())
        {
            var answer = await caller.SendAsync(new(method), Fill(path, "acme", "SPRING"), new StringContent("{"));
            Assert.Equal((path, 403, "scope_missing"), (path, answer.Status, answer.Code));
        }

        Assert.Equal(before, await StateAsync());
    }

    [Fact]
    public async Task Every_route_that_reads_a_body_is_swept()
    {
        var reading = (await OperationsAsync()).Where(operation => operation.Operation.TryGetProperty("requestBody", out _)).Select(operation => $"{operation.Method} {operation.Path}");
        Assert.Equal(reading.Order(), Bodies.Select(body => $"{body.Method} {body.Path}").Order());
    }

    private static string Fill(string path, string id, string code) => path.Contains("/coupons", StringComparison.Ordinal)
        ? path.Replace("{code}", code, StringComparison.Ordinal)
        : path.Replace("{id}", id, StringComparison.Ordinal).Replace("{keyId}", "key_none", StringComparison.Ordinal);

    private static void HasShape(Answer answer)
    {
        Assert.Equal("application/problem+json", answer.ContentType);
        Assert.NotEmpty(answer.Json.GetProperty("detail").GetString()!);
        Assert.InRange(answer.Body.Length, 1, 1_000);
    }

    private static IEnumerable<string> NamesOf(JsonElement operation) => operation.TryGetProperty("parameters", out var parameters)
        ? from parameter in parameters.EnumerateArray() where parameter.GetProperty("in").GetString() == "query" select parameter.GetProperty("name").GetString()!
        : [];

    /// <summary>The document's own example of a route's body, so that only the address is wrong; null where it reads none.</summary>
    private static StringContent? JsonOf(JsonElement operation) => operation.TryGetProperty("requestBody", out var body)
        ? new(body.GetProperty("content").GetProperty("application/json").GetProperty("example").GetRawText(), System.Text.Encoding.UTF8, "application/json")
        : null;

    private async Task<List<(string Method, string Path, JsonElement Operation)>> OperationsAsync()
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/openapi/v1.json");
        var paths = (await Answer.OfAsync(host.Client, request)).Json.GetProperty("paths");
        return
        [
            .. from path in paths.EnumerateObject()
               where path.Name.StartsWith("/admin/v1/", StringComparison.Ordinal)
               from operation in path.Value.EnumerateObject()
               select (operation.Name.ToUpperInvariant(), path.Name, operation.Value),
        ];
    }

    /// <summary>All that operators see: accounts, keys, credits, coupons, and what the log says was done; it also tells what was refused.</summary>
    private async Task<string> StateAsync()
    {
        var answers = new List<string>();
        foreach (var path in (string[])["accounts", "accounts/acme", "accounts/acme/keys", "accounts/acme/transactions", "coupons", "coupons/SPRING/redemptions"])
        {
            var answer = await admin.GetAsync($"/admin/v1/{path}");
            Assert.Equal(200, answer.Status);
            answers.Add(answer.Body);
        }

        var log = (await admin.GetAsync("/admin/v1/audit")).Json.GetProperty("entries").EnumerateArray();
        answers.AddRange(log.Where(entry => entry.GetProperty("outcome").GetProperty("status").GetInt32() < 400).Select(entry => entry.GetRawText()));
        return string.Join('\n', answers);
    }
}
