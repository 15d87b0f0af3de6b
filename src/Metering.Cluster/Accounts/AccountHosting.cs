using Metering.Engine;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Orleans.Storage;
using Orleans.Timers;

namespace Metering.Cluster;

/// <summary>What all account grains of a silo share.</summary>
internal sealed class AccountHosting
{
    /// <summary>The name of the grain storage that mementos go to. A silo without one keeps none.</summary>
    public const string StorageName = "metering";

    public AccountHosting(IServiceProvider services, AccountEngine engine, MeteringClusterOptions options, ILogger<AccountHosting> logger)
    {
        (Engine, Placed, Options, Logger) = (engine.Meter, engine.Placed, options, logger);
        Clock = engine.Clock;
        Silo = engine.Silo;
        Storage = services.GetKeyedService<IGrainStorage>(StorageName);
        Reminders = services.GetService<IReminderRegistry>();
    }

    /// <summary>The silo's one engine: the same as the embedded meter's, with one group commit over all of its accounts.</summary>
    public EmbeddedCreditMeter Engine { get; }

    public PlacedAccounts Placed { get; }

    public MeteringClusterOptions Options { get; }

    public ILogger Logger { get; }

    /// <summary>The accounts' clock.</summary>
    public TimeProvider Clock { get; }

    /// <summary>The silo's address, as <see cref="SiloGrain"/>'s keys have it.</summary>
    public string Silo { get; }

    public IGrainStorage? Storage { get; }

    /// <summary>The cluster's reminders; null where the silo has no reminder service.</summary>
    public IReminderRegistry? Reminders { get; }
}
