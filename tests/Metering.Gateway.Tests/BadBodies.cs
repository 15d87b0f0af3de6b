using System.Text;

namespace Metering.Gateway.Tests;

/// <summary>Bodies that no route may take, each made of JSON of a request in which a field that is a text comes last and is open.</summary>
internal static class BadBodies
{
    /// <summary>The faults, each with the status that it is answered with.</summary>
    public static IReadOnlyDictionary<string, (int Status, Func<string, byte[]> Make)> Faults { get; } = new Dictionary<string, (int Status, Func<string, byte[]> Make)>
    {
        ["depth 1,000"] = (400, open => Utf8(open + new string('[', 1_000) + new string(']', 1_000) + Close(open))),
        ["depth 1,000 in an unknown field"] = (400, open => Utf8("{\"unknown\": " + new string('[', 1_000) + new string(']', 1_000) + "}")),
        ["not UTF-8"] = (400, open => [.. Utf8(open), .. "\"a"u8, 0xC3, 0x28, .. "\""u8, .. Utf8(Close(open))]),
        ["overlong UTF-8"] = (400, open => [.. Utf8(open), .. "\"a"u8, 0xC0, 0x80, .. "\""u8, .. Utf8(Close(open))]),
        ["\\u0000"] = (400, open => Utf8(open + "\"a\\u0000b\"" + Close(open))),
        ["half of a surrogate pair"] = (400, open => Utf8(open + "\"\\udc00\"" + Close(open))),
        ["NaN"] = (400, open => Utf8(open + "NaN" + Close(open))),
        ["1e400"] = (400, open => Utf8(open + "1e400" + Close(open))),
        ["-Infinity"] = (400, open => Utf8(open + "-Infinity" + Close(open))),
        ["a field twice"] = (400, open => Utf8(Twice(open))),
        ["a comment"] = (400, open => Utf8(open + "\"a\"" + Close(open) + " // done")),
        ["a byte order mark"] = (400, open => [0xEF, 0xBB, 0xBF, .. Utf8(open + "\"a" + Close(open))]),
        ["cut off"] = (400, open => Utf8(open)),
        ["null"] = (400, _ => Utf8("null")),
        ["2 MiB"] = (413, open => Utf8(open + "\"" + new string('x', 2 << 20) + "\"" + Close(open))),
    };

    private static byte[] Utf8(string text) => Encoding.UTF8.GetBytes(text);

    /// <summary>What closes a request that is open.</summary>
    private static string Close(string open) => open.Contains("\"items\"", StringComparison.Ordinal) ? "}]}" : "}";

    /// <summary>The open field's object with that field twice.</summary>
    private static string Twice(string open)
    {
        var name = open[(open.LastIndexOf('"', open.LastIndexOf('"') - 1))..];
        return $"{open}null, {name}null{Close(open)}";
    }
}
