using Metering.Conformance;
using Metering.Engine;
using Xunit;

namespace Metering.Gateway.Tests;

/// <summary>Readiness beside a store that is busy or hangs.</summary>
public sealed class ReadinessTests
{
    [Fact]
    public async Task A_probe_tells_what_the_store_says_now()
    {
        var store = new BusyLedger();
        var readiness = new Readiness(store, new ManualTimeProvider(GatewayHost.Start));
        Assert.True(await readiness.IsReadyAsync());
        store.IsHealthy = false;
        Assert.False(await readiness.IsReadyAsync());
        store.IsHealthy = true;
        Assert.True(await readiness.IsReadyAsync());
    }

    [Fact]
    public async Task A_probe_does_not_wait_for_work_under_way_and_a_store_that_hangs_is_not_ready()
    {
        var clock = new ManualTimeProvider(GatewayHost.Start);
        var store = new BusyLedger();
        var readiness = new Readiness(store, clock);
        store.Commit.Reset();
        var probes = Enumerable.Range(0, 5).Select(_ => readiness.IsReadyAsync()).ToArray();
        Assert.All(probes, probe => Assert.False(probe.IsCompleted));
        clock.Advance(Readiness.Patience);
        Assert.All(await Task.WhenAll(probes), Assert.True);
        clock.Advance(Readiness.Stalled);
        var late = readiness.IsReadyAsync();
        clock.Advance(Readiness.Patience);
        Assert.False(await late);
        await store.WasAsked.Task;
        Assert.Equal(1, store.Asked);
        store.Commit.Set();
        Assert.True(await readiness.IsReadyAsync());
    }

    /// <summary>A ledger that holds whoever asks it until its commit ends.</summary>
    private sealed class BusyLedger() : DelegatingLedgerStore(new MemoryLedgerStore())
    {
        private int asked;

        public ManualResetEventSlim Commit { get; } = new(true);

        public TaskCompletionSource WasAsked { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public bool IsHealthy { get; set; } = true;

        public int Asked => asked;

        public override ValueTask<bool> IsHealthyAsync(CancellationToken cancellationToken = default)
        {
            Interlocked.Increment(ref asked);
            WasAsked.TrySetResult();
            Commit.Wait(cancellationToken);
            return new(IsHealthy);
        }
    }
}
