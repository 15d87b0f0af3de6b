using System.Globalization;
using Metering.Core;
using Metering.Engine;
using Microsoft.AspNetCore.Http;

namespace Metering.Gateway.Admin;

/// <summary>Reads values of operators' requests, each with an error that names the field and says what is allowed.</summary>
internal static class AdminValues
{
    public const string InstantRule = "an instant of ISO 8601 with an offset (\"2026-05-01T00:00:00Z\")";
    public const string AmountRule = "a plain decimal number above 0 with at most 4 decimals and no exponent";
    public const string ScopesRule = "a list of one or more of read, spend, refund, admin";

    private const int DefaultLimit = 50;
    private const int MaxLimit = 100;
    private static readonly string[] Formats = ["yyyy-MM-dd'T'HH:mm:ssK", "yyyy-MM-dd'T'HH:mm:ss.FFFFFFFK", "yyyy-MM-dd'T'HH:mmK"];

    /// <summary>The account of a path.</summary>
    public static Failure? ReadAccount(string text, out AccountId account) => AccountId.TryParse(text, out account)
        ? null
        : Failure.Invalid("id", $"id must be an account's id: 1 to {AccountId.MaxLength} characters of A-Z a-z 0-9 . _ : -");

    /// <summary>Checks what names a plan, before it stands in the audit log: any other text may be a secret in the wrong field.</summary>
    public static Failure? CheckPlan(string? plan) =>
        string.IsNullOrEmpty(plan) ? Failure.Invalid("plan", "plan is missing; a plan of the catalogue is needed.")
        : CommandRules.CheckProduct("plan", plan) is { } refusal ? Failure.Of(refusal)
        : null;

    /// <summary>An instant; null where it is left out.</summary>
    public static Failure? ReadInstant(string field, string? text, out DateTimeOffset? instant)
    {
        instant = null;
        if (text is null)
        {
            return null;
        }

        // Without an offset it would mean something else on every machine.
        if (!DateTimeOffset.TryParseExact(text, Formats, CultureInfo.InvariantCulture, DateTimeStyles.AdjustToUniversal, out var parsed)
            || !(text.EndsWith('Z') || text.LastIndexOfAny(['+', '-']) > text.IndexOf('T', StringComparison.Ordinal)))
        {
            return Failure.Invalid(field, $"{field} must be {InstantRule}.");
        }

        instant = DateTimeOffset.FromUnixTimeMilliseconds(parsed.ToUnixTimeMilliseconds());
        return null;
    }

    /// <summary>The scopes of a key; the default where they are left out.</summary>
    public static Failure? ReadScopes(string field, IReadOnlyList<string?>? names, out ApiKeyScopes scopes)
    {
        scopes = names is null ? ApiKeyScopes.Read | ApiKeyScopes.Spend : ApiKeyScopes.None;
        foreach (var name in names ?? [])
        {
            var scope = Enum.GetValues<ApiKeyScopes>().FirstOrDefault(candidate => candidate != ApiKeyScopes.None && candidate.ToNames() is [var known] && known == name);
            if (scope == ApiKeyScopes.None)
            {
                return Failure.Invalid(field, $"{field} must be {ScopesRule}.");
            }

            scopes |= scope;
        }

        return scopes == ApiKeyScopes.None ? Failure.Invalid(field, $"{field} must be {ScopesRule}.") : null;
    }

    /// <summary>How many entries a page holds.</summary>
    public static Failure? ReadLimit(HttpRequest request, out int limit)
    {
        var failure = QueryValues.ReadNumber(request, "limit", 1, MaxLimit, DefaultLimit, out var value);
        limit = (int)value;
        return failure;
    }

    /// <summary>A text of the query; null where it is left out.</summary>
    public static Failure? ReadText(HttpRequest request, string name, out string? text)
    {
        var values = request.Query[name];
        text = values.Count == 0 ? null : values[0];
        return values.Count > 1 || text?.Length == 0
            ? Failure.Invalid(name, $"{name} must be one text that is not empty.")
            : CommandRules.CheckText(name, text, CommandRules.MaxReference) is { } refusal ? Failure.Of(refusal) : null;
    }

    /// <summary>An account of the query; null where it is left out.</summary>
    public static Failure? ReadAccount(HttpRequest request, string name, out AccountId? account)
    {
        account = null;
        if (ReadText(request, name, out var text) is { } failure)
        {
            return failure;
        }

        if (text is not null && !AccountId.TryParse(text, out _))
        {
            return Failure.Invalid(name, $"{name} must be an account's id: 1 to {AccountId.MaxLength} characters of A-Z a-z 0-9 . _ : -");
        }

        account = text is null ? null : new AccountId(text);
        return null;
    }

    /// <summary>The parameters of a list, for the OpenAPI document.</summary>
    public static QueryParameter[] ListParameters { get; } =
    [
        new("limit", "How many at most.", 1, MaxLimit, DefaultLimit),
        new("cursor", "nextCursor of the page before.", Example: "42"),
    ];
}
