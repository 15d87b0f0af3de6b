using Metering.Engine;

namespace Metering.Simulation;

/// <summary>The pages as an open ledger reaches them.</summary>
internal sealed class SimulatedPages(SimulatedDisk disk, OpenLedger ledger) : IPageStore
{
    private bool isClosed;
    private bool isCommitting;

    public string Name => "simulated.pages";

    public PageStoreState State { get; } =
        new(disk.Pages.Identity, disk.Pages.Watermark, disk.Pages.NeedsJournal, disk.Pages.Accounts.Values.DefaultIfEmpty().Max());

    public bool IsHealthy => true;

    public void SetNeedsJournal(bool needsJournal)
    {
        if (needsJournal && ledger.Chance(profile => profile.PagesUnavailable / 4))
        {
            throw new MeteringStartupException("simulated: the disk is full");
        }

        disk.Pages = disk.Pages with { NeedsJournal = needsJournal };
    }

    public IPageCommit Begin()
    {
        CheckOpen();
        if (isCommitting)
        {
            ledger.Violate("two commits of pages are under way");
        }

        isCommitting = true;
        return new SimulatedPageCommit(disk, ledger, () => isCommitting = false);
    }

    public IPageView OpenView()
    {
        CheckOpen();
        ledger.Interleave("a read between tail and pages");
        return ledger.Chance(profile => profile.ReadUnavailable)
            ? throw new LedgerUnavailableException("simulated: the pages cannot be read")
            : new SimulatedPageView(disk.Pages, ledger);
    }

    public void Scrub()
    {
        CheckOpen();
        if (isCommitting)
        {
            ledger.Violate("pages are scrubbed within a commit");
        }
    }

    public void Dispose() => isClosed = true;

    private void CheckOpen()
    {
        if (isClosed)
        {
            ledger.Violate("the pages are used after they were closed");
        }
    }
}

/// <summary>One commit of pages: it is seen, and lasts, from the moment that <see cref="Commit"/> puts it in place.</summary>
internal sealed class SimulatedPageCommit(SimulatedDisk disk, OpenLedger ledger, Action ended) : IPageCommit
{
    private PageFile next = disk.Pages;
    private bool isOver;

    public void AddAccount(long number, AccountId account)
    {
        if (next.Accounts.ContainsKey(account.Value) || next.Accounts.ContainsValue(number))
        {
            ledger.Violate($"account {account} is added to the pages as number {number}, and one of the two is there");
        }

        next = next with { Accounts = next.Accounts.Add(account.Value, number) };
    }

    public void WritePage(long account, in PageHeader header, ReadOnlySpan<byte> body, bool replaces)
    {
        MayFail();
        var page = new StoredPage(header, body.ToArray());
        var pages = next.Pages.GetValueOrDefault(account, []);
        var first = header.First;
        var at = pages.FindIndex(stored => stored.Header.First == first);
        if ((at >= 0) != replaces || (at < 0 && pages.Count > 0 && pages[^1].Header.First > first && pages[0].Header.First <= header.Last))
        {
            ledger.Violate($"a page of account number {account} that begins at {first} {(replaces ? "replaces none" : "is there already, or lies before the last")}");
        }

        next = next with { Pages = next.Pages.SetItem(account, at >= 0 ? pages.SetItem(at, page) : pages.Count > 0 && pages[0].Header.First > first ? pages.Insert(0, page) : pages.Add(page)) };
    }

    public void WriteKeys(int bucket, long run, ReadOnlySpan<byte> body, bool replaces)
    {
        var runs = next.Keys.GetValueOrDefault(bucket, []);
        var at = runs.FindIndex(stored => stored.Run == run);
        if ((at >= 0) != replaces || (at < 0 && runs.Count > 0 && runs[^1].Run > run))
        {
            ledger.Violate($"run {run} of bucket {bucket} {(replaces ? "replaces none" : "is there already, or is older than the last")}");
        }

        next = next with { Keys = next.Keys.SetItem(bucket, at < 0 ? runs.Add((run, body.ToArray())) : runs.SetItem(at, (run, body.ToArray()))) };
    }

    public bool SaveSnapshot(AccountId account, LedgerSnapshot snapshot)
    {
        if (!next.Accounts.TryGetValue(account.Value, out var number))
        {
            return false;
        }

        var stored = next.Snapshots.GetValueOrDefault(number, []);
        if (next.Bases.GetValueOrDefault(number)?.Head.Sequence >= snapshot.Head.Sequence)
        {
            return true;
        }

        if (stored.Count > 0 && stored[0].Head.Sequence > snapshot.Head.Sequence)
        {
            return true;
        }

        var kept = stored.RemoveAll(older => older.Head.Sequence == snapshot.Head.Sequence).Insert(0, snapshot with { State = snapshot.State.ToArray() });
        next = next with { Snapshots = next.Snapshots.SetItem(number, kept.Count > 2 ? kept.GetRange(0, 2) : kept) };
        return true;
    }

