using System.Text.Json;

namespace Metering.Gateway.Payments;

/// <summary>What an invoice's lines pay for, in Stripe's form, which the sandbox's events have, too.</summary>
internal static class InvoiceLines
{
    /// <summary>The last period of an invoice's lines: an earlier one is the rest of what was paid before. Null where no line has one.</summary>
    public static (DateTimeOffset Start, DateTimeOffset End)? LastPeriod(JsonElement invoice)
    {
        if (Member(Member(invoice, "lines"), "data") is not { ValueKind: JsonValueKind.Array } lines)
        {
            return null;
        }

        (long Start, long End)? last = null;
        foreach (var line in lines.EnumerateArray())
        {
            var period = Member(line, "period");
            if (Seconds(period, "end") is { } end && !(end <= last?.End))
            {
                last = (Seconds(period, "start") ?? end, end);
            }
        }

        return last is var (from, to) ? (DateTimeOffset.FromUnixTimeSeconds(from), DateTimeOffset.FromUnixTimeSeconds(to)) : null;
    }

    private static long? Seconds(JsonElement? parent, string name) =>
        Member(parent, name) is { ValueKind: JsonValueKind.Number } number && number.TryGetInt64(out var seconds) ? seconds : null;

    private static JsonElement? Member(JsonElement? parent, string name) =>
        parent is { ValueKind: JsonValueKind.Object } element && element.TryGetProperty(name, out var member) ? member : null;
}
