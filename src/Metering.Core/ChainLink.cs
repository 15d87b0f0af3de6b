using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Metering.Core;

/// <summary>One link of an account's hash chain: 32 bytes, compared by value.</summary>
/// <param name="A">Bytes 0 to 7, little-endian.</param>
/// <param name="B">Bytes 8 to 15.</param>
/// <param name="C">Bytes 16 to 23.</param>
/// <param name="D">Bytes 24 to 31.</param>
public readonly record struct ChainLink(ulong A, ulong B, ulong C, ulong D)
{
    /// <summary>Bytes of a link.</summary>
    public const int Bytes = SHA256.HashSizeInBytes;

    /// <summary>The version of the chain's format: the first byte that a link covers.</summary>
    public const byte Version = 1;

    /// <summary>What the first link of an account follows: it binds the chain to the account.</summary>
    /// <param name="account">The account.</param>
    public static ChainLink Genesis(AccountId account) =>
        Read(SHA256.HashData(Encoding.UTF8.GetBytes($"metering ledger {Version}\0{account.Value}")));

    /// <summary>Reads a link.</summary>
    /// <param name="bytes">32 bytes.</param>
    /// <exception cref="LedgerFormatException">Another number of bytes.</exception>
    public static ChainLink Read(ReadOnlySpan<byte> bytes) => bytes.Length != Bytes
        ? throw new LedgerFormatException($"A link of the chain has {bytes.Length} bytes; {Bytes} were expected.")
        : new(
            BinaryPrimitives.ReadUInt64LittleEndian(bytes),
            BinaryPrimitives.ReadUInt64LittleEndian(bytes[8..]),
            BinaryPrimitives.ReadUInt64LittleEndian(bytes[16..]),
            BinaryPrimitives.ReadUInt64LittleEndian(bytes[24..]));

    /// <summary>Writes the link.</summary>
    /// <param name="destination">At least 32 bytes.</param>
    public void CopyTo(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(destination, A);
        BinaryPrimitives.WriteUInt64LittleEndian(destination[8..], B);
        BinaryPrimitives.WriteUInt64LittleEndian(destination[16..], C);
        BinaryPrimitives.WriteUInt64LittleEndian(destination[24..], D);
    }

    /// <summary>The link as 32 bytes.</summary>
    public byte[] ToArray()
    {
        var bytes = new byte[Bytes];
        CopyTo(bytes);
        return bytes;
    }

    /// <summary>64 lowercase hex digits.</summary>
    public override string ToString() => Convert.ToHexStringLower(ToArray());
}

/// <summary>
/// Computes links: one per account and commit group, so that the entries of a commit share its cost.
/// <c>link = SHA-256(version, previous link, per entry: length and bytes of its facts, digest of the group's texts)</c>, where the
/// digest is SHA-256 over length and bytes of each entry's texts, or zeros where no entry of the group has any. Erased texts leave the
/// digest behind. One instance serves one thread.
/// </summary>
public sealed class ChainHasher
{
    private readonly ByteWriter covered = new(1024);
    private readonly ByteWriter texts = new(1024);
    private bool anyTexts;

    /// <summary>Begins a group.</summary>
    /// <param name="previous">The link before it.</param>
    public void Begin(ChainLink previous)
    {
        covered.Clear();
        texts.Clear();
        anyTexts = false;
        covered.Byte(ChainLink.Version);
        covered.Fixed64(previous.A);
        covered.Fixed64(previous.B);
        covered.Fixed64(previous.C);
        covered.Fixed64(previous.D);
    }

    /// <summary>Adds an entry of the group, in order.</summary>
    /// <param name="facts">Its facts.</param>
    /// <param name="entryTexts">Its texts; empty where it has none.</param>
    public void Add(ReadOnlySpan<byte> facts, ReadOnlySpan<byte> entryTexts)
    {
        covered.Bytes(facts);
        texts.Bytes(entryTexts);
        anyTexts |= !entryTexts.IsEmpty;
    }

    /// <summary>The digest of the texts added so far; what erasing has to keep.</summary>
    public ChainLink TextsDigest => anyTexts ? Digest(texts) : default;

    /// <summary>Ends the group.</summary>
    /// <param name="keptDigest">The digest that was kept when the group's texts were erased; null where they are all there.</param>
    public ChainLink End(ChainLink? keptDigest = null)
    {
        var digest = keptDigest ?? TextsDigest;
        covered.Fixed64(digest.A);
        covered.Fixed64(digest.B);
        covered.Fixed64(digest.C);
        covered.Fixed64(digest.D);
        return Digest(covered);
    }

    private static ChainLink Digest(ByteWriter bytes)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        ShortSha256.Hash(bytes.Written.Span, hash);
        return ChainLink.Read(hash);
    }
}
