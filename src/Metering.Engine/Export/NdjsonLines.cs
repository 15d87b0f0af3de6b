using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Metering.Engine;

/// <summary>A JSON object a line. Fields that a transaction has not are left out; texts stay UTF-8, because no browser reads them as HTML.</summary>
internal sealed class NdjsonLines(bool withAccount) : ITransactionLines, IDisposable
{
    private static readonly byte[] LineEnd = "\n"u8.ToArray();

    // Made by the first line, on its output; an export has one output.
    private Utf8JsonWriter? json;

    public long WriteHeader(IBufferWriter<byte> output) => 0;

    public long Write(IBufferWriter<byte> output, AccountId account, Transaction transaction)
    {
        json ??= new(output, new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true });
        json.Reset(output);
        json.WriteStartObject();
        if (withAccount)
        {
            json.WriteString("account"u8, account.Value);
        }

        json.WriteString("id"u8, transaction.Id.ToString());
        json.WriteNumber("number"u8, transaction.Id.Number);
        json.WriteString("type"u8, transaction.Type.ToName());
        WriteCredits("amount"u8, transaction.Amount);
        WriteCredits("credits"u8, transaction.Credits);
        json.WriteString("description"u8, transaction.Description);
        WriteWherePresent("reference"u8, transaction.Reference);
        WriteWherePresent("product"u8, transaction.Product);
        WriteWherePresent("quantity"u8, transaction.Quantity);
        json.WriteStartObject("buckets"u8);
        WriteCredits("bonus"u8, transaction.Buckets.Bonus);
        WriteCredits("monthly"u8, transaction.Buckets.Monthly);
        WriteCredits("permanent"u8, transaction.Buckets.Permanent);
        json.WriteEndObject();
        WriteWherePresent("refundOfNumber"u8, transaction.RefundOfNumber);
        WriteInstant("createdAt"u8, transaction.CreatedAt);
        WriteInstant("appliedAt"u8, transaction.AppliedAt);
        json.WriteEndObject();
        json.Flush();
        output.Write(LineEnd);
        return json.BytesCommitted + LineEnd.Length;
    }

    public void Dispose() => json?.Dispose();

    private void WriteCredits(ReadOnlySpan<byte> name, Credits credits)
    {
        Span<char> text = stackalloc char[24];
        credits.TryFormat(text, out var length, default, null);
        json!.WritePropertyName(name);
        json.WriteRawValue(text[..length], skipInputValidation: true);
    }

    private void WriteInstant(ReadOnlySpan<byte> name, DateTimeOffset instant)
    {
        Span<byte> text = stackalloc byte[ExportedInstant.Length];
        ExportedInstant.Format(instant, text);
        json!.WriteString(name, text);
    }

    private void WriteWherePresent(ReadOnlySpan<byte> name, string? text)
    {
        if (text is not null)
        {
            json!.WriteString(name, text);
        }
    }

    private void WriteWherePresent(ReadOnlySpan<byte> name, long? number)
    {
        if (number is { } present)
        {
            json!.WriteNumber(name, present);
        }
    }
}
