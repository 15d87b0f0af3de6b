using Metering.Conformance;
using Metering.Engine;
using Metering.Gateway.Payments;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Metering.Gateway.Tests.Sales;

/// <summary>Mails that wait: none is lost to a server that cannot read it, and none keeps the others waiting.</summary>
public sealed class MailboxTests
{
    private readonly ManualTimeProvider clock = new(GatewayHost.Start);
    private readonly PaymentBooks books = TestBooks.InMemory();

    [Fact]
    public async Task A_mail_that_one_server_cannot_decrypt_is_sent_by_another()
    {
        var (own, others) = (new KeptSender(), new KeptSender());
        var (sender, stranger) = (Open(own, new(null)), Open(others, new(null)));
        Assert.True(await books.SaveAsync(CancellationToken.None, sender.Queue("mail-1", "ann@example.com", "Your API key", "the key")));
        await stranger.SendDueAsync(CancellationToken.None);
        clock.Advance(TimeSpan.FromMinutes(2));
        await sender.SendDueAsync(CancellationToken.None);
        Assert.Equal(["the key"], own.Texts);
        Assert.Empty(others.Texts);
        Assert.Null(await books.Mails.FindAsync("mail-1", CancellationToken.None));
    }

    [Fact]
    public async Task A_mail_that_nobody_can_send_is_given_up_after_a_day()
    {
        var (sender, stranger) = (Open(new KeptSender(), new(null)), Open(new KeptSender(), new(null)));
        Assert.True(await books.SaveAsync(CancellationToken.None, sender.Queue("mail-1", "ann@example.com", "Your API key", "the key")));
        clock.Advance(TimeSpan.FromHours(24));
        await stranger.SendDueAsync(CancellationToken.None);
        Assert.Null(await books.Mails.FindAsync("mail-1", CancellationToken.None));
    }

    [Fact]
    public async Task A_mail_server_that_hangs_is_left_after_30_seconds_and_the_mail_waits()
    {
        var hanging = new HangingSender();
        var mailbox = Open(hanging, new(null));
        Assert.True(await books.SaveAsync(CancellationToken.None, mailbox.Queue("mail-1", "ann@example.com", "Your API key", "the key")));
        var sending = mailbox.SendDueAsync(CancellationToken.None).AsTask();
        await hanging.Asked.Task;
        Assert.False(sending.IsCompleted);
        clock.Advance(TimeSpan.FromSeconds(30));
        await sending;
        Assert.Equal(1, (await books.Mails.FindAsync("mail-1", CancellationToken.None))!.Value.Value.Attempts);
    }

    private Mailbox Open(IMailSender sender, KeyVault vault) => new(books, vault, sender, clock, NullLogger<Mailbox>.Instance);

    private sealed class KeptSender : IMailSender
    {
        public List<string> Texts { get; } = [];

        public string Description => "a list";

        public Task SendAsync(string id, string to, string subject, string text, CancellationToken cancellationToken)
        {
            Texts.Add(text);
            return Task.CompletedTask;
        }
    }

    /// <summary>Never answers, and looks at no token either.</summary>
    private sealed class HangingSender : IMailSender
    {
        public TaskCompletionSource Asked { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public string Description => "nowhere";

        public Task SendAsync(string id, string to, string subject, string text, CancellationToken cancellationToken)
        {
            Asked.TrySetResult();
            return new TaskCompletionSource().Task;
        }
    }
}
