using Metering.Engine;
using Microsoft.Extensions.Logging.Abstractions;

namespace Metering.Simulation;

/// <summary>A meter that runs, or has run, in a process.</summary>
internal sealed class MeterHandle(string name, EmbeddedCreditMeter meter, MeterStore store, SimulatedProcess process)
{
    public string Name => name;

    public EmbeddedCreditMeter Meter => meter;

    public MeterStore Store => store;

    public SimulatedProcess Process => process;

    /// <summary>What was durable when the meter started: it must never know less.</summary>
    public Dictionary<AccountId, long> DurableAtStart { get; } = [];

    public bool IsDraining { get; set; }

    /// <summary>True while it enters what is due on accounts that nobody calls.</summary>
    public bool IsEntering { get; set; }
}

/// <summary>A process: a scheduler, a clock and meters, until it crashes.</summary>
internal sealed class SimulatedProcess(int index, SimulatedScheduler scheduler, SimulatedClock clock)
{
    public int Index => index;

    public SimulatedScheduler Scheduler => scheduler;

    public SimulatedClock Clock => clock;

    public List<MeterHandle> Meters { get; } = [];

    /// <summary>What archivers of this process reach ledger and archive by.</summary>
    public List<SimulatedLedgerStore> ArchiverStores { get; } = [];

    public bool IsCrashed { get; set; }
}

/// <summary>When an account was seen to stand where.</summary>
internal sealed class SeenHeads
{
    public Queue<(long At, long Sequence)> Recent { get; } = [];

    public long SecondAgo { get; set; }
}

/// <summary>Runs a plan: the real engine in simulated processes over one simulated storage, and keeps what was called and answered.</summary>
internal sealed partial class Simulation
{
    private readonly SimulationPlan plan;
    private readonly SimulatedWorld world;
    private readonly SimulatedStorage storage;
    private readonly SimulatedProcess?[] processes;
    private readonly DateTimeOffset[] clockStarts;
    private readonly Dictionary<int, List<CallRecord>> attempts = [];
    private readonly Dictionary<AccountId, SeenHeads> heads = [];
    private FaultProfile faults;
    private int meters;
    private SimulatedProcess? archiving;

    private Simulation(SimulationPlan plan, StoreBug bug, Action<string>? trace)
    {
        this.plan = plan;
        world = new(plan.Seed, trace);
        faults = plan.Faults;
        storage = SimulatedStorage.Create(plan, world, bug, () => faults);
        processes = new SimulatedProcess?[plan.Processes];
        clockStarts = [.. plan.ClockStarts];
    }

    public StorageKind Storage => plan.Storage;

    /// <summary>Days for which an account whose period was not paid goes on spending.</summary>
    public int GraceDays => plan.GraceDays;

    /// <summary>What is durable.</summary>
    public SimulatedLedger Ledger => storage.Ledger;

    /// <summary>Histories of the journalled store archive nothing yet: its judge compares reads with every row from the first.</summary>
    private bool CanArchive => plan.Storage != StorageKind.Journal;

    /// <summary>Where archived entries are: another disk, which every process shares and every crash spares, too.</summary>
    public SimulatedLedger Archive { get; } = new(StoreBug.None);

    /// <summary>An account's whole history: what was archived and cut, and what the ledger holds.</summary>
    public IReadOnlyList<LedgerRow> Rows(AccountId account)
    {
        var begin = Ledger.Base(account)?.Head.Sequence ?? 0;
        return [.. Archive.Rows(account).Where(row => row.Sequence <= begin), .. Ledger.Rows(account)];
    }

    /// <summary>Every attempt, in the order of their beginnings.</summary>
    public List<CallRecord> Calls { get; } = [];

    public int Steps => world.Step;

    /// <summary>Runs a plan to its end, and what remains after faults have ceased.</summary>
    /// <returns>The run, and what went wrong in it; null for nothing.</returns>
    public static (Simulation Run, string? Violation) Execute(SimulationPlan plan, StoreBug bug = StoreBug.None, Action<string>? trace = null)
    {
        // A synchronization context of the test runner would take continuations away from the simulated schedulers.
        var context = SynchronizationContext.Current;
        SynchronizationContext.SetSynchronizationContext(null);
        try
        {
            var run = new Simulation(plan, bug, trace);
            try
            {
                run.Run();
                return (run, run.world.Violation ?? HistoryChecker.Check(run));
            }
            catch (Exception exception)
            {
                return (run, run.world.Violation ?? $"step {run.world.Step} threw {exception}");
            }
        }
        finally
        {
            SynchronizationContext.SetSynchronizationContext(context);
        }
    }

