using System.Buffers;

namespace Metering.Gateway.Payments;

/// <summary>E-mail addresses, as far as one can judge them without sending a mail.</summary>
internal static class EmailAddress
{
    /// <summary>What is allowed, for messages.</summary>
    public const string Rule = "an e-mail address (name@domain) of at most 254 characters";

    private const int MaxLength = 254;
    private const int MaxLocal = 64;
    private const int MaxLabel = 63;

    // RFC 5321's unquoted local parts; quoted ones and other alphabets are not taken.
    private static readonly SearchValues<char> LocalCharacters =
        SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.!#$%&'*+/=?^_`{|}~-");

    /// <summary>True where a text is an address of the common form.</summary>
    public static bool IsValid(string? text)
    {
        var at = text?.IndexOf('@', StringComparison.Ordinal) ?? -1;
        if (text is not { Length: <= MaxLength } || at is < 1 or > MaxLocal)
        {
            return false;
        }

        var local = text.AsSpan(0, at);
        return local.IndexOfAnyExcept(LocalCharacters) < 0 && local[0] != '.' && local[^1] != '.' && !local.Contains("..", StringComparison.Ordinal)
            && text[(at + 1)..].Split('.') is { Length: >= 2 } labels && labels.All(IsLabel);
    }

    /// <summary>What two spellings of one address have in common.</summary>
    public static string Normalize(string email) => email.ToLowerInvariant();

    private static bool IsLabel(string label) =>
        label is { Length: > 0 and <= MaxLabel } && label[0] != '-' && label[^1] != '-' && label.All(character => char.IsAsciiLetterOrDigit(character) || character == '-');
}
