using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Metering.Core;
using Metering.Engine;

namespace Metering.Gateway.LeadCredits;

/// <summary>A key that is asked for, its fields checked.</summary>
/// <param name="Name">Its name; null for the replaced key's.</param>
/// <param name="Scopes">What it may do; null for what the replaced key may.</param>
/// <param name="ExpiresAt">When it ends; null for never, or for the replaced key's own end.</param>
internal sealed record ApiKeyRequest(string? Name, ApiKeyScopes? Scopes, DateTimeOffset? ExpiresAt)
{
    /// <summary>The id of the key that it replaces; null for none.</summary>
    public string? Replaces { get; init; }

    /// <summary>How long the replaced key works on.</summary>
    public TimeSpan Grace { get; init; }

    /// <summary>True for a key of the account's sandbox, false for one of its own; null for the kind of the key that asks.</summary>
    public bool? Sandbox { get; init; }

    /// <summary>128 bits of everything that was asked for: the same idempotency key with another request is told from a retry.</summary>
    public byte[] Hash() => SHA256.HashData(Encoding.UTF8.GetBytes(string.Create(
        CultureInfo.InvariantCulture, $"{Replaces}\n{Grace.Ticks}\n{ExpiresAt?.ToUnixTimeMilliseconds()}\n{(int?)Scopes}\n{Name}{(Sandbox is { } sandbox ? $"\nsandbox {sandbox}" : string.Empty)}")))[..16];
}

/// <summary>Reads what is asked of API keys.</summary>
internal static class ApiKeyRequests
{
    /// <summary>The longest grace of a rotation: 30 days.</summary>
    public const int MaxGraceHours = 720;

    /// <summary>The grace of a rotation that names none.</summary>
    public const int DefaultGraceHours = 24;

    public const string InstantRule = "an instant in the future with its offset, for example \"2030-01-31T00:00:00Z\", or be left out";

    public const string ScopesRule = "a list of \"read\", \"spend\" or \"refund\", none of which this request's own key lacks, or be left out";

    /// <param name="body">The body.</param>
    /// <param name="allowed">The scopes of a key that names none.</param>
    /// <param name="request">What is asked for.</param>
    public static Failure? Read(ApiKeyRequestBody body, ApiKeyScopes allowed, out ApiKeyRequest request)
    {
        request = new(null, null, null);
        if (string.IsNullOrEmpty(body.Name))
        {
            return Failure.Invalid("name", $"name is missing; it must be a text of 1 to {ApiKeys.MaxName} characters.");
        }

        if (CommandRules.CheckText("name", body.Name, ApiKeys.MaxName) is { } refusal)
        {
            return Failure.Of(refusal);
        }

        var scopes = ApiKeyScopes.None;
        foreach (var name in body.Scopes ?? [])
        {
            if (!ApiKeyScopeNames.TryParse(name, out var scope) || scope == ApiKeyScopes.Admin)
            {
                return Failure.Invalid("scopes", $"scopes must be {ScopesRule}.");
            }

            scopes |= scope;
        }

        if (body.Scopes is { Count: 0 })
        {
            return Failure.Invalid("scopes", $"scopes is empty; it must be {ScopesRule}.");
        }

        var failure = ReadInstant(body.ExpiresAt, out var expiresAt);
        request = new(body.Name, body.Scopes is null ? allowed : scopes, expiresAt) { Sandbox = body.Sandbox };
        return failure;
    }

    /// <param name="id">The key that is to be replaced.</param>
    /// <param name="body">The body.</param>
    /// <param name="request">What is asked for.</param>
    public static Failure? Read(string id, ApiKeyRotationBody body, out ApiKeyRequest request)
    {
        var hours = body.GracePeriodHours ?? DefaultGraceHours;
        var failure = ReadInstant(body.ExpiresAt, out var expiresAt);
        request = new(null, null, expiresAt) { Replaces = id, Grace = TimeSpan.FromHours(hours) };
        return hours is < 0 or > MaxGraceHours
            ? Failure.Invalid("gracePeriodHours", $"gracePeriodHours is {hours}; it must be a whole number from 0 to {MaxGraceHours}.")
            : failure;
    }

    private static Failure? ReadInstant(string? text, out DateTimeOffset? instant)
    {
        instant = null;
        if (text is null)
        {
            return null;
        }

        if (!WireTime.TryParse(text, out var read))
        {
            return Failure.Invalid("expiresAt", $"expiresAt must be {InstantRule}.");
        }

        instant = read;
        return null;
    }
}
