using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Metering.Engine;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Metering.Gateway;

/// <summary>A request with an idempotency key, for work that no ledger repeats by itself.</summary>
/// <param name="Scope">Whose key it is: the account, and for open routes the route.</param>
/// <param name="KeyHash">SHA-256 of the key.</param>
/// <param name="RequestHash">128 bits of a hash of method, path and body.</param>
internal sealed record KeyedRequest(string Scope, byte[] KeyHash, byte[] RequestHash)
{
    /// <summary>The hash of a request.</summary>
    /// <param name="request">Its method and path count.</param>
    /// <param name="body">Its canonical body, and whatever else a retry must repeat.</param>
    public static byte[] HashOf(HttpRequest request, byte[] body) =>
        SHA256.HashData([.. Encoding.UTF8.GetBytes($"{request.Method} {request.Path}\n"), .. body]).AsSpan(0, 16).ToArray();
}

/// <summary>What work for a keyed request came to.</summary>
/// <param name="Result">The answer now.</param>
/// <param name="Kept">The answer to keep, without secrets; null for a refusal, which is not kept.</param>
/// <param name="IsUncertain">True for a refusal that may have changed something: the key stays with its request, whose retry finishes the work.</param>
internal readonly record struct OnceOutcome(IResult Result, StoredAnswer? Kept, bool IsUncertain);

/// <summary>
/// Work that is done once for an idempotency key (contract, rules of the pool, 5): the same key and request gets the first success again, also
/// after a restart; another request is refused; one that comes meanwhile waits.
/// </summary>
internal sealed class OnceRequests(IAnswerStore answers, TimeProvider time, ILogger<OnceRequests> logger)
{
    /// <summary>Work that has not ended by then is taken for dead.</summary>
    private static readonly TimeSpan Lease = TimeSpan.FromSeconds(30);

    /// <summary>How long a second request waits for the first one of another process.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    /// <summary>How long answers are kept; 24 hours at least are promised.</summary>
    private static readonly TimeSpan Kept = TimeSpan.FromHours(48);

    private static readonly TimeSpan LookAgain = TimeSpan.FromMilliseconds(100);

    private readonly ConcurrentDictionary<string, Task> underWay = new();

    /// <summary>Does the work of an account's request, once where it has an idempotency key.</summary>
    /// <param name="context">The request, behind an API key.</param>
    /// <param name="body">Its canonical body, which a retry must repeat.</param>
    /// <param name="type">JSON of the answer.</param>
    /// <param name="take">Does it; told whether an earlier request broke off, and may have done it in part.</param>
    public async Task<IResult> TakeAsync<T>(HttpContext context, byte[] body, JsonTypeInfo<T> type, Func<bool, Task<(T? Answer, Failure? Failure)>> take)
        where T : class
    {
        if (IdempotencyKeys.Read(context.Request, out var key) is { } invalid)
        {
            return invalid.ToResult();
        }

        // What erases an account's texts finds its answers by what they begin with.
        var account = context.GetMeteringCaller().Account.Value;
        var beginning = $$"""{"account":{"id":"{{account}}","answer":""";
        async Task<OnceOutcome> DoAsync(bool isUnfinished)
        {
            var (answer, failure) = await take(isUnfinished).ConfigureAwait(false);
            return answer is null
                ? new(failure!.ToResult(), null, failure.Status >= StatusCodes.Status500InternalServerError)
                : new(JsonAnswer.Of(answer, type), new(StatusCodes.Status200OK, $"{beginning}{JsonSerializer.Serialize(answer, type)}}}}}"), false);
        }

        return key is null
            ? (await DoAsync(false).ConfigureAwait(false)).Result
            : await TakeAsync(
                context,
                new($"account:{account}", SHA256.HashData(Encoding.ASCII.GetBytes(key)), KeyedRequest.HashOf(context.Request, body)),
                DoAsync,
                kept => Replay(context, JsonSerializer.Deserialize(kept.Body.AsSpan(beginning.Length, kept.Body.Length - beginning.Length - 2), type)!, type)).ConfigureAwait(false);
    }

