using Metering.Engine;
using Metering.Gateway.Admin;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Metering.Gateway.LeadCredits;

/// <summary>
/// Dialect B: an account's own API keys. A key that may read lists them; one that may do all that its account's keys do (read and spend) makes,
/// rotates and revokes them, and never makes or takes away one that may do more than itself, nor makes one that outlives it. Operators' keys are made
/// and revoked by <c>/admin/v1</c> alone, which writes it into the audit log.
/// </summary>
internal static class ApiKeyRoutes
{
    private const ApiKeyScopes Full = ApiKeyScopes.Read | ApiKeyScopes.Spend;

    private static readonly Dictionary<string, string> MakingFields = new()
    {
        ["name"] = $"a text of 1 to {ApiKeys.MaxName} characters",
        ["expiresAt"] = ApiKeyRequests.InstantRule,
        ["scopes"] = ApiKeyRequests.ScopesRule,
        ["scopes[]"] = ApiKeyRequests.ScopesRule,
        ["sandbox"] = "true, false, or be left out",
    };

    private static readonly Dictionary<string, string> RotationFields = new()
    {
        ["gracePeriodHours"] = $"a whole number from 0 to {ApiKeyRequests.MaxGraceHours}",
        ["expiresAt"] = ApiKeyRequests.InstantRule,
    };

    public static IEndpointRouteBuilder MapApiKeys(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("/api/v1/api-keys").WithTags("API keys");
        group.MapGet("", List)
            .RequireMeteringKey(ApiKeyScopes.Read)
            .Document($"The account's active keys, oldest first (at most {ApiKeyMaker.MaxActive}), and behind them those of its sandbox, which meta does not count", new() { ResponseExample = Examples.List })
            .Produces<ApiKeyListBody>()
            .ProducesErrors<LeadCreditsErrorBody>(400, 403, 429, 500, 503)
            .ProducesErrors<LeadCreditsUnauthorizedBody>(401);
        group.MapPost("", Create)
            .RequireMeteringKey(Full)
            .Document($"Make a key, shown only now (at most {ApiKeyMaker.MaxActive} active: 409); with sandbox: true one of the account's sandbox, which has as many of its own and is never billed", new()
            {
                RequestType = typeof(ApiKeyRequestBody),
                RequestExample = """{"name": "Nightly enrichment", "expiresAt": "2027-05-01T00:00:00Z"}""",
                ResponseExample = Examples.Created,
                Changes = true,
            })
            .Produces<NewApiKeyAnswerBody>(StatusCodes.Status201Created)
            .ProducesErrors<LeadCreditsErrorBody>(400, 403, 409, 413, 415, 422, 429, 500, 503)
            .ProducesErrors<LeadCreditsUnauthorizedBody>(401);
        group.MapPost("{id}/rotate", Rotate)
            .RequireMeteringKey(Full)
            .Document($"Replace a key by a new one with its name and scopes; the old one works on for gracePeriodHours (0 to {ApiKeyRequests.MaxGraceHours}, {ApiKeyRequests.DefaultGraceHours} where left out)", new()
            {
                RequestType = typeof(ApiKeyRotationBody),
                RequestExample = """{"gracePeriodHours": 24}""",
                ResponseExample = Examples.Rotated,
                Changes = true,
            })
            .Produces<NewApiKeyAnswerBody>(StatusCodes.Status201Created)
            .ProducesErrors<LeadCreditsErrorBody>(400, 403, 404, 409, 413, 415, 422, 429, 500, 503)
            .ProducesErrors<LeadCreditsUnauthorizedBody>(401);
        group.MapDelete("{id}", Revoke)
            .RequireMeteringKey(Full)
            .Document("Revoke a key that may do no more than the one that asks: it opens nothing from now on; a second time gives the same answer", new() { ResponseExample = Examples.Revoked })
            .Produces<RevokedApiKeyAnswerBody>()
            .ProducesErrors<LeadCreditsErrorBody>(400, 403, 404, 429, 500, 503)
            .ProducesErrors<LeadCreditsUnauthorizedBody>(401);
        return routes;
    }

    /// <summary>Why a key may not make, replace or revoke another one; null where it may.</summary>
    /// <param name="scopes">What the other one may do.</param>
    /// <param name="asking">The key that asks.</param>
    public static Failure? FindObstacle(ApiKeyScopes scopes, ApiKey asking) =>
        (scopes & ~asking.Scopes) != ApiKeyScopes.None ? Failure.ScopeMissing(scopes, asking.Scopes)
        : scopes.HasFlag(ApiKeyScopes.Admin) ? new(
            StatusCodes.Status403Forbidden, "operator_key", "Operators' keys are made and revoked by /admin/v1/accounts/{id}/keys, which writes it into the audit log.")
        : null;

