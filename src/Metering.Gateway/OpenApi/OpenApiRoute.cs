using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.OpenApi;

namespace Metering.Gateway;

/// <summary>
/// The OpenAPI document, made once: making it takes some 17 ms of processor time, and a route that anyone may call must not cost that each time.
/// It is the same for every caller, as it names no server: its paths count from where it was found.
/// </summary>
internal sealed class OpenApiRoute(IServiceProvider services)
{
    private readonly Lock gate = new();
    private Task<byte[]>? making;

    public static void Map(IEndpointRouteBuilder routes, string pattern)
    {
        var route = new OpenApiRoute(routes.ServiceProvider);
        routes.MapGet(pattern, route.AnswerAsync).ExcludeFromDescription();
    }

    private async Task AnswerAsync(HttpContext context)
    {
        var document = await MakeOnceAsync().ConfigureAwait(false);
        context.Response.ContentType = "application/json;charset=utf-8";
        context.Response.ContentLength = document.Length;
        await context.Response.Body.WriteAsync(document, context.RequestAborted).ConfigureAwait(false);
    }

    private Task<byte[]> MakeOnceAsync()
    {
        lock (gate)
        {
            return making is null or { IsFaulted: true } ? making = MakeAsync() : making;
        }
    }

    private async Task<byte[]> MakeAsync()
    {
        var provider = services.GetRequiredKeyedService<IOpenApiDocumentProvider>(GatewayOpenApi.DocumentName);
        var document = await provider.GetOpenApiDocumentAsync(CancellationToken.None).ConfigureAwait(false);
        using var json = new MemoryStream();
        await document.SerializeAsJsonAsync(json, OpenApiSpecVersion.OpenApi3_1, CancellationToken.None).ConfigureAwait(false);
        return json.ToArray();
    }
}
