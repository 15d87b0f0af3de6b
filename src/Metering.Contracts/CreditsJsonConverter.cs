using System.Buffers;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Metering;

/// <summary>
/// Credits in JSON: a plain number. Written without exponent and without trailing zeros; read strictly: at most four decimals, no
/// exponent, no string.
/// </summary>
public sealed class CreditsJsonConverter : JsonConverter<Credits>
{
    /// <inheritdoc />
    public override Credits Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        if (reader.TokenType == JsonTokenType.Number)
        {
            var valid = reader.HasValueSequence
                ? Credits.TryParse(reader.ValueSequence.ToArray(), out var credits)
                : Credits.TryParse(reader.ValueSpan, out credits);
            if (valid)
            {
                return credits;
            }
        }

        throw new JsonException("must be a plain decimal number with at most 4 decimals and no exponent");
    }

    /// <inheritdoc />
    public override void Write(Utf8JsonWriter writer, Credits value, JsonSerializerOptions options)
    {
        Span<char> text = stackalloc char[24];
        value.TryFormat(text, out var length, default, null);
        writer.WriteRawValue(text[..length], skipInputValidation: true);
    }
}
