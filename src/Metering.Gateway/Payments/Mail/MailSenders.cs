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
        await File.WriteAllTextAsync(draft, mail, cancellationToken).ConfigureAwait(false);
        File.Move(draft, path, overwrite: true);
    }
}

/// <summary>Sends mails through an SMTP server, encrypted by STARTTLS.</summary>
/// <param name="options">The server.</param>
internal sealed class SmtpMailSender(SmtpOptions options) : IMailSender
{
    /// <inheritdoc />
    public string Description => $"the mail server {options.Host}:{options.Port.ToString(CultureInfo.InvariantCulture)}";

    /// <inheritdoc />
    public async Task SendAsync(string id, string to, string subject, string text, CancellationToken cancellationToken)
    {
        // One connection a mail: they are rare, and a kept one may be dead.
        using var client = new SmtpClient(options.Host, options.Port) { EnableSsl = options.UsesStartTls };
        if (options.UserName is not null)
        {
            client.Credentials = new NetworkCredential(options.UserName, options.Password);
        }

        using var message = new MailMessage(options.From, to, subject, text) { BodyEncoding = Encoding.UTF8 };
        message.Headers.Add("Message-ID", $"<{id}@{options.From.Split('@')[1]}>");
        await client.SendMailAsync(message, cancellationToken).ConfigureAwait(false);
    }
}
