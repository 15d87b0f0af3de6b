using System.Globalization;
using System.Text;

namespace Metering.Proof.Tests;

/// <summary>Makes bodies: good ones, almost good ones, and ones that were meant to hurt.</summary>
internal sealed class FuzzBodies(Random random)
{
    private const int MaxBodyBytes = 1 << 20;

    private static readonly string[] FieldNames =
    [
        "amount", "product", "quantity", "description", "reference", "items", "records", "type", "id", "mode", "maxCredits",
        "Amount", "amuont", "", "\\u0061mount", "$type", "__proto__", "a.b", "items[0]", "$", "é", "\\ud800", "\\u0000",
    ];

    private static readonly string[] Numbers =
    [
        "0", "1", "-1", "0.0001", "0.00001", "1.0", "1.10", "3", "0.25", "1e2", "1E400", "-0", "01", "1.", ".5", "+1", "1_000", "0x10", "NaN", "-Infinity",
        "9223372036854775807", "9223372036854775808", "99999999999999999999999999999999999999", "1000000000000", "1000000000000.0001", "0.0000",
        "1000000000", "1000000001", "-9223372036854775808", "1.7976931348623157e308", "4.9e-324",
    ];

    private static readonly string[] Products =
    [
        "lead.query", "lead.search", "lead.export", "company", "contact", "company.signals", "company.financials", "email.validation", "mobile",
        "nothing.such", "UPPER", "a", "", " ", "a/b", "company ", "lead.search\\u0000",
    ];

    private static readonly string[] Texts =
    [
        "", "Proof", "\\ud83d\\ude00", "\\ud800", "\\udc00x", "\\u0000", "\\n", "\u2028", "naïve", "日本語", "\\\\", "\\\"", "</script>", "'; DROP TABLE entries; --",
        "\\u202e", "\\uffff", "%00", "{0}", "${jndi:x}",
    ];

    /// <summary>A body for a path; null for none.</summary>
    public byte[]? Next(string path) => random.Next(100) switch
    {
        < 45 => Utf8(Good(path)),
        < 65 => Utf8(Mutate(Good(path))),
        < 75 => Damage(Utf8(Good(path))),
        < 93 => Utf8(Value(depth: 0)),
        < 95 => Utf8(Deep()),
        < 98 => random.Next(2) == 0 ? [] : null,
        98 => Bytes(random.Next(1, 200)),
        _ => random.Next(10) == 0 ? Large(path) : Utf8(Good(path) + Good(path)),
    };

    private static byte[] Utf8(string text) => Encoding.UTF8.GetBytes(text);

    private string Pick(string[] from) => from[random.Next(from.Length)];

    private byte[] Bytes(int count)
    {
        var bytes = new byte[count];
        random.NextBytes(bytes);
        return bytes;
    }

    private string Good(string path) =>
        path.Contains("batch", StringComparison.Ordinal) ? $$"""{"items": [{{Several(random.Next(1, 6), Item)}}]}"""
        : path.Contains("access", StringComparison.Ordinal) ? Access()
        : Item();

    private string Access() =>
        $$"""{"records": [{{Several(random.Next(1, 6), Record)}}]{{Optional("mode", random.Next(2) == 0 ? "\"up_to\"" : "\"all_or_nothing\"")}}{{Optional("maxCredits", Small())}}{{Optional("reference", "\"r\"")}}}""";

    private string Item() => random.Next(2) == 0
        ? $$"""{"amount": {{Small()}}{{Optional("product", "\"my.product\"")}}{{Optional("description", "\"Fuzz\"")}}{{Optional("reference", "\"r\"")}}}"""
        : $$"""{"product": "{{Products[random.Next(9)]}}"{{Optional("quantity", Whole(random.Next(0, 30)))}}{{Optional("description", "\"Fuzz\"")}}}""";

