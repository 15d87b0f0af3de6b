using System.Buffers;

namespace Metering.Core;

/// <summary>
/// What the fields of requests may hold (contract, rules of the pool, 9). The shell checks requests with these rules before it makes a
/// command; the account checks the command again, so that no caller can slip past.
/// </summary>
public static class CommandRules
{
    /// <summary>The longest description, in characters.</summary>
    public const int MaxDescription = 500;

    /// <summary>The longest reference, in characters.</summary>
    public const int MaxReference = 200;

    /// <summary>The longest id, in characters.</summary>
    public const int MaxId = 128;

    /// <summary>The longest name of a product, in characters.</summary>
    public const int MaxProduct = 64;

    /// <summary>The longest idempotency key, in characters.</summary>
    public const int MaxIdempotencyKey = 255;

    /// <summary>The largest quantity.</summary>
    public const long MaxQuantity = 1_000_000_000;

    /// <summary>The most that a balance may hold: far inside 64 bits, so that no sum of a balance and an amount overflows.</summary>
    public static readonly Credits MaxBalance = new(Credits.MaxAmount.TenThousandths * 100);

    private static readonly SearchValues<char> ProductCharacters = SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789._-");

    // Control characters and surrogates; a text without them needs no closer look.
    private static readonly SearchValues<char> Suspicious = SearchValues.Create(
        [.. Enumerable.Range(0, 0x20).Concat(Enumerable.Range(0x7F, 0x21)).Concat(Enumerable.Range(0xD800, 0x800)).Select(code => (char)code)]);

    /// <summary>Checks a text; null and empty are fine.</summary>
    /// <param name="field">The field as callers write it.</param>
    /// <param name="text">The text.</param>
    /// <param name="maxLength">The longest allowed, in characters.</param>
    /// <returns>The refusal, or null.</returns>
    public static Refusal? CheckText(string field, string? text, int maxLength)
    {
        if (string.IsNullOrEmpty(text))
        {
            return null;
        }

        // Characters as people count them: one outside the basic plane is one, though it takes two code units.
        if (text.Length > maxLength && text.EnumerateRunes().Count() is var length && length > maxLength)
        {
            return Refusal.Invalid(field, $"{field} has {length} characters; at most {maxLength} are allowed.");
        }

        if (text.AsSpan().IndexOfAny(Suspicious) < 0)
        {
            return null;
        }

        foreach (var rune in text.EnumerateRunes())
        {
            // A lone surrogate is enumerated as U+FFFD; a real U+FFFD is harmless text and stays allowed.
            if (System.Text.Rune.IsControl(rune))
            {
                return Refusal.Invalid(field, $"{field} holds a control character (U+{rune.Value:X4}); text without control characters is allowed.");
            }
        }

        return HasLoneSurrogate(text) ? Refusal.Invalid(field, $"{field} is not valid Unicode: it holds half of a surrogate pair.") : null;
    }

    /// <summary>Checks the reason that an operator gives: 1 to <see cref="MaxDescription"/> characters of text, not all of them blanks.</summary>
    /// <param name="reason">The reason.</param>
    public static Refusal? CheckReason(string? reason) =>
        string.IsNullOrWhiteSpace(reason) ? Refusal.Invalid("reason", $"reason is missing; 1 to {MaxDescription} characters are needed.") : CheckText("reason", reason, MaxDescription);

    /// <summary>Checks an id: 1 to <see cref="MaxId"/> characters of text.</summary>
    /// <param name="field">The field as callers write it.</param>
    /// <param name="id">The id.</param>
    public static Refusal? CheckId(string field, string? id) =>
        string.IsNullOrEmpty(id) ? Refusal.Invalid(field, $"{field} is missing; 1 to {MaxId} characters are needed.") : CheckText(field, id, MaxId);

    /// <summary>Checks the name of a product.</summary>
    /// <param name="field">The field as callers write it.</param>
    /// <param name="product">The name; null is fine.</param>
    public static Refusal? CheckProduct(string field, string? product) =>
        product is null || (product.Length is > 0 and <= MaxProduct && !product.AsSpan().ContainsAnyExcept(ProductCharacters))
            ? null
            : Refusal.Invalid(field, $"{field} must be 1 to {MaxProduct} characters of a-z 0-9 . _ -");

    /// <summary>Checks an idempotency key.</summary>
    /// <param name="field">The field as callers write it.</param>
    /// <param name="key">The key; null is fine.</param>
    public static Refusal? CheckIdempotencyKey(string field, string? key) =>
        key is null || (key.Length is > 0 and <= MaxIdempotencyKey && !key.AsSpan().ContainsAnyExceptInRange('!', '~'))
            ? null
            : Refusal.Invalid(field, $"{field} must be 1 to {MaxIdempotencyKey} visible ASCII characters.");

    /// <summary>Checks an amount that must be above zero.</summary>
    /// <param name="field">The field as callers write it.</param>
    /// <param name="amount">The amount.</param>
    public static Refusal? CheckAmount(string field, Credits amount) =>
        amount.IsPositive && amount <= Credits.MaxAmount
            ? null
            : Refusal.Invalid(field, $"{field} is {amount}; more than 0 and at most {Credits.MaxAmount} credits are allowed.");

    /// <summary>Checks a quantity.</summary>
    /// <param name="field">The field as callers write it.</param>
    /// <param name="quantity">The quantity; null is fine.</param>
    public static Refusal? CheckQuantity(string field, long? quantity) =>
        quantity is null or (>= 0 and <= MaxQuantity)
            ? null
            : Refusal.Invalid(field, $"{field} is {quantity}; 0 to {MaxQuantity} are allowed.");

    private static bool HasLoneSurrogate(string text)
    {
        for (var index = 0; index < text.Length; index++)
        {
            if (index + 1 < text.Length && char.IsSurrogatePair(text[index], text[index + 1]))
            {
                index++;
            }
            else if (char.IsSurrogate(text[index]))
            {
                return true;
            }
        }

        return false;
    }
}
