using System.Globalization;
using Metering.Conformance;
using Metering.Engine;
using Metering.Gateway.Payments;
using Microsoft.Extensions.Logging;
using Xunit;

namespace Metering.Gateway.Tests.Sales.Mail;

/// <summary>Mails through a mail server that answers as real ones do, by the real client.</summary>
public sealed class SmtpTests : IAsyncLifetime
{
    private const string Key = "mtr_0123456789abcdef";
    private const string Password = "hunter2-secret";

    private readonly ManualTimeProvider clock = new(GatewayHost.Start);
    private readonly PaymentBooks books = TestBooks.InMemory();
    private readonly KeyVault vault = new(null);
    private readonly LogLines log = new();

    public Task InitializeAsync() => Task.CompletedTask;

    /// <summary>Whatever happened, no log tells a key or a password.</summary>
    public Task DisposeAsync()
    {
        Assert.All(log.Lines, line => Assert.DoesNotContain(Key, line, StringComparison.Ordinal));
        Assert.All(log.Lines, line => Assert.DoesNotContain(Password, line, StringComparison.Ordinal));
        return Task.CompletedTask;
    }

    [Fact]
    public async Task A_mail_arrives_once_whole_and_by_the_login_that_was_set()
    {
        await using var server = new SmtpStandIn { Login = ("meter", Password) };
        var mailbox = Open(Options(server, "meter", Password));
        await QueueAsync(mailbox);
        await mailbox.SendDueAsync(CancellationToken.None);
        await SendLaterAsync(mailbox);
        var mail = await server.NextAsync();
        Assert.Equal((0, "meter"), (server.Waiting, mail.Login));
        Assert.Equal(["MAIL FROM:<meter@example.com>", "RCPT TO:<ann@example.com>"], [mail.From, .. mail.To]);
        Assert.Equal($"Your key: {Key}\r\nÄnn", mail.Text.ReplaceLineEndings("\r\n"));
        Assert.Contains("Subject: Your API key", mail.Headers, StringComparison.Ordinal);
        Assert.Contains("<mail-1@example.com>", mail.Headers, StringComparison.Ordinal);
        Assert.Empty(log.Lines);
    }

    [Fact]
    public async Task To_a_server_that_offers_no_encryption_nothing_is_sent_unless_that_is_set()
    {
        await using var server = new SmtpStandIn();
        var mailbox = Open(Options(server) with { UsesStartTls = true });
        await QueueAsync(mailbox);
        await mailbox.SendDueAsync(CancellationToken.None);
        Assert.Equal((1, 0), (server.Connections, server.Waiting));
        Assert.Equal(1, await AttemptsAsync());
        Assert.Contains("secure", Assert.Single(log.Lines), StringComparison.Ordinal);
        await SendLaterAsync(Open(Options(server)));
        Assert.False((await server.NextAsync()).IsEncrypted);
    }

    [Fact]
    public async Task While_a_server_is_down_the_mail_waits_longer_each_time_and_goes_out_when_it_is_back()
    {
        await using var server = new SmtpStandIn { IsDown = true };
        var mailbox = Open(Options(server));
        await QueueAsync(mailbox);
        var tries = new List<int>();
        for (var minute = 0; minute < 8; minute++)
        {
            await mailbox.SendDueAsync(CancellationToken.None);
            tries.Add(await AttemptsAsync());
            clock.Advance(TimeSpan.FromMinutes(1));
        }

        Assert.Equal([1, 2, 2, 3, 3, 3, 3, 4], tries); // Behind 1, 2 and 4 minutes.
        server.IsDown = false;
        await SendLaterAsync(mailbox);
        await server.NextAsync();
        Assert.Null(await books.Mails.FindAsync("mail-1", CancellationToken.None));
    }