    /// <summary>Does work once.</summary>
    /// <param name="context">The request.</param>
    /// <param name="request">Its key.</param>
    /// <param name="take">Does it; told whether an earlier request broke off, and may have done it in part.</param>
    /// <param name="replay">Tells a kept answer again.</param>
    public async Task<IResult> TakeAsync(HttpContext context, KeyedRequest request, Func<bool, Task<OnceOutcome>> take, Func<StoredAnswer, IResult> replay)
    {
        var place = request.Scope + Convert.ToHexString(request.KeyHash);
        while (true)
        {
            // Of one process, the first does the work, and the others wait for it; of several, the store decides.
            var mine = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            var first = underWay.GetOrAdd(place, mine.Task);
            if (first != mine.Task)
            {
                await first.WaitAsync(context.RequestAborted).ConfigureAwait(false);
                continue;
            }

            try
            {
                return await TakeAloneAsync(context, request, take, replay).ConfigureAwait(false);
            }
            finally
            {
                underWay.TryRemove(place, out _);
                mine.SetResult();
            }
        }
    }

    /// <summary>A kept answer of 200, again.</summary>
    public static IResult Replay<T>(HttpContext context, T answer, JsonTypeInfo<T> type)
        where T : class
    {
        context.Response.Headers[CreditsHeaders.Replayed] = "true";
        return JsonAnswer.Of(answer, type);
    }

    private async Task<IResult> TakeAloneAsync(HttpContext context, KeyedRequest request, Func<bool, Task<OnceOutcome>> take, Func<StoredAnswer, IResult> replay)
    {
        await answers.ForgetAsync(time.GetUtcNow() - Kept, context.RequestAborted).ConfigureAwait(false);
        var (state, kept) = await BeginAsync(request, context.RequestAborted).ConfigureAwait(false);
        switch (state)
        {
            case AnswerState.Answered:
                return replay(kept!);
            case AnswerState.OtherRequest:
                return new Failure(
                    StatusCodes.Status422UnprocessableEntity, "idempotency_key_reused", "This idempotency key came with another request before; use a new key for a new request.").ToResult();
            case AnswerState.UnderWay:
                return new Failure(StatusCodes.Status503ServiceUnavailable, "overloaded", "A request with this idempotency key is still at work; ask again.")
                {
                    RetryAfter = TimeSpan.FromSeconds(1),
                }.ToResult();
            default:
                break;
        }

        try
        {
            var outcome = await take(state == AnswerState.BegunAnew).ConfigureAwait(false);

            // Done, and perhaps with a secret that is shown only now: what cannot be noted is found by a retry, as after a break.
            await TellWhatFailsAsync(() => NoteAsync(request, outcome, state), context).ConfigureAwait(false);
            return outcome.Result;
        }
        catch (Exception) when (state is AnswerState.Begun or AnswerState.BegunAnew)
        {
            // Perhaps done in part: the next request with the key finishes it.
            await TellWhatFailsAsync(() => answers.ReleaseAsync(request.Scope, request.KeyHash), context).ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Behind an earlier request that broke off, or is slower than the lease, no refusal says that nothing was done.</summary>
    private ValueTask NoteAsync(KeyedRequest request, OnceOutcome outcome, AnswerState state) =>
        outcome.Kept is { } kept ? answers.CompleteAsync(request.Scope, request.KeyHash, kept)
        : outcome.IsUncertain || state == AnswerState.BegunAnew ? answers.ReleaseAsync(request.Scope, request.KeyHash)
        : answers.AbandonAsync(request.Scope, request.KeyHash);

    private async ValueTask<(AnswerState State, StoredAnswer? Answer)> BeginAsync(KeyedRequest request, CancellationToken cancellationToken)
    {
        var since = time.GetTimestamp();
        while (true)
        {
            var now = time.GetUtcNow();
            var (state, kept) = await answers.BeginAsync(request.Scope, request.KeyHash, request.RequestHash, now, now - Lease, cancellationToken).ConfigureAwait(false);
            if (state != AnswerState.UnderWay || time.GetElapsedTime(since) >= Patience)
            {
                return (state, kept);
            }

            await Task.Delay(LookAgain, time, cancellationToken).ConfigureAwait(false);
        }
    }

    private async ValueTask TellWhatFailsAsync(Func<ValueTask> note, HttpContext context)
    {
        try
        {
            await note().ConfigureAwait(false);
        }
        catch (LedgerUnavailableException exception)
        {
            logger.LogWarning("Request {RequestId}: what became of its idempotency key could not be noted: {Message}", context.TraceIdentifier, exception.Message);
        }
    }
}
