namespace Metering.Proof.Tests;

/// <summary>Counts what happens, and tells who waits for more of it.</summary>
internal sealed class Signal
{
    // Long enough for a killed PostgreSQL to recover and for every time limit on the way to pass on a slow machine.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);

    private readonly Lock gate = new();
    private TaskCompletionSource reached = new();
    private int awaited = int.MaxValue;

    public int Count { get; private set; }

    public void Add()
    {
        lock (gate)
        {
            if (++Count >= awaited)
            {
                reached.TrySetResult();
            }
        }
    }

    /// <summary>Completes when it has happened so many times more. One waits at a time.</summary>
    public Task WaitForAsync(int more)
    {
        lock (gate)
        {
            (awaited, reached) = (Count + more, new(TaskCreationOptions.RunContinuationsAsynchronously));
            return reached.Task.WaitAsync(Patience, TimeProvider.System);
        }
    }
}
