using Metering.Engine;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Runtime;
using Orleans.TestingHost;

namespace Metering.Cluster.Tests;

/// <summary>A cluster of silos in this process, and a client of it, set up as a host sets them up. All silos share one ledger.</summary>
internal sealed class TestSilos : IAsyncDisposable
{
    private readonly InProcessTestCluster cluster;

    private TestSilos(InProcessTestCluster cluster, LedgerWatch watch) => (this.cluster, Watch) = (cluster, watch);

    /// <summary>What its silos append.</summary>
    public LedgerWatch Watch { get; }

    /// <summary>The meter of a client outside every silo.</summary>
    public ICreditMeter Client => cluster.Client.ServiceProvider.GetRequiredService<ICreditMeter>();

    public IReadOnlyList<InProcessSiloHandle> Silos => cluster.Silos;

    public InProcessTestCluster Cluster => cluster;

    public static Task<TestSilos> StartAsync(short silos, MemoryLedgerStore ledger, TimeProvider? clock = null, Catalogue? catalogue = null) =>
        StartAsync(silos, ledger, new(), clock, options => options.Catalogue = catalogue ?? options.Catalogue);

    /// <param name="silos">How many.</param>
    /// <param name="ledger">What all of them append to.</param>
    /// <param name="watch">What sees, and disturbs, what they do there.</param>
    /// <param name="clock">The accounts' clock; null for the system's.</param>
    /// <param name="metering">Changes a silo's engine.</param>
    /// <param name="cluster">Changes how silos and client use the cluster.</param>
    /// <param name="configure">Changes a silo.</param>
    public static async Task<TestSilos> StartAsync(
        short silos,
        MemoryLedgerStore ledger,
        LedgerWatch watch,
        TimeProvider? clock = null,
        Action<CreditMeteringOptions>? metering = null,
        Action<MeteringClusterOptions>? cluster = null,
        Action<ISiloBuilder>? configure = null)
    {
        var builder = new InProcessTestClusterBuilder(silos);
        builder.Options.ConfigureFileLogging = false;
        builder.ConfigureSiloHost((_, host) => host.Services.AddCreditMetering(options =>
        {
            options.UseMemory();
            options.LedgerStoreFactory = _ => new SharedMemoryLedger(ledger, watch);
            metering?.Invoke(options);
            options.UseOrleansSilo(
                silo =>
                {
                    silo.AddMemoryGrainStorage(AccountHosting.StorageName);
                    silo.UseInMemoryReminderService();
                    configure?.Invoke(silo);
                },
                settings =>
                {
                    (settings.Clock, settings.WakeWindow) = (clock, TimeSpan.Zero);
                    cluster?.Invoke(settings);
                });
        }));
        builder.ConfigureClientHost(host => host.Services.AddCreditMetering(options => options.UseOrleans(_ => { }, cluster)));
        var built = builder.Build();
        await built.DeployAsync();
        return new(built, watch);
    }

    /// <summary>The meter beside a silo.</summary>
    public static ICreditMeter MeterOf(InProcessSiloHandle silo) => silo.ServiceProvider.GetRequiredService<ICreditMeter>();

    /// <summary>The engine of a silo.</summary>
    public static AccountEngine EngineOf(InProcessSiloHandle silo) => silo.ServiceProvider.GetRequiredService<AccountEngine>();

    /// <summary>Accounts that live on a silo now.</summary>
    public static int AccountsOn(InProcessSiloHandle silo) => EngineOf(silo).Placed.Count;

    /// <summary>The silo that an account lives on; null where it is not active.</summary>
    public InProcessSiloHandle? SiloOf(AccountId account) =>
        cluster.Silos.FirstOrDefault(silo => silo.ServiceProvider.GetRequiredService<AccountEngine>().Placed.IsHere(account));

    /// <summary>Stops every silo gracefully and starts it again, one after the other.</summary>
    public async ValueTask RestartAllAsync()
    {
        foreach (var silo in cluster.Silos.ToArray())
        {
            await cluster.RestartSiloAsync(silo);
        }
    }

    /// <summary>Ends every account grain that is not in use, as Orleans does with idle ones.</summary>
    public Task CollectAsync() => cluster.Client.GetGrain<IManagementGrain>(0).ForceActivationCollection(TimeSpan.Zero);

    public async ValueTask DisposeAsync()
    {
        await cluster.StopAllSilosAsync();
        await cluster.DisposeAsync();
    }
}
