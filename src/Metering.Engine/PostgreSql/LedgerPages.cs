using System.Buffers.Binary;
using Metering.Core;

namespace Metering.Engine;

/// <summary>A page as it is read: entries of one account that one commit wrote, side by side.</summary>
internal readonly record struct LedgerPage
{
    public required long FirstSequence { get; init; }

    public required long LastSequence { get; init; }

    /// <summary>The account's transactions before the first entry.</summary>
    public required long TransactionsBefore { get; init; }

    /// <summary>The link behind the last entry; null on pages inside a commit group.</summary>
    public ChainLink? Link { get; init; }

    /// <summary>Beside the link, where the texts of its commit group were erased: their digest.</summary>
    public ChainLink? TextsDigest { get; init; }

    /// <summary>Per entry with an idempotency key: its place in the page and the key's hash; empty for none.</summary>
    public required ReadOnlyMemory<byte> Keys { get; init; }

    public required ReadOnlyMemory<byte> Facts { get; init; }

    /// <summary>Empty for none, and where they were erased.</summary>
    public required ReadOnlyMemory<byte> Texts { get; init; }
}

/// <summary>
/// The format of pages, version 1. Facts: the version; per entry a byte of flags (1 a transaction, 2 has texts), the length of its facts as
/// LEB128 and the facts. Keys: per entry that has one, its place in the page (2 bytes, little-endian) and the key's hash (16 bytes,
/// big-endian). Texts: per entry that has them, their length as LEB128 and the texts.
/// </summary>
internal static class LedgerPages
{
    /// <summary>Bytes of one idempotency key in <see cref="LedgerPage.Keys"/>.</summary>
    public const int KeyBytes = 18;

    // A page is one row of the database: larger ones make reading one entry dearer, smaller ones cost the server more rows. Measured with
    // 256 entries a commit on one account: 16 to 128 entries a page are equal; so the size that stays in one 8 kB block decides.
    public const int MaxEntries = 64;
    private const int MaxBytes = 7_000;

    private const byte Version = 1;
    private const byte TransactionFlag = 1;
    private const byte TextsFlag = 2;

    /// <summary>The number of rows, from one on, that go into the next page: at least one.</summary>
    public static int Take(IReadOnlyList<LedgerRow> rows, int from)
    {
        var (bytes, count) = (0, 0);
        while (count < MaxEntries && from + count < rows.Count)
        {
            var row = rows[from + count];
            bytes += row.Facts.Length + row.Texts.Length + KeyBytes;
            if (bytes > MaxBytes && count > 0)
            {
                break;
            }

            count++;
            if (row.Link is not null)
            {
                break; // A copy brings many commit groups; a page has one link.
            }
        }

        return count;
    }

    public static void WriteKeys(IReadOnlyList<LedgerRow> rows, int from, int count, ByteWriter target)
    {
        for (var place = 0; place < count; place++)
        {
            if (rows[from + place].Key is { } key)
            {
                var bytes = target.Take(KeyBytes);
                BinaryPrimitives.WriteUInt16LittleEndian(bytes, (ushort)place);
                BinaryPrimitives.WriteUInt128BigEndian(bytes[sizeof(ushort)..], key);
            }
        }
    }

    public static void WriteFacts(IReadOnlyList<LedgerRow> rows, int from, int count, ByteWriter target)
    {
        target.Byte(Version);
        for (var place = 0; place < count; place++)
        {
            var row = rows[from + place];
            target.Byte((byte)((row.IsTransaction ? TransactionFlag : 0) | (row.Texts.IsEmpty ? 0 : TextsFlag)));
            target.Bytes(row.Facts.Span);
        }
    }

    public static void WriteTexts(IReadOnlyList<LedgerRow> rows, int from, int count, ByteWriter target)
    {
        for (var place = 0; place < count; place++)
        {
            if (rows[from + place].Texts is { IsEmpty: false } texts)
            {
                target.Bytes(texts.Span);
            }
        }
    }

