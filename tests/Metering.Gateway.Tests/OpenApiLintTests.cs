using System.Text.Json;
using System.Text.Json.Nodes;
using Xunit;

namespace Metering.Gateway.Tests;

/// <summary>The document has everything that <see cref="OpenApiLint"/> asks for, and the lint finds what is taken away.</summary>
public sealed class OpenApiLintTests : IAsyncLifetime
{
    private GatewayHost host = null!;
    private JsonNode document = null!;

    public async Task InitializeAsync()
    {
        host = await GatewayHost.StartAsync();
        using var request = new HttpRequestMessage(HttpMethod.Get, "/openapi/v1.json");
        document = JsonNode.Parse((await Answer.OfAsync(host.Client, request)).Body)!;
    }

    public async Task DisposeAsync() => await host.DisposeAsync();

    [Fact]
    public void Nothing_is_left_to_say() => Assert.True(Complaints().Count == 0, $"{Complaints().Count} complaints:\n{string.Join('\n', Complaints())}");

    [Theory]
    [InlineData("summary", "has no summary")]
    [InlineData("operationId", "has no operationId")]
    [InlineData("tags", "has no tag")]
    [InlineData("requestBody/content/application~json/example", "has no example")]
    [InlineData("responses/200/content/application~json/example", "has no example")]
    [InlineData("responses/200/headers/X-Credits-Remaining", "does not document the header X-Credits-Remaining")]
    [InlineData("responses/200/headers/X-Request-Id/description", "has no description")]
    [InlineData("responses/200/headers/X-Credits-Cost/example", "has no example")]
    [InlineData("responses/200/headers/Idempotent-Replayed", "does not document the header Idempotent-Replayed")]
    [InlineData("responses/429/headers/RateLimit-Reset", "does not document the header RateLimit-Reset")]
    [InlineData("responses/503/headers/Retry-After", "does not document the header Retry-After")]
    [InlineData("responses/402/content/application~problem+json/examples", "has no example")]
    [InlineData("responses/402/content", "has no content")]
    [InlineData("responses/503", "does not document 503")]
    public void What_is_taken_away_is_missed(string path, string complaint)
    {
        var steps = path.Split('/').Select(step => step.Replace('~', '/')).ToArray();
        var place = steps[..^1].Aggregate(Deduct(), (node, step) => node[step]!.AsObject());
        Assert.True(place.Remove(steps[^1]), path);
        Assert.Contains(Complaints(), found => found.StartsWith("POST /v1/credits/deduct", StringComparison.Ordinal) && found.Contains(complaint, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("""{"product": 5}""", "is not of type")]
    [InlineData("""{"amont": 5}""", "is no field of its schema")]
    [InlineData("""{"amount": 0.00001}""", "multipleOf")]
    public void A_request_example_that_the_schema_refuses_is_found(string example, string complaint)
    {
        Deduct()["requestBody"]!["content"]!["application/json"]!["example"] = JsonNode.Parse(example);
        Assert.Contains(Complaints(), found => found.Contains(complaint, StringComparison.Ordinal));
    }

    [Fact]
    public void An_answer_example_without_a_required_field_is_found()
    {
        Deduct()["responses"]!["200"]!["content"]!["application/json"]!["example"]!.AsObject().Remove("charged");
        Assert.Contains(Complaints(), found => found.Contains("the required charged is missing", StringComparison.Ordinal));
    }

    [Fact]
    public void A_reference_that_leads_nowhere_and_a_name_that_is_taken_are_found()
    {
        document["components"]!["schemas"]!.AsObject().Remove("Burned");
        Deduct()["operationId"] = "getV1Credits";
        Assert.Contains(Complaints(), found => found.Contains("#/components/schemas/Burned leads nowhere", StringComparison.Ordinal));
        Assert.Contains(Complaints(), found => found.Contains("share the operationId getV1Credits", StringComparison.Ordinal));
    }

    private JsonObject Deduct() => document["paths"]!["/v1/credits/deduct"]!["post"]!.AsObject();

    private IReadOnlyList<string> Complaints() => new OpenApiLint(JsonElement.Parse(document.ToJsonString())).Complaints();
}
