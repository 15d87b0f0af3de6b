using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace Metering.Gateway;

/// <summary>A query parameter, for the OpenAPI document.</summary>
/// <param name="Name">The name.</param>
/// <param name="Description">What it does.</param>
/// <param name="Min">The least number; null where it is a text.</param>
/// <param name="Max">The largest number; null for none.</param>
/// <param name="Default">The number where it is left out; null for none.</param>
/// <param name="Example">A value, as it stands in the address; null for the default.</param>
internal sealed record QueryParameter(string Name, string Description, long? Min = null, long? Max = null, long? Default = null, string? Example = null);

/// <summary>What the OpenAPI document says of a route beyond its types.</summary>
internal sealed record RouteDocumentation
{
    /// <summary>The first success as an example: JSON, or the text of another content type.</summary>
    public required string ResponseExample { get; init; }

    /// <summary>Examples of further successes (202 beside 200) by their status.</summary>
    public IReadOnlyDictionary<string, string> MoreExamples { get; init; } = new Dictionary<string, string>();

    /// <summary>The errors that this route says in words of its own; all other documented statuses get the usual example.</summary>
    public IReadOnlyList<ErrorExample> Errors { get; init; } = [];

    /// <summary>
    /// The wire record of the body; null where there is none. Not by Accepts(): routing would answer another content type with 415
    /// before anyone asked for a key.
    /// </summary>
    public Type? RequestType { get; init; }

    /// <summary>JSON of a request; null where there is no body.</summary>
    public string? RequestExample { get; init; }

    /// <summary>Its query parameters.</summary>
    public IReadOnlyList<QueryParameter> Query { get; init; } = [];

    /// <summary>True where the route spends: it takes <c>Idempotency-Key</c> and answers with a cost.</summary>
    public bool Spends { get; init; }

    /// <summary>True where the route changes something at no cost: it takes <c>Idempotency-Key</c>.</summary>
    public bool Changes { get; init; }
}

/// <summary>Documents routes.</summary>
internal static class RouteDocumentationExtensions
{
    private static readonly string[] Problem = ["application/problem+json"];
    private static readonly string[] Json = ["application/json"];

    /// <summary>Adds what the OpenAPI document says of a route.</summary>
    public static RouteHandlerBuilder Document(this RouteHandlerBuilder route, string summary, RouteDocumentation documentation) =>
        route.WithSummary(summary).WithMetadata(documentation);

    /// <summary>The error answers of a route, as problem+json.</summary>
    public static RouteHandlerBuilder ProducesProblems(this RouteHandlerBuilder route, params int[] statuses) =>
        route.ProducesErrors(typeof(ProblemBody), Problem, statuses);

    /// <summary>The error answers of a route, in a dialect's own shape.</summary>
    public static RouteHandlerBuilder ProducesErrors<TError>(this RouteHandlerBuilder route, params int[] statuses) =>
        route.ProducesErrors(typeof(TError), Json, statuses);

    private static RouteHandlerBuilder ProducesErrors(this RouteHandlerBuilder route, Type type, string[] contentTypes, int[] statuses)
    {
        foreach (var status in statuses)
        {
            route.WithMetadata(new ProducesResponseTypeMetadata(status, type, contentTypes));
        }

        return route;
    }
}
