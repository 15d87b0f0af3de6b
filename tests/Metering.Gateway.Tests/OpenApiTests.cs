using System.Text.Json;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Metering.Gateway.Tests;

/// <summary>The document at <c>/openapi/v1.json</c> against the routes that are mapped.</summary>
public sealed class OpenApiTests : IAsyncLifetime
{
    /// <summary>Routes that need no key.</summary>
    private static readonly string[] Open = ["/health/live", "/health/ready", "/api/v1/purchase", "/api/v1/claim-key", "/webhooks/stripe"];

    private GatewayHost host = null!;
    private JsonElement document;

    public async Task InitializeAsync()
    {
        host = await GatewayHost.StartAsync();
        using var request = new HttpRequestMessage(HttpMethod.Get, "/openapi/v1.json");
        document = (await Answer.OfAsync(host.Client, request)).Json;
    }

    public async Task DisposeAsync() => await host.DisposeAsync();

    [Fact]
    public void It_is_openapi_3_1() => Assert.StartsWith("3.1.", document.GetProperty("openapi").GetString(), StringComparison.Ordinal);

    [Fact]
    public void Every_route_with_a_key_documents_429_unless_its_calls_are_not_counted()
    {
        var limited = from path in document.GetProperty("paths").EnumerateObject()
                      from operation in path.Value.EnumerateObject()
                      where operation.Value.TryGetProperty("security", out _) && operation.Value.GetProperty("responses").TryGetProperty("429", out _)
                      select $"{operation.Name.ToUpperInvariant()} {path.Name}";
        var uncounted = from path in document.GetProperty("paths").EnumerateObject()
                        from operation in path.Value.EnumerateObject()
                        where operation.Value.TryGetProperty("security", out _) && IsUncounted(operation.Name, path.Name)
                        select $"{operation.Name.ToUpperInvariant()} {path.Name}";
        var keyed = from path in document.GetProperty("paths").EnumerateObject()
                    from operation in path.Value.EnumerateObject()
                    where operation.Value.TryGetProperty("security", out _)
                    select $"{operation.Name.ToUpperInvariant()} {path.Name}";
        Assert.Equal(keyed.Except(uncounted).Order(), limited.Order());

        bool IsUncounted(string method, string path) => host.Services.GetServices<EndpointDataSource>().SelectMany(source => source.Endpoints).OfType<RouteEndpoint>()
            .Where(endpoint => "/" + endpoint.RoutePattern.RawText!.Trim('/') == path
                && (endpoint.Metadata.GetMetadata<HttpMethodMetadata>()?.HttpMethods.Contains(method, StringComparer.OrdinalIgnoreCase) ?? false))
            .Any(endpoint => endpoint.Metadata.GetMetadata<WithoutRateLimit>() is not null);
    }

