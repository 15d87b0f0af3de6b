using System.Text;
using Metering.Engine;
using Microsoft.Extensions.Logging;

namespace Metering.Gateway.Payments;

/// <summary>
/// Events of the provider: stored before they are answered, processed once each, and tried again by this gateway, not by the provider,
/// where processing fails.
/// </summary>
internal sealed class EventInbox(PaymentBooks books, EventHandling handling, TimeProvider time, ILogger<EventInbox> logger)
{
    private const int MostAttempts = 60;

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

    /// <summary>Processes what is due.</summary>
    public async ValueTask ProcessDueAsync(CancellationToken cancellationToken)
    {
        foreach (var stored in await books.Events.ListDueAsync(time.GetUtcNow(), 100, cancellationToken).ConfigureAwait(false))
        {
            await ProcessAsync(stored, cancellationToken).ConfigureAwait(false);
        }
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
            var isOver = fault is null || attempted.Attempts >= MostAttempts;
            await books.SaveAsync(
                cancellationToken,
                books.Events.Change(attempted with { Body = fault is null ? string.Empty : attempted.Body, Fault = fault }, stored.Version + 1, isOver ? null : next)).ConfigureAwait(false);
        }
        catch (LedgerUnavailableException error)
        {
            // It is due again by itself: what this failed to note is noted by the next attempt.
            logger.LogWarning("The event {Event} waits for the store: {Message}", stored.Value.Id, error.Message);
        }
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
