using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Metering.Engine;
using Metering.Gateway.Admin;
using Microsoft.AspNetCore.Http;

namespace Metering.Gateway.LeadCredits;

/// <summary>
/// Makes and rotates keys. Key, the end of the replaced one and the answer for retries become durable together, so that a retry never makes
/// a second key; the secret itself is in the first answer only.
/// </summary>
/// <remarks>
/// A sandbox key is a key of the account's twin. It counts among the twin's keys, not the account's, so that test keys never crowd out the ones that earn.
/// A sandbox key makes sandbox keys alone: what leaks from a test must not open real credits. No key makes one
/// that outlives it: whoever got hold of a key that ends must not make itself one that does not.
/// </remarks>
internal sealed class ApiKeyMaker(ApiKeyDirectory keys, IDirectoryStore directory, SandboxAccounts sandboxes, ICreditMeter meter, MeteringGatewayOptions options, TimeProvider time)
{
    /// <summary>The most active keys of an account (contract, dialect B), and of its sandbox.</summary>
    public const int MaxActive = 10;

    public static Failure Unknown() => new(
        StatusCodes.Status404NotFound, "api_key_unknown", "This account has no such API key; GET /api/v1/api-keys lists the active ones.") { Field = "id" };

    /// <param name="context">The request.</param>
    /// <param name="request">What is asked for.</param>
    /// <param name="idempotencyKey">The key of the request; null for none.</param>
    public async Task<IResult> MakeAsync(HttpContext context, ApiKeyRequest request, string? idempotencyKey)
    {
        var caller = context.GetMeteringCaller();
        var isTest = await sandboxes.IsSandboxAsync(caller.Account, context.RequestAborted).ConfigureAwait(false);
        if (isTest && request.Sandbox == false)
        {
            return SandboxOnly().ToResult();
        }

        var keyHash = idempotencyKey is null ? null : SHA256.HashData(Encoding.ASCII.GetBytes(idempotencyKey));
        var accounts = await sandboxes.WithTwinAsync(caller.Account, context.RequestAborted).ConfigureAwait(false);
        if (keyHash is not null && await ReplayAsync(context, accounts, keyHash, request).ConfigureAwait(false) is { } replay)
        {
            return replay;
        }

        var now = time.GetUtcNow();
        if (await CheckAsync(caller, request, now, context.RequestAborted).ConfigureAwait(false) is { } refusal)
        {
            return refusal.ToResult();
        }

        var replaced = request.Replaces is null ? null : await FindActiveAsync(accounts, request.Replaces, now, context.RequestAborted).ConfigureAwait(false);
        if (request.Replaces is not null && replaced is null)
        {
            return Unknown().ToResult();
        }

        var scopes = replaced?.Scopes ?? request.Scopes ?? caller.Key.Scopes;
        if (ApiKeyRoutes.FindObstacle(scopes, caller.Key) is { } obstacle)
        {
            return obstacle.ToResult();
        }

        var (account, failure) = await OwnerOfNewAsync(caller.Account, request, replaced, isTest, context.RequestAborted).ConfigureAwait(false);
        if (account is not { } owner)
        {
            return failure!.ToResult();
        }

        var isSandbox = isTest || owner != caller.Account;
        var prefix = ApiKeys.PrefixOf(replaced ?? caller.Key, options.KeyPrefixes) + (isSandbox ? SandboxAccounts.KeyInfix : string.Empty);
        var made = ApiKeys.Create(owner, request.Name ?? replaced!.Name, scopes, now, EndOfNew(request, replaced, caller.Key), prefix);
        var endsAt = EndOf(replaced, made.Stored.CreatedAt + request.Grace);
        var answer = NewApiKeyBody.Of(made, isSandbox, replaced is null ? null : new(replaced.Id, endsAt!.Value.ToWire()));
        var addition = await keys.MakeAsync(
            new(made.Stored, MaxActive)
            {
                Replaces = replaced?.Id,
                ReplacedEndsAt = endsAt,
                Answer = keyHash is null ? null : Keep(owner, keyHash, request, answer),
            },
            context.RequestAborted).ConfigureAwait(false);
        return addition switch
        {
            KeyAddition.Added => Answer(context, answer),
            KeyAddition.AlreadyAnswered => await ReplayAsync(context, [owner], keyHash!, request).ConfigureAwait(false) ?? Failure.Unavailable().ToResult(),
            KeyAddition.ReplacedUnknown => Unknown().ToResult(),
            KeyAddition.TooManyActive => TooMany(replaced, isSandbox).ToResult(),
            _ => throw new InvalidOperationException($"Not an outcome of making a key: {addition}."),
        };
    }

