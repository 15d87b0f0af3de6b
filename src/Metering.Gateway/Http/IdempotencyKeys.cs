using Metering.Core;
using Microsoft.AspNetCore.Http;

namespace Metering.Gateway;

/// <summary>Reads the <c>Idempotency-Key</c> header (contract, rules of the pool, 5).</summary>
internal static class IdempotencyKeys
{
    public const string Header = "Idempotency-Key";

    /// <summary>The key; null where there is none.</summary>
    public static Failure? Read(HttpRequest request, out string? key)
    {
        var values = request.Headers[Header];
        key = values.Count == 0 ? null : values[0];
        if (values.Count > 1)
        {
            return Failure.Invalid(Header, $"{Header} was sent {values.Count} times; send it once.");
        }

        return CommandRules.CheckIdempotencyKey(Header, key) is { } refusal ? Failure.Of(refusal) : null;
    }
}
