using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using Metering.Engine;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Metering.Gateway.Admin;

/// <summary>An operator's action.</summary>
/// <param name="Name">For programs, for example <c>account.grant</c>.</param>
/// <param name="Target">The account that it is about; null for none.</param>
/// <param name="Summary">What was asked for, without secrets and without personal texts.</param>
internal sealed record AdminAction(string Name, AccountId? Target, JsonObject Summary);

/// <summary>An idempotency key of an action that the ledger does not know.</summary>
/// <param name="Hash">SHA-256 of the key and its scope.</param>
/// <param name="IsUnfinished">True where an earlier request with it broke off, and may have done its work in part.</param>
internal sealed record OnceKey(byte[] Hash, bool IsUnfinished)
{
    /// <summary>The hash of a key within the scope that it belongs to.</summary>
    public static byte[] HashOf(string scope, string key) => SHA256.HashData(Encoding.UTF8.GetBytes($"{scope}\n{key}"));

    /// <summary>24 hex digits that follow from the key: what is made under them is found again by a retry.</summary>
    public string Derive(string purpose) => Convert.ToHexStringLower(SHA256.HashData([.. Hash, .. Encoding.UTF8.GetBytes(purpose)]).AsSpan(0, 12));
}

/// <summary>
/// Takes operators' actions: each is in the audit log before it is taken, with its outcome after it; and once for an idempotency key.
/// </summary>
internal sealed class AdminDesk(IAuditLog audit, OnceRequests once, MeteringGatewayOptions options, TimeProvider time, ILogger<AdminDesk> logger)
{
    /// <summary>The key under which an operator's command reaches an account's ledger: never one that the account's own callers could send.</summary>
    public static string? LedgerKey(string? key) => key is null ? null : IdempotencyKeys.OperatorPrefix + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(key)));

    /// <summary>24 hex digits for the id of what a request makes: by its idempotency key where it has a valid one, else random.</summary>
    public static string MakeId(HttpContext context, string purpose) => IdempotencyKeys.Read(context.Request, out var key) is null && key is not null
        ? new OnceKey(OnceKey.HashOf(ScopeOf(context), key), IsUnfinished: false).Derive(purpose)
        : RandomNumberGenerator.GetHexString(24, lowercase: true);

    /// <summary>Takes an action whose repetition the ledger or the directory sees to.</summary>
    public async Task<IResult> TakeAsync(HttpContext context, AdminAction action, Func<Task<AdminAnswer>> take) =>
        await AuditedAsync(context, action, take).ConfigureAwait(false);

    /// <summary>Takes an action once for the request's idempotency key; without a key, each time.</summary>
    /// <param name="context">The request.</param>
    /// <param name="action">The action.</param>
    /// <param name="request">The request's body, which a retry must repeat.</param>
    /// <param name="type">Its JSON.</param>
    /// <param name="take">Takes it; what it makes follows from the key where there is one.</param>
    public async Task<IResult> TakeOnceAsync<T>(HttpContext context, AdminAction action, T request, JsonTypeInfo<T> type, Func<OnceKey?, Task<AdminAnswer>> take)
    {
        if (IdempotencyKeys.Read(context.Request, out var key) is { } invalid)
        {
            return invalid.ToResult();
        }

        if (key is null)
        {
            return await AuditedAsync(context, action, () => take(null)).ConfigureAwait(false);
        }

        var scope = ScopeOf(context);
        var keyed = new KeyedRequest(scope, OnceKey.HashOf(scope, key), KeyedRequest.HashOf(context.Request, JsonSerializer.SerializeToUtf8Bytes(request, type)));
        return await once.TakeAsync(
            context,
            keyed,
            async isUnfinished =>
            {
                var answer = await AuditedAsync(context, action, () => take(new(keyed.KeyHash, isUnfinished))).ConfigureAwait(false);
                return new(
                    answer,
                    answer.Code is null ? new(answer.Status, answer.KeptBody ?? answer.Body!) : null,
                    answer.Status >= StatusCodes.Status500InternalServerError);
            },
            kept => new AdminAnswer(kept.Status, null, kept.Body) { IsReplay = true }).ConfigureAwait(false);
    }

    private static string ScopeOf(HttpContext context) => "admin:" + context.GetMeteringCaller().Account.Value;

    /// <summary>Writes the action, takes it, and writes its outcome. Nothing is taken that could not be written.</summary>
    private async Task<AdminAnswer> AuditedAsync(HttpContext context, AdminAction action, Func<Task<AdminAnswer>> take)
    {
        if (action.Target is { } target && ApiKeys.IsWellFormed(target.Value, options.AcceptedPrefixes))
        {
            // Nothing leaves the audit log again, a key pasted by mistake neither.
            return AdminAnswer.Of(Failure.Invalid("id", "id has the form of an API key; an account's id is needed."));
        }

        var caller = context.GetMeteringCaller();
        var number = await audit.BeginAsync(
            new()
            {
                At = time.GetUtcNow(),
                KeyId = caller.Key.Id,
                Actor = caller.Account,
                Action = action.Name,
                Target = action.Target,
                Summary = action.Summary.ToJsonString(),
                RequestId = context.TraceIdentifier,
            },
            context.RequestAborted).ConfigureAwait(false);
        var outcome = (Status: StatusCodes.Status500InternalServerError, Code: (string?)"internal_error");
        try
        {
            var answer = await take().ConfigureAwait(false);
            outcome = (answer.Status, answer.Code);
            return answer;
        }
        catch (LedgerUnavailableException)
        {
            outcome = (StatusCodes.Status503ServiceUnavailable, "ledger_unavailable");
            throw;
        }
        finally
        {
            await TellWhatFailsAsync(() => audit.CompleteAsync(number, new(outcome.Status, outcome.Code, time.GetUtcNow())), context).ConfigureAwait(false);
        }
    }

    /// <summary>The action is taken and its first row stands: what cannot be noted behind it must not turn its answer into an error.</summary>
    private async ValueTask TellWhatFailsAsync(Func<ValueTask> note, HttpContext context)
    {
        try
        {
            await note().ConfigureAwait(false);
        }
        catch (LedgerUnavailableException exception)
        {
            logger.LogWarning("Request {RequestId}: its outcome could not be noted: {Message}", context.TraceIdentifier, exception.Message);
        }
    }
}
