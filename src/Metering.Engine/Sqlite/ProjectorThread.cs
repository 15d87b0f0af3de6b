namespace Metering.Engine;

/// <summary>
/// Drives the projector of a store on a thread of its own: a step when a step's worth has gathered, and otherwise a moment after the first
/// entry came, so that an account's entries of that moment share a page.
/// </summary>
internal sealed class ProjectorThread : IDisposable
{
    private const int LingerMilliseconds = 2_000;
    private const int RetryMilliseconds = 1_000;

    private readonly JournaledLedgerStore store;
    private readonly AutoResetEvent work = new(false);
    private readonly AutoResetEvent urgent = new(false);
    private readonly ManualResetEvent stopping = new(false);
    private readonly Thread thread;
    private bool isWorkKnown;
    private bool isUrgentKnown;

    /// <summary>Starts the thread.</summary>
    public ProjectorThread(JournaledLedgerStore store)
    {
        this.store = store;
        store.WorkArrived = Wake;
        thread = new(Run) { IsBackground = true, Name = "Ledger projector" };
        thread.Start();
        Wake(isUrgent: true);
    }

    /// <summary>Ends the thread after the step that it is in.</summary>
    public void Dispose()
    {
        stopping.Set();
        thread.Join();
        work.Dispose();
        urgent.Dispose();
        stopping.Dispose();
    }

    // An event costs a system call to set, so each is set once until the thread has seen it.
    private void Wake(bool isUrgent)
    {
        if (isUrgent && !Interlocked.Exchange(ref isUrgentKnown, true))
        {
            urgent.Set();
        }

        if (!Volatile.Read(ref isWorkKnown) && !Interlocked.Exchange(ref isWorkKnown, true))
        {
            work.Set();
        }
    }

    private void Run()
    {
        while (WaitHandle.WaitAny([stopping, work]) != 0 && WaitHandle.WaitAny([stopping, urgent], LingerMilliseconds) != 0)
        {
            Volatile.Write(ref isUrgentKnown, false);
            Volatile.Write(ref isWorkKnown, false);
            bool isDone;
            do
            {
                isDone = store.Step();
            }
            while (isDone && store.IsStepDue && !stopping.WaitOne(0));

            if (store.HasWork)
            {
                Wake(isUrgent: false);
                if (!isDone && stopping.WaitOne(RetryMilliseconds))
                {
                    return;
                }
            }
        }
    }
}
