using Metering.Engine;

namespace Metering.Gateway;

/// <summary>
/// Whether the ledger can be written, for probes. The store answers between two commits; a probe must not wait for a long one, because a
/// service that is busy would then be taken for one that hangs. So the store is asked once at a time, whatever the number of probes,
/// and a probe waits for that answer a moment only.
/// </summary>
internal sealed class Readiness(ILedgerStore ledger, TimeProvider time)
{
    /// <summary>How long a probe waits; then it tells what the store said last.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(100);

    /// <summary>A store that says nothing for so long hangs.</summary>
    public static readonly TimeSpan Stalled = TimeSpan.FromSeconds(10);

    private readonly Lock gate = new();
    private Task<bool>? asking;
    private long askedAt;
    private volatile bool wasHealthy = true; // A host opens its store before it listens.

    /// <summary>True where the ledger can be written.</summary>
    public async Task<bool> IsReadyAsync()
    {
        Task<bool> answer;
        long since;
        lock (gate)
        {
            if (asking is null or { IsCompleted: true })
            {
                askedAt = time.GetTimestamp();
                asking = Task.Run(AskAsync); // A store may hold the thread that asks it.
            }

            (answer, since) = (asking, askedAt);
        }

        await Task.WhenAny(answer, Task.Delay(Patience, time)).ConfigureAwait(false);
        return answer.IsCompleted ? await answer.ConfigureAwait(false) : wasHealthy && time.GetElapsedTime(since) < Stalled;
    }

    private async Task<bool> AskAsync() => wasHealthy = await ledger.IsHealthyAsync().ConfigureAwait(false);
}
