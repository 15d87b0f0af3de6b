using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Http;

namespace Metering.Gateway.Payments;

/// <summary>Who calls an open route, as far as addresses tell.</summary>
internal static class CallerAddress
{
    private const int NetworkBytes = 8; // A /64: whoever has one address of it has all.

    /// <summary>
    /// The address that a limit counts: IPv4 as it is, IPv6 by its /64. <c>X-Forwarded-For</c> is followed from its end, and only as long as
    /// the hop that wrote an entry is a proxy that is trusted: whatever stands before that, a caller may have made up.
    /// </summary>
    public static string Of(HttpContext context, IReadOnlyList<IPNetwork> trusted)
    {
        if (context.Connection.RemoteIpAddress is not { } address)
        {
            return "local"; // No socket: a server within the process.
        }

        var forwarded = context.Request.Headers["X-Forwarded-For"].SelectMany(value => (value ?? string.Empty).Split(',', StringSplitOptions.TrimEntries)).ToArray();
        for (var index = forwarded.Length - 1; index >= 0 && IsTrusted(address, trusted) && TryParse(forwarded[index], out var before); index--)
        {
            address = before;
        }

        return Subject(address);
    }

    private static bool IsTrusted(IPAddress address, IReadOnlyList<IPNetwork> trusted)
    {
        var plain = Plain(address);
        return trusted.Any(network => network.Contains(plain));
    }

    /// <summary>An entry may carry a port: "192.0.2.1:4711", "[2001:db8::1]:4711".</summary>
    private static bool TryParse(string text, out IPAddress address)
    {
        if (IPAddress.TryParse(text, out var parsed) || (IPEndPoint.TryParse(text, out var endpoint) && (parsed = endpoint.Address) is not null))
        {
            address = parsed;
            return true;
        }

        address = IPAddress.None;
        return false;
    }

    private static string Subject(IPAddress address)
    {
        var plain = Plain(address);
        if (plain.AddressFamily != AddressFamily.InterNetworkV6)
        {
            return plain.ToString();
        }

        var bytes = plain.GetAddressBytes();
        bytes.AsSpan(NetworkBytes).Clear();
        return $"{new IPAddress(bytes)}/64";
    }

    private static IPAddress Plain(IPAddress address) => address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
}
