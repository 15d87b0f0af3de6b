namespace Metering.Gateway;

/// <summary>How the gateway runs (section <c>Metering:ApiKeys</c>).</summary>
public sealed class MeteringGatewayOptions
{
    /// <summary>
    /// The prefixes of keys that are looked up; default <c>mtr_</c>, <c>smbk_</c>, <c>ll_</c>. A key with another prefix is answered with
    /// 401 without a look-up.
    /// </summary>
    public IReadOnlyList<string> KeyPrefixes { get; init; } = [ApiKeys.DefaultPrefix, "smbk_", "ll_"];
}
