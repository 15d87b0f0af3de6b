using System.Net;
using Microsoft.AspNetCore.Http;

namespace Metering.Gateway.Payments;

/// <summary>Where customers reach this gateway: for the pages that they pay on and come back to.</summary>
internal static class PublicAddress
{
    /// <summary>The address as it is set; else, in the sandbox on this very machine, as the request has it.</summary>
    /// <param name="options">The options.</param>
    /// <param name="request">The request.</param>
    /// <param name="address">Without a slash at its end; empty where the answer is not null.</param>
    /// <returns>Why there is none; null where there is.</returns>
    public static Failure? Find(PaymentOptions options, HttpRequest request, out string address)
    {
        var isHere = IsLoopback(request.Host.Host);
        address = options.PublicUrl ?? (isHere ? $"{request.Scheme}://{request.Host}{request.PathBase}" : string.Empty);
        return options.PublicUrl is not null || isHere || options.Provider == PaymentProviderKind.None ? null : new(
            StatusCodes.Status503ServiceUnavailable,
            "payments_unavailable",
            "Nothing can be bought here now: the operator has to set Metering:Payments:PublicUrl to the address at which customers reach this gateway. Nothing was charged.");
    }

    private static bool IsLoopback(string host) =>
        string.Equals(host, "localhost", StringComparison.OrdinalIgnoreCase) || (IPAddress.TryParse(host, out var address) && IPAddress.IsLoopback(address));
}
