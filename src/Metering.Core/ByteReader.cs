using System.Buffers.Binary;
using System.Text;

namespace Metering.Core;

/// <summary>Stored bytes are not what the format says: the file is damaged, or a newer version wrote it.</summary>
public sealed class LedgerFormatException : Exception
{
    /// <summary>Says what is wrong.</summary>
    /// <param name="message">A sentence for people.</param>
    public LedgerFormatException(string message)
        : base(message)
    {
    }
}

/// <summary>Reads what <see cref="ByteWriter"/> wrote. Every read is checked; damaged bytes throw <see cref="LedgerFormatException"/>.</summary>
internal ref struct ByteReader(ReadOnlySpan<byte> source)
{
    private ReadOnlySpan<byte> rest = source;

    public readonly bool AtEnd => rest.IsEmpty;

    public byte Byte() => Take(1)[0];

    public ulong Unsigned()
    {
        ulong value = 0;
        for (var shift = 0; shift < 70; shift += 7)
        {
            var next = Byte();
            if (shift == 63 && next > 1)
            {
                break;
            }

            value |= (ulong)(next & 0x7F) << shift;
            if (next < 0x80)
            {
                return value;
            }
        }

        throw new LedgerFormatException("An integer is longer than 64 bits.");
    }

    public long Signed()
    {
        var value = Unsigned();
        return (long)(value >> 1) ^ -(long)(value & 1);
    }

    /// <summary>A number that counts something: 0 or more.</summary>
    public long Number()
    {
        var value = Unsigned();
        return value <= long.MaxValue ? (long)value : throw new LedgerFormatException("A number is larger than 63 bits.");
    }

    /// <summary>The number of a period.</summary>
    public int Period()
    {
        var value = Unsigned();
        return value <= int.MaxValue ? (int)value : throw new LedgerFormatException("A period's number is larger than 31 bits.");
    }

    /// <summary>A number of months, either way.</summary>
    public int Months()
    {
        var value = Signed();
        return value is >= int.MinValue and <= int.MaxValue ? (int)value : throw new LedgerFormatException("A number of months is larger than 32 bits.");
    }

    /// <summary>A count of items that take at least <paramref name="itemBytes"/> each, so that damage cannot ask for all memory.</summary>
    public int Count(int itemBytes)
    {
        var value = Unsigned();
        return value <= (ulong)(rest.Length / itemBytes) ? (int)value : throw new LedgerFormatException("A count is larger than what follows it.");
    }

    public Credits Credits() => new(Signed());

    public ulong Fixed64() => BinaryPrimitives.ReadUInt64LittleEndian(Take(8));

    public UInt128 Fixed128() => BinaryPrimitives.ReadUInt128LittleEndian(Take(16));

    public ChainLink Link() => ChainLink.Read(Take(ChainLink.Bytes));

    public RecordDay Day() => new(BinaryPrimitives.ReadUInt16LittleEndian(Take(2)));

    public DateTimeOffset Time() => Time(0);

    /// <summary>An instant that was written as its distance from another one.</summary>
    public DateTimeOffset TimeAfter(DateTimeOffset other) => Time(other.ToUnixTimeMilliseconds());

    private DateTimeOffset Time(long origin)
    {
        var milliseconds = (Int128)Signed() + origin;
        return milliseconds >= -62_135_596_800_000 && milliseconds <= 253_402_300_799_999
            ? DateTimeOffset.FromUnixTimeMilliseconds((long)milliseconds)
            : throw new LedgerFormatException("An instant is outside the years 1 to 9999.");
    }

    public DateTimeOffset? OptionalTime() => Flag() ? Time() : null;

    public bool Flag() => Byte() switch
    {
        0 => false,
        1 => true,
        _ => throw new LedgerFormatException("A flag is neither 0 nor 1."),
    };

    public ReadOnlySpan<byte> Bytes() => Take(Count(1));

    public string Text() => Encoding.UTF8.GetString(Bytes());

    public string? OptionalText() => Flag() ? Text() : null;

    public T Enumerated<T>(int count)
        where T : struct, Enum
    {
        var value = Byte();
        return value < count ? (T)(object)value : throw new LedgerFormatException($"{value} is no {typeof(T).Name}.");
    }

    private ReadOnlySpan<byte> Take(int count)
    {
        if (count > rest.Length)
        {
            throw new LedgerFormatException("The bytes end in the middle of a value.");
        }

        var taken = rest[..count];
        rest = rest[count..];
        return taken;
    }
}
