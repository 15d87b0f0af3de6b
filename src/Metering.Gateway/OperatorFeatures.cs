using Metering.Engine;
using Metering.Gateway.Admin;
using Metering.Gateway.Coupons;
using Metering.Gateway.Payments;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace Metering.Gateway;

/// <summary>What operators and their tables add to the gateway: coupons, and <c>/admin/v1</c>.</summary>
internal static class OperatorFeatures
{
    public static IServiceCollection AddOperatorFeatures(this IServiceCollection services)
    {
        services.AddOperatorStores();
        services.AddSingleton<CouponRedeemer>();
        services.AddSingleton<CouponReconciler>();
        services.AddHostedService(provider => provider.GetRequiredService<CouponReconciler>());
        services.AddSingleton<PlanVersionRecorder>();
        services.AddHostedService(provider => provider.GetRequiredService<PlanVersionRecorder>());
        services.AddSingleton<SandboxAccounts>();
        services.AddSingleton<OnceRequests>();
        services.AddSingleton<AdminDesk>();
        services.AddSingleton<AdminAccounts>();
        services.AddSingleton<AdminKeys>();
        services.AddSingleton<OperatorKeys>();
        services.ConfigureHttpJsonOptions(options =>
        {
            var chain = options.SerializerOptions.TypeInfoResolverChain;
            chain.Insert(0, CouponJson.Default);
            chain.Insert(1, AdminJson.Default);
            chain.Insert(2, PaymentAdminJson.Default);
        });
        return services;
    }

    public static IEndpointRouteBuilder MapOperatorFeatures(this IEndpointRouteBuilder routes)
    {
        routes.MapCoupons();
        var admin = routes.MapGroup("/admin/v1").RequireMeteringKey(ApiKeyScopes.Admin).WithMetadata(new WithoutRateLimit());
        AdminAccountRoutes.Map(admin);
        AdminKeyRoutes.Map(admin);
        AdminCreditRoutes.Map(admin);
        AdminStateRoutes.Map(admin);
        AdminSubscriptionRoutes.Map(admin);
        AdminTransactionRoutes.Map(admin);
        AdminCouponRoutes.Map(admin);
        AdminPlanRoutes.Map(admin);
        AdminAuditRoutes.Map(admin);
        PaymentAdminRoutes.Map(admin);
        return routes;
    }
}