    private void Run()
    {
        for (var index = 0; index < processes.Length; index++)
        {
            Start(index);
        }

        foreach (var item in plan.Items)
        {
            world.After(item.At, () => Do(item));
        }

        PlanDueTurns();
        world.RunUntilQuiet();
        if (world.Violation is null)
        {
            Finish();
        }
    }

    private void Do(PlanItem item)
    {
        switch (item)
        {
            case CallItem call:
                Call(call.Operation);
                break;
            case CrashItem crash:
                Crash(crash.Process, crash.DownFor);
                break;
            case RestartItem restart when processes[restart.Process] is { } process:
                foreach (var meter in process.Meters.ToArray())
                {
                    Drain(meter, startAnother: true);
                }

                break;
            case RestartItem:
                break;
            case ArchiveItem archive when CanArchive && processes[archive.Process] is { Meters.Count: > 0 } process && archiving is null or { IsCrashed: true }:
                StartArchiver(process, new() { Before = DateTimeOffset.MaxValue, KeptTail = ArchiveOptions.LeastKeptTail, MinEntries = archive.MinEntries, BatchEntries = archive.BatchEntries, BatchAccounts = archive.BatchAccounts }, mustFinish: false);
                break;
            case ArchiveItem:
                break;
            case JumpItem jump:
                Jump(jump);
                break;
            default:
                throw new InvalidOperationException($"There is no item {item}.");
        }
    }

    private void Start(int index)
    {
        var scheduler = new SimulatedScheduler(world);
        var process = new SimulatedProcess(index, scheduler, new(world, scheduler, clockStarts[index]));
        processes[index] = process;
        for (var count = 0; count < plan.MetersPerProcess; count++)
        {
            StartMeter(process);
        }
    }

    private void StartMeter(SimulatedProcess process)
    {
        var name = $"meter-{++meters}";
        var store = storage.Connect(process, name, () => Crash(process, 10));
        var options = new CreditMeteringOptions
        {
            Scheduler = process.Scheduler,
            NextTag = () => (ulong)world.Random.NextInt64(long.MinValue, long.MaxValue),
        };
        plan.Configure(options);
        var meter = new EmbeddedCreditMeter(store, options, process.Clock, NullLogger<EmbeddedCreditMeter>.Instance);
        var handle = new MeterHandle(name, meter, store, process);
        foreach (var account in Ledger.Accounts)
        {
            handle.DurableAtStart.Add(account, storage.KnownAtStart(account));
        }

        process.Meters.Add(handle);
        process.Scheduler.Post(async () =>
        {
            await meter.Fatal;
            world.Trace($"{name} failed for good; its process must stop");
            world.After(world.Random.Next(20), () => Crash(process, 10));
        });
        world.Trace($"{name} starts in process {process.Index}");
    }

    private void Crash(int index, int downFor)
    {
        if (processes[index] is { } process)
        {
            Crash(process, downFor);
        }
    }

    private void Crash(SimulatedProcess process, int downFor)
    {
        if (process.IsCrashed)
        {
            return;
        }

        world.Trace($"process {process.Index} crashes");
        process.IsCrashed = true;
        process.Scheduler.Kill();
        process.Meters.ForEach(meter => meter.Store.Crash());
        process.ArchiverStores.ForEach(store => store.Crash());
        storage.Crash(process);
        LoseNotes();
        processes[process.Index] = null;
        world.After(downFor, () => Start(process.Index));
        foreach (var call in Calls.Where(call => call.Meter.Process == process && call.End == CallEnd.Unanswered).ToArray())
        {
            call.Clocks.Add(process.Clock.GetUtcNow());
            Retry(call);
        }
    }

    private void Drain(MeterHandle handle, bool startAnother)
    {
        if (handle.IsDraining)
        {
            return;
        }

        handle.IsDraining = true;
        world.Trace($"{handle.Name} drains");
        handle.Process.Scheduler.Post(async () =>
        {
            await handle.Meter.DrainAsync();
            world.Trace($"{handle.Name} is drained");
            handle.Store.Close();
            handle.Process.Meters.Remove(handle);
            if (!handle.Meter.Fatal.IsCompleted && handle.Meter.QueueDepth != 0)
            {
                world.Violate($"{handle.Name} was drained, and holds {handle.Meter.QueueDepth} slots of the queue.");
            }

            Leave(handle, startAnother);
        });
    }

