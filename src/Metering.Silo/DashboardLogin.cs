using System.Security.Cryptography;
using System.Text;
using Microsoft.Net.Http.Headers;

namespace Metering.Silo;

/// <summary>
/// HTTP Basic before everything beneath <see cref="Path"/>: any user name, and the admin key as the password. The dashboard shows every account's
/// id and can read their state, so there is none without a key.
/// </summary>
internal sealed class DashboardLogin(RequestDelegate next, string key)
{
    public const string Path = "/orleans";

    private const string Scheme = "Basic ";
    private const int MaxHeader = 1_024;

    private readonly byte[] digest = SHA256.HashData(Encoding.UTF8.GetBytes(key));

    public Task InvokeAsync(HttpContext context)
    {
        if (!context.Request.Path.StartsWithSegments(Path, StringComparison.OrdinalIgnoreCase) || IsAdmin(context.Request.Headers.Authorization))
        {
            return next(context);
        }

        context.Response.StatusCode = StatusCodes.Status401Unauthorized;
        context.Response.Headers[HeaderNames.WWWAuthenticate] = "Basic realm=\"Orleans dashboard\", charset=\"UTF-8\"";
        return context.Response.WriteAsync("The Orleans dashboard needs the admin key as the password; any user name will do.\n");
    }

    private bool IsAdmin(string? header)
    {
        if (header is null || header.Length > MaxHeader || !header.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase))
        {
            return false;
        }

        Span<byte> bytes = stackalloc byte[MaxHeader];
        if (!Convert.TryFromBase64Chars(header.AsSpan(Scheme.Length).Trim(), bytes, out var written) || bytes[..written].IndexOf((byte)':') is var colon && colon < 0)
        {
            return false;
        }

        // Digests, so that the comparison tells nothing of the key, its length included.
        return CryptographicOperations.FixedTimeEquals(SHA256.HashData(bytes[(colon + 1)..written]), digest);
    }
}
