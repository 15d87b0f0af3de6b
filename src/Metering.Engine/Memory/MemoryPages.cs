using System.Buffers.Binary;
using Metering.Core;

namespace Metering.Engine;

/// <summary>Where a row's bytes lie, and what is asked of it most. No references, so that the garbage collector passes over it.</summary>
/// <param name="Page">The page.</param>
/// <param name="Offset">Where in it: the facts, then the texts, the key and the link where there are any.</param>
/// <param name="Facts">Bytes of facts.</param>
/// <param name="Texts">Bytes of texts.</param>
/// <param name="TransactionNumber">Transactions up to and including the row.</param>
/// <param name="IsTransaction">True for a transaction.</param>
/// <param name="HasKey">True where 16 bytes of key follow the texts.</param>
/// <param name="HasLink">True where a link follows.</param>
/// <param name="HasDigest">True where the digest of the group's erased texts follows the link.</param>
internal readonly record struct StoredRow(
    int Page, int Offset, int Facts, int Texts, long TransactionNumber, bool IsTransaction, bool HasKey, bool HasLink, bool HasDigest);

/// <summary>The bytes of rows of all accounts, in large pages that are filled from the front and never changed. Not safe for concurrent use.</summary>
internal sealed class MemoryPages
{
    private const int PageBytes = 1 << 20;
    private const int KeyBytes = 16;

    private readonly List<byte[]> pages = [];
    private int used = PageBytes;

    public StoredRow Store(in LedgerRow row, ChainLink? link)
    {
        var digest = link is null ? null : row.TextsDigest;
        var bytes = row.Facts.Length + row.Texts.Length + (row.Key is null ? 0 : KeyBytes) + (link is null ? 0 : ChainLink.Bytes) + (digest is null ? 0 : ChainLink.Bytes);
        if (pages.Count == 0 || pages[^1].Length - used < bytes)
        {
            pages.Add(new byte[Math.Max(PageBytes, bytes)]);
            used = 0;
        }

        var stored = new StoredRow(
            pages.Count - 1, used, row.Facts.Length, row.Texts.Length, row.TransactionNumber, row.IsTransaction, row.Key is not null, link is not null, digest is not null);
        var rest = pages[^1].AsSpan(used, bytes);
        row.Facts.Span.CopyTo(rest);
        row.Texts.Span.CopyTo(rest[row.Facts.Length..]);
        rest = rest[(row.Facts.Length + row.Texts.Length)..];
        if (row.Key is { } key)
        {
            BinaryPrimitives.WriteUInt128LittleEndian(rest, key);
            rest = rest[KeyBytes..];
        }

        link?.CopyTo(rest);
        digest?.CopyTo(rest[ChainLink.Bytes..]);
        used += bytes;
        return stored;
    }

    public LedgerRow Read(in StoredRow row, long sequence)
    {
        var facts = pages[row.Page].AsMemory(row.Offset, row.Facts);
        var texts = pages[row.Page].AsMemory(row.Offset + row.Facts, row.Texts);
        var rest = pages[row.Page].AsSpan(row.Offset + row.Facts + row.Texts);
        var linkAt = row.HasKey ? KeyBytes : 0;
        return new()
        {
            Sequence = sequence,
            TransactionNumber = row.TransactionNumber,
            IsTransaction = row.IsTransaction,
            Key = row.HasKey ? BinaryPrimitives.ReadUInt128LittleEndian(rest) : null,
            Facts = facts,
            Texts = texts,
            Link = row.HasLink ? ChainLink.Read(rest.Slice(linkAt, ChainLink.Bytes)) : null,
            TextsDigest = row.HasDigest ? ChainLink.Read(rest.Slice(linkAt + ChainLink.Bytes, ChainLink.Bytes)) : null,
        };
    }
}