    private void StartArchiver(SimulatedProcess process, ArchiveOptions options, bool mustFinish)
    {
        archiving = process;
        var meter = process.Meters[world.Random.Next(process.Meters.Count)];
        var ledger = new SimulatedLedgerStore(world, Ledger, $"archiver at {meter.Name}", () => faults);
        var archive = new SimulatedLedgerStore(world, Archive, $"archive of {meter.Name}", () => faults);
        process.ArchiverStores.AddRange([ledger, archive]);
        world.Trace($"process {process.Index} archives");
        process.Scheduler.Post(async () =>
        {
            try
            {
                var report = await new LedgerArchiver(ledger, archive, meter.Meter, options).ArchiveAsync();
                world.Trace($"process {process.Index} archived {report.Entries} entries");
            }
            catch (Exception exception) when (!mustFinish && exception is LedgerUnavailableException or LedgerOutcomeUnknownException or LedgerFatalException or LedgerContentException or ArchiveException)
            {
                world.Trace($"process {process.Index} stops archiving: {exception.Message}");
            }
            catch (Exception exception)
            {
                world.Violate($"the archiver of process {process.Index} threw {exception}");
            }

            archiving = null;
        });
    }

    /// <summary>A store that closes its files waits for those who still read.</summary>
    private void Leave(MeterHandle handle, bool startAnother)
    {
        if (handle.Process.IsCrashed)
        {
            return;
        }

        if (storage.IsClosedByLastMeter && Calls.Exists(call => call.Meter == handle && call.EndStep == int.MaxValue))
        {
            world.After(2, () => Leave(handle, startAnother));
            return;
        }

        storage.Disconnect(handle.Process);
        if (startAnother)
        {
            StartMeter(handle.Process);
        }
    }

    /// <summary>What the calls before saw to be durable a second ago or earlier.</summary>
    private long SecondBefore(AccountId account, long durable)
    {
        if (!heads.TryGetValue(account, out var seen))
        {
            heads.Add(account, seen = new());
        }

        seen.Recent.Enqueue((world.Now, durable));
        while (seen.Recent.Peek().At <= world.Now - 1_000)
        {
            seen.SecondAgo = seen.Recent.Dequeue().Sequence;
        }

        return seen.SecondAgo;
    }

    private void Jump(JumpItem jump)
    {
        world.Trace($"clock of {(jump.Process < 0 ? "all processes" : $"process {jump.Process}")} jumps by {jump.By}");
        for (var index = 0; index < processes.Length; index++)
        {
            if (jump.Process >= 0 && jump.Process != index)
            {
                continue;
            }

            clockStarts[index] += jump.By;
            if (processes[index] is { } process)
            {
                var open = Calls.Where(call => call.Meter.Process == process && call.EndStep == int.MaxValue).ToArray();
                Array.ForEach(open, call => call.Clocks.Add(process.Clock.GetUtcNow()));
                process.Clock.Start = clockStarts[index];
                Array.ForEach(open, call => call.Clocks.Add(process.Clock.GetUtcNow()));
            }
        }
    }

    private void Call(Operation operation)
    {
        var running = processes.OfType<SimulatedProcess>().SelectMany(process => process.Meters).ToArray();
        if (running.Length == 0)
        {
            world.After(20, () => Call(operation));
            return;
        }

        var made = Attempts(operation.Index).Count;
        var meter = running[(operation.MeterChoice + made) % running.Length];
        Bind(operation);
        var cancellation = operation.CancelAfter is null || made > 0 ? null : new CancellationTokenSource();
        var durable = Ledger.Head(operation.Account).Sequence;
        var record = new CallRecord(
            operation, meter, world.Step, durable, meter.Store.IsShared ? SecondBefore(operation.Account, durable) : 0,
            Ledger.Base(operation.Account)?.Transactions ?? 0, meter.Process.Clock.GetUtcNow());
        Calls.Add(record);
        attempts[operation.Index].Add(record);
        world.Trace($"call    {operation} at {meter.Name}");
        meter.Process.Scheduler.Post(() => CallAsync(record, cancellation?.Token ?? CancellationToken.None));
        if (cancellation is not null)
        {
            world.After(operation.CancelAfter!.Value, () => meter.Process.Scheduler.Post(() =>
            {
                world.Trace($"cancel  {operation.Mark}");
                cancellation.Cancel();
            }));
        }
    }

    private List<CallRecord> Attempts(int operation)
    {
        if (!attempts.TryGetValue(operation, out var made))
        {
            attempts.Add(operation, made = []);
        }

        return made;
    }

