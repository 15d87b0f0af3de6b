using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;

namespace Metering.Gateway;

/// <summary>The key that a request carries, in either header (contract, "Authentication").</summary>
/// <param name="Key">The key; null where the request carries none.</param>
/// <param name="IsConflict">True where the request carries several, different ones.</param>
internal readonly record struct PresentedKey(string? Key, bool IsConflict)
{
    private const string Scheme = "Bearer ";

    /// <summary>Reads <c>Authorization: Bearer KEY</c> and <c>X-API-Key: KEY</c>.</summary>
    public static PresentedKey Of(HttpRequest request)
    {
        string? found = null;
        foreach (var candidate in Candidates(request.Headers.Authorization, request.Headers["X-API-Key"]))
        {
            if (found is not null && found != candidate)
            {
                return new(null, true);
            }

            found = candidate;
        }

        return new(found, false);
    }

    // An Authorization header of another scheme (a proxy's Basic, say) is no key and does not stand in the way of X-API-Key.
    private static IEnumerable<string> Candidates(StringValues authorization, StringValues apiKey)
    {
        foreach (var value in authorization)
        {
            if (value is not null && value.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase) && value.AsSpan(Scheme.Length).Trim().Length > 0)
            {
                yield return value[Scheme.Length..].Trim();
            }
        }

        foreach (var value in apiKey)
        {
            if (!string.IsNullOrWhiteSpace(value))
            {
                yield return value.Trim();
            }
        }
    }
}
