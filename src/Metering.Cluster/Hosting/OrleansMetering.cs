using Metering.Cluster;
using Metering.Engine;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Orleans.Configuration;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Puts the meter on an Orleans cluster.</summary>
public static class OrleansMetering
{
    /// <summary>
    /// Calls accounts that live on a cluster of silos, from a process that is none of them. It needs no store of its own.
    /// <code>services.AddCreditMetering(o => o.UseOrleans(client => client.UseAdoNetClustering(…)));</code>
    /// </summary>
    /// <param name="options">The meter's options.</param>
    /// <param name="configure">Says how the cluster is found.</param>
    /// <param name="cluster">Sets how the meter uses it; null for the defaults.</param>
    public static CreditMeteringOptions UseOrleans(
        this CreditMeteringOptions options, Action<IClientBuilder> configure, Action<MeteringClusterOptions>? cluster = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.AddMeter = services => services.AddOrleansClient(client =>
        {
            client.AddMetering(options, cluster);
            configure(client);
        });
        options.NeedsStore = false;
        return options;
    }

    /// <summary>
    /// Makes this process a silo, on which the cluster places accounts; the meter in the same process calls those without a message. All silos
    /// share one PostgreSQL ledger.
    /// <code>services.AddCreditMetering(o => o.UsePostgreSql(connection).UseOrleansSilo(silo => silo.UseAdoNetClustering(…)));</code>
    /// </summary>
    /// <param name="options">The meter's options, with a store.</param>
    /// <param name="configure">Says how silos find each other, and where reminders and grains' state are.</param>
    /// <param name="cluster">Sets how the meter uses the cluster; null for the defaults.</param>
    public static CreditMeteringOptions UseOrleansSilo(
        this CreditMeteringOptions options, Action<ISiloBuilder> configure, Action<MeteringClusterOptions>? cluster = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.AddMeter = services => services.AddOrleans(silo =>
        {
            silo.AddMetering(options, cluster);
            configure(silo);
        });
        return options;
    }

    /// <summary>Adds accounts and the meter to a silo whose stores are registered.</summary>
    internal static void AddMetering(this ISiloBuilder silo, CreditMeteringOptions options, Action<MeteringClusterOptions>? configure)
    {
        var cluster = Read(configure);
        silo.Services.AddSingleton(cluster);
        silo.Services.TryAddSingleton<FatalLedgerFailure>();
        silo.Services.AddSingleton<AccountEngine>();
        silo.Services.AddSingleton<ILifecycleParticipant<ISiloLifecycle>>(services => services.GetRequiredService<AccountEngine>());
        silo.Services.AddSingleton<AccountHosting>();
        silo.Services.AddSingleton<ICallLimits, OrleansCallLimits>();
        silo.Services.AddPlacementDirector<AtItsSilo, AtItsSiloDirector>();
        silo.Services.AddSingleton(services => new OrleansCreditMeter(
            services.GetRequiredService<IGrainFactory>(), options, cluster, services.GetRequiredService<TimeProvider>(), services.GetRequiredService<AccountEngine>()));
        silo.Services.AddSingleton<Metering.ICreditMeter>(services => services.GetRequiredService<OrleansCreditMeter>());
        silo.Configure<ClusterMembershipOptions>(FindDeadSilosSoon);
        silo.Configure<SiloMessagingOptions>(messaging => messaging.ResponseTimeout = cluster.ResponseTimeout);
    }

    /// <summary>Adds the meter to a client.</summary>
    internal static void AddMetering(this IClientBuilder client, CreditMeteringOptions options, Action<MeteringClusterOptions>? configure)
    {
        var cluster = Read(configure);
        client.Services.AddSingleton(services => new OrleansCreditMeter(
            services.GetRequiredService<IGrainFactory>(), options, cluster, services.GetRequiredService<TimeProvider>(), local: null));
        client.Services.AddSingleton<ICallLimits, OrleansCallLimits>();
        client.Services.AddSingleton<Metering.ICreditMeter>(services => services.GetRequiredService<OrleansCreditMeter>());
        client.Configure<ClientMessagingOptions>(messaging => messaging.ResponseTimeout = cluster.ResponseTimeout);
    }

    private static MeteringClusterOptions Read(Action<MeteringClusterOptions>? configure)
    {
        var cluster = new MeteringClusterOptions();
        configure?.Invoke(cluster);
        cluster.Validate();
        return cluster;
    }

    /// <summary>
    /// A silo that does not answer three probes, a second apart, is voted out by two others: its accounts are placed anew about five seconds
    /// after it died. Orleans' own figures add up to more than fifteen.
    /// </summary>
    private static void FindDeadSilosSoon(ClusterMembershipOptions membership)
    {
        membership.ProbeTimeout = TimeSpan.FromSeconds(1);
        membership.NumMissedProbesLimit = 3;
        membership.TableRefreshTimeout = TimeSpan.FromSeconds(10);
    }
}
