using System.Buffers.Binary;
using System.Numerics;
using Metering.Core;

namespace Metering.Engine;

/// <summary>
/// The stored form of ledger rows, the same in the journal and in the pages, so that the projector copies bytes and looks into none of them.
/// A row is: flags, length of facts, [length of texts], [key, 16 bytes], [link, 32 bytes], [digest of the group's erased texts, 32 bytes], facts,
/// texts. Lengths are LEB128. Its sequence and its transaction number follow from where it stands.
/// </summary>
internal static class StoredRows
{
    /// <summary>What a row takes at most beside its facts and texts.</summary>
    public const int MaxOverhead = 1 + 5 + 5 + 16 + ChainLink.Bytes + ChainLink.Bytes;

    private const byte IsTransaction = 1;
    private const byte HasKey = 2;
    private const byte HasTexts = 4;
    private const byte HasLink = 8;
    private const byte HasDigest = 16;
    private const byte Known = IsTransaction | HasKey | HasTexts | HasLink | HasDigest;

    /// <summary>Writes a row.</summary>
    /// <param name="target">Where; at least <see cref="MaxOverhead"/> more than facts and texts.</param>
    /// <param name="row">The row.</param>
    /// <param name="link">The link of its group where the row ends it.</param>
    /// <returns>Bytes written.</returns>
    public static int Write(Span<byte> target, in LedgerRow row, ChainLink? link)
    {
        var length = 1;
        var digest = link is null ? null : row.TextsDigest;
        target[0] = (byte)((row.IsTransaction ? IsTransaction : 0) | (row.Key is null ? 0 : HasKey) | (row.Texts.IsEmpty ? 0 : HasTexts)
            | (link is null ? 0 : HasLink) | (digest is null ? 0 : HasDigest));
        length += WriteNumber(target[length..], (ulong)row.Facts.Length);
        if (!row.Texts.IsEmpty)
        {
            length += WriteNumber(target[length..], (ulong)row.Texts.Length);
        }

        if (row.Key is { } key)
        {
            BinaryPrimitives.WriteUInt128LittleEndian(target[length..], key);
            length += 16;
        }

        if (link is { } last)
        {
            last.CopyTo(target[length..]);
            length += ChainLink.Bytes;
        }

        if (digest is { } kept)
        {
            kept.CopyTo(target[length..]);
            length += ChainLink.Bytes;
        }

        row.Facts.Span.CopyTo(target[length..]);
        length += row.Facts.Length;
        row.Texts.Span.CopyTo(target[length..]);
        return length + row.Texts.Length;
    }

    /// <summary>Reads the row at the beginning of some bytes. Its facts and texts stay in them.</summary>
    /// <param name="source">The bytes; the row is taken off.</param>
    /// <param name="sequence">Its sequence.</param>
    /// <param name="numberBefore">The account's transactions before it.</param>
    /// <exception cref="LedgerFormatException">The bytes are damaged.</exception>
    public static LedgerRow Take(ref ReadOnlyMemory<byte> source, long sequence, long numberBefore)
    {
        var shape = RowShape.Of(source.Span);
        var (key, link, digest) = shape.Read(source.Span);
        var row = new LedgerRow
        {
            Sequence = sequence,
            TransactionNumber = numberBefore + (shape.IsTransaction ? 1 : 0),
            IsTransaction = shape.IsTransaction,
            Key = key,
            Facts = source.Slice(shape.FactsAt, shape.FactsLength),
            Texts = source.Slice(shape.FactsAt + shape.FactsLength, shape.TextsLength),
            Link = link,
            TextsDigest = digest,
        };
        source = source[shape.Length..];
        return row;
    }

    /// <summary>Writes a number as LEB128.</summary>
    /// <returns>Bytes written, 1 to 10.</returns>
    public static int WriteNumber(Span<byte> target, ulong value)
    {
        var count = 0;
        while (value >= 0x80)
        {
            target[count++] = (byte)(value | 0x80);
            value >>= 7;
        }

        target[count++] = (byte)value;
        return count;
    }

    /// <summary>Reads a number of at most 63 bits and moves on.</summary>
    /// <exception cref="LedgerFormatException">The bytes are damaged.</exception>
    public static long ReadNumber(ReadOnlySpan<byte> source, ref int at)
    {
        ulong value = 0;
        for (var shift = 0; shift < 63 && at < source.Length; shift += 7)
        {
            var next = source[at++];
            value |= (ulong)(next & 0x7F) << shift;
            if (next < 0x80)
            {
                return (long)value;
            }
        }

        throw new LedgerFormatException("A number in the ledger's file is damaged.");
    }

    /// <summary>CRC-32C of some bytes, after what came before them.</summary>
    public static uint Checksum(uint before, ReadOnlySpan<byte> bytes)
    {
        var crc = before;
        for (; bytes.Length >= 8; bytes = bytes[8..])
        {
            crc = BitOperations.Crc32C(crc, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
        }

        foreach (var last in bytes)
        {
            crc = BitOperations.Crc32C(crc, last);
        }

        return crc;
    }

    /// <summary>Where the parts of a row stand.</summary>
    internal readonly struct RowShape
    {
        private readonly byte flags;
        private readonly int keyAt;

        private RowShape(byte flags, int keyAt, int factsLength, int textsLength)
        {
            this.flags = flags;
            this.keyAt = keyAt;
            FactsAt = keyAt + PartsLength(flags);
            FactsLength = factsLength;
            TextsLength = textsLength;
        }

        public bool IsTransaction => (flags & StoredRows.IsTransaction) != 0;

        public int FactsAt { get; }

        public int FactsLength { get; }

        public int TextsLength { get; }

        public int Length => FactsAt + FactsLength + TextsLength;

        /// <exception cref="LedgerFormatException">The bytes are damaged, or a newer version wrote them.</exception>
        public static RowShape Of(ReadOnlySpan<byte> source)
        {
            if (source.IsEmpty || (source[0] & ~Known) != 0)
            {
                throw new LedgerFormatException("An entry in the ledger's file is damaged, or a newer version wrote it.");
            }

            var at = 1;
            var facts = ReadNumber(source, ref at);
            var texts = (source[0] & HasTexts) == 0 ? 0 : ReadNumber(source, ref at);
            var rest = source.Length - at - PartsLength(source[0]);
            return rest >= 0 && facts <= rest && texts <= rest - facts
                ? new(source[0], at, (int)facts, (int)texts)
                : throw new LedgerFormatException("An entry in the ledger's file is longer than what follows it.");
        }

        public (UInt128? Key, ChainLink? Link, ChainLink? Digest) Read(ReadOnlySpan<byte> source)
        {
            var at = keyAt + ((flags & HasKey) != 0 ? 16 : 0);
            UInt128? key = (flags & HasKey) == 0 ? null : BinaryPrimitives.ReadUInt128LittleEndian(source[keyAt..]);
            ChainLink? link = (flags & HasLink) == 0 ? null : ChainLink.Read(source.Slice(at, ChainLink.Bytes));
            ChainLink? digest = (flags & HasDigest) == 0 ? null : ChainLink.Read(source.Slice(FactsAt - ChainLink.Bytes, ChainLink.Bytes));
            return (key, link, digest);
        }

        /// <summary>Bytes between the lengths and the facts.</summary>
        private static int PartsLength(byte flags) =>
            ((flags & HasKey) != 0 ? 16 : 0) + ((flags & HasLink) != 0 ? ChainLink.Bytes : 0) + ((flags & HasDigest) != 0 ? ChainLink.Bytes : 0);
    }
}
