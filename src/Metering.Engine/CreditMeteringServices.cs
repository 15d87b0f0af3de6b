using Metering.Engine;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Adds the embedded meter to a host.</summary>
public static class CreditMeteringServices
{
    /// <summary>
    /// Adds <see cref="Metering.ICreditMeter"/>, its stores and the service that opens them with the host and drains them when it stops.
    /// <code>services.AddCreditMetering(o => o.UseSqlite("metering.db"));</code>
    /// </summary>
    /// <param name="services">The host's services.</param>
    /// <param name="configure">Sets the store, the catalogue and the limits.</param>
    /// <exception cref="MeteringStartupException">A setting is out of range.</exception>
    public static IServiceCollection AddCreditMetering(this IServiceCollection services, Action<CreditMeteringOptions> configure)
    {
        var options = new CreditMeteringOptions();
        configure(options);
        options.Validate();
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton(options);
        services.AddSingleton(options.Catalogue);
        if (options.NeedsStore)
        {
            services.AddSingleton(options.LedgerStoreFactory!);
            services.AddSingleton(options.DirectoryStoreFactory!);
            services.AddSingleton(static provider => provider.GetRequiredService<ILedgerStore>() as IPersonalTexts
                ?? throw new MeteringStartupException("The ledger store that is set cannot erase texts: it does not implement IPersonalTexts."));
        }

        services.TryAddSingleton(provider => PaymentStores.Beside(provider.GetRequiredService<IDirectoryStore>()));

        (options.AddMeter ?? (collection => AddEmbedded(collection, options)))(services);
        return services;
    }

    private static void AddEmbedded(IServiceCollection services, CreditMeteringOptions options)
    {
        services.AddSingleton<FatalLedgerFailure>();
        services.AddSingleton<ICallLimits, LocalCallLimits>();
        services.AddSingleton(provider => new EmbeddedCreditMeter(
            provider.GetRequiredService<ILedgerStore>(),
            options,
            provider.GetRequiredService<TimeProvider>(),
            provider.GetRequiredService<ILogger<EmbeddedCreditMeter>>()));
        services.AddSingleton<Metering.ICreditMeter>(provider => provider.GetRequiredService<EmbeddedCreditMeter>());
        services.AddHostedService<CreditMeteringService>();
    }
}

/// <summary>Opens the stores with the host, drains the meter when the host stops, and stops the host when the ledger fails for good.</summary>
internal sealed class CreditMeteringService(IServiceProvider services, FatalLedgerFailure failure) : IHostedService
{
    private EmbeddedCreditMeter? meter;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        // Resolved here, not in the constructor, so that a store that cannot be opened fails the start with its own sentence.
        meter = services.GetRequiredService<EmbeddedCreditMeter>();
        _ = services.GetRequiredService<IDirectoryStore>();
        failure.Watch(meter);
        meter.StartDueQueue();
        return Task.CompletedTask;
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        if (meter is not null)
        {
            await meter.DrainAsync();
        }
    }
}

/// <summary>Stops the host when the ledger fails for good.</summary>
internal sealed class FatalLedgerFailure(IHostApplicationLifetime lifetime, ILogger<FatalLedgerFailure> logger)
{
    /// <summary>The exit code after a failure of the local ledger that only a start from disk can mend (EX_IOERR of sysexits.h).</summary>
    private const int LedgerFailedExitCode = 74;

    /// <summary>From now on a fatal failure of the meter's ledger stops the host.</summary>
    public void Watch(EmbeddedCreditMeter meter) => _ = StopOnFatalAsync(meter);

    private async Task StopOnFatalAsync(EmbeddedCreditMeter meter)
    {
        var failure = await meter.Fatal;
        Environment.ExitCode = LedgerFailedExitCode;
        lifetime.StopApplication();
        logger.LogCritical("{Failure} The process stops now; what was acknowledged is on disk and is recovered at the next start.", failure.Message);
    }
}
