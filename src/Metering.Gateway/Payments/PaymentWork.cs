using System.Collections.Concurrent;
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

    // One at a time of a process: a second one would find what is due held by the first, and call it done.
    private readonly ConcurrentDictionary<string, SemaphoreSlim> underWay = new();

    /// <summary>Does all that is due now, one subject behind the other, behind whatever is being done by itself.</summary>
    public async ValueTask RunDueAsync(CancellationToken cancellationToken)
    {
        foreach (var (subject, work) in Subjects(cancellationToken))
        {
            await TryAsync(subject, work).ConfigureAwait(false);
        }
    }

    /// <inheritdoc />
    public override Task StartAsync(CancellationToken cancellationToken)
    {
        if (options.Provider != PaymentProviderKind.None)
        {
            services.GetRequiredService<KeyVault>().Open();
        }

        return base.StartAsync(cancellationToken);
    }

    /// <inheritdoc />
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await Task.Yield(); // The host's start does not wait for what may need a provider.

        // A loop each: a mail server or a provider that hangs holds up its own subject and nothing else.
        await Task.WhenAll(Subjects(stoppingToken).Select(subject => RepeatAsync(subject.Name, subject.Work, stoppingToken))).ConfigureAwait(false);
    }

    private async Task RepeatAsync(string subject, Func<ValueTask> work, CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            var told = signal.Next;
            await TryAsync(subject, work).ConfigureAwait(false);
            using var waiting = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken);
            await Task.WhenAny(told, Task.Delay(Interval, time, waiting.Token)).ConfigureAwait(false);
            await waiting.CancelAsync().ConfigureAwait(false);
        }
    }

    private List<(string Name, Func<ValueTask> Work)> Subjects(CancellationToken cancellationToken)
    {
        List<(string, Func<ValueTask>)> subjects = [];
        if (options.Provider == PaymentProviderKind.Sandbox)
        {
            subjects.Add(("the sandbox's pages", () => services.GetRequiredService<SandboxActions>().SweepAsync(cancellationToken)));
            subjects.Add(("the sandbox's events", () => services.GetRequiredService<SandboxDelivery>().DeliverDueAsync(cancellationToken)));
        }

        subjects.Add(("received events", () => services.GetRequiredService<EventInbox>().ProcessDueAsync(cancellationToken)));
        subjects.Add(("purchases of plans", () => services.GetRequiredService<Provisioning>().SweepAsync(cancellationToken)));
        subjects.Add(("changes of subscriptions", () => services.GetRequiredService<SubscriptionFollowing>().SweepAsync(cancellationToken)));
        subjects.Add(("subscriptions of closed accounts", () => services.GetRequiredService<ClosedSubscriptions>().SweepAsync(cancellationToken)));
        subjects.Add(("purchases of credits", () => services.GetRequiredService<CreditSales>().ReconcileAsync(cancellationToken)));
        subjects.Add(("mails", () => services.GetRequiredService<Mailbox>().SendDueAsync(cancellationToken)));
        subjects.Add(("limits", () => services.GetRequiredService<AddressLimits>().SweepAsync(cancellationToken)));
        return subjects;
    }

    private async ValueTask TryAsync(string subject, Func<ValueTask> work)
    {
        var turn = underWay.GetOrAdd(subject, static _ => new(1));
        await turn.WaitAsync().ConfigureAwait(false);
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
        finally
        {
            turn.Release();
        }
    }
}
