using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Http;

namespace Metering.Gateway.Admin;

/// <summary>What an operator's action came to.</summary>
/// <param name="Status">The HTTP status.</param>
/// <param name="Code">The error's code; null on success.</param>
/// <param name="Body">The JSON of success; null for an error.</param>
internal sealed record AdminAnswer(int Status, string? Code, string? Body) : IResult
{
    private Failure? failure;

    /// <summary>The body as it is kept for retries: without secrets. The body itself where it holds none.</summary>
    public string? KeptBody { get; init; }

    /// <summary>True where an idempotency key was seen before.</summary>
    public bool IsReplay { get; init; }

    public static AdminAnswer Of<T>(T body, JsonTypeInfo<T> type, int status = StatusCodes.Status200OK) => new(status, null, JsonSerializer.Serialize(body, type));

    public static AdminAnswer Of(Failure failure) => new(failure.Status, failure.Code, null) { failure = failure };

    public static AdminAnswer Of(Refusal refusal) => Of(Failure.Of(refusal));

    public Task ExecuteAsync(HttpContext httpContext)
    {
        if (failure is not null)
        {
            return failure.ToResult().ExecuteAsync(httpContext);
        }

        var response = httpContext.Response;
        response.StatusCode = Status;
        response.ContentType = "application/json; charset=utf-8";
        if (IsReplay)
        {
            response.Headers[CreditsHeaders.Replayed] = "true";
        }

        return response.WriteAsync(Body!, httpContext.RequestAborted);
    }
}
