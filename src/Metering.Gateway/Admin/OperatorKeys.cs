using System.Security.Cryptography;
using Metering.Engine;

namespace Metering.Gateway.Admin;

/// <summary>
/// How operators get in at first. No program has an admin key by itself: whoever may start it asks for one (<c>--new-admin-key</c>, shown once and
/// logged), or configures the hash of one (<c>Metering:Admin:KeyHash</c>), which works while it is configured. Both belong to an account without a ledger.
/// </summary>
internal sealed class OperatorKeys(IDirectoryStore directory, IAuditLog audit, TimeProvider time)
{
    private const string ConfiguredId = "key_configured";

    /// <summary>The account of operators' first keys.</summary>
    public static readonly AccountId Account = new("operator");

    /// <summary>The caller with the configured key; null where it is another key.</summary>
    /// <param name="key">The whole key.</param>
    /// <param name="configured">The configured hash.</param>
    public static MeteringCaller? FindConfigured(ReadOnlySpan<char> key, ReadOnlySpan<byte> configured)
    {
        var hash = ApiKeys.Hash(key);
        return CryptographicOperations.FixedTimeEquals(hash, configured)
            ? new(Account, new()
            {
                Id = ConfiguredId,
                Account = Account,
                Name = "Metering:Admin:KeyHash",
                Hash = hash,
                Display = key[..ApiKeys.DisplayLength].ToString(),
                Scopes = ApiKeyScopes.Read | ApiKeyScopes.Admin,
                CreatedAt = DateTimeOffset.UnixEpoch,
            })
            : null;
    }

    /// <summary>Makes a key; it is in the audit log before it works.</summary>
    public async Task<string> MakeAsync(CancellationToken cancellationToken)
    {
        var key = ApiKeys.Create(Account, "Operator", ApiKeyScopes.Read | ApiKeyScopes.Admin, time.GetUtcNow());
        var number = await audit.BeginAsync(
            new()
            {
                At = time.GetUtcNow(),
                KeyId = key.Stored.Id,
                Actor = Account,
                Action = "key.create",
                Target = Account,
                Summary = """{"scopes":["read","admin"],"by":"--new-admin-key"}""",
                RequestId = "console",
            },
            cancellationToken).ConfigureAwait(false);
        await directory.AddKeyAsync(key.Stored, cancellationToken).ConfigureAwait(false);
        await audit.CompleteAsync(number, new(201, null, time.GetUtcNow()), cancellationToken).ConfigureAwait(false);
        return key.Key;
    }
}
