using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Metering.Gateway;

/// <summary>Where a reader stands in a JSON text, as callers write it ("items[3].amount").</summary>
internal sealed partial class JsonPosition
{
    private const int MaxShownName = 64;

    private readonly Stack<Level> levels = new();

    /// <summary>The field; null at the top.</summary>
    public string? Path { get; private set; }

    /// <summary>The field without indexes ("items[].amount").</summary>
    public string Pattern => PatternOf(Path ?? string.Empty);

    /// <summary>What stands before the names of the fields of the present object, without indexes ("items[].").</summary>
    public string Prefix => levels.TryPeek(out var inside) && inside.Path is { } path ? PatternOf(path) + "." : string.Empty;

    /// <summary>A field without its indexes.</summary>
    public static string PatternOf(string path) => Index().Replace(path, "[]");

    /// <summary>Follows the reader by one token.</summary>
    /// <returns>False where the token is a field name that its object has had already.</returns>
    public bool Enter(ref Utf8JsonReader reader)
    {
        switch (reader.TokenType)
        {
            case JsonTokenType.PropertyName:
                var name = reader.GetString()!;
                var inside = levels.Peek();
                var shown = name.Length <= MaxShownName ? name : name[..MaxShownName] + "…"; // An answer must not grow with what was sent.
                Path = inside.Path is null ? shown : $"{inside.Path}.{shown}";
                return inside.Names.Add(name);
            case JsonTokenType.StartObject or JsonTokenType.StartArray:
                EnterValue();
                levels.Push(new(Path, reader.TokenType == JsonTokenType.StartArray));
                return true;
            case JsonTokenType.EndObject or JsonTokenType.EndArray:
                Path = levels.Pop().Path;
                return true;
            default:
                EnterValue();
                return true;
        }
    }

    private void EnterValue()
    {
        if (levels.TryPeek(out var inside) && inside.IsArray)
        {
            Path = string.Create(CultureInfo.InvariantCulture, $"{inside.Path}[{inside.Count++}]");
        }
    }

    [GeneratedRegex(@"\[\d+\]", RegexOptions.CultureInvariant)]
    private static partial Regex Index();

    private sealed class Level(string? path, bool isArray)
    {
        public string? Path => path;

        public bool IsArray => isArray;

        public int Count { get; set; }

        public HashSet<string> Names { get; } = new(StringComparer.Ordinal);
    }
}
