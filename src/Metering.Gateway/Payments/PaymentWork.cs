using Metering.Engine;
using Metering.Gateway.Payments.Sandbox;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Metering.Gateway.Payments;

/// <summary>
/// What nobody calls for: events, mails and purchases that are due, at the start and from then on every few seconds. Several processes that
/// share a store do it beside each other; each piece is taken by one.
/// </summary>
internal sealed class PaymentWork(IServiceProvider services, PaymentOptions options, PaymentSignal signal, TimeProvider time, ILogger<PaymentWork> logger) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(15);

    /// <summary>Does all that is due now.</summary>
    public async ValueTask RunDueAsync(CancellationToken cancellationToken)
    {
        if (options.Provider == PaymentProviderKind.Sandbox)
        {
            await TryAsync("the sandbox's pages", () => services.GetRequiredService<SandboxActions>().SweepAsync(cancellationToken)).ConfigureAwait(false);
            await TryAsync("the sandbox's events", () => services.GetRequiredService<SandboxDelivery>().DeliverDueAsync(cancellationToken)).ConfigureAwait(false);
        }

        await TryAsync("received events", () => services.GetRequiredService<EventInbox>().ProcessDueAsync(cancellationToken)).ConfigureAwait(false);
        await TryAsync("purchases of plans", () => services.GetRequiredService<Provisioning>().SweepAsync(cancellationToken)).ConfigureAwait(false);
        await TryAsync("purchases of credits", () => services.GetRequiredService<CreditSales>().ReconcileAsync(cancellationToken)).ConfigureAwait(false);
        await TryAsync("mails", () => services.GetRequiredService<Mailbox>().SendDueAsync(cancellationToken)).ConfigureAwait(false);
        await TryAsync("limits", () => services.GetRequiredService<AddressLimits>().SweepAsync(cancellationToken)).ConfigureAwait(false);
    }

    /// <inheritdoc />
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await Task.Yield(); // The host's start does not wait for what may need a provider.
        while (!stoppingToken.IsCancellationRequested)
        {
            signal.Take();
            await RunDueAsync(stoppingToken).ConfigureAwait(false);
            using var waiting = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken);
            await Task.WhenAny(signal.Waiting, Task.Delay(Interval, time, waiting.Token)).ConfigureAwait(false);
            await waiting.CancelAsync().ConfigureAwait(false);
        }
    }

    private async ValueTask TryAsync(string subject, Func<ValueTask> work)
    {
        try
        {
            await work().ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // The host stops; what is due stays due.
        }
        catch (Exception error) when (error is LedgerUnavailableException or PaymentProviderException)
        {
            logger.LogWarning("Due work ({Subject}) waits: {Message}", subject, error.Message);
        }
        catch (Exception error)
        {
            // One subject's bug must not keep the others' money and mails waiting.
            logger.LogError(error, "Due work ({Subject}) failed and is tried again.", subject);
        }
    }
}
