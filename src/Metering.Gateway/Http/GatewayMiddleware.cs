using Metering.Engine;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Metering.Gateway;

/// <summary>
/// What every answer has: a request id; and what no answer has: an empty error or a stack trace. Unknown routes and wrong methods are
/// answered in the dialect of their path.
/// </summary>
internal sealed class GatewayMiddleware(RequestDelegate next, ILogger<GatewayMiddleware> logger)
{
    public const string RequestIdHeader = "X-Request-Id";

    private const int MaxRequestId = 128;

    // One for all requests: a lambda over the request would be made anew for each.
    private static readonly Func<object, Task> TellRequestId = static state =>
    {
        var context = (HttpContext)state;
        context.Response.Headers[RequestIdHeader] = context.TraceIdentifier;
        return Task.CompletedTask;
    };

    public Task InvokeAsync(HttpContext context)
    {
        context.TraceIdentifier = RequestIdOf(context.Request);
        context.Response.OnStarting(TellRequestId, context);
        Task answering;
        try
        {
            answering = next(context);
        }
        catch (Exception exception)
        {
            answering = Task.FromException(exception); // Told below, like one that comes later.
        }

        // What was answered without waiting needs no state machine of its own.
        return answering.IsCompletedSuccessfully && FindUnanswered(context) is null ? answering : FinishAsync(context, answering);
    }

    private async Task FinishAsync(HttpContext context, Task answering)
    {
        if (await FailureOfAsync(context, answering).ConfigureAwait(false) is { } failure)
        {
            if (context.Response.HasStarted)
            {
                context.Abort(); // Half an answer is sent: only a broken connection tells the caller that it is half.
                return;
            }

            context.Response.Clear();
            await failure.ToResult().ExecuteAsync(context).ConfigureAwait(false);
        }
        else if (FindUnanswered(context) is { } unanswered)
        {
            await IdentifyAsync(context).ConfigureAwait(false);
            await unanswered.ToResult().ExecuteAsync(context).ConfigureAwait(false);
        }
    }

    private async ValueTask<Failure?> FailureOfAsync(HttpContext context, Task answering)
    {
        try
        {
            await answering.ConfigureAwait(false);
            return null;
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
            return null; // The caller went away; nobody reads an answer.
        }
        catch (BadHttpRequestException exception)
        {
            return new(exception.StatusCode, "bad_request", exception.Message);
        }
        catch (LedgerUnavailableException exception)
        {
            logger.LogWarning("Request {RequestId}: the store cannot serve now: {Message}", context.TraceIdentifier, exception.Message);
            return Failure.Unavailable();
        }
        catch (Exception exception)
        {
            // The last frame of every request: whatever a bug throws must end as an answer in the caller's dialect.
            logger.LogError(exception, "Request {RequestId} failed.", context.TraceIdentifier);
            return Failure.Internal();
        }
    }

    private async Task IdentifyAsync(HttpContext context)
    {
        try
        {
            await MeteringKeyEndpoints.IdentifyAsync(context).ConfigureAwait(false);
        }
        catch (LedgerUnavailableException exception)
        {
            // The route is unknown whoever asks; only the balance stays out of the answer.
            logger.LogWarning("Request {RequestId}: the store cannot serve now: {Message}", context.TraceIdentifier, exception.Message);
        }
    }

    private static Failure? FindUnanswered(HttpContext context)
    {
        var response = context.Response;
        if (response.StatusCode is not (StatusCodes.Status404NotFound or StatusCodes.Status405MethodNotAllowed)
            || response.HasStarted || response.ContentType is not null || response.ContentLength is > 0)
        {
            return null;
        }

        return response.StatusCode switch
        {
            StatusCodes.Status404NotFound when context.GetEndpoint() is null => Failure.NotFound(context.Request),
            StatusCodes.Status405MethodNotAllowed => Failure.MethodNotAllowed(context.Request, response.Headers.Allow.ToString()),
            _ => null,
        };
    }

    private static string RequestIdOf(HttpRequest request) =>
        request.Headers[RequestIdHeader] is [{ Length: > 0 and <= MaxRequestId } sent] && !sent.AsSpan().ContainsAnyExceptInRange('!', '~')
            ? sent
            : NewRequestId();

    /// <summary>"req_" and 128 random bits. It names a call and guards nothing, so that fast random numbers do.</summary>
    private static string NewRequestId() => string.Create(36, Random.Shared, static (text, random) =>
    {
        Span<byte> bits = stackalloc byte[16];
        random.NextBytes(bits);
        "req_".CopyTo(text);
        Convert.TryToHexStringLower(bits, text[4..], out _);
    });
}
