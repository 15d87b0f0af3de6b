using System.Text.Json;

namespace Metering.Gateway.Payments;

/// <summary>
/// What the gateway reads of an event: which objects it is about. Their state is then asked of the provider, because events come late and
/// in any order; only what an object never changes again is taken from the event itself.
/// </summary>
internal sealed record PaymentEvent
{
    public required string Id { get; init; }

    public required string Type { get; init; }

    /// <summary>The object that it is about.</summary>
    public required string ObjectId { get; init; }

    /// <summary>The gateway's own id of the purchase; null where the object carries none.</summary>
    public string? PurchaseId { get; init; }

    /// <summary>The subscription of an invoice or a page; null for none.</summary>
    public string? SubscriptionId { get; init; }

    /// <summary>The charge of a refund or a dispute; null for none.</summary>
    public string? ChargeId { get; init; }

    /// <summary>The end of what an invoice pays for; null for none.</summary>
    public DateTimeOffset? PaidThrough { get; init; }

    /// <summary>Reads an event; null where the text is none.</summary>
    public static PaymentEvent? Read(ReadOnlyMemory<byte> json)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            var root = document.RootElement;
            if (Text(root, "id") is not { Length: > 0 and <= 255 } id || Text(root, "type") is not { } type
                || Member(Member(root, "data"), "object") is not { ValueKind: JsonValueKind.Object } subject || Text(subject, "id") is not { } objectId)
            {
                return null;
            }

            // Since 2025 an invoice names its subscription beneath "parent".
            var parent = Member(Member(subject, "parent"), "subscription_details");
            return new()
            {
                Id = id,
                Type = type,
                ObjectId = objectId,
                PurchaseId = Text(subject, "client_reference_id") ?? Text(Member(subject, "metadata"), "purchase"),
                SubscriptionId = IdOf(Member(subject, "subscription")) ?? IdOf(Member(parent, "subscription")),
                ChargeId = IdOf(Member(subject, "payment_intent")),
                PaidThrough = InvoiceLines.LastPeriod(subject)?.End,
            };
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static JsonElement? Member(JsonElement? parent, string name) =>
        parent is { ValueKind: JsonValueKind.Object } element && element.TryGetProperty(name, out var member) ? member : null;

    private static string? Text(JsonElement? parent, string name) =>
        Member(parent, name) is { ValueKind: JsonValueKind.String } text ? text.GetString() : null;

    /// <summary>A reference is an id, or the object itself where it was expanded.</summary>
    private static string? IdOf(JsonElement? reference) => reference switch
    {
        { ValueKind: JsonValueKind.String } text => text.GetString(),
        { ValueKind: JsonValueKind.Object } => Text(reference, "id"),
        _ => null,
    };
}
