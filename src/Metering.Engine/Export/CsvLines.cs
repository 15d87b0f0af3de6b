using System.Buffers;
using System.Globalization;
using System.Text;

namespace Metering.Engine;

/// <summary>
/// RFC 4180, safe to open in a spreadsheet: a text that a spreadsheet would run as a formula (it begins with <c>= + - @</c>, one of
/// their full-width forms, a tab or a line end) gets an apostrophe in front, which makes it a text there. A text that begins with an apostrophe gets one
/// too, so that a program takes one apostrophe off and has the text as it was. Numbers are written as they are.
/// </summary>
internal sealed class CsvLines(bool withAccount, bool withHeader) : ITransactionLines
{
    private const string Columns = "id,number,type,amount,credits,description,reference,product,quantity,bonus,monthly,permanent,refundOfNumber,createdAt,appliedAt\r\n";

    private static readonly SearchValues<char> RunsOrGuards = SearchValues.Create("=+-@'\t\r\n\uFF1D\uFF0B\uFF0D\uFF20");
    private static readonly SearchValues<char> NeedsQuotes = SearchValues.Create("\",\r\n");

    // One line, kept between lines so that its memory is.
    private readonly StringBuilder line = new(512);

    // Remembers the first half of a character that is cut in two: a long line lies in several chunks, which end anywhere.
    private readonly Encoder encoder = Encoding.UTF8.GetEncoder();

    public long WriteHeader(IBufferWriter<byte> output)
    {
        line.Clear();
        if (withHeader)
        {
            line.Append(withAccount ? "account," : string.Empty).Append(Columns);
        }

        return Send(output);
    }

    public long Write(IBufferWriter<byte> output, AccountId account, Transaction transaction)
    {
        line.Clear();
        if (withAccount)
        {
            Text(account.Value);
        }

        line.Append(transaction.Id.ToString()).Append(',');
        Number(transaction.Id.Number);
        line.Append(transaction.Type.ToName()).Append(',');
        Number(transaction.Amount);
        Number(transaction.Credits);
        Text(transaction.Description);
        Text(transaction.Reference);
        Text(transaction.Product);
        Number(transaction.Quantity);
        Number(transaction.Buckets.Bonus);
        Number(transaction.Buckets.Monthly);
        Number(transaction.Buckets.Permanent);
        Number(transaction.RefundOfNumber);
        Instant(transaction.CreatedAt);
        line.Append(',');
        Instant(transaction.AppliedAt);
        line.Append("\r\n");
        return Send(output);
    }

    /// <summary>A text as a cell of its own, without the comma.</summary>
    public static string Cell(string text)
    {
        var guarded = text.Length > 0 && RunsOrGuards.Contains(text[0]) ? "'" + text : text;
        return guarded.AsSpan().ContainsAny(NeedsQuotes) ? $"\"{guarded.Replace("\"", "\"\"", StringComparison.Ordinal)}\"" : guarded;
    }

    private void Text(string? text) => line.Append(text is null ? string.Empty : Cell(text)).Append(',');

    private void Number(Credits number) => line.Append(CultureInfo.InvariantCulture, $"{number},");

    private void Number(long? number) => line.Append(CultureInfo.InvariantCulture, $"{number},");

    private void Instant(DateTimeOffset instant)
    {
        Span<byte> text = stackalloc byte[ExportedInstant.Length];
        ExportedInstant.Format(instant, text);
        foreach (var character in text)
        {
            line.Append((char)character);
        }
    }

    private long Send(IBufferWriter<byte> output)
    {
        var bytes = 0L;
        foreach (var chunk in line.GetChunks())
        {
            encoder.Convert(chunk.Span, output, flush: false, out var written, out _);
            bytes += written;
        }

        encoder.Convert([], output, flush: true, out var last, out _);
        return bytes + last;
    }
}