    [Theory]
    [InlineData("450 4.2.1 The mailbox is busy", null)]
    [InlineData("451 4.7.1 Greylisted, try again", null)]
    [InlineData(null, "452 4.3.1 Out of storage")]
    [InlineData(null, "421 4.3.2 Shutting down")]
    public async Task What_a_server_refuses_for_now_is_sent_again(string? recipient, string? mail)
    {
        await using var server = new SmtpStandIn { RecipientAnswer = recipient, MailAnswer = mail };
        var mailbox = Open(Options(server));
        await QueueAsync(mailbox);
        await mailbox.SendDueAsync(CancellationToken.None);
        Assert.Equal((0, 1), (server.Waiting, await AttemptsAsync()));
        (server.RecipientAnswer, server.MailAnswer) = (null, null);
        await SendLaterAsync(mailbox);
        Assert.Contains(Key, (await server.NextAsync()).Text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("550 5.1.1 No such mailbox", null, "550")]
    [InlineData("553 5.1.3 Bad address", null, "553")]
    [InlineData(null, "554 5.7.1 Refused as spam", "554")]
    public async Task What_a_server_refuses_for_good_is_given_up_and_told(string? recipient, string? mail, string status)
    {
        await using var server = new SmtpStandIn { RecipientAnswer = recipient, MailAnswer = mail };
        var mailbox = Open(Options(server));
        await QueueAsync(mailbox);
        await mailbox.SendDueAsync(CancellationToken.None);
        Assert.Null(await books.Mails.FindAsync("mail-1", CancellationToken.None));
        var line = Assert.Single(log.Lines);
        Assert.StartsWith("Error: The mail mail-1 was refused for good", line, StringComparison.Ordinal);
        Assert.Contains(status, line, StringComparison.Ordinal);
        await SendLaterAsync(mailbox);
        Assert.Equal(1, server.Connections);
    }

    [Fact]
    public async Task A_login_that_is_refused_is_the_settings_fault_and_loses_no_mail()
    {
        await using var server = new SmtpStandIn { Login = ("meter", Password) };
        var mailbox = Open(Options(server, "meter", Password + "-old"));
        await QueueAsync(mailbox);
        await mailbox.SendDueAsync(CancellationToken.None);
        Assert.Equal(1, await AttemptsAsync());
        Assert.StartsWith("Warning: The mail mail-1 could not be sent", Assert.Single(log.Lines), StringComparison.Ordinal);
        await SendLaterAsync(Open(Options(server, "meter", Password)));
        await server.NextAsync();
    }

    [Theory]
    [InlineData("ann@example.com\r\nBcc: eve@example.com", "Your API key")]
    [InlineData("ann@example.com\nRCPT TO:<eve@example.com>", "Your API key")]
    [InlineData("ann@example.com, eve@example.com", "Your API key")]
    [InlineData("Ann <ann@example.com>", "Your API key")]
    [InlineData("ann@example.com", "Your API key\r\nBcc: eve@example.com")]
    public async Task Nothing_gets_into_another_header_line_whoever_queued_it(string to, string subject)
    {
        await using var server = new SmtpStandIn();
        var folder = Directory.CreateTempSubdirectory("metering-mail-");
        try
        {
            foreach (var sender in new IMailSender[] { new SmtpMailSender(Options(server)), new FolderMailSender(folder.FullName, clock) })
            {
                await Assert.ThrowsAsync<MailRefusedException>(() => sender.SendAsync("mail-1", to, subject, "text", CancellationToken.None));
            }

            Assert.Equal((0, 0), (server.Connections, folder.GetFiles().Length));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public async Task Files_of_mails_are_their_owners_alone_also_over_what_a_crash_left_behind()
    {
        if (OperatingSystem.IsWindows())
        {
            return; // Files have no mode there; they inherit the folder's rights.
        }

        const UnixFileMode Owner = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        var folder = Directory.CreateTempSubdirectory("metering-mail-");
        try
        {
            var left = Path.Combine(folder.FullName, "mail-1.eml.draft");
            await File.WriteAllTextAsync(left, "half a mail");
            File.SetUnixFileMode(left, Owner | UnixFileMode.OtherRead);
            File.SetUnixFileMode(folder.FullName, Owner | UnixFileMode.UserExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute);
            await new FolderMailSender(folder.FullName, clock).SendAsync("mail-1", "ann@example.com", "Your API key", Key, CancellationToken.None);
            var file = Assert.Single(folder.GetFiles());
            Assert.Equal((Owner, Owner | UnixFileMode.UserExecute), (File.GetUnixFileMode(file.FullName), File.GetUnixFileMode(folder.FullName)));
            Assert.Contains(Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes(Key)), await File.ReadAllTextAsync(file.FullName), StringComparison.Ordinal);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static SmtpOptions Options(SmtpStandIn server, string? user = null, string? password = null) =>
        new("127.0.0.1", server.Port, "meter@example.com", user, password, UsesStartTls: false);

    private Mailbox Open(SmtpOptions options) => new(books, vault, new SmtpMailSender(options), clock, log);

    private async Task QueueAsync(Mailbox mailbox) =>
        Assert.True(await books.SaveAsync(CancellationToken.None, mailbox.Queue("mail-1", "ann@example.com", "Your API key", $"Your key: {Key}\r\nÄnn")));

    private async Task SendLaterAsync(Mailbox mailbox)
    {
        clock.Advance(TimeSpan.FromHours(1));
        await mailbox.SendDueAsync(CancellationToken.None);
    }

    private async Task<int> AttemptsAsync() => (await books.Mails.FindAsync("mail-1", CancellationToken.None))!.Value.Value.Attempts;

    /// <summary>What was logged, with everything an exception tells.</summary>
    private sealed class LogLines : ILogger<Mailbox>
    {
        public List<string> Lines { get; } = [];

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            Lines.Add(string.Create(CultureInfo.InvariantCulture, $"{logLevel}: {formatter(state, exception)}{exception}"));
    }
}
