using Metering.Gateway.Admin;

namespace Metering.Gateway;

/// <summary>How the gateway runs (sections <c>Metering:ApiKeys</c>, <c>Metering:Admin</c> and <c>Metering:RateLimits</c>).</summary>
public sealed class MeteringGatewayOptions
{
    /// <summary>
    /// The prefixes of keys that are looked up; default <c>mtr_</c>, <c>smbk_</c>, <c>ll_</c>. A key with another prefix is answered with
    /// 401 without a look-up.
    /// </summary>
    public IReadOnlyList<string> KeyPrefixes { get; init; } = [ApiKeys.DefaultPrefix, "smbk_", "ll_"];

    /// <summary>
    /// What becomes of calls beyond a plan's <see cref="Plan.RequestsPerMinute"/> and <see cref="Plan.RequestsPerDay"/>
    /// (<c>Metering:RateLimits:Mode</c>, <c>enforce</c> or <c>report</c>); default enforce. It matters only where a plan has limits.
    /// </summary>
    public RateLimitMode RateLimits { get; init; }

    /// <summary>
    /// SHA-256 of a key that opens <c>/admin/v1</c> without being stored (<c>Metering:Admin:KeyHash</c>); null for none. It works while it is configured:
    /// for deployments where nobody reads what a program prints.
    /// </summary>
    public ReadOnlyMemory<byte>? AdminKeyHash { get; init; }

    /// <summary>The prefixes, and each with what marks a sandbox key behind it.</summary>
    internal IReadOnlyList<string> AcceptedPrefixes => accepted ??= [.. KeyPrefixes, .. KeyPrefixes.Select(prefix => prefix + SandboxAccounts.KeyInfix)];

    private IReadOnlyList<string>? accepted;
}
