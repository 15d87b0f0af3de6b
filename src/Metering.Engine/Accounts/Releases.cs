namespace Metering.Engine;

/// <summary>
/// Tells the waiters of a commit what became of their decisions. Waiters go on where they are told, one behind the other, because handing
/// each of them to the scheduler costs more than most of them have to do. A waiter that blocks must hold up nobody: whoever tells one
/// while others wait first makes sure that another task of the scheduler is on its way to tell those.
/// </summary>
internal sealed class Releases(TaskScheduler scheduler)
{
    /// <summary>Waiters told by one task in a row, so that other work of the scheduler gets its turn.</summary>
    private const int Quantum = 64;

    private Waiter? oldest;
    private Waiter? newest;

    /// <summary>Takes what a decision's completion gave: the newest waiter, linked to those before it. The writer's alone.</summary>
    public void Add(Waiter? waiters, Release release)
    {
        // Turned around, so that callers are told in the order in which they came.
        Waiter? reversed = null;
        var last = waiters;
        while (waiters is not null)
        {
            var before = waiters.Next;
            (waiters.Next, waiters.Release) = (reversed, release);
            reversed = waiters;
            waiters = before;
        }

        if (reversed is null)
        {
            return;
        }

        if (newest is null)
        {
            oldest = reversed;
        }
        else
        {
            newest.Next = reversed;
        }

        newest = last;
    }

    /// <summary>What was added since the last call, to be run or to be scheduled; null for nothing.</summary>
    public Round? Take()
    {
        if (oldest is null)
        {
            return null;
        }

        var round = new Round(oldest, scheduler);
        oldest = newest = null;
        return round;
    }

    /// <summary>The waiters of a commit, told by as many tasks as it takes.</summary>
    internal sealed class Round(Waiter first, TaskScheduler scheduler)
    {
        private Waiter? next = first;
        private int isHelpComing;

        /// <summary>Tells the waiters in a task of the scheduler.</summary>
        public void Schedule()
        {
            if (Interlocked.Exchange(ref isHelpComing, 1) == 0)
            {
                _ = Task.Factory.StartNew(static round => ((Round)round!).Help(), this, CancellationToken.None, TaskCreationOptions.DenyChildAttach, scheduler);
            }
        }

        /// <summary>Tells waiters here, until there are none or it is others' turn.</summary>
        public void Run()
        {
            for (var told = 0; told < Quantum; told++)
            {
                if (TakeNext() is not { } waiter)
                {
                    return;
                }

                if (Volatile.Read(ref next) is not null)
                {
                    Schedule();
                }

                waiter.OnReleased(waiter.Release);
            }

            if (Volatile.Read(ref next) is not null)
            {
                Schedule();
            }
        }

        private void Help()
        {
            // Before the first look: whoever finds more waiters from now on calls for the next one.
            Volatile.Write(ref isHelpComing, 0);
            Run();
        }

        private Waiter? TakeNext()
        {
            var waiter = Volatile.Read(ref next);
            while (waiter is not null)
            {
                // Taken once and never put back, so whoever comes too late here fails to exchange, whatever link it read.
                var seen = Interlocked.CompareExchange(ref next, waiter.Next, waiter);
                if (ReferenceEquals(seen, waiter))
                {
                    // A waiter that its caller keeps for long must not keep all those behind it.
                    waiter.Next = null;
                    return waiter;
                }

                waiter = seen;
            }

            return null;
        }
    }
}
