using Metering.Engine;

namespace Metering.Simulation;

/// <summary>
/// Everything that happens, one step at a time on one thread: tasks that can run, in an order that the seed chooses, and events at
/// world times. World time only goes forward; the clocks that processes read may jump.
/// </summary>
internal sealed class SimulatedWorld(int seed, Action<string>? trace)
{
    private const int MaxSteps = 200_000;

    private readonly List<(SimulatedScheduler Scheduler, Task Task)> runnable = [];
    private readonly PriorityQueue<Action, (long At, long Order)> events = new();
    private long order;

    /// <summary>Chooses the order of steps, delays and faults. What is called, and when, the plan has chosen before.</summary>
    public Random Random { get; } = new(seed);

    /// <summary>The notes of what falls due: hints that all processes share, and that a crash loses some of.</summary>
    public MemoryDues Dues { get; set; } = new();

    /// <summary>Milliseconds since the world began.</summary>
    public long Now { get; private set; }

    /// <summary>Steps taken.</summary>
    public int Step { get; private set; }

    /// <summary>The first thing that went wrong during the run; null for nothing.</summary>
    public string? Violation { get; private set; }

    public bool IsTraced => trace is not null;

    public void Trace(string text) => trace?.Invoke($"{Step,7} {Now,8} ms  {text}");

    /// <summary>Notes what must never happen; the run stops.</summary>
    public void Violate(string what)
    {
        Violation ??= $"step {Step}: {what}";
        Trace($"VIOLATION {what}");
    }

    public void After(long milliseconds, Action action) => events.Enqueue(action, (Now + Math.Max(0, milliseconds), order++));

    public void Enqueue(SimulatedScheduler scheduler, Task task) => runnable.Add((scheduler, task));

    /// <summary>Drops the work of a process that crashed.</summary>
    public void Discard(SimulatedScheduler scheduler) => runnable.RemoveAll(item => item.Scheduler == scheduler);

    /// <summary>A choice that comes true in <paramref name="perMille"/> of a thousand cases.</summary>
    public bool Chance(int perMille) => perMille > 0 && Random.Next(1_000) < perMille;

    /// <summary>Runs until nothing can happen any more, or something went wrong.</summary>
    public void RunUntilQuiet()
    {
        while (Violation is null && TakeStep())
        {
            if (++Step > MaxSteps)
            {
                Violate($"still busy after {MaxSteps} steps: something goes round in circles.");
            }
        }
    }

    private bool TakeStep()
    {
        // Now and then an event overtakes tasks that could run: a process may be slow.
        if (runnable.Count > 0 && (events.Count == 0 || Random.Next(6) != 0))
        {
            var index = Random.Next(runnable.Count);
            var (scheduler, task) = runnable[index];
            runnable.RemoveAt(index);
            scheduler.Run(task);
            return true;
        }

        if (!events.TryDequeue(out var action, out var at))
        {
            return false;
        }

        Now = Math.Max(Now, at.At);
        action();
        return true;
    }
}

/// <summary>Where one process runs. After a crash it takes and runs nothing: continuations of what was under way are lost.</summary>
internal sealed class SimulatedScheduler(SimulatedWorld world) : TaskScheduler
{
    private bool isDead;

    public override int MaximumConcurrencyLevel => 1;

    public void Kill()
    {
        isDead = true;
        world.Discard(this);
    }

    public void Run(Task task) => TryExecuteTask(task);

    /// <summary>Runs an action as a task of the process.</summary>
    public void Post(Action action) => _ = Task.Factory.StartNew(action, CancellationToken.None, TaskCreationOptions.DenyChildAttach, this);

    /// <summary>Starts asynchronous work in the process.</summary>
    public void Post(Func<Task> work) => _ = Task.Factory.StartNew(work, CancellationToken.None, TaskCreationOptions.DenyChildAttach, this);

    protected override void QueueTask(Task task)
    {
        if (!isDead)
        {
            world.Enqueue(this, task);
        }
    }

    // Every continuation is a step of its own, so that the seed chooses when it runs.
    protected override bool TryExecuteTaskInline(Task task, bool taskWasPreviouslyQueued) => false;

    protected override IEnumerable<Task> GetScheduledTasks() => [];
}

/// <summary>
/// The clock of one process: world time plus what jumps have made of it. Timers run on world time, as timers of an operating system
/// do, and fire as tasks of their process.
/// </summary>
internal sealed class SimulatedClock(SimulatedWorld world, SimulatedScheduler scheduler, DateTimeOffset start) : TimeProvider
{
    public DateTimeOffset Start { get; set; } = start;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override DateTimeOffset GetUtcNow() => Start.AddMilliseconds(world.Now);

    public override long GetTimestamp() => world.Now * TimeSpan.TicksPerMillisecond;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new SimulatedTimer(world, scheduler, () => callback(state));
        timer.Change(dueTime, period);
        return timer;
    }

    private sealed class SimulatedTimer(SimulatedWorld world, SimulatedScheduler scheduler, Action fire) : ITimer
    {
        private int version;

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            var armed = ++version;
            if (dueTime != Timeout.InfiniteTimeSpan)
            {
                world.After((long)dueTime.TotalMilliseconds, () =>
                {
                    if (armed == version)
                    {
                        scheduler.Post(fire);
                    }
                });
            }

            return true;
        }

        public void Dispose() => version++;

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
