using System.Globalization;
using System.Text.Json;
using Metering.Core;

namespace Metering.Cli;

/// <summary>Reads the fields of one line, each once and by its type; what nobody asked for is a mistyped name.</summary>
internal sealed class ImportFields(JsonElement json)
{
    private const string InstantAllowed = "a day (2026-01-31) or an instant (2026-01-31T12:00:00Z), UTC";

    private readonly HashSet<string> asked = new(StringComparer.Ordinal);

    /// <summary>The field at fault and why, of the first fault; null while everything is right.</summary>
    public (string? Field, string Reason)? Fault { get; private set; }

    /// <summary>Notes a fault; the first one stays.</summary>
    public void Refuse(string? field, string reason) => Fault ??= (field, reason);

    public void Refuse(Refusal? refusal)
    {
        if (refusal is not null)
        {
            Refuse(refusal.Field, refusal.Message);
        }
    }

    /// <summary>A text that has to be there.</summary>
    public string Required(string name, int maxLength)
    {
        var text = Optional(name, maxLength);
        if (string.IsNullOrEmpty(text))
        {
            Refuse(name, $"{name} is missing; 1 to {maxLength} characters are needed.");
        }

        return text ?? string.Empty;
    }

    /// <summary>A text; null where it is left out.</summary>
    public string? Optional(string name, int maxLength)
    {
        if (Find(name) is not { } value)
        {
            return null;
        }

        var text = value.ValueKind == JsonValueKind.String ? TextOf(value) : null;
        if (text is null)
        {
            Refuse(name, $"{name} must be a text of valid Unicode.");
            return null;
        }

        Refuse(CommandRules.CheckText(name, text, maxLength));
        return text;
    }

    /// <summary>An instant; null where it is left out.</summary>
    public DateTimeOffset? Instant(string name)
    {
        if (Find(name) is not { } value)
        {
            return null;
        }

        if (value.ValueKind == JsonValueKind.String && TextOf(value) is { } text && Instants.TryParse(text, out var instant))
        {
            return instant;
        }

        Refuse(name, $"{name} is {Shown(value)}; {InstantAllowed} is allowed.");
        return null;
    }

    /// <summary>Credits; null where they are left out.</summary>
    public Credits? Credits(string name, bool mayBeZero)
    {
        if (Find(name) is not { } value)
        {
            return null;
        }

        if (value.ValueKind == JsonValueKind.Number
            && Metering.Credits.TryParse(value.GetRawText(), out var credits)
            && (credits.IsPositive || (mayBeZero && credits.IsZero))
            && credits <= Metering.Credits.MaxAmount)
        {
            return credits;
        }

        Refuse(name, string.Create(CultureInfo.InvariantCulture, $"{name} is {Shown(value)}; a plain number {(mayBeZero ? "from 0" : "above 0")} to {Metering.Credits.MaxAmount} with at most {Metering.Credits.Decimals} decimals is allowed."));
        return null;
    }

    /// <summary>Texts of a list; null where it is left out.</summary>
    public IReadOnlyList<string>? Texts(string name)
    {
        if (Find(name) is not { } value)
        {
            return null;
        }

        if (value.ValueKind == JsonValueKind.Array && value.EnumerateArray().All(item => item.ValueKind == JsonValueKind.String))
        {
            return [.. value.EnumerateArray().Select(item => TextOf(item) ?? string.Empty)];
        }

        Refuse(name, $"{name} must be a list of texts.");
        return null;
    }

    /// <summary>Objects of a list, each read by itself, a fault in one with its place; null where the list is left out.</summary>
    public IReadOnlyList<T>? Objects<T>(string name, Func<ImportFields, T> read)
    {
        if (Find(name) is not { } value)
        {
            return null;
        }

        if (value.ValueKind != JsonValueKind.Array || value.EnumerateArray().Any(item => item.ValueKind != JsonValueKind.Object))
        {
            Refuse(name, $"{name} must be a list of objects.");
            return null;
        }

        var items = new List<T>();
        foreach (var item in value.EnumerateArray())
        {
            var fields = new ImportFields(item);
            items.Add(read(fields));
            fields.RefuseOthers();
            if (fields.Fault is { } fault)
            {
                var place = $"{name}[{items.Count - 1}]";
                Refuse(fault.Field is null ? place : $"{place}.{fault.Field}", $"{place}: {fault.Reason}");
                return null;
            }
        }

        return items;
    }

    /// <summary>Refuses fields that nobody asked for.</summary>
    public void RefuseOthers()
    {
        foreach (var property in json.EnumerateObject())
        {
            if (NameOf(property) is not { } name)
            {
                Refuse(null, "A field's name is not valid Unicode.");
                return;
            }

            if (!asked.Contains(name))
            {
                Refuse(name, $"{name} is no field of this line; allowed: {string.Join(", ", asked)}.");
                return;
            }
        }
    }

    private JsonElement? Find(string name)
    {
        asked.Add(name);
        return json.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;
    }

    // Half of a surrogate pair, escaped, is JSON and no text.
    private static string? TextOf(JsonElement value)
    {
        try
        {
            return value.GetString();
        }
        catch (InvalidOperationException)
        {
            return null;
        }
    }

    private static string? NameOf(JsonProperty property)
    {
        try
        {
            return property.Name;
        }
        catch (InvalidOperationException)
        {
            return null;
        }
    }

    private static string Shown(JsonElement value) => value.ValueKind is JsonValueKind.Object or JsonValueKind.Array ? "no plain value"
        : value.GetRawText() is { Length: <= 64 } raw ? raw
        : "too long";
}
