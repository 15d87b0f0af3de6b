using System.Text.Json;

namespace Metering.Gateway.Tests;

/// <summary>What callers are owed by the OpenAPI document. Each complaint says what is missing and where it is to be added.</summary>
internal sealed class OpenApiLint(JsonElement document)
{
    private static readonly string[] RateLimits =
        ["RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset", "X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"];

    private readonly JsonSchemaCheck schemas = new(document);

    public IReadOnlyList<string> Complaints()
    {
        var operations = (from path in document.GetProperty("paths").EnumerateObject()
                          from operation in path.Value.EnumerateObject()
                          select (Name: $"{operation.Name.ToUpperInvariant()} {path.Name}", operation.Value)).ToArray();
        return
        [
            .. operations.SelectMany(operation => Operation(operation.Name, operation.Value)),
            .. operations.GroupBy(operation => Text(operation.Value, "operationId")).Where(group => group.Key is not null && group.Count() > 1)
                .Select(group => $"{string.Join(" and ", group.Select(operation => operation.Name))} share the operationId {group.Key}: give one of them WithName"),
            .. References(document).Where(reference => schemas.Resolve(reference) is null).Distinct()
                .Select(reference => $"{reference} leads nowhere: its type is in no JSON context of MeteringGateway or OperatorFeatures"),
        ];
    }

    private IEnumerable<string> Operation(string name, JsonElement operation)
    {
        if (string.IsNullOrEmpty(Text(operation, "summary")))
        {
            yield return $"{name} has no summary: call Document(summary, …) on the route";
        }

        if (string.IsNullOrEmpty(Text(operation, "operationId")))
        {
            yield return $"{name} has no operationId: GatewayOpenApi makes one from the route, or WithName gives it";
        }

        if (!operation.TryGetProperty("tags", out var tags) || tags.GetArrayLength() == 0 || tags[0].GetString() is null or "" or "Metering.Gateway" or "Metering.Gateway.Tests")
        {
            yield return $"{name} has no tag: call WithTags on the route or its group";
        }

        foreach (var complaint in Parameters(name, operation).Concat(Request(name, operation)).Concat(Responses(name, operation)))
        {
            yield return complaint;
        }
    }

    private IEnumerable<string> Parameters(string name, JsonElement operation)
    {
        foreach (var parameter in operation.TryGetProperty("parameters", out var parameters) ? parameters.EnumerateArray() : default)
        {
            var what = $"{name}: the {Text(parameter, "in")} parameter {Text(parameter, "name")}";
            var where = Text(parameter, "in") == "path" ? "OpenApiExamples.PathParameters, by the segment before it" : "the route's RouteDocumentation.Query";
            if (string.IsNullOrEmpty(Text(parameter, "description")))
            {
                yield return $"{what} has no description: add it to {where}";
            }

            foreach (var complaint in Example(what, parameter, $"add it to {where}"))
            {
                yield return complaint;
            }
        }
    }

    private IEnumerable<string> Request(string name, JsonElement operation) => !operation.TryGetProperty("requestBody", out var body) ? []
        : body.GetProperty("content").EnumerateObject().SelectMany(media => Example($"{name}: the {media.Name} request", media.Value, "set RouteDocumentation.RequestExample on the route"));

    private IEnumerable<string> Responses(string name, JsonElement operation)
    {
        var responses = operation.GetProperty("responses").EnumerateObject().ToArray();
        if (!responses.Any(response => response.Name.StartsWith('2')))
        {
            yield return $"{name} documents no success: call Produces on the route";
        }

        var isKeyed = operation.TryGetProperty("security", out _);
        foreach (var status in isKeyed ? ["401", "403", "500", "503"] : Array.Empty<string>())
        {
            if (!name.EndsWith("/v1/credits/health", StringComparison.Ordinal) && !responses.Any(response => response.Name == status))
            {
                yield return $"{name} does not document {status}, which every route behind a key can answer: add it to ProducesProblems or ProducesErrors";
            }
        }

        var isLimited = responses.Any(response => response.Name == "429");
        var takesKey = operation.TryGetProperty("parameters", out var parameters) && parameters.EnumerateArray().Any(parameter => Text(parameter, "name") == "Idempotency-Key");
        foreach (var response in responses)
        {
            foreach (var complaint in Bodies($"{name}: the {response.Name} answer", response).Concat(Headers($"{name}: the {response.Name} answer", response, isKeyed, isLimited, takesKey)))
            {
                yield return complaint;
            }
        }
    }

