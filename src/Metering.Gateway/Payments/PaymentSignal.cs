namespace Metering.Gateway.Payments;

/// <summary>Wakes whoever does the work in the background: there is something to do now.</summary>
internal sealed class PaymentSignal
{
    private TaskCompletionSource next = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>
    /// Completes when the signal is set the next time. Ask for it before looking for what there is to do: what comes meanwhile completes it,
    /// for each of those who wait.
    /// </summary>
    public Task Next => Volatile.Read(ref next).Task;

    /// <summary>There is something to do.</summary>
    public void Set() => Interlocked.Exchange(ref next, new(TaskCreationOptions.RunContinuationsAsynchronously)).TrySetResult();
}
