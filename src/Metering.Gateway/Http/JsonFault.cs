using System.Globalization;
using System.Text.Json;

namespace Metering.Gateway;

/// <summary>
/// Says in words what was wrong with a JSON body that could not be read: which field, and what is allowed there. It walks the body once
/// more, so that reading a good body costs nothing extra.
/// </summary>
internal static class JsonFault
{
    /// <param name="body">The body, valid UTF-8.</param>
    /// <param name="exception">Why it could not be read.</param>
    /// <param name="fields">What each field must be.</param>
    public static Failure Explain(ReadOnlySpan<byte> body, JsonException exception, JsonFields fields)
    {
        var position = new JsonPosition();
        var reader = new Utf8JsonReader(body, new() { MaxDepth = JsonBody.MaxDepth });
        try
        {
            while (reader.Read())
            {
                if (!position.Enter(ref reader))
                {
                    return Failure.Invalid(position.Path, $"{position.Path} appears twice; a field may appear once.");
                }

                if (reader.TokenType == JsonTokenType.String)
                {
                    _ = reader.GetString(); // Throws where an escape is half of a surrogate pair.
                }
            }
        }
        catch (JsonException syntax)
        {
            return Syntax(position.Path, syntax, fields.Rules);
        }
        catch (InvalidOperationException)
        {
            return Failure.Invalid(position.Path, "The body holds a text or a field name that is not valid Unicode: half of a surrogate pair.");
        }

        return (fields.IgnoresOthers ? null : FindUnknown(body, fields.Rules)) ?? WrongType(exception, fields.Rules);
    }

    private static Failure? FindUnknown(ReadOnlySpan<byte> body, IReadOnlyDictionary<string, string> fields)
    {
        var position = new JsonPosition();
        var reader = new Utf8JsonReader(body, new() { MaxDepth = JsonBody.MaxDepth });
        while (reader.Read())
        {
            position.Enter(ref reader);
            if (reader.TokenType == JsonTokenType.PropertyName && !fields.ContainsKey(position.Pattern))
            {
                var parent = position.Prefix;
                var siblings = fields.Keys
                    .Where(field => field.StartsWith(parent, StringComparison.Ordinal) && field.IndexOfAny(['.', '['], parent.Length) < 0)
                    .Select(field => field[parent.Length..])
                    .ToArray();
                return siblings.Length == 0
                    ? null // Inside a value that should not be an object at all: its wrong type is the matter.
                    : Failure.Invalid(position.Path, $"{position.Path} is not a field of this request; allowed: {string.Join(", ", siblings)}.");
            }
        }

        return null;
    }

    private static Failure Syntax(string? path, JsonException syntax, IReadOnlyDictionary<string, string> fields)
    {
        var place = string.Create(CultureInfo.InvariantCulture, $"line {(syntax.LineNumber ?? 0) + 1}, byte {(syntax.BytePositionInLine ?? 0) + 1}");
        var expected = path is not null && fields.TryGetValue(JsonPosition.PatternOf(path), out var allowed) ? $" {path} must be {allowed}." : string.Empty;
        return Failure.Invalid(path, $"The body is not valid JSON of at most {JsonBody.MaxDepth} levels (at {place}).{expected}");
    }

    private static Failure WrongType(JsonException exception, IReadOnlyDictionary<string, string> fields)
    {
        var path = exception.Path is ['$', '.', .. var rest] ? rest : null;
        return path is null
            ? Failure.Invalid(null, "The body must be a JSON object.")
            : Failure.Invalid(path, $"{path} must be {(fields.TryGetValue(JsonPosition.PatternOf(path), out var allowed) ? allowed : "of another type")}.");
    }
}
