using Metering.Engine;
using Metering.Gateway.Admin;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Metering.Gateway;

/// <summary>Finds out whom a text opens that was sent as a key.</summary>
internal sealed class CallerFinder(MeteringGatewayOptions options, ApiKeyDirectory directory)
{
    /// <summary>The caller; null where the text is no key that works.</summary>
    /// <exception cref="LedgerUnavailableException">Keys cannot be looked up now.</exception>
    public ValueTask<MeteringCaller?> FindAsync(ReadOnlyMemory<char> key, CancellationToken cancellationToken) =>
        !ApiKeys.IsWellFormed(key.Span, options.AcceptedPrefixes) ? default
        : options.AdminKeyHash is { } admin ? FindAsync(key, admin, cancellationToken)
        : directory.FindCallerAsync(key, cancellationToken);

    private async ValueTask<MeteringCaller?> FindAsync(ReadOnlyMemory<char> key, ReadOnlyMemory<byte> admin, CancellationToken cancellationToken) =>
        await directory.FindCallerAsync(key, cancellationToken).ConfigureAwait(false) ?? OperatorKeys.FindConfigured(key.Span, admin.Span);
}

/// <summary>An endpoint behind API keys (<see cref="MeteringKeyEndpoints.RequireMeteringKey"/>).</summary>
/// <param name="services">The host's services: those of a request are a scope of their own, which costs more than the rest of this.</param>
/// <param name="scopes">Every scope that is needed.</param>
/// <param name="isLimited">True where its calls count against the plan's limits a key.</param>
/// <param name="inner">What the key opens.</param>
internal sealed class KeyedEndpoint(IServiceProvider services, ApiKeyScopes scopes, bool isLimited, RequestDelegate inner)
{
    private CallerFinder? callers;
    private KeyLimits? limits;

    public Task InvokeAsync(HttpContext context)
    {
        var presented = PresentedKey.Of(context.Request);
        if (presented.IsConflict)
        {
            return Failure.Invalid("Authorization", "The request carries different API keys; send one key, in Authorization or in X-API-Key.")
                .ToResult().ExecuteAsync(context);
        }

        callers ??= services.GetRequiredService<CallerFinder>();
        var finding = callers.FindAsync(presented.Key, context.RequestAborted);
        return finding.IsCompletedSuccessfully
            ? AnswerAsync(context, finding.Result, presented.Key.IsEmpty)
            : AnswerWhenFoundAsync(context, finding.AsTask());
    }

    private async Task AnswerWhenFoundAsync(HttpContext context, Task<MeteringCaller?> finding) =>
        await AnswerAsync(context, await finding.ConfigureAwait(false), isKeyMissing: false).ConfigureAwait(false);

    private Task AnswerAsync(HttpContext context, MeteringCaller? caller, bool isKeyMissing)
    {
        if (caller is null)
        {
            return Failure.Unauthenticated(isKeyMissing).ToResult().ExecuteAsync(context);
        }

        MeteringKeyEndpoints.SetCaller(context, caller);
        return isLimited && (limits ??= services.GetRequiredService<KeyLimits>()) is { IsOff: false } counting
            ? AnswerWithinLimitsAsync(context, caller, counting)
            : AnswerAsync(context, caller);
    }

    private async Task AnswerWithinLimitsAsync(HttpContext context, MeteringCaller caller, KeyLimits counting)
    {
        var failure = await counting.TakeAsync(context, caller).ConfigureAwait(false);
        await (failure is null ? AnswerAsync(context, caller) : failure.ToResult().ExecuteAsync(context)).ConfigureAwait(false);
    }

    private Task AnswerAsync(HttpContext context, MeteringCaller caller) =>
        (caller.Key.Scopes & scopes) == scopes
            ? inner(context)
            : Failure.ScopeMissing(scopes, caller.Key.Scopes).ToResult().ExecuteAsync(context);
}
