using Metering.Core;

namespace Metering.Engine;

/// <summary>
/// Erasing texts. Only pages are changed: what of the account is in the tail is projected first, and the journal's records of it go. One piece of
/// pages is one commit, with the watermark as it is; whole commit groups change in it, so that the chain can be proved between any two. Then
/// what the files' free room still holds is overwritten.
/// </summary>
internal sealed partial class JournaledLedgerStore : IPersonalTexts
{
    // Pages that one commit rewrites, about: little enough that the projector does not fall behind for it.
    private const int ErasedBytes = 4 << 20;

    /// <inheritdoc />
    public ValueTask<long> EraseTextsAsync(AccountId account, DateTimeOffset? before = null, CancellationToken cancellationToken = default)
    {
        try
        {
            return ValueTask.FromResult(EraseTexts(account, before, cancellationToken));
        }
        catch (Exception error)
        {
            return ValueTask.FromException<long>(error);
        }
    }

    private long EraseTexts(AccountId account, DateTimeOffset? before, CancellationToken cancellationToken)
    {
        var last = ProjectAll(account, cancellationToken);
        var erased = 0L;
        for (long next = 1; next <= last;)
        {
            cancellationToken.ThrowIfCancellationRequested();
            lock (projecting)
            {
                CheckUsable();
                (next, var count) = ErasePiece(account, next, last, before);
                erased += count;
            }
        }

        // Also where nothing was erased: a call that was broken off may have ended before this.
        Scrub();
        return erased;
    }

    /// <summary>Brings everything that is in the ledger of an account now into the pages.</summary>
    /// <returns>The account's last entry.</returns>
    private long ProjectAll(AccountId account, CancellationToken cancellationToken)
    {
        long? last = null;
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            lock (projecting)
            {
                CheckUsable();
                bool isInTail;
                lock (gate)
                {
                    var state = tail.Find(account);
                    last ??= state?.Head.Sequence;
                    isInTail = state is { HasTail: true } && state.Spans[0].First <= last;
                }

                if (!isInTail)
                {
                    using var view = pages.OpenView();
                    return last ?? view.FindAccount(account)?.LastPage.Last ?? 0;
                }

                if (!StepOnce())
                {
                    CheckUsable();
                    throw pagesUnavailable ?? new LedgerUnavailableException($"{pages.Name} does not take over what {journal.Name} holds.");
                }
            }
        }
    }

    /// <returns>Where the next piece begins, and how many entries lost their texts.</returns>
    private (long Next, long Erased) ErasePiece(AccountId account, long from, long last, DateTimeOffset? before)
    {
        var piece = new ErasedPages(new TextEraser(before), from);
        try
        {
            using var commit = pages.Begin();
            long number;
            using (var view = pages.OpenView())
            {
                if (view.FindAccount(account) is not { } stored)
                {
                    return (last + 1, 0);
                }

                number = stored.Number;
                var end = Math.Min(last, stored.LastPage.Last);
                for (var next = Math.Max(from, stored.Archived + 1); next <= end && (piece.Bytes < ErasedBytes || piece.Next == from);)
                {
                    var page = ReadPage(view, stored, next);
                    piece.Add(page);
                    next = page.Header.Last + 1;
                }

                if (piece.Next > end || piece.Next == from)
                {
                    piece.End(last + 1);
                }
            }

            if (piece.Erased > 0)
            {
                piece.Write(commit, number);
                commit.Commit(watermark);
            }
        }
        catch (LedgerFatalException error)
        {
            Fail(error);
            throw;
        }

        ForgetPages(account);
        return (piece.Next, piece.Erased);
    }

    /// <summary>What memory knew of the account's pages is no longer so.</summary>
    private void ForgetPages(AccountId account)
    {
        lock (gate)
        {
            if (tail.Find(account) is { } state)
            {
                (state.IsLocated, state.Stored) = (false, null);
            }
        }
    }

    private void Scrub()
    {
        lock (projecting)
        {
            CheckUsable();
            while (deletions.Count > 0)
            {
                if (!TryDelete())
                {
                    throw new LedgerUnavailableException($"The texts are erased in {pages.Name}, and {journal.Name} does not let go of the records that held them now; erase again.");
                }
            }

            try
            {
                pages.Scrub();
                journal.Scrub();
            }
            catch (LedgerFatalException error)
            {
                Fail(error);
                throw;
            }
        }
    }

    /// <summary>Some pages of an account, and what becomes of their texts.</summary>
    private sealed class ErasedPages(TextEraser eraser, long from)
    {
        private readonly List<(PageHeader Header, LedgerRow[] Rows)> read = [];
        private readonly HashSet<int> changed = [];
        private int groupPage;
        private int groupRow;

        /// <summary>Bytes of the pages.</summary>
        public long Bytes { get; private set; }

        /// <summary>The first entry that is not decided yet: one behind the end of a group.</summary>
        public long Next { get; private set; } = from;

        /// <summary>Entries that lose their texts.</summary>
        public long Erased { get; private set; }

        public void Add(in StoredPage page)
        {
            Bytes += page.Header.Bytes;
            var (rest, number) = (page.Body, page.Header.NumberBefore);
            var rows = new LedgerRow[page.Header.Last - page.Header.First + 1];
            for (var index = 0; index < rows.Length; index++)
            {
                rows[index] = StoredRows.Take(ref rest, page.Header.First + index, number);
                number = rows[index].TransactionNumber;
            }

            read.Add((page.Header, rows));
            if (read.Count == 1)
            {
                // What is archived comes before the first page; what was decided by the piece before may lie within it.
                groupRow = (int)Math.Max(0, Next - page.Header.First);
                Next = Math.Max(Next, page.Header.First);
            }

            for (var index = (int)Math.Max(0, Next - page.Header.First); index < rows.Length; index++)
            {
                if (eraser.EndsGroup(rows[index], out var digest))
                {
                    EndGroup(index, digest);
                }
            }
        }

        /// <summary>Nothing of the account is left for a further piece.</summary>
        public void End(long next) => Next = next;

        public void Write(IPageCommit commit, long account)
        {
            foreach (var place in changed.Order())
            {
                var (header, rows) = read[place];
                var body = new byte[rows.Sum(row => StoredRows.MaxOverhead + row.Facts.Length + row.Texts.Length)];
                var length = 0;
                foreach (var row in rows)
                {
                    length += StoredRows.Write(body.AsSpan(length), row, row.Link);
                }

                commit.WritePage(account, header with { Bytes = length }, body.AsSpan(0, length), replaces: true);
            }
        }

        private void EndGroup(int lastRow, ChainLink? digest)
        {
            if (digest is not null)
            {
                for (var page = groupPage; page < read.Count; page++)
                {
                    var rows = read[page].Rows;
                    var end = page == read.Count - 1 ? lastRow : rows.Length - 1;
                    for (var row = page == groupPage ? groupRow : 0; row <= end; row++)
                    {
                        Erased += rows[row].Texts.IsEmpty ? 0 : 1;
                        rows[row] = rows[row] with { Texts = default, TextsDigest = rows[row].Link is null ? null : digest };
                    }

                    changed.Add(page);
                }
            }

            Next = read[^1].Rows[lastRow].Sequence + 1;
            (groupPage, groupRow) = lastRow + 1 < read[^1].Rows.Length ? (read.Count - 1, lastRow + 1) : (read.Count, 0);
        }
    }
}
