using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;

namespace Metering;

/// <summary>
/// Names one transaction of an account. It holds the transaction's number (1, 2, 3, … without gaps within the account) and a tag
/// that only this attempt has. A number that was decided but never became durable is taken by another transaction later; the tag
/// tells the two apart, so that an id from a lost attempt can always be answered with "not charged".
/// </summary>
/// <param name="Number">The transaction's number within its account; 1 or more.</param>
/// <param name="Tag">64 bits of this attempt.</param>
public readonly record struct TransactionId(long Number, ulong Tag)
{
    private const string Prefix = "txn_";
    private const string Alphabet = "0123456789abcdefghjkmnpqrstvwxyz"; // Crockford's base 32: sorts like the number, no look-alikes.
    private const int Digits = 26; // 128 bits, 5 a digit, the first digit holds 3.

    /// <summary>"txn_" and 26 characters; ids of one account sort in the order of their numbers.</summary>
    public override string ToString() => string.Create(Prefix.Length + Digits, this, static (text, id) =>
    {
        Prefix.CopyTo(text);
        var bits = new UInt128((ulong)id.Number, id.Tag);
        for (var index = text.Length - 1; index >= Prefix.Length; index--)
        {
            text[index] = Alphabet[(int)(bits & 31)];
            bits >>= 5;
        }
    });

    /// <summary>Reads an id as <see cref="ToString"/> writes it.</summary>
    /// <param name="text">The text.</param>
    /// <param name="id">The id, or the default.</param>
    public static bool TryParse([NotNullWhen(true)] string? text, out TransactionId id)
    {
        id = default;
        if (text is null || text.Length != Prefix.Length + Digits || !text.StartsWith(Prefix, StringComparison.Ordinal) || text[Prefix.Length] > '7')
        {
            return false;
        }

        UInt128 bits = 0;
        foreach (var character in text.AsSpan(Prefix.Length))
        {
            var digit = Alphabet.IndexOf(character, StringComparison.Ordinal);
            if (digit < 0)
            {
                return false;
            }

            bits = (bits << 5) | (uint)digit;
        }

        Span<byte> bytes = stackalloc byte[16];
        BinaryPrimitives.WriteUInt128BigEndian(bytes, bits);
        var number = BinaryPrimitives.ReadInt64BigEndian(bytes);
        if (number <= 0)
        {
            return false;
        }

        id = new(number, BinaryPrimitives.ReadUInt64BigEndian(bytes[8..]));
        return true;
    }
}
