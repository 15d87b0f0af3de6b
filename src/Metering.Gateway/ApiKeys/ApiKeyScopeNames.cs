using Metering.Engine;

namespace Metering.Gateway;

/// <summary>The names that the dialects use for <see cref="ApiKeyScopes"/>.</summary>
internal static class ApiKeyScopeNames
{
    /// <summary>All of them, for sentences: "read, spend, admin, refund".</summary>
    public static string All { get; } = string.Join(", ", Enum.GetValues<ApiKeyScopes>().Where(scope => scope != ApiKeyScopes.None).Select(ToName));

    /// <summary>The names of the scopes that are set, lowest first: "read", "spend", "admin", "refund".</summary>
    public static string[] ToNames(this ApiKeyScopes scopes) =>
        [.. Enum.GetValues<ApiKeyScopes>().Where(scope => scope != ApiKeyScopes.None && scopes.HasFlag(scope)).Select(ToName)];

    /// <summary>Reads one scope's name as <see cref="ToNames"/> writes it.</summary>
    public static bool TryParse(string? name, out ApiKeyScopes scope)
    {
        scope = Enum.GetValues<ApiKeyScopes>().FirstOrDefault(candidate => candidate != ApiKeyScopes.None && ToName(candidate) == name);
        return scope != ApiKeyScopes.None;
    }

    private static string ToName(ApiKeyScopes scope) => scope switch
    {
        ApiKeyScopes.Read => "read",
        ApiKeyScopes.Spend => "spend",
        ApiKeyScopes.Admin => "admin",
        ApiKeyScopes.Refund => "refund",
        _ => throw new ArgumentOutOfRangeException(nameof(scope), scope, "Not a single scope."),
    };
}
