using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.Connections.Security;
using Orleans.Runtime;
using Orleans.TestingHost;
using Xunit;

namespace Metering.Cluster.Tests;

/// <summary>TLS between silos as src/ARCHITECTURE.md has it: who shows a certificate of our authority is heard, and nobody else.</summary>
public sealed class TlsTests : IAsyncLifetime, IDisposable
{
    private const string SiloName = "silo.metering.internal";

    private static readonly DateTimeOffset From = new(2020, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private readonly TestClusterPortAllocator ports = new();
    private readonly X509Certificate2 authority = CreateAuthority();
    private IHost[] silos = [];
    private int gateway;

    public async Task InitializeAsync()
    {
        (var port, gateway) = ports.AllocateConsecutivePortPairs(2);
        silos = [BuildSilo(port, gateway, port), BuildSilo(port + 1, gateway + 1, port)];
        foreach (var silo in silos)
        {
            await silo.StartAsync();
        }
    }

    public async Task DisposeAsync()
    {
        foreach (var silo in silos.Reverse())
        {
            await silo.StopAsync();
            silo.Dispose();
        }
    }

    public void Dispose()
    {
        ports.Dispose();
        authority.Dispose();
    }

    [Fact]
    public async Task Silos_and_a_client_with_certificates_of_our_authority_hear_each_other()
    {
        using var client = BuildClient();
        await client.StartAsync();
        var grains = client.Services.GetRequiredService<IGrainFactory>();
        Assert.Equal(2, (await grains.GetGrain<IManagementGrain>(0).GetHosts(onlyActive: true)).Count);
        await client.StopAsync();
    }

    [Fact]
    public async Task Who_shows_no_certificate_is_cut_off() => await IsCutOffAsync(null);

    [Fact]
    public async Task A_certificate_of_another_authority_is_none()
    {
        using var other = CreateAuthority();
        await IsCutOffAsync(Issue(other, "client"));
    }

    /// <summary>A silo that lets a caller in waits for his first message; one that does not ends the connection.</summary>
    private async Task IsCutOffAsync(X509Certificate2? certificate)
    {
        using var caller = new TcpClient();
        await caller.ConnectAsync(IPAddress.Loopback, gateway);
        await using var stream = new SslStream(caller.GetStream(), false, (_, silo, _, _) => IsOfOurAuthority((X509Certificate2)silo!));
        var read = 0;
        try
        {
            await stream.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = SiloName, ClientCertificates = certificate is null ? null : [certificate] });
            read = await stream.ReadAsync(new byte[1]).AsTask().WaitAsync(TimeSpan.FromMinutes(1));
        }
        catch (Exception refused) when (refused is IOException or AuthenticationException)
        {
            // Cut off within the handshake, or right after it.
        }

        Assert.Equal(0, read);
    }

    private IHost BuildSilo(int port, int gatewayPort, int primary)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new());
        builder.Logging.SetMinimumLevel(LogLevel.None);
        builder.UseOrleans(silo => silo
            .UseLocalhostClustering(port, gatewayPort, new IPEndPoint(IPAddress.Loopback, primary))
            .UseTls(Issue(authority, SiloName), RequireOurs));
        return builder.Build();
    }

    private IHost BuildClient()
    {
        var builder = Host.CreateEmptyApplicationBuilder(new());
        builder.Logging.SetMinimumLevel(LogLevel.None);
        builder.UseOrleansClient(client => client.UseLocalhostClustering(gateway).UseTls(Issue(authority, "client"), RequireOurs));
        return builder.Build();
    }

    private void RequireOurs(TlsOptions tls)
    {
        tls.RemoteCertificateMode = RemoteCertificateMode.RequireCertificate;
        tls.RemoteCertificateValidation = (remote, _, _) => IsOfOurAuthority(remote);
        tls.OnAuthenticateAsClient = (_, options) => options.TargetHost = SiloName;
    }

    private bool IsOfOurAuthority(X509Certificate2 remote)
    {
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.Add(authority);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        return chain.Build(remote);
    }

    private static X509Certificate2 CreateAuthority()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=Metering tests", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        return request.CreateSelfSigned(From, From.AddYears(100));
    }

    private static X509Certificate2 Issue(X509Certificate2 issuer, string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(name);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new("1.3.6.1.5.5.7.3.1"), new("1.3.6.1.5.5.7.3.2")], false)); // a server's and a client's
        using var certificate = request.Create(issuer, From, From.AddYears(99), RandomNumberGenerator.GetBytes(16));
        return certificate.CopyWithPrivateKey(key);
    }
}
