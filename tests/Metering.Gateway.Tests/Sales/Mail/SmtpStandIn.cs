using System.Globalization;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Threading.Channels;

namespace Metering.Gateway.Tests.Sales.Mail;

/// <summary>A mail that a server took.</summary>
internal sealed record TakenMail(string From, IReadOnlyList<string> To, string Data, bool IsEncrypted, string? Login)
{
    /// <summary>The text of the mail, without its headers.</summary>
    public string Text => Encoding.UTF8.GetString(Convert.FromBase64String(Data[Data.IndexOf("\r\n\r\n", StringComparison.Ordinal)..]));

    public string Headers => Data[..Data.IndexOf("\r\n\r\n", StringComparison.Ordinal)];
}

/// <summary>A mail server on the loopback interface: RFC 5321 as far as a client needs it, STARTTLS (RFC 3207), AUTH LOGIN.</summary>
internal sealed class SmtpStandIn : IAsyncDisposable
{
    private readonly TcpListener listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource stopping = new();
    private readonly Channel<TakenMail> taken = Channel.CreateUnbounded<TakenMail>();
    private readonly Task accepting;

    public SmtpStandIn()
    {
        listener.Start();
        accepting = AcceptAsync();
    }

    public int Port => ((IPEndPoint)listener.LocalEndpoint).Port;

    /// <summary>Given, STARTTLS is offered, and no mail is taken without it.</summary>
    public X509Certificate2? Certificate { get; init; }

    /// <summary>The user and the password without which no mail is taken; null to ask for none.</summary>
    public (string User, string Password)? Login { get; init; }

    /// <summary>True to end each connection before a word is said.</summary>
    public bool IsDown { get; set; }

    /// <summary>What is answered to a recipient; null to take it.</summary>
    public string? RecipientAnswer { get; set; }

    /// <summary>What is answered to a whole mail; null to take it.</summary>
    public string? MailAnswer { get; set; }

    /// <summary>Connections so far.</summary>
    public int Connections { get; private set; }

    /// <summary>What was taken and not looked at yet.</summary>
    public int Waiting => taken.Reader.Count;

    public ValueTask<TakenMail> NextAsync() => taken.Reader.ReadAsync();

    public async ValueTask DisposeAsync()
    {
        await stopping.CancelAsync();
        await accepting;
        listener.Dispose();
        stopping.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                using var client = await listener.AcceptTcpClientAsync(stopping.Token);
                Connections++;
                if (!IsDown)
                {
                    await TryServeAsync(client);
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The test is over.
        }
    }

    private async Task TryServeAsync(TcpClient client)
    {
        Stream stream = client.GetStream();
        try
        {
            var talk = new Conversation(this, stream);
            await talk.RunAsync(stopping.Token);
        }
        catch (Exception error) when (error is IOException or System.Security.Authentication.AuthenticationException)
        {
            // The client has gone, or does not trust the certificate.
        }
    }

    /// <summary>One connection.</summary>
    private sealed class Conversation(SmtpStandIn server, Stream plain)
    {
        private readonly List<string> to = [];
        private Stream stream = plain;
        private bool isEncrypted;
        private string? login;
        private string from = string.Empty;

        public async Task RunAsync(CancellationToken cancellationToken)
        {
            await SayAsync("220 stand-in ESMTP");
            while (await HearAsync(cancellationToken) is { } line)
            {
                var verb = line.Split(' ', ':')[0].ToUpperInvariant();
                switch (verb)
                {
                    case "EHLO":
                        await SayAsync($"250-stand-in{(server.Certificate is not null && !isEncrypted ? "\r\n250-STARTTLS" : string.Empty)}{(server.Login is null ? string.Empty : "\r\n250-AUTH LOGIN")}\r\n250 8BITMIME");
                        break;
                    case "STARTTLS":
                        await EncryptAsync(cancellationToken);
                        break;
                    case "AUTH":
                        await LogInAsync(line, cancellationToken);
                        break;
                    case "MAIL" when server.Certificate is not null && !isEncrypted:
                        await SayAsync("530 5.7.0 Must issue a STARTTLS command first");
                        break;
                    case "MAIL" when server.Login is not null && login is null:
                        await SayAsync("530 5.7.0 Authentication required");
                        break;
                    case "MAIL":
                        from = line;
                        to.Clear();
                        await SayAsync("250 2.1.0 Ok");
                        break;
                    case "RCPT":
                        to.Add(line);
                        await SayAsync(server.RecipientAnswer ?? "250 2.1.5 Ok");
                        break;
                    case "DATA":
                        await TakeAsync(cancellationToken);
                        break;
                    case "QUIT":
                        await SayAsync("221 2.0.0 Bye");
                        return;
                    default:
                        await SayAsync("250 2.0.0 Ok");
                        break;
                }
            }
        }

        private async Task EncryptAsync(CancellationToken cancellationToken)
        {
            await SayAsync("220 2.0.0 Ready to start TLS");
            var encrypted = new SslStream(stream);
            await encrypted.AuthenticateAsServerAsync(new SslServerAuthenticationOptions { ServerCertificate = server.Certificate }, cancellationToken);
            (stream, isEncrypted) = (encrypted, true);
        }

        private async Task LogInAsync(string line, CancellationToken cancellationToken)
        {
            var user = line.Split(' ') is [_, _, var initial] ? initial : await AskAsync("334 VXNlcm5hbWU6", cancellationToken);
            var password = await AskAsync("334 UGFzc3dvcmQ6", cancellationToken);
            var said = (Text(user), Text(password));
            login = said == server.Login ? said.Item1 : null;
            await SayAsync(login is null ? "535 5.7.8 Authentication credentials invalid" : "235 2.7.0 Authentication successful");
        }

        private async Task TakeAsync(CancellationToken cancellationToken)
        {
            await SayAsync("354 End data with <CR><LF>.<CR><LF>");
            var data = new StringBuilder();
            while (await HearAsync(cancellationToken) is { } line && line != ".")
            {
                data.Append(CultureInfo.InvariantCulture, $"{(line.StartsWith('.') ? line[1..] : line)}\r\n");
            }

            if (server.MailAnswer is null)
            {
                server.taken.Writer.TryWrite(new(from, [.. to], data.ToString(), isEncrypted, login));
            }

            await SayAsync(server.MailAnswer ?? "250 2.0.0 Ok");
        }

        private async Task<string> AskAsync(string question, CancellationToken cancellationToken)
        {
            await SayAsync(question);
            return await HearAsync(cancellationToken) ?? string.Empty;
        }

        private async Task SayAsync(string line) => await stream.WriteAsync(Encoding.ASCII.GetBytes(line + "\r\n"));

        /// <summary>A line without its end, byte by byte, so that nothing behind STARTTLS is taken from the stream too early; null at its end.</summary>
        private async Task<string?> HearAsync(CancellationToken cancellationToken)
        {
            var line = new List<byte>();
            var one = new byte[1];
            while (await stream.ReadAsync(one, cancellationToken) == 1)
            {
                if (one[0] == '\n')
                {
                    return Encoding.ASCII.GetString([.. line]).TrimEnd('\r');
                }

                line.Add(one[0]);
            }

            return null;
        }

        private static string Text(string base64) => Encoding.UTF8.GetString(Convert.FromBase64String(base64));
    }
}
