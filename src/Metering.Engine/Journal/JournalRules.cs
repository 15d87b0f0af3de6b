namespace Metering.Engine;

/// <summary>Whether a journal and pages belong together: decided once, at the start, before anything of them is told.</summary>
internal static class JournalRules
{
    /// <summary>Checks the two, and makes a journal where none is needed.</summary>
    /// <exception cref="MeteringStartupException">They do not belong together; one sentence says why and what to do.</exception>
    public static void Join(IJournal journal, IPageStore pages)
    {
        var state = pages.State;
        if (journal.State is not { } found)
        {
            if (state.NeedsJournal)
            {
                throw new MeteringStartupException(
                    $"The journal {journal.Name} of the ledger {pages.Name} is missing or empty, and it may hold entries that were acknowledged. "
                    + $"Put {journal.Name} back beside {pages.Name}, or restore a backup of both.");
            }

            journal.Create(state.Identity, state.Watermark);
            return;
        }

        if (found.Identity != state.Identity)
        {
            throw new MeteringStartupException(
                $"The journal {journal.Name} belongs to another ledger than {pages.Name}. Put the right one beside it, or restore a backup of both.");
        }

        if (found.DeletedThrough > state.Watermark || (found.First > 0 && found.First > state.Watermark + 1))
        {
            throw new MeteringStartupException(
                $"The ledger {pages.Name} is older than its journal {journal.Name}: entries between the two are missing. Restore a backup of both.");
        }

        if (found.Last >= state.Watermark)
        {
            return;
        }

        if (state.NeedsJournal)
        {
            throw new MeteringStartupException(
                $"The journal {journal.Name} is older than the ledger {pages.Name} and may lack entries that were acknowledged. "
                + "Put the newest one back, or restore a backup of both.");
        }

        // Everything was in the pages when they were closed, so an older journal has nothing that they lack.
        journal.Create(state.Identity, state.Watermark);
    }
}
