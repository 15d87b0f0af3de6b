using System.Buffers;
using System.Globalization;
using Metering.Core;

namespace Metering.Engine;

/// <summary>Writes transactions as lines of UTF-8. One export uses it, from one thread at a time.</summary>
internal interface ITransactionLines
{
    /// <summary>Writes what stands above the first transaction.</summary>
    /// <returns>Bytes written.</returns>
    long WriteHeader(IBufferWriter<byte> output);

    /// <summary>Writes a transaction and the end of its line.</summary>
    /// <returns>Bytes written.</returns>
    long Write(IBufferWriter<byte> output, AccountId account, Transaction transaction);
}

/// <summary>Instants as every dialect prints them.</summary>
internal static class ExportedInstant
{
    /// <summary>Bytes of an instant.</summary>
    public const int Length = 24;

    /// <summary>ISO 8601, UTC, milliseconds: "2026-05-01T00:00:00.000Z".</summary>
    public static void Format(DateTimeOffset instant, Span<byte> target)
    {
        var isWritten = instant.UtcDateTime.TryFormat(target, out var length, "yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);
        Invariant.Holds(isWritten && length == Length, "An instant takes 24 characters.");
    }
}
