using Metering.Core;
using Microsoft.Extensions.Logging;

namespace Metering.Engine;

/// <summary>What the due-queue works with.</summary>
internal sealed record DueQueueParts(ILedgerStore Ledger, IDueStore Notes, GroupCommit Commit, ActivationTable Accounts, CallRunner Runner);

/// <summary>
/// Enters what falls due on accounts that nobody calls. The writer tells when an account's next due time has changed, which a deduction never does;
/// such changes are noted behind, in batches, each account with its own delay after the due time. The queue asks the store whose time has come,
/// looks at those accounts as a call would, a few at once, and lets go of those that were not in memory before. A crash may lose notes:
/// a comparison of the ledger's list with the notes, at the start and once a day, finds accounts that have none, and one with an old note is
/// looked at too early and noted again. So each account comes in the end, and whoever calls meanwhile enters what is due himself.
/// <para>Callers come first: a group of accounts takes an eighth of the queue at most, and while callers fill one, it waits, for a second at most.</para>
/// </summary>
internal sealed class DueQueue : IAsyncDisposable
{
    /// <summary>Accounts looked at side by side, at most: enough to share commits, few beside callers.</summary>
    private const int MaxGroup = 64;

    private const int ClaimedAccounts = 256;
    private const int ComparedAccounts = 1_024;

    /// <summary>Changes that wait to be noted; of more than these, the comparison finds the accounts that have no note.</summary>
    private const int MaxWaiting = 100_000;

    private const int MaxYields = 10;

    private static readonly TimeSpan Lease = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan ComparisonInterval = TimeSpan.FromDays(1);
    private static readonly TimeSpan LookInterval = TimeSpan.FromDays(31);
    private static readonly TimeSpan RetryBroken = TimeSpan.FromHours(1);
    private static readonly TimeSpan RetryBusy = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan Yield = TimeSpan.FromMilliseconds(100);

    private readonly DueQueueParts parts;
    private readonly DueQueueOptions options;
    private readonly TimeProvider time;
    private readonly TaskScheduler scheduler;
    private readonly int manyCalls;
    private readonly int groupSize;
    private readonly ILogger logger;
    private readonly CancellationTokenSource stopping = new();
    private readonly CancellationToken token;
    private readonly Lock gate = new();
    private Dictionary<AccountId, DueNote> waiting = [];
    private Task? running;
    private Task pass = Task.CompletedTask;
    private volatile bool isOn;
    private bool isDisposed;
    private AccountId? comparedThrough;
    private DateTimeOffset compareAt = DateTimeOffset.MinValue;

    public DueQueue(DueQueueParts parts, CreditMeteringOptions metering, TimeProvider time, ILogger logger)
    {
        (this.parts, options, this.time, this.logger) = (parts, metering.Due, time, logger);
        scheduler = metering.Scheduler;
        token = stopping.Token;
        manyCalls = Math.Max(1, metering.QueueCapacity / 8);
        groupSize = Math.Min(MaxGroup, manyCalls);
    }

    /// <summary>Accounts that were looked at because their time had come, or because they had no note.</summary>
    public long Entered { get; private set; }

    /// <summary>How long after a due time an account's turn comes: its own share of the window, always the same.</summary>
    public static TimeSpan DelayOf(AccountId account, TimeSpan window)
    {
        // FNV-1a, and a last mixing so that ids that differ at their ends only differ in the high bits, too.
        var hash = 0xCBF2_9CE4_8422_2325;
        foreach (var letter in account.Value)
        {
            hash = (hash ^ letter) * 0x0000_0100_0000_01B3;
        }

        hash = (hash ^ (hash >> 33)) * 0xFF51_AFD7_ED55_8CCD;
        return TimeSpan.FromMilliseconds((long)(window.TotalMilliseconds * ((hash ^ (hash >> 33)) >> 11) / (1UL << 53)));
    }

    /// <summary>Something falls due on an account at another moment than before. The writer calls it, so nothing here waits; until the start nothing is kept.</summary>
    public void Note(AccountId account, DateTimeOffset nextDue)
    {
        if (isOn)
        {
            Keep(NoteOf(account, nextDue));
        }
    }

    /// <summary>Runs until it is disposed. Once.</summary>
    public void Start()
    {
        isOn = true;
        var loop = new Task<Task>(RunAsync);
        if (Interlocked.CompareExchange(ref running, loop.Unwrap(), null) is null)
        {
            loop.Start(scheduler);
        }
    }

