using System.Buffers;

namespace Metering.Gateway;

/// <summary>Addresses of web sites as people give them. Whoever shows one as a link must not be handed a script or another scheme.</summary>
internal static class WebAddress
{
    private static readonly SearchValues<char> EndOfHost = SearchValues.Create("/?#");

    /// <summary>What is allowed, for errors.</summary>
    /// <param name="maxLength">The most characters.</param>
    public static string Rule(int maxLength) => $"an address of at most {maxLength} characters, with or without http:// or https://";

    /// <summary>
    /// True for an http or https address without a user. Without its scheme it begins with a host, and a colon in front of the path is only the port of a
    /// host with a dot: anything else in front of a colon is a scheme to whoever follows the link.
    /// </summary>
    public static bool Is(string text)
    {
        var hasScheme = text.StartsWith("http://", StringComparison.OrdinalIgnoreCase) || text.StartsWith("https://", StringComparison.OrdinalIgnoreCase);
        return !text.Contains(' ', StringComparison.Ordinal)
            && (hasScheme || BeginsWithHost(text))
            && Uri.TryCreate(hasScheme ? text : "https://" + text, UriKind.Absolute, out var address)
            && (address.Scheme == Uri.UriSchemeHttp || address.Scheme == Uri.UriSchemeHttps)
            && Uri.CheckHostName(address.IdnHost) is UriHostNameType.Dns or UriHostNameType.IPv4 or UriHostNameType.IPv6
            && address.UserInfo.Length == 0;
    }

    private static bool BeginsWithHost(ReadOnlySpan<char> text)
    {
        var end = text.IndexOfAny(EndOfHost);
        var authority = end < 0 ? text : text[..end];
        var colon = authority.IndexOf(':');
        return colon < 0 || (authority[..colon].Contains('.') && colon + 1 < authority.Length && !authority[(colon + 1)..].ContainsAnyExceptInRange('0', '9'));
    }
}
