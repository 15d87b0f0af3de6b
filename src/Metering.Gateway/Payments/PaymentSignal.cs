namespace Metering.Gateway.Payments;

/// <summary>Wakes whoever does the work in the background: there is something to do now.</summary>
internal sealed class PaymentSignal
{
    private TaskCompletionSource set = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Completes when the signal is set after this was asked for, or was set before and not taken.</summary>
    public Task Waiting => Volatile.Read(ref set).Task;

    /// <summary>There is something to do.</summary>
    public void Set() => Volatile.Read(ref set).TrySetResult();

    /// <summary>Takes the signal before looking for what there is to do, so that what comes meanwhile sets it again.</summary>
    public void Take()
    {
        if (Waiting.IsCompleted)
        {
            Volatile.Write(ref set, new(TaskCreationOptions.RunContinuationsAsynchronously));
        }
    }
}
