using Metering.Engine;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Metering.Gateway;

/// <summary>Who calls: the account, and the key that opened it.</summary>
/// <param name="Account">The account.</param>
/// <param name="Key">The key as it is stored.</param>
public sealed record MeteringCaller(AccountId Account, ApiKey Key);

/// <summary>Puts endpoints of any service in this process behind API keys.</summary>
public static class MeteringKeyEndpoints
{
    /// <summary>
    /// Lets in only callers with a key of these scopes. Without a working key the answer is 401, without a scope 403, in the dialect of
    /// the path, beyond the plan's limits a key 429. Answers carry <c>X-Credits-Remaining</c>. It comes before the binding of parameters and bodies, so nothing of a
    /// stranger's request is read.
    /// </summary>
    /// <typeparam name="TBuilder">A route or a group of routes.</typeparam>
    /// <param name="builder">The route or group.</param>
    /// <param name="scopes">Every scope that is needed; <see cref="ApiKeyScopes.None"/> for any working key.</param>
    public static TBuilder RequireMeteringKey<TBuilder>(this TBuilder builder, ApiKeyScopes scopes)
        where TBuilder : IEndpointConventionBuilder
    {
        builder.Finally(endpoint =>
        {
            var inner = endpoint.RequestDelegate
                ?? throw new InvalidOperationException("RequireMeteringKey needs an endpoint that handles requests.");
            endpoint.Metadata.Add(new MeteringKeyRequirement(scopes));
            var isLimited = !endpoint.Metadata.OfType<WithoutRateLimit>().Any();
            endpoint.RequestDelegate = new KeyedEndpoint(endpoint.ApplicationServices, scopes, isLimited, inner).InvokeAsync;
        });
        return builder;
    }

    /// <summary>The caller of an endpoint behind <see cref="RequireMeteringKey"/>.</summary>
    /// <param name="context">The request.</param>
    /// <exception cref="InvalidOperationException">The endpoint is not behind <see cref="RequireMeteringKey"/>.</exception>
    public static MeteringCaller GetMeteringCaller(this HttpContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        return context.Features.Get<MeteringCaller>()
            ?? throw new InvalidOperationException("This endpoint has no caller: put it behind RequireMeteringKey.");
    }

    /// <summary>
    /// Finds out who calls where no endpoint asked for it (unknown route, wrong method), so that these answers carry the balance as well.
    /// </summary>
    /// <exception cref="LedgerUnavailableException">Keys cannot be looked up now.</exception>
    internal static async Task IdentifyAsync(HttpContext context)
    {
        var key = PresentedKey.Of(context.Request).Key;
        if (context.Features.Get<MeteringCaller>() is null
            && await context.RequestServices.GetRequiredService<CallerFinder>().FindAsync(key, context.RequestAborted).ConfigureAwait(false) is { } caller)
        {
            SetCaller(context, caller);
        }
    }

    internal static void SetCaller(HttpContext context, MeteringCaller caller)
    {
        context.Features.Set(caller);
        CreditsHeaders.ReportBalanceWhenStarting(context);
    }
}

/// <summary>Says on an endpoint which scopes it needs.</summary>
/// <param name="Scopes">The scopes.</param>
internal sealed record MeteringKeyRequirement(ApiKeyScopes Scopes);