    public void RemovePages(long account, long through)
    {
        MayFail();
        next = next with
        {
            Pages = next.Pages.SetItem(account, next.Pages.GetValueOrDefault(account, []).RemoveAll(page => page.Header.First <= through)),
            Snapshots = next.Snapshots.SetItem(account, next.Snapshots.GetValueOrDefault(account, []).RemoveAll(snapshot => snapshot.Head.Sequence <= through)),
        };
    }

    public void SetBase(long account, LedgerBase ledgerBase) =>
        next = next with { Bases = next.Bases.SetItem(account, ledgerBase with { State = ledgerBase.State.ToArray() }) };

    public bool NoteDue(in DueNote note)
    {
        var isKnown = next.Accounts.TryGetValue(note.Account.Value, out var number);
        next = isKnown ? next with { Dues = next.Dues.SetItem(number, note) } : next;
        return isKnown;
    }

    public void Commit(long watermark)
    {
        ledger.Interleave("a projection before its commit");
        MayFail();
        var isFatal = ledger.Chance(profile => profile.PagesFatal);
        if (isOver || watermark < next.Watermark)
        {
            ledger.Violate($"pages are committed {(isOver ? "after their commit failed" : $"with watermark {watermark} after {next.Watermark}")}");
        }

        if (!isFatal || ledger.Chance(static _ => 500))
        {
            disk.Pages = next with { Watermark = watermark, NeedsJournal = disk.Pages.NeedsJournal };
        }

        isOver = true;
        if (isFatal)
        {
            ledger.StopSoon();
            throw new LedgerFatalException("simulated: I/O error in a commit of pages");
        }

        ledger.Interleave("a projection after its commit");
    }

    public void Dispose() => ended();

    private void MayFail()
    {
        if (ledger.Chance(profile => profile.PagesUnavailable))
        {
            isOver = true;
            throw new LedgerUnavailableException("simulated: the disk is full");
        }
    }
}

/// <summary>A view of the pages at one moment. What it hands out is the reader's own, or spoilt after the call.</summary>
internal sealed class SimulatedPageView(PageFile file, OpenLedger ledger) : IPageView
{
    private bool isClosed;

    public StoredAccount? FindAccount(AccountId account)
    {
        var (pages, ledgerBase) = (Open().PagesOf(account), ReadBase(account));
        if (pages.Count == 0 && ledgerBase is null)
        {
            return null;
        }

        var (archived, number) = (ledgerBase?.Head.Sequence ?? 0, ledgerBase?.Transactions ?? 0);
        var last = pages.Count > 0 ? pages[^1].Header : new PageHeader(archived + 1, archived, number, number, ledgerBase!.Head.Link, 0);
        return new(file.Accounts[account.Value], last, archived, number);
    }

    public LedgerBase? ReadBase(AccountId account) =>
        Open().Accounts.TryGetValue(account.Value, out var number) ? file.Bases.GetValueOrDefault(number) : null;

    public PageHeader? FindPage(long account, long sequence) => Find(account, sequence)?.Header;

    public StoredPage? ReadPage(long account, long sequence)
    {
        ledger.Interleave("a read of pages");
        return Find(account, sequence) is { } page ? new(page.Header, page.Body.ToArray()) : null;
    }

    public void ReadKeys(int bucket, KeyRunVisitor visit)
    {
        foreach (var (_, body) in Open().Keys.GetValueOrDefault(bucket, []).Reverse())
        {
            var lent = body.ToArray();
            var wantsMore = visit(lent);
            Array.Fill(lent, (byte)0xDD);
            if (!wantsMore)
            {
                return;
            }
        }
    }

    public IReadOnlyList<LedgerSnapshot> ReadSnapshots(AccountId account) =>
        Open().Accounts.TryGetValue(account.Value, out var number) ? [.. file.Snapshots.GetValueOrDefault(number, [])] : [];

    public IReadOnlyList<AccountId> ListAccounts(AccountId? after, int limit) =>
        [.. Open().Accounts.Keys.Where(account => string.CompareOrdinal(account, after?.Value ?? string.Empty) > 0).Take(limit).Select(account => new AccountId(account))];

    public IReadOnlyList<DueNote> ListDue(DateTimeOffset now, int limit) =>
        [.. Open().Dues.Values.Where(note => note.WakeAt <= now).OrderBy(note => note.WakeAt).ThenBy(note => note.Account.Value, StringComparer.Ordinal).Take(limit)];

    public IReadOnlyList<AccountId> ListNoted(AccountId? after, AccountId through) =>
    [
        .. Open().Dues.Values.Select(note => note.Account)
            .Where(account => string.CompareOrdinal(account.Value, after?.Value) > 0 && string.CompareOrdinal(account.Value, through.Value) <= 0)
            .OrderBy(account => account.Value, StringComparer.Ordinal),
    ];

    public void Dispose() => isClosed = true;

    private StoredPage? Find(long account, long sequence)
    {
        var pages = Open().Pages.GetValueOrDefault(account, []);
        var at = pages.FindLastIndex(page => page.Header.First <= sequence);
        return at < 0 ? null : pages[at];
    }

    private PageFile Open()
    {
        if (isClosed)
        {
            ledger.Violate("a view of the pages is read after it was closed");
        }

        return file;
    }
}
