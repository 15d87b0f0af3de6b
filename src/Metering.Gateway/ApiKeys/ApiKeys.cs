using System.Buffers;
using System.Security.Cryptography;
using System.Text;
using Metering.Core;
using Metering.Engine;

namespace Metering.Gateway;

/// <summary>
/// A key that was just made. It is a class without a printed form, so that no log line can hold the key by accident.
/// </summary>
public sealed class NewApiKey
{
    internal NewApiKey(string key, ApiKey stored)
    {
        Key = key;
        Stored = stored;
    }

    /// <summary>The whole key. Show it once and forget it: nothing can bring it back.</summary>
    public string Key { get; }

    /// <summary>What to store (<see cref="IDirectoryStore.AddKeyAsync"/>): the hash, never the key.</summary>
    public ApiKey Stored { get; }
}

/// <summary>The form of API keys: a prefix and 64 lowercase hex digits, which hold 256 random bits.</summary>
public static class ApiKeys
{
    /// <summary>The prefix of new keys.</summary>
    public const string DefaultPrefix = "mtr_";

    /// <summary>Hex digits after the prefix.</summary>
    public const int SecretDigits = 64;

    /// <summary>The longest name of a key, in characters.</summary>
    public const int MaxName = 100;

    /// <summary>Characters kept for display.</summary>
    public const int DisplayLength = 12;

    private const string IdPrefix = "key_";
    private const int IdDigits = 24;

    private static readonly SearchValues<char> HexDigits = SearchValues.Create("0123456789abcdef");

    /// <summary>Makes a key; the caller stores <see cref="NewApiKey.Stored"/>.</summary>
    /// <param name="account">The account that it opens.</param>
    /// <param name="name">For people, 1 to 100 characters.</param>
    /// <param name="scopes">What it may do.</param>
    /// <param name="now">The time of making.</param>
    /// <param name="expiresAt">When it stops working, after <paramref name="now"/>; null for never.</param>
    /// <param name="prefix">The prefix; one that the gateway accepts.</param>
    /// <exception cref="ArgumentException">The name is empty, too long or no plain text, or the key would be expired from the start.</exception>
    public static NewApiKey Create(
        AccountId account,
        string name,
        ApiKeyScopes scopes,
        DateTimeOffset now,
        DateTimeOffset? expiresAt = null,
        string prefix = DefaultPrefix)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        ArgumentNullException.ThrowIfNull(prefix);
        if (CommandRules.CheckText(nameof(name), name, MaxName) is { } refusal)
        {
            throw new ArgumentException(refusal.Message, nameof(name));
        }

        if (expiresAt <= now)
        {
            throw new ArgumentException("A key's expiry must lie in the future.", nameof(expiresAt));
        }

        var key = prefix + RandomNumberGenerator.GetHexString(SecretDigits, lowercase: true);
        return new(key, new()
        {
            Id = IdPrefix + RandomNumberGenerator.GetHexString(IdDigits, lowercase: true),
            Account = account,
            Name = name,
            Hash = Hash(key),
            Display = key[..DisplayLength],
            Scopes = scopes,
            CreatedAt = ToMilliseconds(now),
            ExpiresAt = expiresAt,
        });
    }

    /// <summary>The prefix that a key was made with: a key that it makes gets the same, so that keys of one kind stay together.</summary>
    /// <param name="key">The key.</param>
    /// <param name="prefixes">The accepted prefixes.</param>
    internal static string PrefixOf(ApiKey key, IReadOnlyList<string> prefixes) => prefixes
        .Where(prefix => key.Display.StartsWith(prefix.AsSpan(0, Math.Min(prefix.Length, DisplayLength)), StringComparison.Ordinal))
        .MaxBy(prefix => prefix.Length) ?? DefaultPrefix;

    /// <summary>True for the form of a key's id. A text of another form may be a key itself, pasted by mistake, and is neither kept nor repeated.</summary>
    /// <param name="text">The text.</param>
    internal static bool IsId(string text) =>
        text.Length == IdPrefix.Length + IdDigits && text.StartsWith(IdPrefix, StringComparison.Ordinal) && text.AsSpan(IdPrefix.Length).IndexOfAnyExcept(HexDigits) < 0;

    /// <summary>SHA-256 of a whole key, 32 bytes: what is stored in its place.</summary>
    /// <param name="key">The key.</param>
    public static byte[] Hash(string key) => Hash(key.AsSpan());

    /// <summary>True where a text has the form of a key; only such a text is looked up.</summary>
    /// <param name="text">The text.</param>
    /// <param name="prefixes">The accepted prefixes.</param>
    public static bool IsWellFormed(string text, IReadOnlyList<string> prefixes)
    {
        ArgumentNullException.ThrowIfNull(text);
        ArgumentNullException.ThrowIfNull(prefixes);
        return IsWellFormed(text.AsSpan(), prefixes);
    }

    internal static byte[] Hash(ReadOnlySpan<char> key)
    {
        var utf8 = new byte[Encoding.UTF8.GetByteCount(key)];
        Encoding.UTF8.GetBytes(key, utf8);
        return SHA256.HashData(utf8);
    }

    internal static bool IsWellFormed(ReadOnlySpan<char> text, IReadOnlyList<string> prefixes)
    {
        for (var index = 0; index < prefixes.Count; index++)
        {
            var prefix = prefixes[index];
            if (text.Length == prefix.Length + SecretDigits
                && text.StartsWith(prefix, StringComparison.Ordinal)
                && text[prefix.Length..].IndexOfAnyExcept(HexDigits) < 0)
            {
                return true;
            }
        }

        return false;
    }

    private static DateTimeOffset ToMilliseconds(DateTimeOffset instant) =>
        DateTimeOffset.FromUnixTimeMilliseconds(instant.ToUnixTimeMilliseconds());
}
