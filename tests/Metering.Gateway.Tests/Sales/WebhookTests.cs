using System.Text;
using Metering.Engine;
using Metering.Gateway.Payments;
using Metering.Gateway.Payments.Sandbox;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Metering.Gateway.Tests.Sales;

/// <summary>Events of the provider: what is believed, what is stored, and that each takes effect once.</summary>
public sealed class WebhookTests
{
    private const string Secret = "whsec_test";
    private static readonly DateTimeOffset Now = GatewayHost.Start;
    private static readonly byte[] Body = """{"id": "evt_1", "type": "invoice.paid", "data": {"object": {"id": "in_1"}}}"""u8.ToArray();

    [Fact]
    public void A_signature_holds_for_its_body_its_secret_and_five_minutes()
    {
        var header = WebhookSignature.Sign(Body, Secret, Now);
        Assert.Null(WebhookSignature.FindFault(header, Body, [Secret], Now));
        Assert.Null(WebhookSignature.FindFault(header, Body, ["other", Secret], Now.AddMinutes(5)));
        Assert.Null(WebhookSignature.FindFault(header + ",v1=" + new string('0', 64), Body, [Secret], Now.AddMinutes(-5)));
        Assert.NotNull(WebhookSignature.FindFault(header, Body, [Secret], Now.AddSeconds(301)));
        Assert.NotNull(WebhookSignature.FindFault(header, Body, [Secret], Now.AddSeconds(-301)));
        Assert.NotNull(WebhookSignature.FindFault(header, Body, ["other"], Now));
        Assert.NotNull(WebhookSignature.FindFault(header, Body, [], Now));
        Assert.NotNull(WebhookSignature.FindFault(header, [.. Body, (byte)' '], [Secret], Now));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("t=1")]
    [InlineData("v1=00")]
    [InlineData("t=99999999999999999999,v1=00")]
    [InlineData("t=-9223372036854775808,v1=00")]
    public void A_header_that_is_none_is_a_fault(string? header) => Assert.NotNull(WebhookSignature.FindFault(header, Body, [Secret], Now));

    [Fact]
    public void The_signature_is_that_of_the_public_scheme()
    {
        // Computed with: printf '1777593600.{"id":"evt_1"}' | openssl dgst -sha256 -hmac whsec_test
        Assert.Equal(
            "t=1777593600,v1=14d77a4d5fc2af151ec47c1c7caf2dc0a9bc7f394cb3f0bcd456c2dcbde4bb85",
            WebhookSignature.Sign("""{"id":"evt_1"}"""u8, Secret, DateTimeOffset.FromUnixTimeSeconds(1_777_593_600)));
    }

    [Theory]
    [InlineData("missing")]
    [InlineData("wrong")]
    [InlineData("old")]
    public async Task An_event_without_a_good_signature_is_400_and_not_stored(string fault)
    {
        await using var host = await SalesHost.StartAsync();
        var signature = fault switch
        {
            "wrong" => WebhookSignature.Sign(Body, "another", host.Clock.GetUtcNow()),
            "old" => WebhookSignature.Sign(Body, SecretOf(host), host.Clock.GetUtcNow().AddMinutes(-6)),
            _ => null,
        };
        Assert.Equal(400, (await SendAsync(host, Body, signature)).Status);
        Assert.Empty(await host.DocumentsAsync("event"));
    }

    [Theory]
    [InlineData("no json")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("""{"id": "evt_1", "type": "x", "data": {"object": 7}}""")]
    public async Task A_signed_body_that_is_no_event_is_400(string body)
    {
        await using var host = await SalesHost.StartAsync();
        Assert.Equal(400, (await SendAsync(host, Encoding.UTF8.GetBytes(body))).Status);
        Assert.Empty(await host.DocumentsAsync("event"));
    }

    [Fact]
    public async Task A_body_of_two_mebibytes_is_413()
    {
        await using var host = await SalesHost.StartAsync();
        Assert.Equal(413, (await SendAsync(host, new byte[2 << 20])).Status);
    }

    [Fact]
    public async Task Events_of_no_concern_are_taken_and_change_nothing()
    {
        await using var host = await SalesHost.StartAsync();
        Assert.Equal(200, (await SendAsync(host, """{"id": "evt_1", "type": "product.created", "data": {"object": {"id": "prod_1"}}}"""u8.ToArray())).Status);
        Assert.Equal(200, (await SendAsync(host, """{"id": "evt_2", "type": "invoice.paid", "data": {"object": {"id": "in_1"}}}"""u8.ToArray())).Status);
        Assert.Equal(200, (await SendAsync(host, """{"id": "evt_3", "type": "checkout.session.completed", "data": {"object": {"id": "cs_none"}}}"""u8.ToArray())).Status);
        Assert.Equal(3, (await host.DocumentsAsync("event")).Count);
        Assert.Empty(await host.DocumentsAsync("billing"));
    }

