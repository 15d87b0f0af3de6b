using Metering.Conformance;
using Metering.Engine;
using Xunit;

namespace Metering.Cluster.Tests;

/// <summary>The meter of a client outside the cluster.</summary>
public sealed class ClientConformanceTests(ConformanceSilos silos) : CreditMeterConformance, IClassFixture<ConformanceSilos>
{
    protected override async ValueTask<IMeterHost> StartHostAsync(ManualTimeProvider clock, Catalogue catalogue) =>
        await silos.HostAsync(clock, catalogue, started => started.Client);
}

/// <summary>The meter beside a silo: some accounts live on it, others on its neighbour.</summary>
public sealed class SiloConformanceTests(ConformanceSilos silos) : CreditMeterConformance, IClassFixture<ConformanceSilos>
{
    protected override async ValueTask<IMeterHost> StartHostAsync(ManualTimeProvider clock, Catalogue catalogue) =>
        await silos.HostAsync(clock, catalogue, started => TestSilos.MeterOf(started.Silos[0]));
}

/// <summary>
/// Two silos for a whole suite: starting them takes longer than most tests. The accounts' clock is that of the test at hand; Orleans' own is
/// the real one.
/// </summary>
public sealed class ConformanceSilos : IAsyncLifetime
{
    private readonly RelayedClock clock = new();
    private TestSilos? silos;

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        if (silos is not null)
        {
            await silos.DisposeAsync();
        }
    }

    internal async ValueTask<IMeterHost> HostAsync(ManualTimeProvider time, Catalogue catalogue, Func<TestSilos, ICreditMeter> meterOf)
    {
        clock.Current = time;
        silos ??= await TestSilos.StartAsync(2, new MemoryLedgerStore(), clock, catalogue);
        return new Host(silos, time, meterOf);
    }

    private sealed class Host(TestSilos silos, ManualTimeProvider clock, Func<TestSilos, ICreditMeter> meterOf) : IMeterHost
    {
        public ICreditMeter Meter => meterOf(silos);

        public ManualTimeProvider Clock => clock;

        public ValueTask RestartAsync() => silos.RestartAllAsync();

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }

    private sealed class RelayedClock : TimeProvider
    {
        public ManualTimeProvider? Current { get; set; }

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override DateTimeOffset GetUtcNow() => Current!.GetUtcNow();

        public override long GetTimestamp() => Current!.GetTimestamp();

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
            Current!.CreateTimer(callback, state, dueTime, period);
    }
}
