namespace Metering.Engine;

/// <summary>Packs an account's entries, one after the other, into pages of a commit. One thread at a time.</summary>
internal sealed class PageBuilder
{
    /// <summary>Entries after which a page is full.</summary>
    public const int MaxEntries = 256;

    /// <summary>Bytes after which a page takes no further entry. One entry may be larger.</summary>
    public const int MaxBytes = 64 << 10;

    private byte[] body = new byte[MaxBytes * 2];
    private IPageCommit commit = null!;
    private long account;
    private bool replaces;

    /// <summary>The page under construction, or the one that was written last.</summary>
    public PageHeader Page { get; private set; }

    /// <summary>Begins an account's entries after the last one stored, on a new page.</summary>
    /// <param name="target">Takes the pages.</param>
    /// <param name="number">The account's number.</param>
    /// <param name="lastSequence">The last entry stored; 0 for none.</param>
    /// <param name="lastNumber">The account's transactions up to there.</param>
    public void Begin(IPageCommit target, long number, long lastSequence, long lastNumber)
    {
        (commit, account, replaces) = (target, number, false);
        BeginPage(lastSequence, lastNumber);
    }

    /// <summary>Goes on with the account's last page instead, which the first page written then takes the place of.</summary>
    public void Continue(in StoredPage last)
    {
        (Page, replaces) = (last.Header with { Bytes = 0 }, true);
        Grow(last.Body.Length);
        last.Body.Span.CopyTo(body);
        Page = last.Header;
    }

    /// <summary>Adds entries that follow.</summary>
    /// <param name="rows">Packed entries.</param>
    /// <param name="count">How many.</param>
    public void Add(ReadOnlySpan<byte> rows, int count)
    {
        for (var index = 0; index < count; index++)
        {
            var shape = StoredRows.RowShape.Of(rows);
            if (Page.Bytes > 0 && (Page.Last - Page.First + 1 >= MaxEntries || Page.Bytes + shape.Length > MaxBytes))
            {
                Write();
                BeginPage(Page.Last, Page.LastNumber);
            }

            Grow(shape.Length);
            rows[..shape.Length].CopyTo(body.AsSpan(Page.Bytes));
            Page = Page with
            {
                Last = Page.Last + 1,
                LastNumber = Page.LastNumber + (shape.IsTransaction ? 1 : 0),
                Link = shape.Read(rows).Link ?? default,
                Bytes = Page.Bytes + shape.Length,
            };
            rows = rows[shape.Length..];
        }
    }

    /// <summary>Writes the page under construction, if it has any entry.</summary>
    public void Write()
    {
        if (Page.Bytes > 0)
        {
            commit.WritePage(account, Page, body.AsSpan(0, Page.Bytes), replaces);
            replaces = false;
        }
    }

    private void BeginPage(long lastSequence, long lastNumber) => Page = new(lastSequence + 1, lastSequence, lastNumber, lastNumber, default, 0);

    private void Grow(int more)
    {
        if (body.Length - Page.Bytes < more)
        {
            Array.Resize(ref body, Math.Max(body.Length * 2, Page.Bytes + more));
        }
    }
}