    private static async Task<IResult> List(HttpContext context, IDirectoryStore directory, SandboxAccounts sandboxes, TimeProvider time)
    {
        var (caller, now) = (context.GetMeteringCaller().Account, time.GetUtcNow());
        var isTest = await sandboxes.IsSandboxAsync(caller, context.RequestAborted).ConfigureAwait(false);
        List<ApiKeyBody> active = [];
        foreach (var account in await sandboxes.WithTwinAsync(caller, context.RequestAborted).ConfigureAwait(false))
        {
            var keys = await directory.ListKeysAsync(account, context.RequestAborted).ConfigureAwait(false);
            active.AddRange(keys.Where(key => key.IsActiveAt(now)).Select(key => ApiKeyBody.Of(key, isTest || account != caller)));
        }

        var own = active.Count(key => key.Sandbox == isTest);
        return JsonAnswer.Of(new ApiKeyListBody(true, active, new(own, ApiKeyMaker.MaxActive)), LeadCreditsJson.Default.ApiKeyListBody);
    }

    private static async Task<IResult> Create(HttpContext context, ApiKeyMaker maker)
    {
        if (IdempotencyKeys.Read(context.Request, out var key) is { } invalid)
        {
            return invalid.ToResult();
        }

        var body = await JsonBody.ReadAsync(context, LeadCreditsJson.Default.ApiKeyRequestBody, MakingFields, ignoresOthers: true).ConfigureAwait(false);
        if (!body.TryGet(out var wire, out var failure) || (failure = ApiKeyRequests.Read(wire, context.GetMeteringCaller().Key.Scopes & Full, out var request)) is not null)
        {
            return failure.ToResult();
        }

        return await maker.MakeAsync(context, request, key).ConfigureAwait(false);
    }

    private static async Task<IResult> Rotate(string id, HttpContext context, ApiKeyMaker maker)
    {
        if (IdempotencyKeys.Read(context.Request, out var key) is { } invalid)
        {
            return invalid.ToResult();
        }

        // Everything here has a default, so that the body may be left out.
        var body = JsonBody.IsSent(context)
            ? await JsonBody.ReadAsync(context, LeadCreditsJson.Default.ApiKeyRotationBody, RotationFields, ignoresOthers: true).ConfigureAwait(false)
            : new(new(), null);
        if (!body.TryGet(out var wire, out var failure) || (failure = ApiKeyRequests.Read(id, wire, out var request)) is not null)
        {
            return failure.ToResult();
        }

        return await maker.MakeAsync(context, request, key).ConfigureAwait(false);
    }

    private static async Task<IResult> Revoke(string id, HttpContext context, ApiKeyDirectory keys, IDirectoryStore directory, SandboxAccounts sandboxes)
    {
        var caller = context.GetMeteringCaller();
        foreach (var account in await sandboxes.WithTwinAsync(caller.Account, context.RequestAborted).ConfigureAwait(false))
        {
            var own = await directory.ListKeysAsync(account, context.RequestAborted).ConfigureAwait(false);
            if (own.FirstOrDefault(key => key.Id == id) is not { } found)
            {
                continue;
            }

            if (FindObstacle(found.Scopes, caller.Key) is { } obstacle)
            {
                return obstacle.ToResult();
            }

            if (await keys.RevokeAsync(account, id, context.RequestAborted).ConfigureAwait(false))
            {
                var revoked = (await directory.ListKeysAsync(account, context.RequestAborted).ConfigureAwait(false)).Single(key => key.Id == id);
                return JsonAnswer.Of(new RevokedApiKeyAnswerBody(true, new(id, revoked.RevokedAt!.Value.ToWire())), LeadCreditsJson.Default.RevokedApiKeyAnswerBody);
            }
        }

        return ApiKeyMaker.Unknown().ToResult();
    }

    /// <summary>For the OpenAPI document.</summary>
    private static class Examples
    {
        public const string List = """
            {"success": true, "data": [{"id": "key_0123456789abcdef01234567", "name": "Nightly enrichment", "prefix": "mtr_0123abcd", "scopes": ["read", "spend"],
              "createdAt": "2026-05-01T00:00:00.000Z", "expiresAt": null, "sandbox": false}], "meta": {"total": 1, "limit": 10}}
            """;

        public const string Created = """
            {"success": true, "data": {"id": "key_0123456789abcdef01234567", "name": "Nightly enrichment", "prefix": "mtr_0123abcd", "scopes": ["read", "spend"],
              "createdAt": "2026-05-01T00:00:00.000Z", "expiresAt": "2027-05-01T00:00:00.000Z", "sandbox": false,
              "key": "mtr_0123abcd0123abcd0123abcd0123abcd0123abcd0123abcd0123abcd0123abcd", "message": "Keep the key now: it is shown only this once."}}
            """;

        public const string Rotated = """
            {"success": true, "data": {"id": "key_89abcdef0123456789abcdef", "name": "Nightly enrichment", "prefix": "mtr_4567cdef", "scopes": ["read", "spend"],
              "createdAt": "2026-05-02T00:00:00.000Z", "expiresAt": null, "sandbox": false,
              "key": "mtr_4567cdef4567cdef4567cdef4567cdef4567cdef4567cdef4567cdef4567cdef", "message": "Keep the key now: it is shown only this once.",
              "replaces": {"id": "key_0123456789abcdef01234567", "expiresAt": "2026-05-03T00:00:00.000Z"}}}
            """;

        public const string Revoked = """{"success": true, "data": {"id": "key_0123456789abcdef01234567", "revokedAt": "2026-05-02T00:00:00.000Z"}}""";
    }
}
