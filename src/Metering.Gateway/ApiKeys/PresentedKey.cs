using Microsoft.AspNetCore.Http;

namespace Metering.Gateway;

/// <summary>The key that a request carries, in either header (contract, "Authentication").</summary>
/// <param name="Key">The key; empty where the request carries none. Part of a header's text, so that it is not copied.</param>
/// <param name="IsConflict">True where the request carries several, different ones.</param>
internal readonly record struct PresentedKey(ReadOnlyMemory<char> Key, bool IsConflict)
{
    private const string Scheme = "Bearer ";

    /// <summary>Reads <c>Authorization: Bearer KEY</c> and <c>X-API-Key: KEY</c>.</summary>
    public static PresentedKey Of(HttpRequest request)
    {
        var found = default(PresentedKey);
        foreach (var value in request.Headers.Authorization)
        {
            // An Authorization header of another scheme (a proxy's Basic, say) is no key and does not stand in the way of X-API-Key.
            if (value is not null && value.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase))
            {
                found = found.And(value.AsMemory(Scheme.Length).Trim());
            }
        }

        foreach (var value in request.Headers["X-API-Key"])
        {
            found = found.And(value.AsMemory().Trim());
        }

        return found;
    }

    private PresentedKey And(ReadOnlyMemory<char> other) =>
        IsConflict || other.IsEmpty ? this
        : Key.IsEmpty || Key.Span.SequenceEqual(other.Span) ? new(other, false)
        : new(default, true);
}
