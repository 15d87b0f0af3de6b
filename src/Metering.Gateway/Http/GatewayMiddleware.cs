using System.Security.Cryptography;
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

    public async Task InvokeAsync(HttpContext context)
    {
        var requestId = RequestIdOf(context.Request);
        context.TraceIdentifier = requestId;
        context.Response.OnStarting(() =>
        {
            context.Response.Headers[RequestIdHeader] = requestId;
            return Task.CompletedTask;
        });

        if (await RunAsync(context).ConfigureAwait(false) is { } failure)
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

    private async Task<Failure?> RunAsync(HttpContext context)
    {
        try
        {
            await next(context).ConfigureAwait(false);
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
        if (response.HasStarted || response.ContentType is not null || response.ContentLength is > 0)
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
            : "req_" + RandomNumberGenerator.GetHexString(32, lowercase: true);
}
