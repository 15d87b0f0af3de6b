using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Metering.Gateway.Tests;

/// <summary>Validates JSON against the schemas of an OpenAPI 3.1 document, as far as this product's schemas go; a keyword that it does not know is a complaint.</summary>
internal sealed class JsonSchemaCheck(JsonElement document)
{
    private static readonly HashSet<string> Annotations = ["description", "title", "default", "example", "examples", "format", "deprecated", "readOnly", "writeOnly"];

    /// <summary>What is wrong with a value; nothing where it is valid.</summary>
    public IEnumerable<string> Complaints(JsonElement value, JsonElement schema, string path)
    {
        if (schema.ValueKind is JsonValueKind.True)
        {
            yield break;
        }

        if (schema.TryGetProperty("$ref", out var reference))
        {
            var found = Resolve(reference.GetString()!);
            foreach (var complaint in found is null ? [$"{path}: {reference.GetString()} leads nowhere"] : Complaints(value, found.Value, path))
            {
                yield return complaint;
            }
        }

        foreach (var keyword in schema.EnumerateObject())
        {
            foreach (var complaint in Complaints(value, schema, keyword, path))
            {
                yield return complaint;
            }
        }
    }

    /// <summary>The schema that a reference within the document leads to; null for none.</summary>
    public JsonElement? Resolve(string reference)
    {
        JsonElement? place = reference.StartsWith("#/", StringComparison.Ordinal) ? document : null;
        foreach (var step in reference.TrimStart('#').Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            place = place is { ValueKind: JsonValueKind.Object } parent && parent.TryGetProperty(step, out var child) ? child : null;
        }

        return place;
    }

    private IEnumerable<string> Complaints(JsonElement value, JsonElement schema, JsonProperty keyword, string path)
    {
        switch (keyword.Name)
        {
            case "$ref":
                return [];
            case "type":
                var types = keyword.Value.ValueKind == JsonValueKind.Array ? keyword.Value.EnumerateArray().Select(type => type.GetString()) : [keyword.Value.GetString()];
                return types.Any(type => Is(value, type!)) ? [] : [$"{path}: {value.GetRawText()} is not of type {keyword.Value.GetRawText()}"];
            case "required":
                return value.ValueKind != JsonValueKind.Object ? []
                    : keyword.Value.EnumerateArray().Where(name => !value.TryGetProperty(name.GetString()!, out _)).Select(name => $"{path}: the required {name.GetString()} is missing");
            case "properties":
                return value.ValueKind != JsonValueKind.Object ? []
                    : keyword.Value.EnumerateObject().Where(property => value.TryGetProperty(property.Name, out _))
                        .SelectMany(property => Complaints(value.GetProperty(property.Name), property.Value, $"{path}.{property.Name}"));
            case "additionalProperties":
                return value.ValueKind != JsonValueKind.Object ? [] : Additional(value, schema, keyword.Value, path);
            case "items":
                return value.ValueKind != JsonValueKind.Array ? [] : value.EnumerateArray().SelectMany((item, index) => Complaints(item, keyword.Value, $"{path}[{index}]"));
            case "oneOf" or "anyOf":
                var fitting = keyword.Value.EnumerateArray().Count(choice => !Complaints(value, choice, path).Any());
                return fitting == 1 || (fitting > 1 && keyword.Name == "anyOf") ? [] : [$"{path}: {value.GetRawText()} fits {fitting} schemas of {keyword.Name}"];
            case "allOf":
                return keyword.Value.EnumerateArray().SelectMany(part => Complaints(value, part, path));
            case "enum":
                return keyword.Value.EnumerateArray().Any(choice => JsonElement.DeepEquals(choice, value)) ? [] : [$"{path}: {value.GetRawText()} is not one of {keyword.Value.GetRawText()}"];
            default:
                return Measures(value, keyword, path);
        }
    }

    private IEnumerable<string> Additional(JsonElement value, JsonElement schema, JsonElement rule, string path)
    {
        var known = schema.TryGetProperty("properties", out var properties) ? properties.EnumerateObject().Select(property => property.Name).ToHashSet() : [];
        return value.EnumerateObject().Where(property => !known.Contains(property.Name)).SelectMany(property => rule.ValueKind == JsonValueKind.False
            ? [$"{path}.{property.Name} is no field of its schema"]
            : Complaints(property.Value, rule, $"{path}.{property.Name}"));
    }

    private static IEnumerable<string> Measures(JsonElement value, JsonProperty keyword, string path)
    {
        var number = value.ValueKind == JsonValueKind.Number ? value.GetDecimal() : (decimal?)null;
        var text = value.ValueKind == JsonValueKind.String ? value.GetString() : null;
        bool? holds = keyword.Name switch
        {
            "minimum" => number is null || number >= Bound(keyword.Value),
            "maximum" => number is null || number <= Bound(keyword.Value),
            "multipleOf" => number is null || number % Bound(keyword.Value) == 0,
            "minLength" => text is null || text.Length >= Bound(keyword.Value),
            "maxLength" => text is null || text.Length <= Bound(keyword.Value),
            "pattern" => text is null || Regex.IsMatch(text, keyword.Value.GetString()!),
            _ => Annotations.Contains(keyword.Name) ? true : null,
        };
        return holds switch
        {
            true => [],
            false => [$"{path}: {value.GetRawText()} breaks {keyword.Name} {keyword.Value.GetRawText()}"],
            null => [$"{path}: the schema has the keyword {keyword.Name}, which JsonSchemaCheck does not know; teach it there"],
        };
    }

    // Bounds come as numbers or, from some writers, as texts.
    private static decimal Bound(JsonElement bound) =>
        bound.ValueKind == JsonValueKind.String ? decimal.Parse(bound.GetString()!, CultureInfo.InvariantCulture) : bound.GetDecimal();

    private static bool Is(JsonElement value, string type) => type switch
    {
        "null" => value.ValueKind == JsonValueKind.Null,
        "boolean" => value.ValueKind is JsonValueKind.True or JsonValueKind.False,
        "string" => value.ValueKind == JsonValueKind.String,
        "number" => value.ValueKind == JsonValueKind.Number,
        "integer" => value.ValueKind == JsonValueKind.Number && value.GetDecimal() == decimal.Truncate(value.GetDecimal()),
        "array" => value.ValueKind == JsonValueKind.Array,
        "object" => value.ValueKind == JsonValueKind.Object,
        _ => false,
    };
}
