namespace Metering.Engine;

/// <summary>What an export is written as.</summary>
public enum ExportFormat
{
    /// <summary>A JSON object a line, in the fields of <c>GET /v1/transactions</c>; lines end with a line feed.</summary>
    Ndjson,

    /// <summary>RFC 4180: a header line, commas, lines that end with carriage return and line feed.</summary>
    Csv,
}

/// <summary>Which transactions of an account are exported. They come oldest first.</summary>
public sealed record ExportQuery
{
    /// <summary>Only transactions created at or after this instant; null for all.</summary>
    public DateTimeOffset? From { get; init; }

    /// <summary>Only transactions created before this instant; null for all.</summary>
    public DateTimeOffset? To { get; init; }

    /// <summary>Goes on after this transaction, the last that an earlier export gave; null begins with the oldest that the ledger holds.</summary>
    public TransactionId? After { get; init; }
}
