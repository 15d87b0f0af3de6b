using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Metering.Gateway;

/// <summary>Probes for whatever runs the process. Open: they tell nothing of any account.</summary>
internal static class HealthRoutes
{
    // Some load balancers probe with HEAD.
    private static readonly string[] Probes = [HttpMethods.Get, HttpMethods.Head];

    public static IEndpointRouteBuilder MapHealth(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("/health").WithTags("Health");
        group.MapMethods("live", Probes, GetLive)
            .Document("Whether the process answers", new() { ResponseExample = """{"status": "ok"}""" })
            .Produces<HealthBody>();
        group.MapMethods("ready", Probes, GetReady)
            .Document("Whether the ledger can be written", new() { ResponseExample = """{"status": "ok"}""" })
            .Produces<HealthBody>()
            .ProducesProblems(500, 503);
        return routes;
    }

    private static IResult GetLive() => JsonAnswer.Of(new HealthBody("ok"), HealthJson.Default.HealthBody);

    private static async Task<IResult> GetReady(Readiness readiness) =>
        await readiness.IsReadyAsync().ConfigureAwait(false)
            ? JsonAnswer.Of(new HealthBody("ok"), HealthJson.Default.HealthBody)
            : Failure.Unavailable().ToResult();
}

internal sealed record HealthBody(string Status);

/// <summary>JSON of the probes.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(HealthBody))]
internal sealed partial class HealthJson : JsonSerializerContext;
