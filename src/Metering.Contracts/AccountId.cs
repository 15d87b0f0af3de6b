using System.Buffers;
using System.Diagnostics.CodeAnalysis;

namespace Metering;

/// <summary>
/// Names one account: 1 to 128 characters of <c>A-Z a-z 0-9 . _ : -</c>, case-sensitive. Choose your own customer ids or use
/// generated ones.
/// </summary>
public readonly record struct AccountId
{
    /// <summary>The longest id, in characters.</summary>
    public const int MaxLength = 128;

    private static readonly SearchValues<char> Allowed =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:-");

    private readonly string? value;

    /// <summary>Makes an id from its text.</summary>
    /// <param name="value">The text.</param>
    /// <exception cref="ArgumentException">The text is empty, too long or has another character.</exception>
    public AccountId(string value)
    {
        if (!IsValid(value))
        {
            throw new ArgumentException($"An account id is 1 to {MaxLength} characters of A-Z a-z 0-9 . _ : -", nameof(value));
        }

        this.value = value;
    }

    /// <summary>The text; empty for the default value, which names no account.</summary>
    public string Value => value ?? string.Empty;

    /// <summary>Makes an id from its text where that is valid.</summary>
    /// <param name="text">The text.</param>
    /// <param name="id">The id, or the default.</param>
    public static bool TryParse([NotNullWhen(true)] string? text, out AccountId id)
    {
        var valid = IsValid(text);
        id = valid ? new(text!) : default;
        return valid;
    }

    /// <inheritdoc />
    public override string ToString() => Value;

    private static bool IsValid(string? text) =>
        text is { Length: > 0 and <= MaxLength } && text.AsSpan().IndexOfAnyExcept(Allowed) < 0;
}
