using Metering.Engine;

namespace Metering.Gateway;

/// <summary>The names that the dialects use for <see cref="ApiKeyScopes"/>.</summary>
internal static class ApiKeyScopeNames
{
    /// <summary>The names of the scopes that are set, lowest first: "read", "spend", "admin".</summary>
    public static string[] ToNames(this ApiKeyScopes scopes) =>
        [.. Enum.GetValues<ApiKeyScopes>().Where(scope => scope != ApiKeyScopes.None && scopes.HasFlag(scope)).Select(ToName)];

    private static string ToName(ApiKeyScopes scope) => scope switch
    {
        ApiKeyScopes.Read => "read",
        ApiKeyScopes.Spend => "spend",
        ApiKeyScopes.Admin => "admin",
        _ => throw new ArgumentOutOfRangeException(nameof(scope), scope, "Not a single scope."),
    };
}