    private string Record() => random.Next(4) == 0
        ? $$"""{"type": "company", "id": "c{{random.Next(300)}}", "product": "company.signals"}"""
        : $$"""{"type": "{{(random.Next(2) == 0 ? "company" : "contact")}}", "id": "c{{random.Next(300)}}"}""";

    private string Small() => (random.Next(1, 30_000) / 10_000m).ToString(CultureInfo.InvariantCulture);

    private static string Whole(int number) => number.ToString(CultureInfo.InvariantCulture);

    private string Optional(string field, string value) => random.Next(2) == 0 ? string.Empty : $", \"{field}\": {value}";

    private static string Several(int count, Func<string> make) => string.Join(", ", Enumerable.Range(0, count).Select(_ => make()));

    /// <summary>A value where another belongs, a field more, a field twice.</summary>
    private string Mutate(string body)
    {
        var colons = Enumerable.Range(0, body.Length).Where(index => body[index] == ':').ToArray();
        var colon = colons.Length == 0 ? 0 : colons[random.Next(colons.Length)];
        var end = body.IndexOfAny([',', '}', ']'], colon);
        return random.Next(5) switch
        {
            0 => body[..1] + $"\"{Pick(FieldNames)}\": {Value(2)}, " + body[1..],
            1 => body[..^1] + $", \"{Pick(FieldNames)}\": {Value(1)}" + "}",
            2 => body.Insert(random.Next(body.Length), Pick(["/* x */", "//", ",", "\t", "\uFEFF", "\0", "[", "}", "\"", "\\"])),
            _ when colon > 0 && end > colon => string.Concat(body.AsSpan(0, colon + 1), " ", Value(1), body.AsSpan(end)),
            _ => body + Pick([" ", "x", "{}", "\0"]),
        };
    }

    private byte[] Damage(byte[] body)
    {
        for (var changes = random.Next(1, 4); changes > 0 && body.Length > 0; changes--)
        {
            var at = random.Next(body.Length);
            switch (random.Next(4))
            {
                case 0:
                    body = body[..at];
                    break;
                case 1:
                    body[at] = (byte)random.Next(256);
                    break;
                case 2:
                    body[at] ^= (byte)(1 << random.Next(8));
                    break;
                default:
                    body = [.. body[..at], .. Bytes(random.Next(1, 5)), .. body[at..]];
                    break;
            }
        }

        return body;
    }

    private string Value(int depth) => random.Next(depth > 4 ? 6 : 9) switch
    {
        0 => Pick(["true", "false", "null", "undefined", "True"]),
        1 or 2 => Pick(Numbers),
        3 => $"\"{Pick(Texts)}\"",
        4 => $"\"{Pick(Products)}\"",
        5 => random.Next(8) == 0 ? $"\"{new string('x', random.Next(120, 700))}\"" : $"\"{Pick(Texts)}{Pick(Texts)}\"",
        6 => $"[{Several(random.Next(5), () => Value(depth + 1))}]",
        _ => $"{{{Several(random.Next(5), () => $"\"{Pick(FieldNames)}\": {Value(depth + 1)}")}}}",
    };

    private string Deep()
    {
        var levels = random.Next(10, 2_000);
        return random.Next(3) switch
        {
            0 => new string('[', levels),
            1 => string.Concat(Enumerable.Repeat("{\"items\":[", levels)),
            _ => new string('[', levels) + new string(']', levels),
        };
    }

    private byte[] Large(string path) => random.Next(4) switch
    {
        0 => new byte[MaxBodyBytes + random.Next(-1, 2)],
        1 => Utf8($$"""{"description": "{{new string('é', random.Next(100, 600_000))}}"}"""),
        2 => Utf8($$"""{"items": [{{Several(random.Next(990, 1_010), () => """{"amount": 0.0001}""")}}]}"""),
        _ => Utf8(path.Contains("access", StringComparison.Ordinal)
            ? $$"""{"records": [{{Several(random.Next(500, 10_010), Record)}}]}"""
            : $$"""{"{{new string('n', random.Next(100, 100_000))}}": 1}"""),
    };
}
