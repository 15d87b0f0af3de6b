using Metering.Engine;

namespace Metering.Simulation;

/// <summary>
/// The real journalled store of one process, from its start to its crash or its end: drives the projector, decides the faults of its
/// files, and lets other work of the process happen in the middle of a read, an append or a projection, wherever another thread's could.
/// </summary>
internal sealed class OpenLedger
{
    private const int MaxDepth = 3;

    // Uses of the files in one step of the world, beyond which the store goes round in circles: an audit takes a few thousand.
    private const int MaxUses = 200_000;

    private readonly SimulatedWorld world;
    private readonly SimulatedLedger ledger;
    private readonly JournalSettings settings;
    private readonly Func<FaultProfile> faults;
    private readonly Action mustStop;
    private readonly Dictionary<AccountId, long> known = [];
    private readonly List<PendingCall> waiting = [];
    private readonly Queue<TaskCompletionSource> turns = new();
    private JournaledLedgerOptions options = new();
    private JournaledLedgerStore? store;
    private IReadOnlyList<AppendGroup>? appending;
    private AppendResult[]? landed;
    private bool hasTurn;
    private bool isStepping;
    private bool isStopping;
    private bool isQuiet;
    private bool isOver;
    private int depth;
    private int uses;
    private int usesAt;
    private int alarm;
    private long? nextStep;

    public OpenLedger(SimulatedWorld world, SimulatedLedger ledger, JournalSettings settings, Func<FaultProfile> faults, Action mustStop)
    {
        (this.world, this.ledger, this.settings, this.faults, this.mustStop) = (world, ledger, settings, faults, mustStop);
        Reader = new(ledger, () => store!, KnownAt, Violate);
    }

    /// <summary>Reads of the store, each judged as it is made.</summary>
    public JudgedReader Reader { get; }

    /// <summary>Opens the store on what the disk holds.</summary>
    /// <exception cref="MeteringStartupException">The engine refuses to.</exception>
    public void Open(SimulatedDisk disk)
    {
        var isShort = world.Chance(500);
        options = settings.ToOptions(isShort);
        store = JournaledLedgerStore.Open(new SimulatedJournal(disk, this), new SimulatedPages(disk, this), options);
        foreach (var account in ledger.Accounts)
        {
            known[account] = ledger.Head(account).Sequence;
        }

        world.Trace($"the ledger opens with a lag of {store.BacklogEntries} entries{(isShort && store.BacklogBytes > options.MaxBacklogBytes ? ", beyond its limit" : "")}");
        if (disk.Journal!.State.First is > 0 and var first && first <= disk.Pages.Watermark && !store.HasWork)
        {
            Violate($"journal records from {first} came back, which the pages have through {disk.Pages.Watermark}, and the store leaves them");
        }

        store.WorkArrived = Wake;
        Audit();
        Wake(isUrgent: store.IsStepDue);
    }

    /// <summary>The account's last entry that the store must know of. It may know more: an append of which it cannot tell.</summary>
    public long KnownAt(AccountId account) => known.GetValueOrDefault(account);

    /// <summary>Waits for the turn to append: meters of one process share the one writer of their store.</summary>
    public Task TakeTurnAsync()
    {
        if (!hasTurn)
        {
            hasTurn = true;
            return Task.CompletedTask;
        }

        var turn = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        turns.Enqueue(turn);
        return turn.Task;
    }

    public void ReturnTurn()
    {
        hasTurn = turns.TryDequeue(out var next);
        next?.SetResult();
    }

    /// <summary>Notes a call that has left the engine and may reach the store at any moment.</summary>
    public PendingCall Expect(Func<Task> call, bool isAppend)
    {
        var pending = new PendingCall(call, isAppend);
        waiting.Add(pending);
        return pending;
    }

    /// <summary>Lets a call reach the store, unless it has.</summary>
    public void Start(PendingCall call)
    {
        if (waiting.Remove(call))
        {
            call.Start();
        }
    }

    /// <summary>Appends, and judges what the store says of it.</summary>
    public async Task AppendAsync(IReadOnlyList<AppendGroup> groups)
    {
        (appending, landed) = (groups, null);
        try
        {
            await store!.AppendAsync(groups);
        }
        catch (LedgerUnavailableException) when (landed is null)
        {
            throw;
        }
        catch (LedgerContentException) when (landed is null)
        {
            throw;
        }
        catch (LedgerFatalException)
        {
            throw;
        }
        catch (Exception error) when (!isOver)
        {
            Violate($"an append that {(landed is null ? "is not durable" : "is durable")} threw {error}");
            throw;
        }

        for (var index = 0; index < groups.Count; index++)
        {
            var group = groups[index];
            var expected = landed?[index] ?? (ledger.Head(group.Account) == group.Expected ? AppendResult.Appended : AppendResult.HeadMismatch);
            if (group.Result != expected || (landed is null && expected == AppendResult.Appended))
            {
                var what = $"{group.Account} {group.Rows[0].Sequence}..{group.Next.Sequence} on {group.Expected.Sequence}";
                Violate($"the store answers {group.Result} to {what}, where {(landed is null ? "nothing became durable and " : "")}{expected} is right");
            }

            known[group.Account] = ledger.Head(group.Account).Sequence;
        }
    }

