using Metering.Engine;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Metering.Cluster;

/// <summary>
/// A silo's engine. It opens its store before the first grain is active and is drained after the last one has left, so that grains which are
/// handed over in a shutdown still commit and leave their snapshots.
/// </summary>
internal sealed class AccountEngine : ILifecycleParticipant<ISiloLifecycle>
{
    private readonly FatalLedgerFailure failure;

    public AccountEngine(IServiceProvider services, CreditMeteringOptions options, MeteringClusterOptions cluster, FatalLedgerFailure failure)
    {
        this.failure = failure;
        Silo = services.GetRequiredService<ILocalSiloDetails>().SiloAddress.ToParsableString();
        Clock = cluster.Clock ?? services.GetRequiredService<TimeProvider>();
        Placed = new(services.GetRequiredService<TimeProvider>());
        Meter = new(services.GetRequiredService<ILedgerStore>(), options, Clock, services.GetRequiredService<ILogger<EmbeddedCreditMeter>>(), Placed);
    }

    /// <summary>The silo's address, as <see cref="SiloGrain"/>'s keys have it.</summary>
    public string Silo { get; }

    public EmbeddedCreditMeter Meter { get; }

    public PlacedAccounts Placed { get; }

    public TimeProvider Clock { get; }

    public void Participate(ISiloLifecycle lifecycle) => lifecycle.Subscribe(nameof(AccountEngine), ServiceLifecycleStage.RuntimeStorageServices, StartAsync, StopAsync);

    private Task StartAsync(CancellationToken cancellationToken)
    {
        failure.Watch(Meter);
        return Task.CompletedTask;
    }

    private Task StopAsync(CancellationToken cancellationToken) => Meter.DrainAsync().AsTask();
}
