namespace Metering.Engine;

/// <summary>
/// Waiting that a caller may give up. <see cref="Task.WaitAsync(CancellationToken)"/> would hop over the thread pool, and the engine awaits
/// nothing outside its caller's scheduler: a seeded simulation owns every step.
/// </summary>
internal static class Waiting
{
    /// <summary>Completes with the task, or earlier where the caller gives up; the task goes on. It must be one that never fails.</summary>
    /// <exception cref="OperationCanceledException">The caller gave up.</exception>
    public static ValueTask<T> OrCancelledAsync<T>(this Task<T> task, CancellationToken cancellationToken) =>
        task.IsCompleted || !cancellationToken.CanBeCanceled ? new(task) : RaceAsync(task, cancellationToken);

    /// <inheritdoc cref="OrCancelledAsync{T}"/>
    public static async ValueTask OrCancelledAsync(this Task task, CancellationToken cancellationToken)
    {
        if (task.IsCompleted || !cancellationToken.CanBeCanceled)
        {
            await task;
        }
        else
        {
            await RaceAsync(CompletedAsync(task), cancellationToken);
        }
    }

    private static async ValueTask<T> RaceAsync<T>(Task<T> task, CancellationToken cancellationToken)
    {
        var first = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        using var registration = cancellationToken.UnsafeRegister((_, token) => first.TrySetCanceled(token), null);
        _ = ForwardAsync(task, first);
        return await first.Task;
    }

    private static async Task ForwardAsync<T>(Task<T> task, TaskCompletionSource<T> first) => first.TrySetResult(await task);

    private static async Task<bool> CompletedAsync(Task task)
    {
        await task;
        return true;
    }
}
