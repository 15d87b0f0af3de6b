namespace Metering.Engine;

/// <summary>What every store checks before it compares: that a group is one piece that follows its head.</summary>
internal static class AppendGroupRules
{
    /// <summary>Checks the groups of an append.</summary>
    /// <exception cref="LedgerContentException">A group has no rows, a gap, or ends elsewhere than it says. Nothing was written.</exception>
    public static void Check(IReadOnlyList<AppendGroup> groups)
    {
        for (var index = 0; index < groups.Count; index++)
        {
            var group = groups[index];
            var sequence = group.Expected.Sequence;
            for (var row = 0; row < group.Rows.Count; row++)
            {
                if (group.Rows[row].Sequence != ++sequence)
                {
                    throw new LedgerContentException(
                        $"Entry {group.Rows[row].Sequence} of account {group.Account} was to be appended where entry {sequence} is due.");
                }
            }

            if (group.Rows.Count == 0 || group.Next.Sequence != sequence)
            {
                throw new LedgerContentException(
                    $"A group of account {group.Account} has {group.Rows.Count} entries after entry {group.Expected.Sequence}, but ends at {group.Next.Sequence}.");
            }
        }
    }
}
