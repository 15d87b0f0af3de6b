using System.Globalization;
using System.Net;
using System.Net.Mail;
using System.Text;

namespace Metering.Gateway.Payments;

/// <summary>Puts mails into a folder that only its owner may enter, a file each, for whoever sends them or looks at them.</summary>
/// <param name="folder">The folder, made with the first mail.</param>
/// <param name="time">The clock.</param>
internal sealed class FolderMailSender(string folder, TimeProvider time) : IMailSender
{
    /// <inheritdoc />
    public string Description => $"the folder {folder}";

    /// <inheritdoc />
    public async Task SendAsync(string id, string to, string subject, string text, CancellationToken cancellationToken)
    {
        MailRefusedException.ThrowIfUnsafe(to, subject);
        var path = Path.Combine(PrivateFolder.Make(folder).FullName, $"{id}.eml");
        var mail = string.Create(CultureInfo.InvariantCulture, $"""
            Date: {time.GetUtcNow():r}
            To: {to}
            Subject: {subject}
            Message-ID: <{id}@metering.invalid>
            MIME-Version: 1.0
            Content-Type: text/plain; charset=utf-8
            Content-Transfer-Encoding: base64

            {Convert.ToBase64String(Encoding.UTF8.GetBytes(text), Base64FormattingOptions.InsertLineBreaks)}

            """).ReplaceLineEndings("\r\n");

        // A file of its own that takes the name when it is whole: whoever picks mails up never finds half of one.
        var draft = path + ".draft";
        File.Delete(draft); // One that a crash left behind may be readable by others.
        var writing = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, Options = FileOptions.Asynchronous };
        if (!OperatingSystem.IsWindows())
        {
            writing.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        var file = new FileStream(draft, writing);
        await using (file.ConfigureAwait(false))
        {
            await file.WriteAsync(Encoding.UTF8.GetBytes(mail), cancellationToken).ConfigureAwait(false);
        }

        File.Move(draft, path, overwrite: true);
    }
}

/// <summary>Sends mails through an SMTP server, encrypted by STARTTLS; to one that does not offer it nothing is sent.</summary>
/// <param name="options">The server.</param>
internal sealed class SmtpMailSender(SmtpOptions options) : IMailSender
{
    // What the mail system says of this mail (RFC 5321, 4.2.1). Other 5yz, as a login that is refused (530, 535), are about these settings, and
    // whoever corrects them within the day loses no mail.
    private const int FirstFinalStatus = 550;
    private const int LastFinalStatus = 559;

    /// <inheritdoc />
    public string Description => $"the mail server {options.Host}:{options.Port.ToString(CultureInfo.InvariantCulture)}";

    /// <inheritdoc />
    public async Task SendAsync(string id, string to, string subject, string text, CancellationToken cancellationToken)
    {
        MailRefusedException.ThrowIfUnsafe(to, subject);

        // One connection a mail: they are rare, and a kept one may be dead.
        using var client = new SmtpClient(options.Host, options.Port) { EnableSsl = options.UsesStartTls };
        if (options.UserName is not null)
        {
            client.Credentials = new NetworkCredential(options.UserName, options.Password);
        }

        using var message = new MailMessage(options.From, to, subject, text) { BodyEncoding = Encoding.UTF8 };
        message.Headers.Add("Message-ID", $"<{id}@{options.From.Split('@')[1]}>");
        try
        {
            await client.SendMailAsync(message, cancellationToken).ConfigureAwait(false);
        }
        catch (SmtpException error) when ((int)error.StatusCode is >= FirstFinalStatus and <= LastFinalStatus)
        {
            throw new MailRefusedException($"the server answered {((int)error.StatusCode).ToString(CultureInfo.InvariantCulture)}: {error.Message}", error);
        }
    }
}
