using Metering.Core;
using Microsoft.AspNetCore.Http;

namespace Metering.Gateway;

/// <summary>Reads the <c>Idempotency-Key</c> header (contract, rules of the pool, 5).</summary>
internal static class IdempotencyKeys
{
    public const string Header = "Idempotency-Key";

    /// <summary>What the keys begin with under which operators' commands reach an account's ledger; callers cannot send such a key.</summary>
    public const string OperatorPrefix = "admin:";

    /// <summary>The key; null where there is none.</summary>
    public static Failure? Read(HttpRequest request, out string? key)
    {
        var values = request.Headers[Header];
        key = values.Count == 0 ? null : values[0];
        if (values.Count > 1)
        {
            return Failure.Invalid(Header, $"{Header} was sent {values.Count} times; send it once.");
        }

        if (key is not null && key.StartsWith(OperatorPrefix, StringComparison.Ordinal) && !request.Path.StartsWithSegments("/admin", StringComparison.OrdinalIgnoreCase))
        {
            return Failure.Invalid(Header, $"{Header} begins with {OperatorPrefix}, which marks operators' commands; send another key.");
        }

        return CommandRules.CheckIdempotencyKey(Header, key) is { } refusal ? Failure.Of(refusal) : null;
    }
}
