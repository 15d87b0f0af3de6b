using System.Text;
using System.Text.Json;
using Metering.Engine;

namespace Metering.Cli;

/// <summary>Where an export that was broken off stands.</summary>
/// <param name="Account">The account of its last whole line.</param>
/// <param name="Last">The transaction of that line.</param>
/// <param name="Bytes">The file's length up to the end of that line.</param>
internal sealed record ExportPosition(AccountId Account, TransactionId Last, long Bytes)
{
    // A line has two texts of 500 and 200 characters at most; escaped, they take 4 KB.
    private const int TailBytes = 64 << 10;

    private const string CsvHeader = "account,id,";

    /// <summary>Finds the last whole line of a file.</summary>
    /// <returns>The position, null where there is no line yet; and why the file is no export of that format, or null.</returns>
    public static async Task<(ExportPosition? Position, string? Unusable)> FindAsync(Stream file, ExportFormat format, CancellationToken cancellationToken)
    {
        var begin = Math.Max(0, file.Length - TailBytes);
        var tail = new byte[file.Length - begin];
        file.Position = begin;
        await file.ReadExactlyAsync(tail, cancellationToken);
        var end = Array.LastIndexOf(tail, (byte)'\n');
        if (end < 0)
        {
            return begin == 0 ? (null, null) : (null, "its last line is longer than any that is written.");
        }

        var lineBegin = end == 0 ? 0 : Array.LastIndexOf(tail, (byte)'\n', end - 1) + 1;
        var line = Encoding.UTF8.GetString(tail, lineBegin, end - lineBegin).TrimEnd('\r');
        if (format == ExportFormat.Csv && line.StartsWith(CsvHeader, StringComparison.Ordinal))
        {
            return (null, null);
        }

        return Read(line, format) is var (account, last) ? (new(account, last, begin + end + 1), null) : (null, $"its last line is none of a {format.ToString().ToLowerInvariant()} export.");
    }

    private static (AccountId Account, TransactionId Last)? Read(string line, ExportFormat format)
    {
        var (account, id) = format == ExportFormat.Csv ? Cells(line) : Properties(line);
        return AccountId.TryParse(account, out var named) && TransactionId.TryParse(id, out var last) ? (named, last) : null;
    }

    // Neither an account nor an id holds a comma or a quote; an account that begins as a formula has an apostrophe in front.
    private static (string? Account, string? Id) Cells(string line) => line.Split(',', 3) is [var account, var id, _] ? (account.TrimStart('\''), id) : default;

    private static (string? Account, string? Id) Properties(string line)
    {
        try
        {
            var json = JsonElement.Parse(line);
            return json.ValueKind == JsonValueKind.Object && json.TryGetProperty("account", out var account) && json.TryGetProperty("id", out var id)
                ? (account.ToString(), id.ToString())
                : default;
        }
        catch (JsonException)
        {
            return default;
        }
    }
}
