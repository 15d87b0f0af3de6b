using System.Text;

namespace Metering.Core;

/// <summary>
/// Names a record within an account: the first 128 bits of SHA-256 of its type and id. A weak hash could be forged, and a forged
/// collision with a paid record would be free data.
/// </summary>
/// <param name="Value">The bits.</param>
public readonly record struct RecordKey(UInt128 Value)
{
    /// <summary>The key of a record.</summary>
    /// <param name="type">The type, at most 64 characters.</param>
    /// <param name="id">The id, at most 128 characters.</param>
    public static RecordKey Of(string type, string id)
    {
        // A type never holds a NUL (CommandRules), so the pair cannot be read in two ways.
        Span<byte> text = stackalloc byte[1024];
        var length = Encoding.UTF8.GetBytes(type, text);
        text[length++] = 0;
        length += Encoding.UTF8.GetBytes(id, text[length..]);
        return new(ShortSha256.Cut(text[..length]));
    }
}
