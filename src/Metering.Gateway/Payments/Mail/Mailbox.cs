using Metering.Engine;
using Microsoft.Extensions.Logging;

namespace Metering.Gateway.Payments;

/// <summary>Sends one mail.</summary>
internal interface IMailSender
{
    /// <summary>Where mails go, for people: at the start.</summary>
    string Description { get; }

    /// <summary>Sends a mail; whatever else it throws, it is tried again later.</summary>
    /// <exception cref="MailRefusedException">It will never be taken, and is not tried again.</exception>
    Task SendAsync(string id, string to, string subject, string text, CancellationToken cancellationToken);
}

/// <summary>
/// Mails that wait to be sent, through restarts. A mail's text is encrypted while it waits, because it may hold a key, and gone when it is
/// sent, or after 24 hours.
/// </summary>
internal sealed class Mailbox(PaymentBooks books, KeyVault vault, IMailSender sender, TimeProvider time, ILogger<Mailbox> logger)
{
    private static readonly TimeSpan Lifetime = TimeSpan.FromHours(24);
    private static readonly TimeSpan FirstRetry = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan LongestRetry = TimeSpan.FromHours(1);

    /// <summary>How long one mail may take: a mail server that hangs keeps one mail waiting, and no others.</summary>
    private static readonly TimeSpan SendingTime = TimeSpan.FromSeconds(30);

    /// <summary>Where mails go.</summary>
    public string Description => sender.Description;

    /// <summary>The change that queues a mail; it is sent once the change is saved.</summary>
    public PaymentChange Queue(string id, string to, string subject, string text) => books.Mails.Change(
        new(id, to, subject, vault.Protect(text), time.GetUtcNow(), 0), 0);

    /// <summary>Sends what is due.</summary>
    public async ValueTask SendDueAsync(CancellationToken cancellationToken)
    {
        foreach (var stored in await books.Mails.ListDueAsync(time.GetUtcNow(), 100, cancellationToken).ConfigureAwait(false))
        {
            await SendAsync(stored, cancellationToken).ConfigureAwait(false);
        }
    }

    private async ValueTask SendAsync(Stored<QueuedMail> stored, CancellationToken cancellationToken)
    {
        var (mail, now) = (stored.Value, time.GetUtcNow());
        if (now - mail.CreatedAt >= Lifetime)
        {
            logger.LogError("The mail {Mail} could not be sent within {Hours} hours; it was given up.", mail.Id, Lifetime.TotalHours);
            await books.SaveAsync(cancellationToken, books.Mails.Removal(stored)).ConfigureAwait(false);
            return;
        }

        if (vault.TryUnprotect(mail.ProtectedBody) is not { } text)
        {
            // Another server may hold the ring. Not the same wait each time, so that this one is not the first at it over and over.
            logger.LogError("The mail {Mail} cannot be decrypted with this server's key ring; give all servers that share the database one Metering:Payments:KeyRing.", mail.Id);
            var pause = FirstRetry * (0.5 + Random.Shared.NextDouble());
            await books.SaveAsync(cancellationToken, books.Mails.Change(mail, stored.Version, now + pause)).ConfigureAwait(false);
            return;
        }

        // The next attempt is set before this one: of two processes one sends, and a process that dies in between does not forget it.
        var attempted = mail with { Attempts = mail.Attempts + 1 };
        var wait = FirstRetry * Math.Pow(2, Math.Min(mail.Attempts, 10));
        if (!await books.SaveAsync(cancellationToken, books.Mails.Change(attempted, stored.Version, now + (wait < LongestRetry ? wait : LongestRetry))).ConfigureAwait(false))
        {
            return;
        }

        try
        {
            using var limit = new CancellationTokenSource(SendingTime, time);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
            await sender.SendAsync(mail.Id, mail.To, mail.Subject, text, either.Token).WaitAsync(either.Token).ConfigureAwait(false);
            await books.SaveAsync(cancellationToken, books.Mails.Removal(new(attempted, stored.Version + 1))).ConfigureAwait(false);
        }
        catch (MailRefusedException error)
        {
            logger.LogError("The mail {Mail} was refused for good and is given up, attempt {Attempt}: {Message}", mail.Id, attempted.Attempts, error.Message);
            await books.SaveAsync(cancellationToken, books.Mails.Removal(new(attempted, stored.Version + 1))).ConfigureAwait(false);
        }
        catch (Exception error) when (!cancellationToken.IsCancellationRequested)
        {
            logger.LogWarning("The mail {Mail} could not be sent, attempt {Attempt}: {Message}", mail.Id, attempted.Attempts, Describe(error));
        }
    }

    /// <summary>With its cause: that a connection was refused, or whose certificate is not trusted, stands in the innermost one alone.</summary>
    private static string Describe(Exception error) => error.GetBaseException() is var cause && cause != error ? $"{error.Message} {cause.Message}" : error.Message;
}
