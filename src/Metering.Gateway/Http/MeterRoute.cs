using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace Metering.Gateway;

/// <summary>Handles a request by the meter, and writes the answer itself.</summary>
internal delegate Task MeterHandler(HttpContext context, ICreditMeter meter);

/// <summary>
/// Maps the routes that are called most. Their handlers are called as they are: binding by the framework makes a scope of services and a
/// state machine for each request.
/// </summary>
internal static class MeterRoute
{
    /// <summary>Maps a handler; the route is documented like any other.</summary>
    public static RouteHandlerBuilder MapMeter(this IEndpointRouteBuilder routes, string method, string pattern, MeterHandler handler)
    {
        var services = routes.ServiceProvider;
        ICreditMeter? meter = null;
        RequestDelegate call = context => handler(context, meter ??= services.GetRequiredService<ICreditMeter>());
        return new RouteHandlerBuilder([routes.MapMethods(pattern, [method], call)]).WithMetadata(handler.Method);
    }
}
