using System.Reflection;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Metering.Gateway;

/// <summary>
/// A page to try every route in, made from the OpenAPI document beside it. Three files of this assembly: nothing comes from elsewhere, and the page may load
/// nothing from elsewhere.
/// </summary>
internal static class TryPageRoutes
{
    /// <summary>Only this server's own files, no inline script, no frame around it: nobody else's code gets near the key in its field.</summary>
    public const string ContentSecurityPolicy =
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

    public static void Map(IEndpointRouteBuilder routes)
    {
        Map(routes, "/openapi/try", "try.html", "text/html; charset=utf-8");
        Map(routes, "/openapi/try.js", "try.js", "text/javascript; charset=utf-8");
        Map(routes, "/openapi/try.css", "try.css", "text/css; charset=utf-8");
    }

    private static void Map(IEndpointRouteBuilder routes, string pattern, string file, string contentType)
    {
        var content = Read(file);
        routes.MapGet(pattern, context =>
        {
            var headers = context.Response.Headers;
            headers.ContentSecurityPolicy = ContentSecurityPolicy;
            headers.XContentTypeOptions = "nosniff";
            headers["Referrer-Policy"] = "no-referrer";
            context.Response.ContentType = contentType;
            context.Response.ContentLength = content.Length;
            return context.Response.Body.WriteAsync(content, context.RequestAborted).AsTask();
        }).ExcludeFromDescription();
    }

    private static byte[] Read(string file)
    {
        using var stream = Assembly.GetExecutingAssembly().GetManifestResourceStream($"Metering.Gateway.OpenApi.TryPage.{file}")
            ?? throw new InvalidOperationException($"{file} is not embedded in this assembly.");
        var content = new byte[stream.Length];
        stream.ReadExactly(content);
        return content;
    }
}