    /// <summary>Ends what runs, once. Accounts under way are finished.</summary>
    public ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref isDisposed, true))
        {
            return default;
        }

        // Here and now: what waits goes on where it runs, and not on a thread of the pool.
        stopping.Cancel();
        return EndAsync();
    }

    /// <summary>Notes what changed to the last; nothing does any more. A note that is lost here is made up for after the next start.</summary>
    public async Task FlushLastAsync()
    {
        try
        {
            await FlushAsync(CancellationToken.None);
        }
        catch (LedgerUnavailableException)
        {
        }
    }

    /// <summary>Does everything that can be done now. One at a time.</summary>
    /// <exception cref="LedgerUnavailableException">The store does not serve now.</exception>
    /// <exception cref="OperationCanceledException">The queue is stopping.</exception>
    public Task RunOnceAsync()
    {
        isOn = true;
        return pass = RunPassAsync();
    }

    private async Task RunPassAsync()
    {
        while (await TakeTurnAsync())
        {
        }
    }

    private async ValueTask EndAsync()
    {
        await (running ?? Task.CompletedTask);

        // Whatever it ended with is its caller's to hear.
        await Task.WhenAny(pass);
        stopping.Dispose();
    }

    private async Task RunAsync()
    {
        while (!token.IsCancellationRequested)
        {
            try
            {
                await RunOnceAsync();
            }
            catch (LedgerUnavailableException exception)
            {
                logger.LogWarning("What falls due is entered later, or by the next call of each account: {Reason}", exception.Message);
            }
            catch (OperationCanceledException) when (token.IsCancellationRequested)
            {
                return;
            }
            catch (Exception exception)
            {
                logger.LogError(exception, "The queue of what falls due failed and goes on; calls enter what is due on their accounts.");
            }

            await WaitAsync(options.Interval);
        }
    }

    /// <returns>True where another turn is worth taking at once.</returns>
    private async Task<bool> TakeTurnAsync()
    {
        token.ThrowIfCancellationRequested();
        await FlushAsync(token);
        var claimed = await parts.Notes.ClaimDueAsync(time.GetUtcNow(), Lease, ClaimedAccounts, token);
        await EnterAllAsync(claimed);
        var isComparing = await CompareAsync();
        return isComparing || claimed.Count == ClaimedAccounts;
    }

    /// <summary>Looks at the next accounts of the ledger's list that have no note.</summary>
    /// <returns>True where the list goes on.</returns>
    private async ValueTask<bool> CompareAsync()
    {
        if (compareAt > time.GetUtcNow())
        {
            return false;
        }

        var listed = await parts.Ledger.ListAccountsAsync(comparedThrough, ComparedAccounts, token);
        if (listed.Count > 0)
        {
            var noted = (await parts.Notes.ListNotedAsync(comparedThrough, listed[^1], token)).ToHashSet();
            List<AccountId> missing = [.. listed.Where(account => !noted.Contains(account) && !IsWaiting(account))];
            await EnterAllAsync(missing);
            comparedThrough = listed[^1];
        }

        if (listed.Count == ComparedAccounts)
        {
            return true;
        }

        (comparedThrough, compareAt) = (null, time.GetUtcNow() + ComparisonInterval);
        return false;
    }

    private async Task EnterAllAsync(IReadOnlyList<AccountId> accounts)
    {
        for (var from = 0; from < accounts.Count; from += groupSize)
        {
            var began = time.GetTimestamp();
            for (var yields = 0; yields < MaxYields && parts.Commit.Depth > manyCalls; yields++)
            {
                await Task.Delay(Yield, time, token);
            }

            var group = new Task[Math.Min(groupSize, accounts.Count - from)];
            for (var index = 0; index < group.Length; index++)
            {
                group[index] = EnterAsync(accounts[from + index]);
            }

            await Task.WhenAll(group);
            Entered += group.Length;

            // Before the next claim: what is noted anew is not given out again.
            await FlushAsync(token);
            await KeepRateAsync(group.Length, time.GetElapsedTime(began));
        }
    }

    private async Task EnterAsync(AccountId account)
    {
        var wasInMemory = parts.Accounts.TryGetLive(account, out _);
        var now = time.GetUtcNow();
        try
        {
            var run = await parts.Runner.RunLongAsync(account, new DueCall(), made: null, token);
            if (run.Refusal is not null || !run.View.IsOpen)
            {
                // Too much to do, or no ledger to write to: nothing was changed, or the next look tells what was. Or another process has just opened
                // the account, and memory here is a moment behind.
                Keep(new(account, now + RetryBusy));
            }
            else if (run.View.NextDue > now)
            {
                Keep(NoteOf(account, run.View.NextDue));
            }
            else
            {
                Keep(new(account, now + RetryBroken));
            }
        }
        catch (Exception exception) when (exception is LedgerFormatException or LedgerContentException or InvariantException)
        {
            logger.LogError("What is due on account {Account} cannot be entered: {Reason}", account, exception.Message);
            Keep(new(account, now + RetryBroken));
        }

        if (!wasInMemory)
        {
            parts.Accounts.LetGo(account);
        }
    }

    /// <summary>
    /// Also where nothing falls due for long, an account is looked at from time to time: of two processes' notes the older may come last.
    /// </summary>
    private DueNote NoteOf(AccountId account, DateTimeOffset nextDue)
    {
        var latest = time.GetUtcNow() + LookInterval;
        return new(account, (nextDue < latest ? nextDue : latest) + DelayOf(account, options.Window));
    }

    private Task KeepRateAsync(int count, TimeSpan took)
    {
        var wait = options.MaxPerSecond == 0 ? TimeSpan.Zero : TimeSpan.FromSeconds((double)count / options.MaxPerSecond) - took;
        return wait > TimeSpan.Zero ? Task.Delay(wait, time, token) : Task.CompletedTask;
    }

    private void Keep(in DueNote note)
    {
        lock (gate)
        {
            if (waiting.Count < MaxWaiting || waiting.ContainsKey(note.Account))
            {
                waiting[note.Account] = note with { WakeAt = note.WakeAt.ToLedger() };
            }
        }
    }

    private bool IsWaiting(AccountId account)
    {
        lock (gate)
        {
            return waiting.ContainsKey(account);
        }
    }

    private async Task FlushAsync(CancellationToken cancellationToken)
    {
        Dictionary<AccountId, DueNote> taken;
        lock (gate)
        {
            if (waiting.Count == 0)
            {
                return;
            }

            (taken, waiting) = (waiting, []);
        }

        try
        {
            await parts.Notes.NoteDueAsync([.. taken.Values], cancellationToken);
        }
        catch
        {
            lock (gate)
            {
                // What changed meanwhile is newer.
                foreach (var (account, note) in taken)
                {
                    waiting.TryAdd(account, note);
                }
            }

            throw;
        }
    }

    private async Task WaitAsync(TimeSpan wait)
    {
        try
        {
            await Task.Delay(wait, time, token);
        }
        catch (OperationCanceledException)
        {
            // Stopping: the loop ends.
        }
    }
}