    /// <summary>The page's and the first invoice's event, in every order, twice each: one account, one month, one key, one mail.</summary>
    [Theory]
    [InlineData(0, 1, 0, 1)]
    [InlineData(1, 0, 1, 0)]
    [InlineData(1, 1, 0, 0)]
    [InlineData(0, 0, 1, 1)]
    public async Task Twice_and_out_of_order_provisions_once(params int[] order)
    {
        await using var host = await SalesHost.StartAsync();
        var (url, token) = await host.PurchaseAsync();
        var events = await TakeEventsAsync(host, url, "pay");
        Assert.Equal(2, events.Count);
        for (var index = 0; index < order.Length; index++)
        {
            Assert.Equal(200, (await SendAsync(host, Encoding.UTF8.GetBytes(events[order[index]]))).Status);
        }

        // The same facts under ids of their own: told once more by the provider, not delivered twice.
        foreach (var told in order)
        {
            Assert.Equal(200, (await SendAsync(host, Encoding.UTF8.GetBytes(events[told].Replace("evt_sandbox_", "evt_again_", StringComparison.Ordinal)))).Status);
        }

        var claim = await host.ClaimAsync(token);
        Assert.Equal(200, claim.Status);
        var caller = await host.CallerAsync(claim.Json.GetProperty("data").GetProperty("apiKey").GetString()!);
        Assert.Equal("1000", (await caller.GetAsync("/api/v1/me")).Remaining);
        Assert.Single(await host.Gateway.Directory.ListKeysAsync(caller.Account));
        await host.WorkAsync();
        Assert.Single(host.Mails);
        Assert.Equal(1, (await caller.GetAsync("/api/v1/credits/transactions")).Json.GetProperty("meta").GetProperty("total").GetInt32());
    }

    [Fact]
    public async Task An_event_that_cannot_be_processed_is_stored_answered_and_tried_again()
    {
        await using var host = await SalesHost.StartAsync(ScriptedProvider.Add);
        var (url, token) = await host.PurchaseAsync();
        var events = await TakeEventsAsync(host, url, "pay");
        ScriptedProvider.Of(host).IsDown = true;
        Assert.Equal(200, (await SendAsync(host, Encoding.UTF8.GetBytes(events[0]))).Status);
        Assert.Equal(202, (await host.ClaimAsync(token)).Status);
        await host.WorkAsync();
        Assert.Equal(202, (await host.ClaimAsync(token)).Status);
        ScriptedProvider.Of(host).IsDown = false;
        host.Clock.Advance(TimeSpan.FromMinutes(1));
        await host.WorkAsync();
        Assert.Equal(200, (await host.ClaimAsync(token)).Status);
        Assert.Contains(await host.DocumentsAsync("event"), stored => stored.GetProperty("body").GetString() == string.Empty);
    }

    [Fact]
    public async Task A_paid_invoice_renews_the_account_once()
    {
        await using var host = await SalesHost.StartAsync();
        var (caller, url) = await host.SubscribeAsync();
        host.Clock.Set(GatewayHost.Start.AddMonths(1).AddMinutes(1));
        Assert.Equal(402, (await caller.PostAsync("/v1/credits/deduct", """{"amount": 1}""")).Status);
        Assert.Equal(303, (await host.PressAsync(url, "renew")).Status);
        Assert.Equal("1000", (await caller.GetAsync("/v1/credits")).Remaining);
        Assert.Equal(200, (await caller.PostAsync("/v1/credits/deduct", """{"amount": 1}""")).Status);
        await host.WorkAsync();
        Assert.Equal("999", (await caller.GetAsync("/v1/credits")).Remaining);
    }

    [Fact]
    public async Task An_invoice_that_is_paid_before_the_period_ends_grants_when_it_begins()
    {
        await using var host = await SalesHost.StartAsync();
        var (caller, url) = await host.SubscribeAsync();
        host.Clock.Set(GatewayHost.Start.AddMonths(1).AddMinutes(-1));
        await host.PressAsync(url, "renew");
        Assert.Equal("1000", (await caller.GetAsync("/v1/credits")).Remaining);
        await caller.PostAsync("/v1/credits/deduct", """{"amount": 10}""");
        host.Clock.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal("1000", (await caller.GetAsync("/v1/credits")).Remaining);
    }

    private static string SecretOf(SalesHost host) => host.Gateway.Services.GetRequiredService<SandboxDelivery>().Secret;

    /// <summary>Presses a button without its events being delivered, and takes them out of the sandbox.</summary>
    private static async Task<List<string>> TakeEventsAsync(SalesHost host, string url, string button)
    {
        var actions = host.Gateway.Services.GetRequiredService<SandboxActions>();
        Assert.NotNull(await actions.PressAsync(url[(url.LastIndexOf('/') + 1)..], button, CancellationToken.None));
        var pending = await host.Store.ListAsync("sandbox-event", null, 100);
        Assert.True(await host.Store.SaveAsync([.. pending.Select(document => new PaymentChange(document, IsRemoval: true))]));
        return [.. (pending.Select(document => System.Text.Json.JsonElement.Parse(document.Json).GetProperty("body").GetString()!))
            .OrderBy(body => body.Contains("invoice.paid", StringComparison.Ordinal))];
    }

    private static async Task<Answer> SendAsync(SalesHost host, byte[] body, string? signature)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/webhooks/stripe") { Content = new ByteArrayContent(body) };
        if (signature is not null)
        {
            request.Headers.Add(WebhookSignature.Header, signature);
        }

        return await Answer.OfAsync(host.Client, request);
    }

    private static Task<Answer> SendAsync(SalesHost host, byte[] body) =>
        SendAsync(host, body, WebhookSignature.Sign(body, SecretOf(host), host.Clock.GetUtcNow()));
}
