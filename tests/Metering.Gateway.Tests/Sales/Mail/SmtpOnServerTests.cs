using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using Metering.Gateway.Payments;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Metering.Gateway.Tests.Sales.Mail;

/// <summary>The server in a process of its own, that mails a key to a mail server with STARTTLS, and keeps mails through restarts.</summary>
public sealed class SmtpOnServerTests : IDisposable
{
    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("metering-smtp-");

    public void Dispose() => folder.Delete(recursive: true);

    /// <summary>The certificate is trusted as a system's administrator has it trusted: by the file of authorities that OpenSSL reads.</summary>
    [LinuxFact]
    public async Task A_key_is_mailed_encrypted_to_a_server_whose_certificate_the_system_trusts()
    {
        using var certificate = MakeCertificate();
        await using var smtp = new SmtpStandIn { Certificate = certificate, Login = ("meter", "hunter2-secret") };
        Configure(smtp, startTls: true);
        var authorities = Path.Combine(folder.FullName, "authorities.pem");
        await File.WriteAllTextAsync(authorities, certificate.ExportCertificatePem());
        await using var server = await ServerProcess.StartAsync(folder, new Dictionary<string, string> { ["SSL_CERT_FILE"] = authorities });
        var key = await BuyAsync(server);
        var mail = await smtp.NextAsync();
        Assert.Equal((true, "meter"), (mail.IsEncrypted, mail.Login));
        Assert.Contains(key, mail.Text, StringComparison.Ordinal);
    }

    [LinuxFact]
    public async Task To_a_server_whose_certificate_nobody_trusts_nothing_is_sent()
    {
        using var certificate = MakeCertificate();
        await using var smtp = new SmtpStandIn { Certificate = certificate };
        Configure(smtp, startTls: true);
        await using var server = await ServerProcess.StartAsync(folder);
        await BuyAsync(server);
        var warning = await server.NextLogLineAsync("could not be sent, attempt 1");
        Assert.Contains("certificate", warning, StringComparison.OrdinalIgnoreCase);
        Assert.Equal(0, smtp.Waiting);
    }

    [Fact]
    public async Task A_mail_that_waits_is_kept_through_a_restart()
    {
        await using var smtp = new SmtpStandIn { IsDown = true };
        var settings = new Dictionary<string, string?>
        {
            ["Metering:Store"] = "sqlite",
            ["Metering:Data"] = Path.Combine(folder.FullName, "data"),
            ["Metering:Payments:Smtp:Host"] = "127.0.0.1",
            ["Metering:Payments:Smtp:Port"] = smtp.Port.ToString(null, null),
            ["Metering:Payments:Smtp:From"] = "meter@example.com",
            ["Metering:Payments:Smtp:StartTls"] = "false",
        };
        await using (var first = await GatewayHost.StartOnAsync(settings))
        {
            var (books, mailbox) = (first.Services.GetRequiredService<PaymentBooks>(), first.Services.GetRequiredService<Mailbox>());
            Assert.True(await books.SaveAsync(CancellationToken.None, mailbox.Queue("mail-1", "ann@example.com", "Your API key", "the key")));
            await mailbox.SendDueAsync(CancellationToken.None);
        }

        smtp.IsDown = false;
        await using var second = await GatewayHost.StartOnAsync(settings);
        second.Clock.Advance(TimeSpan.FromMinutes(5));
        await second.Services.GetRequiredService<Mailbox>().SendDueAsync(CancellationToken.None);
        Assert.Equal("the key", (await smtp.NextAsync()).Text.TrimEnd());
        Assert.Equal(0, smtp.Waiting);
    }

    private static X509Certificate2 MakeCertificate()
    {
        using var key = RSA.Create(2_048);
        var request = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("localhost");
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, hasPathLengthConstraint: false, pathLengthConstraint: 0, critical: true));
        using var made = request.CreateSelfSigned(TimeProvider.System.GetUtcNow().AddDays(-1), TimeProvider.System.GetUtcNow().AddDays(1));

        // With its key in memory: what was just made cannot be used by a server everywhere.
        return X509CertificateLoader.LoadPkcs12(made.Export(X509ContentType.Pkcs12), null);
    }

    private void Configure(SmtpStandIn smtp, bool startTls) => File.WriteAllText(
        Path.Combine(folder.FullName, "appsettings.json"),
        JsonSerializer.Serialize(new
        {
            Metering = new
            {
                Payments = new { Smtp = new { Host = "localhost", smtp.Port, From = "meter@example.com", UserName = smtp.Login?.User, Password = smtp.Login?.Password, StartTls = startTls } },
            },
        }));

    private static async Task<string> BuyAsync(ServerProcess server)
    {
        using var client = new HttpClient { BaseAddress = server.Address };
        async Task<JsonElement> PostAsync(string url, object? body)
        {
            using var content = new StringContent(JsonSerializer.Serialize(body, JsonSerializerOptions.Web), Encoding.UTF8, "application/json");
            using var answer = await client.PostAsync(new Uri(url, UriKind.RelativeOrAbsolute), content);
            Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync());
            return answer.Content.Headers.ContentType?.MediaType == "application/json" ? JsonElement.Parse(await answer.Content.ReadAsStringAsync()).GetProperty("data") : default;
        }

        var purchase = await PostAsync("/api/v1/purchase", new { email = "ann@example.com", plan = "growth" });
        await PostAsync(purchase.GetProperty("checkoutUrl").GetString() + "/pay", null);
        var claim = await PostAsync("/api/v1/claim-key", new { email = "ann@example.com", claimToken = purchase.GetProperty("claimToken").GetString() });
        return claim.GetProperty("apiKey").GetString()!;
    }
}
