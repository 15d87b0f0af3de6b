using Metering.Core;

namespace Metering.Engine;

/// <summary>
/// Packs the entries of some journal records into pages and key runs of one commit. One thread at a time. What it learned of accounts is kept by
/// <see cref="Settle"/> once the commit is durable, and forgotten otherwise.
/// </summary>
internal sealed class PagePacker
{
    /// <summary>Entries after which a page is full.</summary>
    public const int MaxEntries = 256;

    /// <summary>Bytes after which a page takes no further entry. One entry may be larger.</summary>
    public const int MaxBytes = 64 << 10;

    private readonly List<TailAccount> touched = [];
    private readonly List<(TailAccount State, StoredAccount Stored)> learned = [];
    private readonly List<TailSpan> spans = [];
    private readonly KeyPacker keys = new();
    private byte[] body = new byte[MaxBytes * 2];
    private long lastAccount;
    private long accounts;
    private long step;
    private int length;
    private PageHeader page;

    /// <param name="lastAccount">The highest account number in use.</param>
    public PagePacker(long lastAccount) => this.lastAccount = lastAccount;

    /// <summary>Packs records.</summary>
    /// <param name="records">The oldest records of the tail, in order.</param>
    /// <param name="isBusy">More is waiting: pages and runs are rewritten only where that costs less than what they gain.</param>
    /// <param name="commit">Takes pages and runs.</param>
    /// <param name="view">The pages as they are.</param>
    /// <param name="source">Gives an account's groups up to a position, and a record's bytes.</param>
    public void Pack(IReadOnlyList<TailRecord> records, bool isBusy, IPageCommit commit, IPageView view, ITailSource source)
    {
        step++;
        accounts = lastAccount;
        touched.Clear();
        learned.Clear();
        foreach (var record in records)
        {
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
            PackAccount(state, records[^1].Position, isBusy, commit, view, source);
        }

        keys.Pack(records, isBusy, commit, view);
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

    private void PackAccount(TailAccount state, long through, bool isBusy, IPageCommit commit, IPageView view, ITailSource source)
    {
        spans.Clear();
        source.AddSpans(state, through, spans);
        var stored = state.IsLocated ? state.Stored : view.FindAccount(state.Account);
        var number = stored?.Number ?? ++accounts;
        if (stored is null)
        {
            commit.AddAccount(number, state.Account);
        }

        var replaces = Begin(stored, isBusy, view);
        var expected = stored?.LastPage.Head ?? LedgerHead.Empty(state.Account);
        var isFirst = true;
        foreach (var span in spans)
        {
            var bytes = source.BytesOf(span.Record);
            var group = JournalRecord.ReadGroup(bytes.Span, span.Offset);
            if (isFirst && (group.First != expected.Sequence + 1 || group.FollowsLink != expected.Link.A))
            {
                throw new LedgerFormatException(
                    $"record {span.Record.Position} of the journal does not follow the pages: entry {group.First} of account {state.Account} comes after entry {expected.Sequence}");
            }

            isFirst = false;
            AddGroup(bytes.Span.Slice(group.RowsAt, group.RowsLength), group, number, ref replaces, commit);
        }

        Write(number, replaces, commit);
        learned.Add((state, new(number, page)));
    }

    /// <summary>Begins with the account's last page where it is small, so that pages of an account that is called rarely become full.</summary>
    /// <returns>True where the page to be written takes the place of that one.</returns>
    private bool Begin(in StoredAccount? stored, bool isBusy, IPageView view)
    {
        length = 0;
        page = new(1, 0, 0, 0, default, 0);
        if (stored is not { } known)
        {
            return false;
        }

        var last = known.LastPage;
        page = new(last.Last + 1, last.Last, last.LastNumber, last.LastNumber, default, 0);

        // Under load, adding to a page at most doubles what is written of it; with nothing waiting, any page with room is filled up.
        var room = last.Last - last.First + 1 < MaxEntries && last.Bytes < MaxBytes;
        if (!room || (isBusy && last.Bytes > NewBytes()) || view.ReadPage(known.Number, last.First) is not { } older || older.Header != last)
        {
            return false;
        }

        Grow(older.Body.Length);
        older.Body.Span.CopyTo(body);
        (length, page) = (older.Body.Length, last);
        return true;
    }

    // Rows take most of a record; a record of several accounts counts by its share.
    private long NewBytes() => spans.Sum(span => (long)span.Record.Length / span.Record.Accounts.Length);

    private void AddGroup(ReadOnlySpan<byte> rows, in GroupHeader group, long account, ref bool replaces, IPageCommit commit)
    {
        for (var sequence = group.First; sequence <= group.Last; sequence++)
        {
            var shape = StoredRows.RowShape.Of(rows);
            if (length > 0 && (page.Last - page.First + 1 >= MaxEntries || length + shape.Length > MaxBytes))
            {
                Write(account, replaces, commit);
                replaces = false;
                (length, page) = (0, new(sequence, sequence - 1, page.LastNumber, page.LastNumber, default, 0));
            }

            Grow(shape.Length);
            rows[..shape.Length].CopyTo(body.AsSpan(length));
            length += shape.Length;
            page = page with { Last = sequence, LastNumber = page.LastNumber + (shape.IsTransaction ? 1 : 0), Link = shape.Read(rows).Link ?? default };
            rows = rows[shape.Length..];
        }
    }

    private void Write(long account, bool replaces, IPageCommit commit)
    {
        page = page with { Bytes = length };
        commit.WritePage(account, page, body.AsSpan(0, length), replaces);
    }

    private void Grow(int more)
    {
        if (body.Length - length < more)
        {
            Array.Resize(ref body, Math.Max(body.Length * 2, length + more));
        }
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