    /// <summary>Fills in the transaction that an operation speaks of: one that a caller was told of.</summary>
    private void Bind(Operation operation)
    {
        if (operation is RefundOperation { IsBound: false } refund)
        {
            refund.IsBound = true;
            refund.Request = refund.Request with { TransactionId = ToldId(refund.Of) ?? refund.Request.TransactionId };
        }
        else if (operation is TakeBackOperation { IsBound: false } taken)
        {
            taken.IsBound = true;
            taken.Request = taken.Request with { GrantedBy = taken.Of < 0 ? null : ToldId(taken.Of) ?? new(9_999, 1) };
        }
        else if (operation is StatusOperation status)
        {
            status.Id = ToldId(status.Of) ?? new(5_000, 5);
        }
    }

    private TransactionId? ToldId(int operation)
    {
        foreach (var attempt in Attempts(operation))
        {
            if (attempt.Ids.Count > 0)
            {
                return attempt.Ids[^1];
            }
        }

        return null;
    }

    private async Task CallAsync(CallRecord record, CancellationToken cancellationToken)
    {
        try
        {
            await new OperationCaller(record, Complete).CallAsync(cancellationToken);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            record.Cancel(world.Step, record.Meter.Process.Clock.GetUtcNow());
            world.Trace($"ended   {record.Operation.Mark}: cancelled");
        }
        catch (Exception exception)
        {
            world.Violate($"{record} threw {exception}");
            return;
        }

        if (world.IsTraced && record.End == CallEnd.Answered)
        {
            world.Trace($"answer  {record.Operation.Mark}: {(record.IsReplay ? "replay " : "")}{record.Answer}");
        }

        if (record.End == CallEnd.Cancelled || record.IsTurnedAway || record.IsUnknown)
        {
            Retry(record);
        }
    }

    private void Complete(CallRecord record, CallCompletion completion) =>
        completion(world.Step, Ledger.Head(record.Operation.Account).Sequence, Ledger.Base(record.Operation.Account)?.Transactions ?? 0, record.Meter.Process.Clock.GetUtcNow());

    private void Retry(CallRecord record)
    {
        if (record.Operation.Key is not null && Attempts(record.Operation.Index).Count <= record.Operation.Retries)
        {
            world.After(world.Random.Next(1, 120), () => Call(record.Operation));
        }
    }

    /// <summary>Faults cease: everything accepted is answered, nothing is left behind, every account can be used, and meters end.</summary>
    private void Finish()
    {
        faults = FaultProfile.None;
        EnterEverythingDue();
        var index = plan.Items.Count + 1_000;
        foreach (var account in Ledger.Accounts.ToArray())
        {
            for (var count = processes.Sum(process => process!.Meters.Count); count > 0; count--)
            {
                // One after another: a queue of one slot is a queue too.
                Call(new RefreshOperation { Index = index++, Account = account, MeterChoice = index });
                world.RunUntilQuiet();
            }
        }

        // Whatever was broken off, running again finishes; and accounts load from what it leaves.
        archiving = null;
        if (CanArchive)
        {
            StartArchiver(processes[0]!, new() { Before = DateTimeOffset.MaxValue, KeptTail = ArchiveOptions.LeastKeptTail, MinEntries = 1 }, mustFinish: true);
        }

        world.RunUntilQuiet();
        foreach (var account in Ledger.Accounts.ToArray())
        {
            Call(new RefreshOperation { Index = index++, Account = account, MeterChoice = index });
            world.RunUntilQuiet();
        }

        foreach (var call in Calls.Where(call => call.EndStep == int.MaxValue && !call.Meter.Process.IsCrashed))
        {
            world.Violate($"{call} was never answered.");
        }

        foreach (var meter in processes.SelectMany(process => process!.Meters).ToArray())
        {
            if (meter.Meter.QueueDepth != 0)
            {
                world.Violate($"{meter.Name} is idle and holds {meter.Meter.QueueDepth} slots of the queue.");
            }

            Drain(meter, startAnother: false);
        }

        world.RunUntilQuiet();
        foreach (var meter in processes.SelectMany(process => process!.Meters))
        {
            world.Violate($"{meter.Name} was never drained.");
        }

        if (world.Violation is null)
        {
            storage.Check();
        }

        foreach (var call in Calls.Where(call => call.Operation.Index > plan.Items.Count + 900 && call.Refusal is not null))
        {
            world.Violate($"{call} was refused although nothing fails any more: {call.Answer}");
        }
    }
}