    /// <summary>Adds the page's entries, in ascending order. They share the page's memory.</summary>
    /// <exception cref="LedgerFormatException">The bytes are damaged, or a newer version wrote them.</exception>
    public static void Read(in LedgerPage page, List<LedgerRow> rows)
    {
        var (facts, texts) = (new Cursor(page.Facts), new Cursor(page.Texts));
        var keys = page.Keys.Span;
        if (facts.Byte() is var version && version != Version)
        {
            throw new LedgerFormatException($"A page of the ledger has format {version}; this build reads {Version}.");
        }

        var transactions = page.TransactionsBefore;
        for (var sequence = page.FirstSequence; sequence <= page.LastSequence; sequence++)
        {
            var flags = facts.Byte();
            transactions += flags & TransactionFlag;
            rows.Add(new()
            {
                Sequence = sequence,
                TransactionNumber = transactions,
                IsTransaction = (flags & TransactionFlag) != 0,
                Key = TakeKey(ref keys, (int)(sequence - page.FirstSequence)),
                Facts = facts.Bytes(),
                Texts = (flags & TextsFlag) != 0 && !page.Texts.IsEmpty ? texts.Bytes() : default,
                Link = sequence == page.LastSequence ? page.Link : null,
                TextsDigest = sequence == page.LastSequence ? page.TextsDigest : null,
            });
        }

        if (!facts.AtEnd || !texts.AtEnd || !keys.IsEmpty)
        {
            throw new LedgerFormatException($"The page of entries {page.FirstSequence} to {page.LastSequence} holds more than them.");
        }
    }

    /// <summary>The last entry of a page's keys that has a key; 0 for none.</summary>
    public static long FindKey(long firstSequence, ReadOnlyMemory<byte> keys, UInt128 key) =>
        KeysOf(firstSequence, keys).Where(entry => entry.Key == key).Select(entry => entry.Sequence).LastOrDefault();

    /// <summary>The entries of a page that have keys, in ascending order.</summary>
    public static IEnumerable<(long Sequence, UInt128 Key)> KeysOf(long firstSequence, ReadOnlyMemory<byte> keys)
    {
        for (; keys.Length >= KeyBytes; keys = keys[KeyBytes..])
        {
            yield return (
                firstSequence + BinaryPrimitives.ReadUInt16LittleEndian(keys.Span),
                BinaryPrimitives.ReadUInt128BigEndian(keys.Span[sizeof(ushort)..]));
        }
    }

    private static UInt128? TakeKey(ref ReadOnlySpan<byte> keys, int place)
    {
        if (keys.Length < KeyBytes || BinaryPrimitives.ReadUInt16LittleEndian(keys) != place)
        {
            return null;
        }

        var key = BinaryPrimitives.ReadUInt128BigEndian(keys[sizeof(ushort)..]);
        keys = keys[KeyBytes..];
        return key;
    }

    /// <summary>Walks along bytes and gives out parts of them.</summary>
    private struct Cursor(ReadOnlyMemory<byte> source)
    {
        private ReadOnlyMemory<byte> rest = source;

        public readonly bool AtEnd => rest.IsEmpty;

        public byte Byte()
        {
            var value = rest.IsEmpty ? throw Damaged() : rest.Span[0];
            rest = rest[1..];
            return value;
        }

        public ReadOnlyMemory<byte> Bytes()
        {
            var (length, shift) = (0UL, 0);
            byte next;
            do
            {
                next = Byte();
                length |= (ulong)(next & 0x7F) << shift;
                shift += 7;
            }
            while (next >= 0x80 && shift < 35);

            if (length > (ulong)rest.Length)
            {
                throw Damaged();
            }

            var taken = rest[..(int)length];
            rest = rest[(int)length..];
            return taken;
        }

        private static LedgerFormatException Damaged() => new("A page of the ledger ends in the middle of an entry.");
    }
}
