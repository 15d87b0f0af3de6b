namespace Metering.Samples.LeadSearch.Routes;

/// <summary>The header by which a retried call is not charged twice. The meter checks its value.</summary>
internal static class IdempotencyKeyHeader
{
    private const string Name = "Idempotency-Key";

    /// <summary>Reads it; null where it was not sent.</summary>
    public static Refusal? TryRead(HttpRequest request, out string? key)
    {
        var values = request.Headers[Name];
        key = values.Count == 1 ? values[0] : null;
        return values.Count <= 1 ? null : Refusal.Invalid(Name, $"{Name} was sent {values.Count} times; once is allowed.");
    }
}
