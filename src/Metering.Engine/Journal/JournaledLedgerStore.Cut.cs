using Metering.Core;

namespace Metering.Engine;

/// <summary>
/// Removing what is archived. Only pages are cut: what of it is in the tail is projected first. So a cut is one commit of the pages, with the
/// watermark as it is, and journal records that still hold removed entries are below it and go as they would have gone.
/// </summary>
internal sealed partial class JournaledLedgerStore
{
    /// <inheritdoc />
    public ValueTask<LedgerBase?> ReadBaseAsync(AccountId account, CancellationToken cancellationToken = default) => Read(
        () =>
        {
            using var view = pages.OpenView();
            return view.ReadBase(account);
        },
        cancellationToken);

    /// <inheritdoc />
    public ValueTask CutAsync(IReadOnlyList<LedgerCut> cuts, CancellationToken cancellationToken = default)
    {
        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled(cancellationToken);
        }

        try
        {
            CheckUsable();

            // No append beside it: the first entries of an account that is about to begin with a base would not follow it.
            lock (appending)
            {
                lock (projecting)
                {
                    CheckUsable();
                    ProjectThrough(cuts);
                    Cut(cuts);
                }
            }

            return ValueTask.CompletedTask;
        }
        catch (Exception error)
        {
            return ValueTask.FromException(error);
        }
    }

    private void ProjectThrough(IReadOnlyList<LedgerCut> cuts)
    {
        bool isInTail;
        do
        {
            lock (gate)
            {
                isInTail = cuts.Any(cut => tail.Find(cut.Account) is { HasTail: true } state && state.Spans[0].First <= cut.Base.Head.Sequence);
            }
        }
        while (isInTail && StepOnce());
        if (isInTail)
        {
            CheckUsable();
            throw pagesUnavailable ?? new LedgerUnavailableException($"{pages.Name} does not take over what {journal.Name} holds.");
        }
    }

    private void Cut(IReadOnlyList<LedgerCut> cuts)
    {
        var done = new List<LedgerCut>();
        var lastAccount = packer.LastAccount;
        try
        {
            using var commit = pages.Begin();
            using (var view = pages.OpenView())
            {
                foreach (var cut in cuts)
                {
                    if (view.FindAccount(cut.Account) is not { } stored)
                    {
                        // No entries: projected or not, the account would be in the pages by now.
                        commit.AddAccount(++lastAccount, cut.Account);
                        commit.SetBase(lastAccount, cut.Base);
                        done.Add(cut);
                    }
                    else if (TryCut(commit, view, stored, cut))
                    {
                        done.Add(cut);
                    }
                }
            }

            commit.Commit(watermark);
        }
        catch (LedgerFatalException error)
        {
            Fail(error);
            throw;
        }

        packer.LastAccount = lastAccount;
        lock (gate)
        {
            done.ForEach(Settle);
        }

        foreach (var cut in cuts)
        {
            cut.IsDone = done.Contains(cut);
        }
    }

    private bool TryCut(IPageCommit commit, IPageView view, in StoredAccount stored, LedgerCut cut)
    {
        var head = cut.Base.Head;
        if (stored.Archived == head.Sequence)
        {
            return view.ReadBase(cut.Account)?.Head == head;
        }

        if (head.Sequence <= stored.Archived || head.Sequence > stored.LastPage.Last || head.Sequence >= LastSequence(cut.Account, stored))
        {
            return false;
        }

        var page = ReadPage(view, stored, head.Sequence);
        var (rest, number, link) = (page.Body, page.Header.NumberBefore, (ChainLink?)null);
        for (var sequence = page.Header.First; sequence <= head.Sequence; sequence++)
        {
            var row = StoredRows.Take(ref rest, sequence, number);
            (number, link) = (row.TransactionNumber, row.Link);
        }

        if (link != head.Link)
        {
            return false;
        }

        commit.RemovePages(stored.Number, head.Sequence);
        if (!rest.IsEmpty)
        {
            commit.WritePage(stored.Number, page.Header with { First = head.Sequence + 1, NumberBefore = number, Bytes = rest.Length }, rest.Span, replaces: false);
        }

        commit.SetBase(stored.Number, cut.Base);
        return true;
    }

    private long LastSequence(AccountId account, in StoredAccount stored)
    {
        lock (gate)
        {
            return tail.Find(account) is { } state ? state.Head.Sequence : stored.LastPage.Last;
        }
    }

    /// <summary>What memory knew of the account's pages is no longer so.</summary>
    private void Settle(LedgerCut cut)
    {
        if (tail.Find(cut.Account) is { } state)
        {
            (state.IsLocated, state.Stored) = (false, null);
            if (state.Head.Sequence < cut.Base.Head.Sequence)
            {
                (state.Head, state.Transactions) = (cut.Base.Head, cut.Base.Transactions);
            }
        }

        if (snapshots.TryGetValue(cut.Account, out var pending))
        {
            snapshotBytes -= pending.Where(snapshot => snapshot.Head.Sequence <= cut.Base.Head.Sequence).Sum(snapshot => (long)snapshot.State.Length);
            pending.RemoveAll(snapshot => snapshot.Head.Sequence <= cut.Base.Head.Sequence);
            if (pending.Count == 0)
            {
                snapshots.Remove(cut.Account);
            }
        }
    }
}
