using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.Logging;

namespace Metering.Gateway.Payments.Sandbox;

/// <summary>Delivers the sandbox's events as Stripe does: signed, over HTTP, again and again until they are answered with 200.</summary>
internal sealed class SandboxDelivery(
    SandboxBooks books, IHttpClientFactory clients, PaymentOptions options, PaymentSignal signal, TimeProvider time, ILogger<SandboxDelivery> logger, IServer? server = null) : IDisposable
{
    /// <summary>The name of its HTTP client, for hosts that have a way of their own to this process.</summary>
    public const string ClientName = "metering-sandbox";

    private static readonly TimeSpan FirstRetry = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan LongestRetry = TimeSpan.FromHours(1);

    /// <summary>The endpoint's secret. It lives as long as the process: sender and receiver are the same one.</summary>
    public string Secret { get; } = "whsec_sandbox_" + RandomNumberGenerator.GetHexString(64, lowercase: true);

    // Whoever delivers behind another finds his events delivered when he is done, and not on their way.
    private readonly SemaphoreSlim turn = new(1);

    /// <inheritdoc />
    public void Dispose() => turn.Dispose();

    /// <summary>There is something to deliver.</summary>
    public void Wake() => signal.Set();

    /// <summary>Delivers what is due, one behind the other.</summary>
    public async ValueTask DeliverDueAsync(CancellationToken cancellationToken)
    {
        await turn.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            var due = await books.Events.ListDueAsync(time.GetUtcNow(), 100, cancellationToken).ConfigureAwait(false);
            foreach (var stored in due.OrderBy(stored => stored.Value.Id, StringComparer.Ordinal))
            {
                await DeliverAsync(stored, cancellationToken).ConfigureAwait(false);
            }
        }
        finally
        {
            turn.Release();
        }
    }

    private async ValueTask DeliverAsync(Stored<SandboxEvent> stored, CancellationToken cancellationToken)
    {
        var wait = FirstRetry * Math.Pow(2, Math.Min(stored.Value.Attempts, 10));
        var attempted = stored.Value with { Attempts = stored.Value.Attempts + 1 };
        var next = time.GetUtcNow() + (wait < LongestRetry ? wait : LongestRetry);
        if (!await books.SaveAsync(cancellationToken, books.Events.Change(attempted, stored.Version, next)).ConfigureAwait(false))
        {
            return; // Another process is at it.
        }

        try
        {
            var body = Encoding.UTF8.GetBytes(stored.Value.Body);
            using var client = clients.CreateClient(ClientName);
            using var request = new HttpRequestMessage(HttpMethod.Post, Url()) { Content = new ByteArrayContent(body) };
            request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json") { CharSet = "utf-8" };
            request.Headers.Add(WebhookSignature.Header, WebhookSignature.Sign(body, Secret, time.GetUtcNow()));
            using var response = await client.SendAsync(request, cancellationToken).ConfigureAwait(false);
            if (response.IsSuccessStatusCode)
            {
                await books.SaveAsync(cancellationToken, books.Events.Removal(new(attempted, stored.Version + 1))).ConfigureAwait(false);
                return;
            }

            logger.LogWarning("The sandbox's event {Event} was answered with {Status}; it is sent again.", stored.Value.Id, (int)response.StatusCode);
        }
        catch (Exception error) when (error is HttpRequestException or TaskCanceledException && !cancellationToken.IsCancellationRequested)
        {
            logger.LogWarning("The sandbox's event {Event} could not be delivered: {Message}", stored.Value.Id, error.Message);
        }
    }

    private string Url()
    {
        if (options.SandboxWebhookUrl is { } url)
        {
            return url;
        }

        var address = server?.Features.Get<IServerAddressesFeature>()?.Addresses.FirstOrDefault() ?? "http://localhost";
        return address.Replace("//[::]", "//127.0.0.1", StringComparison.Ordinal).Replace("//0.0.0.0", "//127.0.0.1", StringComparison.Ordinal)
            .Replace("//+", "//127.0.0.1", StringComparison.Ordinal).Replace("//*", "//127.0.0.1", StringComparison.Ordinal).TrimEnd('/') + "/webhooks/stripe";
    }
}
