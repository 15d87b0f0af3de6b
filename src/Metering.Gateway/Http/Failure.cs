using Metering.Engine;
using Microsoft.AspNetCore.Http;

namespace Metering.Gateway;

/// <summary>An error on its way to a caller, before a dialect gives it its shape.</summary>
/// <param name="Status">The HTTP status.</param>
/// <param name="Code">snake_case, for programs.</param>
/// <param name="Message">A sentence for people: what was wrong and what is allowed.</param>
internal sealed record Failure(int Status, string Code, string Message)
{
    public const string UnavailableMessage = "The ledger cannot be read or written now. Whether a change took effect is not known; repeat it with the same Idempotency-Key.";

    /// <summary>The field, parameter or header at fault; null where no single one is.</summary>
    public string? Field { get; init; }

    /// <summary>The refusal behind the error; null where the meter was not asked.</summary>
    public Refusal? Refusal { get; init; }

    /// <summary>When a retry makes sense; null where it does not by itself.</summary>
    public TimeSpan? RetryAfter { get; init; }

    public static Failure Of(Refusal refusal)
    {
        var (status, code) = RefusalStatus.Of(refusal.Reason);
        return new(status, code, refusal.Message)
        {
            Field = refusal.Field,
            Refusal = refusal,
            RetryAfter = status == StatusCodes.Status503ServiceUnavailable ? refusal.RetryAfter ?? TimeSpan.FromSeconds(1) : refusal.RetryAfter,
        };
    }

    /// <summary>What keeps an account's profile and keys from changing; null where nothing does.</summary>
    public static Failure? OfClosed(Balance balance) => balance.Status == AccountStatus.Closed
        ? Of(new Refusal(RefusalReason.AccountClosed, $"The account is closed: {balance.StatusReason}"))
        : null;

    public static Failure Invalid(string? field, string message) => new(StatusCodes.Status400BadRequest, "invalid_request", message) { Field = field };

    public static Failure Unauthenticated(bool isMissing) => isMissing
        ? new(StatusCodes.Status401Unauthorized, "api_key_missing", "An API key is needed: send Authorization: Bearer KEY or X-API-Key: KEY.")
        : new(StatusCodes.Status401Unauthorized, "api_key_invalid", "The API key is malformed, unknown, expired or revoked.");

    public static Failure ScopeMissing(ApiKeyScopes needed, ApiKeyScopes present) => new(
        StatusCodes.Status403Forbidden,
        "scope_missing",
        $"This route needs an API key with the scope {string.Join(" and ", needed.ToNames())}; this key has {(present == ApiKeyScopes.None ? "none" : string.Join(", ", present.ToNames()))}.");

    public static Failure NotFound(HttpRequest request) => new(StatusCodes.Status404NotFound, "route_unknown", $"There is no route {request.Path}; GET /openapi/v1.json lists them.");

    public static Failure MethodNotAllowed(HttpRequest request, string allowed) => new(
        StatusCodes.Status405MethodNotAllowed, "method_not_allowed", $"{request.Path} does not take {request.Method}; allowed: {allowed}.");

    public static Failure Internal() => new(StatusCodes.Status500InternalServerError, "internal_error", "The request failed by a fault of this service.");

    /// <summary>The answer where a store failed somewhere in a request: what came before may stand, so that it does not say that nothing was changed.</summary>
    public static Failure Unavailable() => new(StatusCodes.Status503ServiceUnavailable, "ledger_unavailable", UnavailableMessage)
    {
        RetryAfter = TimeSpan.FromSeconds(1),
    };

    /// <summary>The answer in the shape of the request's dialect.</summary>
    public IResult ToResult() => new FailureResult(this, shape: null);

    /// <summary>The answer as problem+json, whatever the path.</summary>
    public IResult ToProblem() => new FailureResult(this, ProblemBody.WriteAsync);
}
