namespace Metering.Engine;

/// <summary>
/// An answer that is kept for the retries of its request (contract, rules of the pool, 5), without the secret that the caller was shown. It
/// becomes durable together with what it tells of.
/// </summary>
public sealed record KeptAnswer
{
    /// <summary>How long an answer is kept at least; it goes when another is kept after that.</summary>
    public static readonly TimeSpan KeptFor = TimeSpan.FromHours(48);

    /// <summary>The account that the idempotency key is scoped to.</summary>
    public required AccountId Account { get; init; }

    /// <summary>SHA-256 of the idempotency key, 32 bytes.</summary>
    public required ReadOnlyMemory<byte> Key { get; init; }

    /// <summary>A hash of the whole request, 16 bytes: the same key with another request is an error.</summary>
    public required ReadOnlyMemory<byte> Request { get; init; }

    /// <summary>The answer, in whatever form its maker reads again. No secret is in it.</summary>
    public required string Answer { get; init; }
}

/// <summary>What became of an API key that was to be added.</summary>
public enum KeyAddition
{
    /// <summary>It was added.</summary>
    Added,

    /// <summary>An answer is kept for the idempotency key already; nothing was changed.</summary>
    AlreadyAnswered,

    /// <summary>The account has no active key of the id that was to be replaced; nothing was changed.</summary>
    ReplacedUnknown,

    /// <summary>The account has as many active keys as it may have; nothing was changed.</summary>
    TooManyActive,
}

/// <summary>An API key to be made for an account that may have only so many.</summary>
/// <param name="Key">The key; its <see cref="ApiKey.CreatedAt"/> is the present for everything here.</param>
/// <param name="MaxActive">The most keys that the account may have with this one, expired and revoked ones not counted; 1 or more.</param>
public sealed record KeyMaking(ApiKey Key, int MaxActive)
{
    /// <summary>The id of the active key that this one replaces; null for none.</summary>
    public string? Replaces { get; init; }

    /// <summary>
    /// When the replaced key ends, unless it ends sooner by itself; needed with <see cref="Replaces"/>. Until then both work, and both are
    /// counted; where it is not after the present, the new key takes the old one's place.
    /// </summary>
    public DateTimeOffset? ReplacedEndsAt { get; init; }

    /// <summary>The answer to keep with the key; null for none.</summary>
    public KeptAnswer? Answer { get; init; }
}