    public void Save(AccountId account, LedgerSnapshot snapshot)
    {
        Reader.Expect(account, snapshot);
        store!.SaveSnapshotAsync(account, snapshot).AsTask().GetAwaiter().GetResult();
    }

    /// <summary>Fate decides over an append in the journal: whether it lasts, and what the store hears.</summary>
    public (bool IsDone, Exception? Failure) DrawAppend()
    {
        var profile = faults();
        if (appending!.Count > 1 && world.Chance(profile.AppendTooLarge))
        {
            return (false, new LedgerContentException("simulated: too much for one record"));
        }

        if (world.Chance(profile.AppendUnavailable))
        {
            return (false, new LedgerUnavailableException("simulated: append"));
        }

        return world.Chance(profile.AppendFatal) ? (world.Chance(500), new LedgerFatalException("simulated: I/O error in commit")) : (true, null);
    }

    /// <summary>The append that is under way is durable.</summary>
    public void Landed(long position)
    {
        landed = ledger.Append(appending!);
        for (var index = 0; world.IsTraced && index < landed.Length; index++)
        {
            world.Trace($"record {position}: {appending![index].Account} {appending[index].Rows[0].Sequence}..{appending[index].Next.Sequence}: {landed[index]}");
        }
    }

    public void Violate(string what) => world.Violate($"{what}.");

    public bool Chance(Func<FaultProfile, int> perMille) => !isQuiet && world.Chance(perMille(faults()));

    /// <summary>The store cannot go on: whoever watches the process ends it.</summary>
    public void StopSoon()
    {
        if (!isStopping)
        {
            isStopping = true;
            world.After(world.Random.Next(40), mustStop);
        }
    }

    /// <summary>Here another thread of the process may come in between, and sometimes does.</summary>
    public void Interleave(string place)
    {
        (uses, usesAt) = (usesAt == world.Step ? uses + 1 : 0, world.Step);
        if (uses > MaxUses)
        {
            throw new InvalidOperationException($"The store uses its files {uses} times without an end ({place}).");
        }

        if (isOver || store is null || depth >= MaxDepth || !world.Chance(settings.Races))
        {
            return;
        }

        depth++;
        if (!isStepping && world.Random.Next(2) == 0)
        {
            for (var steps = world.Random.Next(1, 4); steps > 0 && store.HasWork; steps--)
            {
                Step(place);
            }
        }
        else if (waiting.Count > 0 && waiting[world.Random.Next(waiting.Count)] is var call && (!call.IsAppend || HasRoom))
        {
            world.Trace($"{(call.IsAppend ? "an append" : "a read")} races {place}");
            Start(call);
        }

        depth--;
    }

    /// <summary>The process is gone. What it had sent to the disk lands or not.</summary>
    public void Crash()
    {
        foreach (var call in waiting.ToArray())
        {
            if (call.IsAppend && HasRoom && world.Chance(faults().LandsAfterCrash))
            {
                Start(call);
            }
        }

        world.Trace($"the ledger is left with a lag of {store!.BacklogEntries} entries, watermark {store.Watermark}");
        isOver = true;
        store.Abandon();
    }

    /// <summary>An orderly end.</summary>
    public void Close()
    {
        Audit();
        isOver = true;
        store!.DisposeAsync().AsTask().GetAwaiter().GetResult();
    }

    /// <summary>Reads everything through the store, with projections in between.</summary>
    private void Audit()
    {
        isQuiet = true;
        Reader.ReadAll(world.Random);
        isQuiet = false;
    }

    // Where an append would have to wait, only the engine's own task may make it.
    private bool HasRoom => store!.BacklogBytes < options.MaxBacklogBytes && store.BacklogEntries < options.MaxBacklogEntries;

    private void Wake(bool isUrgent)
    {
        var delay = world.Random.Next((isUrgent ? 3 : settings.Linger) + 1);
        if (isOver || (nextStep is { } planned && planned <= world.Now + delay))
        {
            return;
        }

        nextStep = world.Now + delay;
        var armed = ++alarm;
        world.After(delay, () =>
        {
            if (armed == alarm && !isOver)
            {
                Project();
            }
        });
    }

    private void Project()
    {
        nextStep = null;
        var isDone = Step("nothing");
        if (world.Chance(30))
        {
            Audit();
        }

        if (store!.HasWork)
        {
            Wake(isDone && store.IsStepDue);
        }
    }

    private bool Step(string place)
    {
        isStepping = true;
        var (watermark, entries) = (store!.Watermark, store.BacklogEntries);
        var isDone = store.Step();
        isStepping = false;
        if (world.IsTraced)
        {
            world.Trace(store.Watermark > watermark ? $"a projection of {entries - store.BacklogEntries} entries races {place}, watermark {store.Watermark}"
                : isDone ? $"a deletion or snapshots race {place}" : $"a projection fails, racing {place}");
        }

        return isDone;
    }
}

/// <summary>A call on its way to the store.</summary>
internal sealed class PendingCall(Func<Task> call, bool isAppend)
{
    private Task? task;

    public bool IsAppend => isAppend;

    /// <summary>What became of it; it has been started.</summary>
    public Task Outcome => task ?? throw new InvalidOperationException("The call was not started.");

    public void Start() => task = call();
}
