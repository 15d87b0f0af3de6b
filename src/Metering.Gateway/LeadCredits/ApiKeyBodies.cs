using System.Text.Json.Serialization;
using Metering.Engine;

namespace Metering.Gateway.LeadCredits;

/// <summary>Asks for a key. Fields that are not known are passed over, as everywhere in this dialect.</summary>
internal sealed record ApiKeyRequestBody
{
    public string? Name { get; init; }

    public string? ExpiresAt { get; init; }

    public IReadOnlyList<string?>? Scopes { get; init; }

    public bool? Sandbox { get; init; }
}

/// <summary>Asks for a key in another's place.</summary>
internal sealed record ApiKeyRotationBody
{
    public int? GracePeriodHours { get; init; }

    public string? ExpiresAt { get; init; }
}

internal sealed record ApiKeyListBody(bool Success, IReadOnlyList<ApiKeyBody> Data, ApiKeyCountBody Meta);

/// <summary>How many keys of the asking key's own kind are active, of how many that may be; sandbox keys have a limit of their own.</summary>
internal sealed record ApiKeyCountBody(int Total, int Limit);

/// <summary>A key as it may be shown: its first characters, never the rest.</summary>
internal record ApiKeyBody
{
    public required string Id { get; init; }

    public required string Name { get; init; }

    public required string Prefix { get; init; }

    public required string[] Scopes { get; init; }

    public required string CreatedAt { get; init; }

    public required string? ExpiresAt { get; init; }

    /// <summary>True for a key of the account's twin, whose credits are nobody's money. Not required: answers kept by older servers have none.</summary>
    public bool Sandbox { get; init; }

    public static ApiKeyBody Of(ApiKey key, bool isSandbox) => new()
    {
        Sandbox = isSandbox,
        Id = key.Id,
        Name = key.Name,
        Prefix = key.Display,
        Scopes = key.Scopes.ToNames(),
        CreatedAt = key.CreatedAt.ToWire(),
        ExpiresAt = key.ExpiresAt?.ToWire(),
    };
}

/// <summary>A key that was just made. What is kept of this answer for retries has no <see cref="Key"/>.</summary>
internal sealed record NewApiKeyBody : ApiKeyBody
{
    public const string ShownOnce = "Keep the key now: it is shown only this once.";

    public const string NotShownAgain =
        "The key was shown with the first answer to this Idempotency-Key and is not kept, so it cannot be shown again; if it was lost, rotate it or revoke it and make another.";

    public required string? Key { get; init; }

    public required string Message { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public ReplacedApiKeyBody? Replaces { get; init; }

    public static NewApiKeyBody Of(NewApiKey made, bool isSandbox, ReplacedApiKeyBody? replaces) => new()
    {
        Sandbox = isSandbox,
        Id = made.Stored.Id,
        Name = made.Stored.Name,
        Prefix = made.Stored.Display,
        Scopes = made.Stored.Scopes.ToNames(),
        CreatedAt = made.Stored.CreatedAt.ToWire(),
        ExpiresAt = made.Stored.ExpiresAt?.ToWire(),
        Key = made.Key,
        Message = ShownOnce,
        Replaces = replaces,
    };

    public NewApiKeyBody WithoutSecret() => this with { Key = null, Message = NotShownAgain };
}

/// <summary>The key in whose place another was made, and when it stops working.</summary>
internal sealed record ReplacedApiKeyBody(string Id, string ExpiresAt);

internal sealed record NewApiKeyAnswerBody(bool Success, NewApiKeyBody Data);

internal sealed record RevokedApiKeyAnswerBody(bool Success, RevokedApiKeyBody Data);

internal sealed record RevokedApiKeyBody(string Id, string RevokedAt);