/// <summary>Notes an answer with the step, what is durable and what the clock says at that moment.</summary>
internal delegate void CallCompletion(int step, long durable, long archived, DateTimeOffset now);

/// <summary>Calls the meter for an operation and notes the answer.</summary>
internal sealed class OperationCaller(CallRecord record, Action<CallRecord, CallCompletion> complete)
{
    public async Task CallAsync(CancellationToken cancellationToken)
    {
        var (account, meter) = (record.Operation.Account, record.Meter.Meter);
        switch (record.Operation)
        {
            case OpenOperation open:
                Note(await meter.OpenAccountAsync(account, open.Request, cancellationToken), Text.Of, static _ => []);
                break;
            case DeductOperation deduct:
                Note(await meter.DeductAsync(account, deduct.Request, cancellationToken), Text.Of, static answer => [answer.TransactionId]);
                break;
            case BatchOperation batch:
                Note(await meter.DeductBatchAsync(account, batch.Request, cancellationToken), Text.Of, static answer => [.. answer.Items.Where(item => item.IsSuccess).Select(item => item.Value.TransactionId)]);
                break;
            case AccessOperation access:
                Note(await meter.AccessRecordsAsync(account, access.Request, cancellationToken), Text.Of, static answer => answer.TransactionId is { } id ? [id] : []);
                break;
            case VisitOperation visit:
                Note(await meter.RecordVisitsAsync(account, visit.Request, cancellationToken), Text.Of, static _ => []);
                break;
            case StartRecordsOperation brought:
                Note(await meter.StartRecordsAsync(account, brought.Request, cancellationToken), Text.Of, static _ => []);
                break;
            case SetStatusOperation status:
                Note(await meter.SetStatusAsync(account, status.Request, cancellationToken), Text.Of, static _ => []);
                break;
            case CreditLimitOperation limit:
                Note(await meter.SetCreditLimitAsync(account, limit.Request, cancellationToken), Text.Of, static _ => []);
                break;
            case TakeBackOperation taken:
                Note(await meter.TakeBackAsync(account, taken.Request, cancellationToken), Text.Of, static answer => [answer.TransactionId]);
                break;
            case ChangePlanOperation plan:
                Note(await meter.ChangePlanAsync(account, plan.Request, cancellationToken), Text.Of, static _ => []);
                break;
            case CancelOperation cancel:
                Note(await (cancel.IsCancelled ? meter.CancelAsync(account, cancel.Request, cancellationToken) : meter.ResumeAsync(account, cancel.Request, cancellationToken)), Text.Of, static _ => []);
                break;
            case GrantOperation grant:
                Note(await meter.GrantAsync(account, grant.Request, cancellationToken), Text.Of, static answer => [answer.TransactionId]);
                break;
            case AdjustOperation adjust:
                Note(await meter.AdjustAsync(account, adjust.Request, cancellationToken), Text.Of, static answer => [answer.TransactionId]);
                break;
            case RefundOperation refund:
                Note(await meter.RefundAsync(account, refund.Request, cancellationToken), Text.Of, static answer => [answer.TransactionId]);
                break;
            case PaymentOperation payment:
                Note(await meter.RecordPaymentAsync(account, payment.Request, cancellationToken), Text.Of, static _ => []);
                break;
            case BalanceOperation:
                Note(await meter.GetBalanceAsync(account, cancellationToken), Text.Of, static _ => []);
                break;
            case RefreshOperation:
                Note(await meter.RefreshAsync(account, cancellationToken), Text.Of, static _ => []);
                break;
            case ListOperation list:
                Note(await meter.ListTransactionsAsync(account, list.Query, cancellationToken), static page => $"{page.Items.Count} of {page.Total}", static _ => []);
                break;
            case StatusOperation status:
                Note(await meter.GetTransactionAsync(account, status.Id, cancellationToken), static answer => answer.State.ToString(), static _ => []);
                break;
            default:
                throw new InvalidOperationException($"There is no operation {record.Operation}.");
        }
    }

    private void Note<T>(Outcome<T> outcome, Func<T, string> text, Func<T, IReadOnlyList<TransactionId>> ids)
        where T : class
    {
        var named = outcome.TryGet(out var value, out var refusal) ? ids(value) : refusal.TransactionId is { } id ? [id] : [];
        complete(record, (step, durable, archived, now) => record.Complete(outcome, text, named, step, durable, archived, now));
    }
}
