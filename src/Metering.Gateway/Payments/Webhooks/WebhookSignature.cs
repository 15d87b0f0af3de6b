using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Metering.Gateway.Payments;

/// <summary>
/// Signatures of events as Stripe makes them: <c>Stripe-Signature: t=UNIX_SECONDS,v1=HEX</c>, where HEX is HMAC-SHA-256 of
/// "UNIX_SECONDS.BODY" with the endpoint's secret (docs.stripe.com/webhooks, "Verify manually"). One header may carry several.
/// </summary>
internal static class WebhookSignature
{
    /// <summary>The header.</summary>
    public const string Header = "Stripe-Signature";

    /// <summary>How far the time of a signature may be from now, either way.</summary>
    public static readonly TimeSpan Tolerance = TimeSpan.FromMinutes(5);

    private const string Scheme = "v1";

    /// <summary>The header's value for a body.</summary>
    public static string Sign(ReadOnlySpan<byte> body, string secret, DateTimeOffset now)
    {
        var seconds = now.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
        return $"t={seconds},{Scheme}={Convert.ToHexStringLower(Compute(seconds, body, secret))}";
    }

    /// <summary>Why a signature does not hold; null where it does.</summary>
    /// <param name="header">The header's value; null where it is missing.</param>
    /// <param name="body">The body as received, byte for byte.</param>
    /// <param name="secrets">The endpoint's secrets; any of them will do.</param>
    /// <param name="now">The time.</param>
    public static string? FindFault(string? header, ReadOnlySpan<byte> body, IReadOnlyList<string> secrets, DateTimeOffset now)
    {
        if (header is null)
        {
            return $"The header {Header} is missing.";
        }

        var parts = header.Split(',').Select(part => part.Trim().Split('=', 2)).Where(part => part.Length == 2).ToArray();
        var times = parts.Where(part => part[0] == "t").Select(part => part[1]).ToArray();
        if (times is not [var seconds] || !long.TryParse(seconds, NumberStyles.None, CultureInfo.InvariantCulture, out var unix))
        {
            return $"The header {Header} has no time (t=UNIX_SECONDS).";
        }

        var isKnown = false;
        foreach (var secret in secrets)
        {
            var expected = Compute(seconds, body, secret);
            foreach (var part in parts)
            {
                // All of them, and each in constant time: how long it takes says nothing of a secret.
                isKnown |= part[0] == Scheme && CryptographicOperations.FixedTimeEquals(Encoding.ASCII.GetBytes(part[1]), Encoding.ASCII.GetBytes(Convert.ToHexStringLower(expected)));
            }
        }

        // Compared as numbers of seconds: an absurd one is no instant at all.
        return !isKnown ? "The signature is not this endpoint's."
            : Int128.Abs((Int128)now.ToUnixTimeSeconds() - unix) > (long)Tolerance.TotalSeconds ? $"The signature is more than {Tolerance.TotalMinutes} minutes from now."
            : null;
    }

    private static byte[] Compute(string seconds, ReadOnlySpan<byte> body, string secret)
    {
        using var hmac = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, Encoding.UTF8.GetBytes(secret));
        hmac.AppendData(Encoding.ASCII.GetBytes(seconds));
        hmac.AppendData("."u8);
        hmac.AppendData(body);
        return hmac.GetHashAndReset();
    }
}
