using System.Globalization;
using System.Text;
using Microsoft.AspNetCore.Http;

namespace Metering.Proof.Tests;

/// <summary>A request as a caller could send it, whole or hostile.</summary>
internal sealed record FuzzRequest(string Method, string Path, string Query, IReadOnlyList<(string Name, string[] Values)> Headers, byte[]? Body, bool IsChunked)
{
    private const int ShownBytes = 4_096;

    public void ApplyTo(HttpContext context)
    {
        var request = context.Request;
        request.Scheme = "http";
        request.Host = new("127.0.0.1");
        request.Method = Method;
        request.Path = new(Path);
        request.QueryString = new(Query);
        foreach (var (name, values) in Headers)
        {
            request.Headers[name] = values;
        }

        if (Body is not null)
        {
            request.Body = new MemoryStream(Body, writable: false);
            request.ContentLength = IsChunked ? null : Body.Length;
        }
    }

    /// <summary>Enough to send it again.</summary>
    public override string ToString()
    {
        var text = new StringBuilder().AppendLine(CultureInfo.InvariantCulture, $"{Method} {Path}{Query}");
        foreach (var (name, values) in Headers)
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"{name}: {string.Join(" | ", values)}");
        }

        return Body is null ? text.ToString() : text.AppendLine(CultureInfo.InvariantCulture, $"{Body.Length} bytes, {(IsChunked ? "chunked" : "of known length")}, base64:")
            .Append(Convert.ToBase64String(Body.AsSpan(0, Math.Min(ShownBytes, Body.Length)))).ToString();
    }
}