    /// <summary>When the new key ends: as asked for, else with the key that it replaces; and never after the key that asks.</summary>
    private static DateTimeOffset? EndOfNew(ApiKeyRequest request, ApiKey? replaced, ApiKey asking) =>
        (request.ExpiresAt ?? replaced?.ExpiresAt) is { } end && !(end > asking.ExpiresAt) ? end : asking.ExpiresAt;

    private static DateTimeOffset? EndOf(ApiKey? replaced, DateTimeOffset endOfGrace) =>
        replaced is null ? null : replaced.ExpiresAt is { } own && own < endOfGrace ? own : endOfGrace;

    private static KeptAnswer Keep(AccountId account, byte[] keyHash, ApiKeyRequest request, NewApiKeyBody answer) => new()
    {
        Account = account,
        Key = keyHash,
        Request = request.Hash(),
        Answer = JsonSerializer.Serialize(new NewApiKeyAnswerBody(true, answer.WithoutSecret()), LeadCreditsJson.Default.NewApiKeyAnswerBody),
    };

    private static Failure SandboxOnly() => new(
        StatusCodes.Status403Forbidden, "sandbox_key", "A sandbox key makes sandbox keys only; leave sandbox out, or ask with a key of the account itself.");

    private static Failure TooMany(ApiKey? replaced, bool isSandbox) => new(
        StatusCodes.Status409Conflict,
        "too_many_api_keys",
        $"This account has {MaxActive} active {(isSandbox ? "sandbox" : "API")} keys, the most that are allowed; revoke one first{(replaced is null ? string.Empty : ", or rotate with gracePeriodHours 0")}.");

    private static IResult Answer(HttpContext context, NewApiKeyBody answer)
    {
        context.Response.StatusCode = StatusCodes.Status201Created;
        return JsonAnswer.Of(new NewApiKeyAnswerBody(true, answer), LeadCreditsJson.Default.NewApiKeyAnswerBody);
    }

    /// <summary>Why the account, or the key that asks, gets no key; null where it may get one.</summary>
    private async ValueTask<Failure?> CheckAsync(MeteringCaller caller, ApiKeyRequest request, DateTimeOffset now, CancellationToken cancellationToken)
    {
        if (request.ExpiresAt <= now)
        {
            return Failure.Invalid("expiresAt", $"expiresAt is {request.ExpiresAt.Value.ToWire()}; it must be {ApiKeyRequests.InstantRule}.");
        }

        if (caller.Key.ExpiresAt is { } end && request.ExpiresAt > end)
        {
            return Failure.Invalid(
                "expiresAt",
                $"expiresAt is {request.ExpiresAt.Value.ToWire()}; the key that asks ends at {end.ToWire()}, and makes none that outlives it.");
        }

        var balance = await meter.GetBalanceAsync(caller.Account, cancellationToken).ConfigureAwait(false);
        return balance.IsSuccess ? Failure.OfClosed(balance.Value) : null; // An operator's key may be of an account without a ledger.
    }

    /// <summary>Whose the new key is: the replaced key's account, else the one that asks or, for a sandbox key, its twin.</summary>
    private async ValueTask<(AccountId? Account, Failure? Failure)> OwnerOfNewAsync(
        AccountId caller, ApiKeyRequest request, ApiKey? replaced, bool isTest, CancellationToken cancellationToken) =>
        replaced is not null ? (replaced.Account, null)
            : request.Sandbox == true && !isTest ? await sandboxes.EnsureAsync(caller, cancellationToken).ConfigureAwait(false)
            : (caller, null);

    private async Task<ApiKey?> FindActiveAsync(IReadOnlyList<AccountId> accounts, string id, DateTimeOffset now, CancellationToken cancellationToken)
    {
        foreach (var account in accounts)
        {
            var own = await directory.ListKeysAsync(account, cancellationToken).ConfigureAwait(false);
            if (own.FirstOrDefault(key => key.Id == id && key.IsActiveAt(now)) is { } found)
            {
                return found;
            }
        }

        return null;
    }

    /// <summary>The kept answer, under whichever of the accounts the first request made its key.</summary>
    private async Task<IResult?> ReplayAsync(HttpContext context, IReadOnlyList<AccountId> accounts, byte[] keyHash, ApiKeyRequest request)
    {
        KeptAnswer? kept = null;
        foreach (var account in accounts)
        {
            kept ??= await directory.FindAnswerAsync(account, keyHash, context.RequestAborted).ConfigureAwait(false);
        }

        if (kept is null)
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
