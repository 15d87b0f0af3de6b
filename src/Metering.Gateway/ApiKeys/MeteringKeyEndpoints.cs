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
    /// the path. Answers carry <c>X-Credits-Remaining</c>. It comes before the binding of parameters and bodies, so nothing of a
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
            endpoint.RequestDelegate = context => AuthenticateAsync(context, scopes, inner);
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
        if (context.Features.Get<MeteringCaller>() is null
            && PresentedKey.Of(context.Request).Key is { } text
            && await FindKeyAsync(context, text).ConfigureAwait(false) is { } key)
        {
            SetCaller(context, key);
        }
    }

    private static async Task AuthenticateAsync(HttpContext context, ApiKeyScopes scopes, RequestDelegate inner)
    {
        var presented = PresentedKey.Of(context.Request);
        if (presented.IsConflict)
        {
            await Failure.Invalid("Authorization", "The request carries different API keys; send one key, in Authorization or in X-API-Key.")
                .ToResult().ExecuteAsync(context).ConfigureAwait(false);
            return;
        }

        var key = presented.Key is { } text ? await FindKeyAsync(context, text).ConfigureAwait(false) : null;
        if (key is null)
        {
            await Failure.Unauthenticated(presented.Key is null).ToResult().ExecuteAsync(context).ConfigureAwait(false);
            return;
        }

        SetCaller(context, key);
        if ((key.Scopes & scopes) != scopes)
        {
            await Failure.ScopeMissing(scopes, key.Scopes).ToResult().ExecuteAsync(context).ConfigureAwait(false);
            return;
        }

        await inner(context).ConfigureAwait(false);
    }

    private static ValueTask<ApiKey?> FindKeyAsync(HttpContext context, string text)
    {
        var services = context.RequestServices;
        return ApiKeys.IsWellFormed(text, services.GetRequiredService<MeteringGatewayOptions>().KeyPrefixes)
            ? services.GetRequiredService<ApiKeyDirectory>().FindAsync(text, context.RequestAborted)
            : default;
    }

    private static void SetCaller(HttpContext context, ApiKey key)
    {
        context.Features.Set(new MeteringCaller(key.Account, key));
        CreditsHeaders.ReportBalanceWhenStarting(context, key.Account);
    }
}

/// <summary>Says on an endpoint which scopes it needs.</summary>
/// <param name="Scopes">The scopes.</param>
internal sealed record MeteringKeyRequirement(ApiKeyScopes Scopes);
