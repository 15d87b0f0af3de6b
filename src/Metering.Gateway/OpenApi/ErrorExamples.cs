using System.Text.Json;
using System.Text.Json.Nodes;
using Metering.Gateway.LeadCredits;
using Metering.Gateway.Payments;
using Metering.Gateway.Profile;

namespace Metering.Gateway;

/// <summary>An error of a route, for the OpenAPI document: what it is called and what it says, in the dialect's own shape.</summary>
/// <param name="Status">The HTTP status.</param>
/// <param name="Code">snake_case, for programs.</param>
/// <param name="Message">A sentence for people.</param>
internal sealed record ErrorExample(int Status, string Code, string Message);

/// <summary>Examples of errors. A route names its own in <see cref="RouteDocumentation.Errors"/>; where it does not, the usual one of the status stands.</summary>
internal static class ErrorExamples
{
    private const string RequestId = "req_0123456789abcdef0123456789abcdef";

    /// <summary>What a status says where a route does not say it in its own words.</summary>
    private static readonly Dictionary<int, ErrorExample> Usual = new ErrorExample[]
    {
        new(400, "invalid_request", "limit must be one whole number from 1 to 100."),
        new(401, "api_key_invalid", "The API key is malformed, unknown, expired or revoked."),
        new(402, "insufficient_credits", "This costs 12 credits; 5 are available."),
        new(403, "scope_missing", "This route needs an API key with the scope spend; this key has read."),
        new(404, "account_unknown", "There is no account acme."),
        new(409, "reference_used", "The external reference was used before; such references are unique for ever."),
        new(410, "transaction_archived", "The transaction has been archived: the ledger no longer holds it."),
        new(413, "body_too_large", "The body is larger than 1048576 bytes (1 MiB), the most that is allowed."),
        new(415, "unsupported_media_type", "The body must be sent as Content-Type: application/json in UTF-8, without Content-Encoding."),
        new(422, "idempotency_key_reused", "The idempotency key came with another request before."),
        new(429, "rate_limited", "This API key has made the 60 requests a minute that plan starter allows; the next is possible in 17 s."),
        new(500, "internal_error", "The request failed by a fault of this service."),
        new(503, "ledger_unavailable", Failure.UnavailableMessage),
    }.ToDictionary(error => error.Status);

    /// <summary>How each shape of errors is written.</summary>
    private static readonly Dictionary<Type, Func<Failure, JsonNode?>> Shapes = new()
    {
        [typeof(ProblemBody)] = failure => JsonSerializer.SerializeToNode(ProblemBody.Of(failure, RequestId), ProblemJson.Default.ProblemBody),
        [typeof(ProfileErrorBody)] = failure => JsonSerializer.SerializeToNode(new(failure.Code, failure.Message), ProfileJson.Default.ProfileErrorBody),
        [typeof(PaymentErrorBody)] = failure => JsonSerializer.SerializeToNode(new(failure.Code, failure.Message), PaymentJson.Default.PaymentErrorBody),
        [typeof(LeadCreditsErrorBody)] = failure => JsonSerializer.SerializeToNode(new(false, failure.Message), LeadCreditsJson.Default.LeadCreditsErrorBody),
        [typeof(LeadCreditsUnauthorizedBody)] = failure => JsonSerializer.SerializeToNode(
            new(false, failure.Status, "Unauthorized", failure.Message), LeadCreditsJson.Default.LeadCreditsUnauthorizedBody),
    };

    /// <summary>The examples of a status in a shape, by their codes; none for a status or a shape that has no place in the tables above.</summary>
    public static IEnumerable<(string Code, JsonNode? Body)> Of(int status, Type shape, IReadOnlyList<ErrorExample> own)
    {
        var errors = own.Where(error => error.Status == status).DefaultIfEmpty(Usual.GetValueOrDefault(status)).OfType<ErrorExample>();
        return Shapes.TryGetValue(shape, out var write)
            ? errors.Select(error => (error.Code, write(new(error.Status, error.Code, error.Message))))
            : [];
    }
}