    [Theory]
    [InlineData("first.example")]
    [InlineData("second.example")]
    public async Task It_is_the_same_for_every_caller_and_names_none_of_them(string name)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/openapi/v1.json") { Headers = { Host = name } };
        var answer = await Answer.OfAsync(host.Client, request);
        Assert.Equal(200, answer.Status);
        Assert.Equal("application/json", answer.ContentType);
        Assert.Equal(document.GetRawText(), answer.Body);
        Assert.DoesNotContain(name, answer.Body, StringComparison.Ordinal);
    }

    [Fact]
    public void It_lists_every_mapped_route()
    {
        var mapped = host.Services.GetServices<EndpointDataSource>()
            .SelectMany(source => source.Endpoints)
            .OfType<RouteEndpoint>()
            .Where(endpoint => endpoint.Metadata.GetMetadata<IExcludeFromDescriptionMetadata>() is null) // Pages for people.
            .Where(endpoint => !endpoint.RoutePattern.RawText!.StartsWith("/openapi", StringComparison.Ordinal))
            .SelectMany(endpoint => endpoint.Metadata.GetRequiredMetadata<IHttpMethodMetadata>().HttpMethods
                .Select(method => $"{method} {endpoint.RoutePattern.RawText!.TrimEnd('/')}"))
            .Order()
            .ToArray();
        Assert.Contains("POST /v1/credits/deduct", mapped);
        Assert.Equal(mapped, Operations().Select(operation => operation.Name).Order());
    }

    [Fact]
    public void Every_operation_has_a_summary_schemas_and_an_example() => Assert.All(Operations(), operation =>
    {
        Assert.NotEmpty(operation.Json.GetProperty("summary").GetString()!);
        var content = operation.Json.GetProperty("responses").EnumerateObject().First(answer => answer.Name.StartsWith('2')).Value
            .GetProperty("content").EnumerateObject().ToArray();
        Assert.Equal(operation.Name == "GET /v1/transactions/export" ? ["application/x-ndjson", "text/csv"] : ["application/json"], content.Select(type => type.Name));
        Assert.All(content, success =>
        {
            Assert.True(success.Value.TryGetProperty("schema", out _), operation.Name);
            Assert.True(success.Value.TryGetProperty("example", out _), operation.Name);
        });
        if (operation.Json.TryGetProperty("requestBody", out var body))
        {
            Assert.True(body.GetProperty("content").GetProperty("application/json").TryGetProperty("schema", out _), operation.Name);
            Assert.True(body.GetProperty("content").GetProperty("application/json").TryGetProperty("example", out _), operation.Name);
        }
    });

    [Fact]
    public void Every_answer_has_its_headers() => Assert.All(Operations(), operation =>
    {
        var isKeyed = operation.Json.TryGetProperty("security", out var security);
        Assert.Equal(!Open.Any(open => operation.Name.EndsWith(open, StringComparison.Ordinal)), isKeyed);
        Assert.Equal(isKeyed ? ["bearer", "apiKey"] : [], isKeyed ? security.EnumerateArray().Select(one => one.EnumerateObject().Single().Name) : []);
        foreach (var response in operation.Json.GetProperty("responses").EnumerateObject())
        {
            var headers = response.Value.GetProperty("headers");
            Assert.True(headers.TryGetProperty("X-Request-Id", out _), operation.Name);
            Assert.Equal(isKeyed && response.Name != "401", headers.TryGetProperty("X-Credits-Remaining", out _));
            Assert.Equal(response.Name is "202" or "429" or "503", headers.TryGetProperty("Retry-After", out _));
        }
    });

    [Fact]
    public void Both_ways_to_send_a_key_are_described()
    {
        var schemes = document.GetProperty("components").GetProperty("securitySchemes");
        Assert.Equal("bearer", schemes.GetProperty("bearer").GetProperty("scheme").GetString());
        Assert.Equal("X-API-Key", schemes.GetProperty("apiKey").GetProperty("name").GetString());
    }

    [Theory]
    [InlineData("Deduct")]
    [InlineData("RecordAccess")]
    public void Requests_say_that_no_other_field_is_allowed(string schema) =>
        Assert.False(document.GetProperty("components").GetProperty("schemas").GetProperty(schema).GetProperty("additionalProperties").GetBoolean());

    [Fact]
    public void Credits_are_numbers_and_every_reference_leads_somewhere()
    {
        var text = document.GetRawText();
        var schemas = document.GetProperty("components").GetProperty("schemas");
        foreach (var part in text.Split("#/components/schemas/").Skip(1))
        {
            var name = part[..part.IndexOf('"', StringComparison.Ordinal)];
            Assert.True(schemas.TryGetProperty(name, out _), name);
        }

        Assert.Equal("number", schemas.GetProperty("Credits").GetProperty("type").GetString());
    }

    [Fact]
    public void Fields_that_may_be_left_out_are_not_required_and_whole_numbers_are_integers()
    {
        var deduct = document.GetProperty("components").GetProperty("schemas").GetProperty("Deduct");
        Assert.False(deduct.TryGetProperty("required", out _));
        Assert.Equal(["null", "integer"], deduct.GetProperty("properties").GetProperty("quantity").GetProperty("type").EnumerateArray().Select(type => type.GetString()));
        Assert.Equal("integer", document.GetProperty("components").GetProperty("schemas").GetProperty("Page").GetProperty("properties").GetProperty("limit").GetProperty("type").GetString());
    }

    [Fact]
    public void Parameters_tell_their_range_and_default()
    {
        var limit = Operations().Single(operation => operation.Name == "GET /api/v1/credits/transactions").Json
            .GetProperty("parameters").EnumerateArray().Single(parameter => parameter.GetProperty("name").GetString() == "limit").GetProperty("schema");
        Assert.Equal((1, 100, 50), (limit.GetProperty("minimum").GetInt32(), limit.GetProperty("maximum").GetInt32(), limit.GetProperty("default").GetInt32()));
    }

    private IEnumerable<(string Name, JsonElement Json)> Operations() =>
        from path in document.GetProperty("paths").EnumerateObject()
        from operation in path.Value.EnumerateObject()
        select ($"{operation.Name.ToUpperInvariant()} {path.Name}", operation.Value);
}
