using Metering.Engine;
using Metering.Gateway.CheckCredits;
using Metering.Gateway.LeadCredits;
using Metering.Gateway.Native;
using Metering.Gateway.Payments;
using Metering.Gateway.Payments.Sandbox;
using Metering.Gateway.Profile;
using Metering.Gateway.Setup;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.OpenApi;

namespace Metering.Gateway;

/// <summary>Adds the gateway to an ASP.NET Core host that has a meter (<c>AddCreditMetering</c>).</summary>
public static class MeteringGateway
{
    /// <summary>Adds what the gateway's routes and <see cref="MeteringKeyEndpoints.RequireMeteringKey"/> need.</summary>
    /// <param name="services">The host's services.</param>
    /// <param name="section">The section <c>Metering</c>, for its <c>ApiKeys:Prefixes</c> and <c>RateLimits:Mode</c>; null for the defaults.</param>
    /// <exception cref="MeteringStartupException">A setting is wrong; the message names it, its value and what is allowed.</exception>
    public static IServiceCollection AddMeteringGateway(this IServiceCollection services, IConfiguration? section = null)
    {
        services.AddSingleton(MeteringConfiguration.ReadGatewayOptions(section));
        services.AddSingleton<ApiKeyDirectory>();
        services.AddSingleton<ApiKeyMaker>();
        services.AddSingleton<CallerFinder>();
        services.AddSingleton<KeyLimits>();
        services.AddSingleton<Readiness>();
        services.AddOperatorFeatures();
        services.AddPayments(section);
        services.AddSetup(section);
        services.ConfigureHttpJsonOptions(options =>
        {
            // The OpenAPI document takes its schemas from here; the sources in front make them those of the wire.
            var chain = options.SerializerOptions.TypeInfoResolverChain;
            chain.Insert(0, NativeJson.Default);
            chain.Insert(1, LeadCreditsJson.Default);
            chain.Insert(2, ProfileJson.Default);
            chain.Insert(3, CheckCreditsJson.Default);
            chain.Insert(4, ProblemJson.Default);
            chain.Insert(5, HealthJson.Default);
            chain.Insert(6, PaymentJson.Default);
            chain.Insert(7, SetupJson.Default);
        });
        services.AddOpenApi(GatewayOpenApi.DocumentName, options =>
        {
            options.OpenApiVersion = OpenApiSpecVersion.OpenApi3_1;
            options.CreateSchemaReferenceId = GatewayOpenApi.NameSchema;
            options.AddSchemaTransformer(GatewayOpenApi.DescribeSchema);
            options.AddOperationTransformer(GatewayOpenApi.DescribeOperation);
            options.AddDocumentTransformer(GatewayOpenApi.DescribeDocument);
        });
        return services;
    }

    /// <summary>
    /// Gives every answer its <c>X-Request-Id</c>, and errors without a body (unknown route, wrong method, a fault) the shape of their
    /// dialect. Call it before everything else that answers.
    /// </summary>
    /// <param name="app">The application.</param>
    public static IApplicationBuilder UseMeteringGateway(this IApplicationBuilder app) => app.UseMiddleware<GatewayMiddleware>();

    /// <summary>Maps every dialect, the health probes, <c>/openapi/v1.json</c> and the page <c>/openapi/try</c>.</summary>
    /// <param name="routes">The application.</param>
    public static IEndpointRouteBuilder MapMetering(this IEndpointRouteBuilder routes)
    {
        routes.MapCheckCredits();
        routes.MapDeductions();
        routes.MapRecords();
        routes.MapRecordSubscriptions();
        routes.MapTransactions();
        routes.MapRefunds();
        routes.MapExport();
        routes.MapLeadCredits();
        routes.MapApiKeys();
        routes.MapProfile();
        routes.MapOperatorFeatures();
        routes.MapPurchase();
        routes.MapSubscription();
        routes.MapSetup();
        routes.MapPaymentWebhooks();
        if (routes.ServiceProvider.GetRequiredService<PaymentOptions>().Provider == PaymentProviderKind.Sandbox)
        {
            routes.MapSandbox();
        }

        routes.MapHealth();
        OpenApiRoute.Map(routes, "/openapi/v1.json");
        TryPageRoutes.Map(routes);
        return routes;
    }
}
