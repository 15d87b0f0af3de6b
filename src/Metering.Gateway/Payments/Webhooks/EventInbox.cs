using System.Text;
using Metering.Engine;
using Microsoft.Extensions.Logging;

namespace Metering.Gateway.Payments;

/// <summary>
/// Events of the provider: stored before they are answered, processed once each, and tried again by this gateway, not by the provider,
/// where processing fails.
/// </summary>
internal sealed class EventInbox(
    PaymentBooks books, EventHandling handling, PaymentOptions options, PaymentMetrics metrics, TimeProvider time, ILogger<EventInbox> logger)
{
    /// <summary>How often an event is tried before operators are told: over two days.</summary>
    public const int MostAttempts = 60;

    private static readonly TimeSpan FirstRetry = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan LongestRetry = TimeSpan.FromHours(1);

    /// <summary>Stores an event, durably, and tries to process it. An event that is known is not stored again.</summary>
    public async ValueTask ReceiveAsync(PaymentEvent received, ReadOnlyMemory<byte> body, CancellationToken cancellationToken)
    {
        var stored = new ReceivedEvent(received.Id, Encoding.UTF8.GetString(body.Span), 0, null);
        if (await books.SaveAsync(cancellationToken, books.Events.Change(stored, 0, time.GetUtcNow())).ConfigureAwait(false))
        {
            // Stored: from here on the provider's patience is not what it depends on.
            await ProcessAsync(new(stored, 1), CancellationToken.None).ConfigureAwait(false);
        }
    }

    /// <summary>Processes what is due, and forgets what was processed long ago.</summary>
    public async ValueTask ProcessDueAsync(CancellationToken cancellationToken)
    {
        foreach (var stored in await books.Events.ListDueAsync(time.GetUtcNow(), 100, cancellationToken).ConfigureAwait(false))
        {
            if (stored.Value.IsProcessed)
            {
                await books.SaveAsync(cancellationToken, books.Events.Removal(stored)).ConfigureAwait(false);
                continue;
            }

            await ProcessAsync(stored, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Has an event that was given up tried again, from the beginning.</summary>
    /// <returns>False where there is no such event.</returns>
    public async ValueTask<bool> TryAgainAsync(string id, CancellationToken cancellationToken)
    {
        if (await books.GivenUpEvents.FindAsync(id, cancellationToken).ConfigureAwait(false) is not { } given
            || await books.Events.FindAsync(id, cancellationToken).ConfigureAwait(false) is not { } stored)
        {
            return false;
        }

        return await books.SaveAsync(
            cancellationToken,
            books.GivenUpEvents.Removal(given),
            books.Events.Change(stored.Value with { Attempts = 0 }, stored.Version, time.GetUtcNow())).ConfigureAwait(false);
    }

    private async ValueTask ProcessAsync(Stored<ReceivedEvent> stored, CancellationToken cancellationToken)
    {
        var wait = FirstRetry * Math.Pow(2, Math.Min(stored.Value.Attempts, 10));
        var attempted = stored.Value with { Attempts = stored.Value.Attempts + 1 };
        var next = time.GetUtcNow() + (wait < LongestRetry ? wait : LongestRetry);
        try
        {
            // The next attempt is set before this one, so that of several processes one is at it, and a death in between is no end.
            if (!await books.SaveAsync(cancellationToken, books.Events.Change(attempted, stored.Version, next)).ConfigureAwait(false))
            {
                return;
            }

            var fault = await TryHandleAsync(attempted, cancellationToken).ConfigureAwait(false);
            await books.SaveAsync(cancellationToken, Outcome(new(attempted, stored.Version + 1), fault, next)).ConfigureAwait(false);
        }
        catch (LedgerUnavailableException error)
        {
            // It is due again by itself: what this failed to note is noted by the next attempt.
            logger.LogWarning("The event {Event} waits for the store: {Message}", stored.Value.Id, error.Message);
        }
    }

    /// <summary>What is saved behind an attempt: the event is done and kept for a while, or due again, or given up and told to operators.</summary>
    private PaymentChange[] Outcome(Stored<ReceivedEvent> attempted, string? fault, DateTimeOffset next)
    {
        var received = attempted.Value;
        if (fault is null)
        {
            return [books.Events.Change(received with { Body = string.Empty, Fault = null }, attempted.Version, time.GetUtcNow() + options.Retention)];
        }

        var failed = received with { Fault = fault };
        if (received.Attempts < MostAttempts)
        {
            return [books.Events.Change(failed, attempted.Version, next)];
        }

        var type = PaymentEvent.Read(Encoding.UTF8.GetBytes(received.Body))?.Type ?? "unknown";
        metrics.EventGivenUp(type);
        logger.LogError(
            "The event {Event} ({Type}) failed {Attempts} times and is not tried any more: {Fault} Mend the cause and POST /admin/v1/payments/events/{Id}/retry.",
            received.Id, type, received.Attempts, fault, received.Id);
        return [books.Events.Change(failed, attempted.Version), books.GivenUpEvents.Change(new(received.Id, type, fault, time.GetUtcNow()), 0)];
    }

    /// <returns>Why it failed; null where it did not.</returns>
    private async ValueTask<string?> TryHandleAsync(ReceivedEvent received, CancellationToken cancellationToken)
    {
        try
        {
            var read = PaymentEvent.Read(Encoding.UTF8.GetBytes(received.Body));
            return read is null ? null : await handling.HandleAsync(read, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception error) when (error is not OperationCanceledException)
        {
            // Whatever it was, the event stays and is tried again; a bug must not lose what somebody has paid.
            logger.LogWarning(error, "The event {Event} could not be processed, attempt {Attempt}.", received.Id, received.Attempts);
            return error.Message;
        }
    }
}
