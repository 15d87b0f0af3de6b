namespace Metering.Proof.Tests;

/// <summary>Callers that spend as fast as a server answers, until it is gone.</summary>
internal static class Load
{
    private const int Callers = 16;

    /// <summary>Spends until so many operations of this run are acknowledged, and a little further, then kills the server in the middle of others.</summary>
    /// <param name="server">The server; it may also die by itself, of its disk.</param>
    /// <param name="keys">The accounts' keys.</param>
    /// <param name="source">Where operations come from.</param>
    /// <param name="acknowledgements">How many.</param>
    /// <param name="further">How much longer, so that kills do not all follow an answer.</param>
    /// <returns>Every operation that was sent.</returns>
    public static async Task<IReadOnlyList<Operation>> RunUntilKilledAsync(
        ServerProcess server, IReadOnlyList<string> keys, OperationSource source, int acknowledgements, TimeSpan further)
    {
        using var caller = new Caller(server, keys);
        var enough = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var acknowledged = 0;
        var sent = new List<Operation>();
        var callers = Enumerable.Range(0, Callers).Select(_ => Task.Run(async () =>
        {
            while (!server.HasExited)
            {
                var operation = source.Next();
                lock (sent)
                {
                    sent.Add(operation);
                }

                var reply = await caller.SendAsync(operation);
                if (reply.Status is null)
                {
                    return;
                }

                if (operation.Answer is not null && Interlocked.Increment(ref acknowledged) == acknowledgements)
                {
                    enough.SetResult();
                }
            }
        })).ToArray();
        var all = Task.WhenAll(callers);
        await Task.WhenAny(enough.Task, all);
        await Task.WhenAny(Task.Delay(further, TimeProvider.System), all);
        await server.KillAsync();
        await all;
        return sent;
    }
}
