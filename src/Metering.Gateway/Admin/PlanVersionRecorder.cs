using Metering.Engine;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Metering.Gateway.Admin;

/// <summary>Records the configured plans at the start: a plan that differs from its last version becomes a new one.</summary>
internal sealed class PlanVersionRecorder(IPlanVersionStore versions, Catalogue catalogue, TimeProvider time, ILogger<PlanVersionRecorder> logger) : BackgroundService
{
    private static readonly TimeSpan Retry = TimeSpan.FromSeconds(10);

    private volatile bool isRecorded;

    /// <summary>Records the plans unless this process did so before; the catalogue does not change while it runs.</summary>
    public async ValueTask RecordAsync(CancellationToken cancellationToken)
    {
        if (!isRecorded)
        {
            await versions.RecordAsync([.. catalogue.Plans.Values], time.GetUtcNow(), cancellationToken).ConfigureAwait(false);
            isRecorded = true;
        }
    }

    /// <inheritdoc />
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!isRecorded && !stoppingToken.IsCancellationRequested)
        {
            try
            {
                await RecordAsync(stoppingToken).ConfigureAwait(false);
            }
            catch (LedgerUnavailableException exception)
            {
                logger.LogWarning("The versions of plans wait for the directory: {Message}", exception.Message);
                await Task.Delay(Retry, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }
}
