using Metering.Core;

namespace Metering.Engine;

/// <summary>
/// Decides, commit group by commit group, whose texts go, and what is kept of them. Rows come in ascending order, beginning with a group's first.
/// One thread at a time.
/// </summary>
/// <param name="before">Only groups decided before this instant; null for all.</param>
internal sealed class TextEraser(DateTimeOffset? before)
{
    private readonly ChainHasher hasher = new();
    private bool isInGroup;

    /// <summary>Adds a row.</summary>
    /// <param name="row">The next one.</param>
    /// <param name="digest">What to keep of the group's texts where the row ends a group whose texts are to be erased.</param>
    /// <returns>True where the row ends a group.</returns>
    /// <exception cref="LedgerFormatException">The row is damaged.</exception>
    public bool EndsGroup(in LedgerRow row, out ChainLink? digest)
    {
        digest = null;
        if (!isInGroup)
        {
            hasher.Begin(default);
            isInGroup = true;
        }

        // Facts take no part in the digest of the texts.
        hasher.Add(default, row.Texts.Span);
        if (row.Link is null)
        {
            return false;
        }

        isInGroup = false;
        if (row.TextsDigest is null && hasher.TextsDigest is var texts && texts != default && (before is not { } limit || Views.ToEntry(row).AppliedAt < limit))
        {
            digest = texts;
        }

        return true;
    }
}
