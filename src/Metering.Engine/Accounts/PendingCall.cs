using System.Threading.Tasks.Sources;

namespace Metering.Engine;

/// <summary>
/// A call that is decided and waits for its commit: waiter and answer in one object, made for one call and never used again, so that
/// whoever keeps its answer for long, or awaits it late, meets nobody else's. The release and a cancellation race for
/// it; one of them completes it.
/// </summary>
internal sealed class PendingCall<T>(CallRunner runner, AccountId account, Call call, in Attempt attempt, AnswerOf<T> answer) : Waiter, IValueTaskSource<Outcome<T>>
    where T : class
{
    private readonly Attempt attempt = attempt;
    private ManualResetValueTaskSourceCore<Outcome<T>> core;
    private CancellationToken cancellationToken;
    private CancellationTokenRegistration registration;
    private int isTaken;

    /// <summary>Waits for what the attempt saw.</summary>
    public ValueTask<Outcome<T>> StartAsync(CancellationToken cancellation)
    {
        cancellationToken = cancellation;
        if (cancellation.CanBeCanceled)
        {
            registration = cancellation.UnsafeRegister(static pending => ((PendingCall<T>)pending!).Cancel(), this);
        }

        if (!attempt.SeenThrough.TryAdd(this, out var release))
        {
            OnReleased(release);
        }

        return new(this, core.Version);
    }

    public override void OnReleased(Release release)
    {
        if (Interlocked.Exchange(ref isTaken, 1) != 0)
        {
            return;
        }

        registration.Unregister();
        if (release != Release.Durable || !runner.IsAnswered(attempt))
        {
            _ = GoOnAsync();
            return;
        }

        Outcome<T> outcome;
        try
        {
            outcome = answer(CallRunner.Answer(attempt));
        }
        catch (Exception exception)
        {
            core.SetException(exception);
            return;
        }

        core.SetResult(outcome);
    }

    public Outcome<T> GetResult(short token) => core.GetResult(token);

    public ValueTaskSourceStatus GetStatus(short token) => core.GetStatus(token);

    public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        core.OnCompleted(continuation, state, token, flags);

    /// <summary>The caller gives up its wait; what was decided goes on.</summary>
    private void Cancel()
    {
        if (Interlocked.Exchange(ref isTaken, 1) == 0)
        {
            // Whoever cancels must not run what its caller does next.
            core.RunContinuationsAsynchronously = true;
            core.SetException(new OperationCanceledException(cancellationToken));
        }
    }

    private async Task GoOnAsync()
    {
        // The store may answer on a thread of its own.
        core.RunContinuationsAsynchronously = true;
        Outcome<T> outcome;
        try
        {
            outcome = answer(await runner.RunLongAsync(account, call, attempt, cancellationToken));
        }
        catch (Exception exception)
        {
            core.SetException(exception);
            return;
        }

        core.SetResult(outcome);
    }
}
