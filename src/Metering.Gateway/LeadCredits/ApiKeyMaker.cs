using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Metering.Engine;
using Microsoft.AspNetCore.Http;

namespace Metering.Gateway.LeadCredits;

/// <summary>
/// Makes and rotates keys. Key, the end of the replaced one and the answer for retries become durable together, so that a retry never makes
/// a second key; the secret itself is in the first answer only.
/// </summary>
internal sealed class ApiKeyMaker(ApiKeyDirectory keys, IDirectoryStore directory, MeteringGatewayOptions options, TimeProvider time)
{
    /// <summary>The most active keys of an account (contract, dialect B).</summary>
    public const int MaxActive = 10;

    public static Failure Unknown() => new(
        StatusCodes.Status404NotFound, "api_key_unknown", "This account has no such API key; GET /api/v1/api-keys lists the active ones.") { Field = "id" };

    /// <param name="context">The request.</param>
    /// <param name="request">What is asked for.</param>
    /// <param name="idempotencyKey">The key of the request; null for none.</param>
    public async Task<IResult> MakeAsync(HttpContext context, ApiKeyRequest request, string? idempotencyKey)
    {
        var caller = context.GetMeteringCaller();
        var keyHash = idempotencyKey is null ? null : SHA256.HashData(Encoding.ASCII.GetBytes(idempotencyKey));
        if (keyHash is not null && await ReplayAsync(context, caller.Account, keyHash, request).ConfigureAwait(false) is { } replay)
        {
            return replay;
        }

        var now = time.GetUtcNow();
        if (request.ExpiresAt <= now)
        {
            return Failure.Invalid("expiresAt", $"expiresAt is {request.ExpiresAt.Value.ToWire()}; it must be {ApiKeyRequests.InstantRule}.").ToResult();
        }

        var replaced = request.Replaces is null ? null : await FindActiveAsync(caller.Account, request.Replaces, now, context.RequestAborted).ConfigureAwait(false);
        if (request.Replaces is not null && replaced is null)
        {
            return Unknown().ToResult();
        }

        var scopes = replaced?.Scopes ?? request.Scopes ?? caller.Key.Scopes;
        if ((scopes & ~caller.Key.Scopes) != ApiKeyScopes.None)
        {
            return Failure.ScopeMissing(scopes, caller.Key.Scopes).ToResult();
        }

        var made = ApiKeys.Create(
            caller.Account, request.Name ?? replaced!.Name, scopes, now, request.ExpiresAt ?? replaced?.ExpiresAt, ApiKeys.PrefixOf(replaced ?? caller.Key, options.KeyPrefixes));
        var endsAt = EndOf(replaced, made.Stored.CreatedAt + request.Grace);
        var answer = NewApiKeyBody.Of(made, replaced is null ? null : new(replaced.Id, endsAt!.Value.ToWire()));
        var addition = await keys.MakeAsync(
            new(made.Stored, MaxActive)
            {
                Replaces = replaced?.Id,
                ReplacedEndsAt = endsAt,
                Answer = keyHash is null ? null : Keep(caller.Account, keyHash, request, answer),
            },
            context.RequestAborted).ConfigureAwait(false);
        return addition switch
        {
            KeyAddition.Added => Answer(context, answer),
            KeyAddition.AlreadyAnswered => await ReplayAsync(context, caller.Account, keyHash!, request).ConfigureAwait(false) ?? Failure.Unavailable().ToResult(),
            KeyAddition.ReplacedUnknown => Unknown().ToResult(),
            KeyAddition.TooManyActive => TooMany(replaced).ToResult(),
            _ => throw new InvalidOperationException($"Not an outcome of making a key: {addition}."),
        };
    }

    private static DateTimeOffset? EndOf(ApiKey? replaced, DateTimeOffset endOfGrace) =>
        replaced is null ? null : replaced.ExpiresAt is { } own && own < endOfGrace ? own : endOfGrace;

    private static KeptAnswer Keep(AccountId account, byte[] keyHash, ApiKeyRequest request, NewApiKeyBody answer) => new()
    {
        Account = account,
        Key = keyHash,
        Request = request.Hash(),
        Answer = JsonSerializer.Serialize(new NewApiKeyAnswerBody(true, answer.WithoutSecret()), LeadCreditsJson.Default.NewApiKeyAnswerBody),
    };

    private static Failure TooMany(ApiKey? replaced) => new(
        StatusCodes.Status409Conflict,
        "too_many_api_keys",
        $"This account has {MaxActive} active API keys, the most that are allowed; revoke one first{(replaced is null ? string.Empty : ", or rotate with gracePeriodHours 0")}.");

    private static IResult Answer(HttpContext context, NewApiKeyBody answer)
    {
        context.Response.StatusCode = StatusCodes.Status201Created;
        return JsonAnswer.Of(new NewApiKeyAnswerBody(true, answer), LeadCreditsJson.Default.NewApiKeyAnswerBody);
    }

    private async Task<ApiKey?> FindActiveAsync(AccountId account, string id, DateTimeOffset now, CancellationToken cancellationToken) =>
        (await directory.ListKeysAsync(account, cancellationToken).ConfigureAwait(false)).FirstOrDefault(key => key.Id == id && key.IsActiveAt(now));

    private async Task<IResult?> ReplayAsync(HttpContext context, AccountId account, byte[] keyHash, ApiKeyRequest request)
    {
        if (await directory.FindAnswerAsync(account, keyHash, context.RequestAborted).ConfigureAwait(false) is not { } kept)
        {
            return null;
        }

        if (!kept.Request.Span.SequenceEqual(request.Hash()))
        {
            return Failure.Of(new(RefusalReason.IdempotencyKeyReused, "This Idempotency-Key came with another request before; use a new key for a new request.")).ToResult();
        }

        context.Response.Headers[CreditsHeaders.Replayed] = "true";
        return Answer(context, JsonSerializer.Deserialize(kept.Answer, LeadCreditsJson.Default.NewApiKeyAnswerBody)!.Data);
    }
}
