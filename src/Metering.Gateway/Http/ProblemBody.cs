using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.WebUtilities;

namespace Metering.Gateway;

/// <summary>Turns refusals into answers for services that map routes of their own beside the gateway's.</summary>
public static class RefusalProblems
{
    /// <summary>The refusal as <c>application/problem+json</c> (RFC 9457), with its status and, where a retry makes sense, <c>Retry-After</c>.</summary>
    /// <param name="refusal">The refusal.</param>
    public static IResult ToProblem(this Refusal refusal)
    {
        ArgumentNullException.ThrowIfNull(refusal);
        return Failure.Of(refusal).ToProblem();
    }
}

/// <summary>An error as RFC 9457 has it, with this product's members.</summary>
internal sealed record ProblemBody
{
    public required string Type { get; init; }

    public required string Title { get; init; }

    public required int Status { get; init; }

    public required string Detail { get; init; }

    public required string Code { get; init; }

    public string? Field { get; init; }

    public Credits? Required { get; init; }

    public Credits? Available { get; init; }

    public string? RequiredLevel { get; init; }

    public string? TransactionId { get; init; }

    public required string RequestId { get; init; }

    public static ProblemBody Of(Failure failure, string requestId) => new()
    {
        Type = "urn:metering:problem:" + failure.Code,
        Title = ReasonPhrases.GetReasonPhrase(failure.Status),
        Status = failure.Status,
        Detail = failure.Message,
        Code = failure.Code,
        Field = failure.Field,
        Required = failure.Refusal?.Required,
        Available = failure.Refusal?.Available,
        RequiredLevel = failure.Refusal?.RequiredLevel?.ToName(),
        TransactionId = failure.Refusal?.TransactionId?.ToString(),
        RequestId = requestId,
    };

    public static Task WriteAsync(HttpContext context, Failure failure) => JsonAnswer.WriteAsync(
        context, Of(failure, context.TraceIdentifier), ProblemJson.Default.ProblemBody, "application/problem+json");
}

/// <summary>JSON of problems.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(ProblemBody))]
internal sealed partial class ProblemJson : JsonSerializerContext;
