using System.Buffers.Binary;
using System.Text;
using Metering.Core;

namespace Metering.Engine;

/// <summary>
/// The format of a journal record, version 1: version (1 byte), CRC-32C of all that follows it (4), position (8), groups. A group is: length
/// of the account's id (1), the id, first sequence, transactions before it, entries (LEB128 each), the first 8 bytes of the link that it
/// follows, length of the rows (4), rows (<see cref="StoredRows"/>), the last of them with the group's link. Little-endian.
/// </summary>
internal static class JournalRecord
{
    /// <summary>The version that this build writes.</summary>
    public const byte Version = 1;

    /// <summary>Where the first group begins.</summary>
    public const int HeaderBytes = 1 + 4 + 8;

    private const int GroupOverhead = 1 + AccountId.MaxLength + (3 * 10) + 8 + 4;

    /// <summary>What a group takes at most.</summary>
    public static int Bound(AppendGroup group)
    {
        var bytes = (long)GroupOverhead;
        for (var index = 0; index < group.Rows.Count; index++)
        {
            var row = group.Rows[index];
            bytes += StoredRows.MaxOverhead + row.Facts.Length + row.Texts.Length;
        }

        return bytes <= int.MaxValue / 2 ? (int)bytes : throw new LedgerContentException($"A group of account {group.Account} has {bytes} bytes, more than a record can hold.");
    }

    /// <summary>Writes a group.</summary>
    /// <returns>Bytes written.</returns>
    public static int WriteGroup(Span<byte> target, AppendGroup group, long numberBefore)
    {
        var id = group.Account.Value;
        target[0] = (byte)id.Length;
        var at = 1 + Encoding.ASCII.GetBytes(id, target[1..]);
        at += StoredRows.WriteNumber(target[at..], (ulong)group.Rows[0].Sequence);
        at += StoredRows.WriteNumber(target[at..], (ulong)numberBefore);
        at += StoredRows.WriteNumber(target[at..], (ulong)group.Rows.Count);
        BinaryPrimitives.WriteUInt64LittleEndian(target[at..], group.Expected.Link.A);
        var rows = at + 12;
        at = rows;
        for (var index = 0; index < group.Rows.Count; index++)
        {
            at += StoredRows.Write(target[at..], group.Rows[index], index == group.Rows.Count - 1 ? group.Next.Link : group.Rows[index].Link);
        }

        BinaryPrimitives.WriteInt32LittleEndian(target[(rows - 4)..], at - rows);
        return at;
    }

    /// <summary>Writes the header of a record whose groups are in place.</summary>
    public static void Seal(Span<byte> record, long position)
    {
        record[0] = Version;
        BinaryPrimitives.WriteInt64LittleEndian(record[5..], position);
        BinaryPrimitives.WriteUInt32LittleEndian(record[1..], StoredRows.Checksum(0, record[5..]));
    }

    /// <summary>Checks that a record is whole.</summary>
    /// <exception cref="LedgerFormatException">It is not; the message is one sentence that names the journal and the record.</exception>
    public static void Check(ReadOnlySpan<byte> record, long position, string journal)
    {
        if (record.Length > 0 && record[0] > Version)
        {
            throw new LedgerFormatException($"Record {position} of {journal} has format version {record[0]}; this build reads version {Version}.");
        }

        if (record.Length < HeaderBytes || record[0] != Version || BinaryPrimitives.ReadInt64LittleEndian(record[5..]) != position
            || BinaryPrimitives.ReadUInt32LittleEndian(record[1..]) != StoredRows.Checksum(0, record[5..]))
        {
            throw new LedgerFormatException($"Record {position} of {journal} is damaged: its checksum does not fit.");
        }
    }

    /// <summary>Reads the header of the group at a place of a checked record.</summary>
    public static GroupHeader ReadGroup(ReadOnlySpan<byte> record, int offset)
    {
        var at = offset + 1 + record[offset];
        var first = StoredRows.ReadNumber(record, ref at);
        var numberBefore = StoredRows.ReadNumber(record, ref at);
        var count = StoredRows.ReadNumber(record, ref at);
        var link = BinaryPrimitives.ReadUInt64LittleEndian(record[at..]);
        var length = BinaryPrimitives.ReadInt32LittleEndian(record[(at + 8)..]);
        return new(first, numberBefore, (int)count, link, at + 12, length);
    }

    /// <summary>The account of the group at a place of a checked record.</summary>
    public static AccountId ReadAccount(ReadOnlySpan<byte> record, int offset) =>
        new(Encoding.ASCII.GetString(record.Slice(offset + 1, record[offset])));
}

/// <summary>A group's header.</summary>
/// <param name="First">The first entry's sequence.</param>
/// <param name="NumberBefore">The account's transactions before it.</param>
/// <param name="Count">Entries.</param>
/// <param name="FollowsLink">The first 8 bytes of the link that it follows.</param>
/// <param name="RowsAt">Where its rows begin in the record.</param>
/// <param name="RowsLength">Bytes of its rows.</param>
internal readonly record struct GroupHeader(long First, long NumberBefore, int Count, ulong FollowsLink, int RowsAt, int RowsLength)
{
    /// <summary>The last entry's sequence.</summary>
    public long Last => First + Count - 1;
}