    private IEnumerable<string> Bodies(string what, JsonProperty response)
    {
        var isError = response.Name[0] is '4' or '5';
        var where = isError
            ? "its status belongs into ErrorExamples.Usual (or RouteDocumentation.Errors of the route), its shape into ErrorExamples.Shapes"
            : "set RouteDocumentation.ResponseExample (MoreExamples for a second success) on the route";
        var content = response.Value.TryGetProperty("content", out var media) ? media.EnumerateObject().ToArray() : [];
        if (content.Length == 0 && response.Name != "204")
        {
            yield return $"{what} has no content: name its wire record in Produces, ProducesProblems or ProducesErrors";
        }

        foreach (var complaint in content.SelectMany(one => Example(what, one.Value, where)))
        {
            yield return complaint;
        }
    }

    private IEnumerable<string> Headers(string what, JsonProperty response, bool isKeyed, bool isLimited, bool takesKey)
    {
        var headers = response.Value.TryGetProperty("headers", out var present) ? present.EnumerateObject().ToDictionary(header => header.Name, header => header.Value) : [];
        var isSuccess = response.Name[0] == '2';
        var needed = new List<string> { "X-Request-Id" };
        needed.AddRange(isKeyed && response.Name != "401" ? ["X-Credits-Remaining"] : []);
        needed.AddRange(isKeyed && isLimited && response.Name != "401" ? RateLimits : []);
        needed.AddRange(takesKey && isSuccess ? ["Idempotent-Replayed"] : []);
        needed.AddRange(response.Name is "429" or "503" ? ["Retry-After"] : []);
        needed.AddRange(response.Name == "401" ? ["WWW-Authenticate"] : []);
        foreach (var name in needed.Where(name => !headers.ContainsKey(name)))
        {
            yield return $"{what} does not document the header {name}: GatewayOpenApi.AddHeaders adds it";
        }

        foreach (var (name, header) in headers)
        {
            if (string.IsNullOrEmpty(Text(header, "description")))
            {
                yield return $"{what}: the header {name} has no description: GatewayOpenApi.Header takes one";
            }

            foreach (var complaint in Example($"{what}: the header {name}", header, "GatewayOpenApi.Header takes one"))
            {
                yield return complaint;
            }
        }
    }

    /// <summary>One example at least, and each of them valid against the schema beside it.</summary>
    private IEnumerable<string> Example(string what, JsonElement place, string where)
    {
        var examples = new List<JsonElement>();
        if (place.TryGetProperty("example", out var one))
        {
            examples.Add(one);
        }

        if (place.TryGetProperty("examples", out var several))
        {
            examples.AddRange(several.EnumerateObject().Where(example => example.Value.TryGetProperty("value", out _)).Select(example => example.Value.GetProperty("value")));
        }

        if (examples.Count == 0)
        {
            return [$"{what} has no example: {where}"];
        }

        return place.TryGetProperty("schema", out var schema)
            ? examples.SelectMany(example => schemas.Complaints(example, schema, $"{what}: the example"))
            : [$"{what} has no schema: {where}"];
    }

    private static IEnumerable<string> References(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Object => element.EnumerateObject().SelectMany(property =>
            property is { Name: "$ref", Value.ValueKind: JsonValueKind.String } ? [property.Value.GetString()!] : References(property.Value)),
        JsonValueKind.Array => element.EnumerateArray().SelectMany(References),
        _ => [],
    };

    private static string? Text(JsonElement element, string name) =>
        element.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}
