using Metering.Core;

namespace Metering.Engine;

/// <summary>
/// Packs the entries of some journal records into pages and key runs of one commit. One thread at a time. What it learned of accounts is kept by
/// <see cref="Settle"/> once the commit is durable, and forgotten otherwise.
/// </summary>
internal sealed class PagePacker
{
    // What a step may rewrite just so that pages become full, whatever that costs beside what is new: little enough to be nothing under load.
    private const long RewrittenBytes = 4 << 20;

    private readonly List<TailAccount> touched = [];
    private readonly List<(TailAccount State, StoredAccount Stored)> learned = [];
    private readonly List<TailSpan> spans = [];
    private readonly PageBuilder builder = new();
    private readonly KeyPacker keys = new();
    private long lastAccount;
    private long accounts;
    private long step;
    private long rewritable;

    /// <param name="lastAccount">The highest account number in use.</param>
    public PagePacker(long lastAccount) => this.lastAccount = lastAccount;

    /// <summary>The highest account number in use. Accounts are added by steps, and by cuts between them.</summary>
    public long LastAccount
    {
        get => lastAccount;
        set => lastAccount = value;
    }

    /// <summary>Packs records.</summary>
    /// <param name="records">The oldest records of the tail, in order.</param>
    /// <param name="commit">Takes pages and runs.</param>
    /// <param name="view">The pages as they are.</param>
    /// <param name="source">Gives an account's groups up to a position, and a record's bytes.</param>
    /// <exception cref="LedgerFormatException">The records do not follow the pages.</exception>
    public void Pack(IReadOnlyList<TailRecord> records, IPageCommit commit, IPageView view, ITailSource source)
    {
        step++;
        rewritable = RewrittenBytes;
        accounts = lastAccount;
        touched.Clear();
        learned.Clear();
        keys.Clear();
        foreach (var record in records)
        {
            keys.Add(record.Fingerprints, record.KeySequences);
            foreach (var state in record.Accounts)
            {
                if (state.Step != step)
                {
                    state.Step = step;
                    touched.Add(state);
                }
            }
        }

        foreach (var state in touched)
        {
            PackAccount(state, records[^1].Position, commit, view, source);
        }

        keys.Write(records[^1].Position, commit, view);
    }

    /// <summary>The commit is durable. Called with the tail's lock held.</summary>
    public void Settle()
    {
        lastAccount = accounts;
        keys.Settle();
        foreach (var (state, stored) in learned)
        {
            (state.Stored, state.IsLocated) = (stored, true);
        }
    }

    private void PackAccount(TailAccount state, long through, IPageCommit commit, IPageView view, ITailSource source)
    {
        spans.Clear();
        source.AddSpans(state, through, spans);
        var stored = state.IsLocated ? state.Stored : view.FindAccount(state.Account);
        var number = stored?.Number ?? ++accounts;
        if (stored is null)
        {
            commit.AddAccount(number, state.Account);
        }

        var head = stored?.LastPage.Head ?? LedgerHead.Empty(state.Account);
        builder.Begin(commit, number, head.Sequence, stored?.LastPage.LastNumber ?? 0);
        if (stored is { } known && IsWorthRewriting(known.LastPage) && view.ReadPage(number, known.LastPage.First) is { } last && last.Header == known.LastPage)
        {
            rewritable -= last.Body.Length;
            builder.Continue(last);
        }

        for (var index = 0; index < spans.Count; index++)
        {
            var bytes = source.BytesOf(spans[index].Record).Span;
            var group = JournalRecord.ReadGroup(bytes, spans[index].Offset);
            if (index == 0 && (group.First != head.Sequence + 1 || group.FollowsLink != head.Link.A))
            {
                throw new LedgerFormatException(
                    $"record {spans[index].Record.Position} does not follow the pages: entry {group.First} of account {state.Account} comes after entry {head.Sequence}");
            }

            builder.Add(bytes.Slice(group.RowsAt, group.RowsLength), group.Count);
        }

        builder.Write();
        learned.Add((state, (stored ?? new(number, default)) with { LastPage = builder.Page }));
    }

    /// <summary>
    /// Whether to add to an account's last page, so that pages of an account that is called rarely become full, too. Where the page is no
    /// larger than what comes, that at most doubles what is written; beyond it there is the step's allowance.
    /// </summary>
    private bool IsWorthRewriting(in PageHeader last)
    {
        if (last.Last - last.First + 1 >= PageBuilder.MaxEntries || last.Bytes >= PageBuilder.MaxBytes)
        {
            return false;
        }

        // Rows take most of a record; a record of several accounts counts by its share.
        var added = rewritable;
        foreach (var span in spans)
        {
            added = Math.Max(0, added) + (span.Record.Length / span.Record.Accounts.Length);
        }

        return last.Bytes <= added;
    }
}

/// <summary>What the packer asks of the tail.</summary>
internal interface ITailSource
{
    /// <summary>Adds an account's groups up to a position, oldest first.</summary>
    void AddSpans(TailAccount state, long through, List<TailSpan> spans);

    /// <summary>The bytes of a record of the batch, wherever they are.</summary>
    ReadOnlyMemory<byte> BytesOf(TailRecord record);
}
