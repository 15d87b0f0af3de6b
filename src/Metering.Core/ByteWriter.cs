using System.Buffers.Binary;
using System.Text;

namespace Metering.Core;

/// <summary>Writes the stored formats into a buffer that is used again. Integers are LEB128, signed ones zigzag first.</summary>
public sealed class ByteWriter
{
    private byte[] buffer;
    private int length;

    /// <summary>Makes an empty writer.</summary>
    /// <param name="capacity">Bytes to begin with.</param>
    public ByteWriter(int capacity = 256)
    {
        buffer = new byte[capacity];
    }

    /// <summary>What was written; valid until the next write or <see cref="Clear"/>.</summary>
    public ReadOnlyMemory<byte> Written => buffer.AsMemory(0, length);

    /// <summary>Bytes written.</summary>
    public int Length => length;

    /// <summary>Forgets what was written and keeps the buffer.</summary>
    public void Clear() => length = 0;

    internal void Byte(byte value) => Take(1)[0] = value;

    internal void Unsigned(ulong value)
    {
        var target = Take(10);
        var count = 0;
        while (value >= 0x80)
        {
            target[count++] = (byte)(value | 0x80);
            value >>= 7;
        }

        target[count++] = (byte)value;
        length -= 10 - count;
    }

    internal void Signed(long value) => Unsigned((ulong)((value << 1) ^ (value >> 63)));

    internal void Credits(Credits value) => Signed(value.TenThousandths);

    internal void Fixed64(ulong value) => BinaryPrimitives.WriteUInt64LittleEndian(Take(8), value);

    internal void Fixed128(UInt128 value) => BinaryPrimitives.WriteUInt128LittleEndian(Take(16), value);

    internal void Link(ChainLink value) => value.CopyTo(Take(ChainLink.Bytes));

    internal void Day(RecordDay value) => BinaryPrimitives.WriteUInt16LittleEndian(Take(2), value.Number);

    internal void Time(DateTimeOffset value) => Signed(value.ToUnixTimeMilliseconds());

    /// <summary>An instant or nothing; nothing is the byte 0.</summary>
    internal void Time(DateTimeOffset? value)
    {
        Byte(value is null ? (byte)0 : (byte)1);
        if (value is { } time)
        {
            Time(time);
        }
    }

    internal void Bytes(ReadOnlySpan<byte> value)
    {
        Unsigned((ulong)value.Length);
        value.CopyTo(Take(value.Length));
    }

    internal void Text(string value)
    {
        var count = Encoding.UTF8.GetByteCount(value);
        Unsigned((ulong)count);
        Encoding.UTF8.GetBytes(value, Take(count));
    }

    /// <summary>A text or nothing; nothing and the empty text are told apart.</summary>
    internal void OptionalText(string? value)
    {
        Byte(value is null ? (byte)0 : (byte)1);
        if (value is not null)
        {
            Text(value);
        }
    }

    /// <summary>The next bytes, for the caller to fill.</summary>
    internal Span<byte> Take(int count)
    {
        if (buffer.Length - length < count)
        {
            Array.Resize(ref buffer, Math.Max(buffer.Length * 2, length + count));
        }

        length += count;
        return buffer.AsSpan(length - count, count);
    }
}
