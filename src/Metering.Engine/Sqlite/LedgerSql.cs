using System.Buffers.Binary;

namespace Metering.Engine;

/// <summary>What the writer and the readers of the ledger's file share.</summary>
internal static class LedgerSql
{
    /// <summary>Account number, sequence, transactions and link of an account's last entry, by id.</summary>
    public const string SelectHead =
        """
        SELECT e.account, e.sequence, e.transaction_number, e.link
        FROM entries e INDEXED BY entries_by_sequence
        WHERE e.account = (SELECT a.account FROM accounts a WHERE a.id = ?1)
        ORDER BY e.sequence DESC LIMIT 1
        """;

    /// <summary>A key as it is stored.</summary>
    public static ReadOnlySpan<byte> KeyBytes(UInt128 key, Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt128BigEndian(destination, key);
        return destination[..16];
    }
}
