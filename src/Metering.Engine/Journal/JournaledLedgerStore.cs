using Metering.Core;

namespace Metering.Engine;

/// <summary>
/// The ledger behind a journal: a batch is durable, and answered, once it is <b>one journal record</b>; a projector packs the entries into
/// pages afterwards. What the pages do not have yet is the tail, which this store holds in memory; every read takes the tail first and the
/// pages then, and merges them by sequence, so that a projection under way is never missed and never seen twice.
/// <para>
/// It does nothing by itself: <see cref="Step"/> is the projector, and whoever owns the store drives it: a thread in the product, a
/// scheduler in a simulation, which also brings its own <see cref="IJournal"/> and <see cref="IPageStore"/>. One step either commits pages with
/// the watermark, or deletes journal records below it, so that a crash can fall between any two. <see cref="Abandon"/> is such a crash.
/// </para>
/// <para>
/// Order is all that keeps it safe: pages and watermark are durable before a journal record goes; a record at or below the watermark is
/// passed over at a start; the journal and the pages carry one identity.
/// </para>
/// </summary>
internal sealed partial class JournaledLedgerStore : ILedgerStore
{
    private readonly IJournal journal;
    private readonly IPageStore pages;
    private readonly JournaledLedgerOptions options;
    private readonly Lock appending = new();
    private readonly Lock projecting = new();

    // Over everything in memory; never held during input or output. For microseconds, but for what walks the whole tail: a look-up of a key and
    // a list of accounts take a copy of it.
    private readonly Lock gate = new();
    private readonly Tail tail;
    private LedgerFatalException? failed;
    private LedgerUnavailableException? pagesUnavailable;
    private bool disposed;
    private long position;

    private JournaledLedgerStore(IJournal journal, IPageStore pages, JournaledLedgerOptions options)
    {
        (this.journal, this.pages, this.options) = (journal, pages, options);
        tail = new(options.CachedAccounts);
        packer = new(pages.State.LastAccount);
        (position, watermark) = (pages.State.Watermark, pages.State.Watermark);
        credit = options.MaxBacklogBytes / 16;
    }

    /// <summary>Called, outside of all locks, when there is work for the projector: soon, or at once where the flag says so.</summary>
    public Action<bool>? WorkArrived { get; set; }

    /// <summary>Bytes of journal records that the pages do not have.</summary>
    public long BacklogBytes => Locked(tail => tail.Bytes);

    /// <summary>Entries that the pages do not have.</summary>
    public long BacklogEntries => Locked(tail => tail.Entries);

    /// <summary>
    /// Opens a ledger. Its lag is read once, in order; nothing waits for the projector. Memory: records up to
    /// <see cref="JournaledLedgerOptions.MaxBacklogBytes"/>, beyond that about 60 bytes an entry and 300 an account; their bytes then stay in
    /// the journal.
    /// </summary>
    /// <param name="journal">The journal; the store owns it from now on, also where opening fails.</param>
    /// <param name="pages">The pages; the same.</param>
    /// <param name="options">Limits.</param>
    /// <exception cref="MeteringStartupException">The two do not belong together, or the journal is damaged or cannot be read now.</exception>
    public static JournaledLedgerStore Open(IJournal journal, IPageStore pages, JournaledLedgerOptions options)
    {
        try
        {
            JournalRules.Join(journal, pages);
            var store = new JournaledLedgerStore(journal, pages, options);
            store.Recover();
            pages.SetNeedsJournal(true);
            return store;
        }
        catch (LedgerFormatException damage)
        {
            journal.Dispose();
            pages.Dispose();
            throw new MeteringStartupException($"{damage.Message} Restore {pages.Name} and {journal.Name} from one backup, or choose another path.", damage);
        }
        catch (Exception reason) when (reason is LedgerUnavailableException or LedgerFatalException)
        {
            journal.Dispose();
            pages.Dispose();
            throw new MeteringStartupException($"{reason.Message} The ledger can start once {journal.Name} can be read.", reason);
        }
        catch
        {
            journal.Dispose();
            pages.Dispose();
            throw;
        }
    }

    /// <inheritdoc />
    public ValueTask<bool> IsHealthyAsync(CancellationToken cancellationToken = default)
    {
        lock (gate)
        {
            if (disposed || failed is not null || pagesUnavailable is not null)
            {
                return ValueTask.FromResult(false);
            }
        }

        return ValueTask.FromResult(pages.IsHealthy && journal.IsHealthy);
    }

    /// <summary>
    /// Brings the pages up to date, as far as one backlog's worth goes, and closes both files. Where all is in the pages, they do not need
    /// the journal any more, until the next start.
    /// </summary>
    public ValueTask DisposeAsync()
    {
        if (!Close())
        {
            return ValueTask.CompletedTask;
        }

        lock (appending)
        {
            lock (projecting)
            {
                try
                {
                    Finish();
                }
                finally
                {
                    journal.Dispose();
                    pages.Dispose();
                }
            }
        }

        return ValueTask.CompletedTask;
    }

    /// <summary>Closes without projecting anything, as a crash would; for simulations and tests.</summary>
    public void Abandon()
    {
        if (Close())
        {
            lock (appending)
            {
                lock (projecting)
                {
                    journal.Dispose();
                    pages.Dispose();
                }
            }
        }
    }

    private bool Close()
    {
        lock (gate)
        {
            if (disposed)
            {
                return false;
            }

            disposed = true;
        }

        LetAppendsThrough();
        return true;
    }

    private void Finish()
    {
        try
        {
            for (var rest = options.MaxBacklogBytes * 2; failed is null && rest > 0 && StepOnce(); rest -= options.StepBytes)
            {
            }

            if (failed is null && Locked(static tail => tail.Records) == 0 && deletions.Count == 0)
            {
                pages.SetNeedsJournal(false);
            }
        }
        catch (Exception error) when (error is LedgerUnavailableException or LedgerFatalException)
        {
            // The journal still has what the pages have not; the next start goes on from there.
        }
    }

    private T Locked<T>(Func<Tail, T> read)
    {
        lock (gate)
        {
            return read(tail);
        }
    }

    private void Recover()
    {
        var expected = watermark + 1;
        var recovery = new TailRecovery(tail, options.MaxBacklogBytes, journal.Name);
        journal.Read(expected, (found, record) =>
        {
            if (found != expected)
            {
                throw new LedgerFormatException($"Record {expected} of {journal.Name} is missing.");
            }

            JournalRecord.Check(record, found, journal.Name);
            recovery.Add(found, record);
            expected++;
            return true;
        });
        position = expected - 1;
        if (journal.State is { First: > 0 } state && state.First <= watermark)
        {
            deletions.Enqueue(watermark);
        }
    }
}
