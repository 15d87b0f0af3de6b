using Metering.Gateway.Payments;
using Xunit;

namespace Metering.Gateway.Tests.Sales;

/// <summary>No money is taken twice, and none without its credits, whatever goes wrong around a charge.</summary>
public sealed class ChargeSafetyTests
{
    private const string Path = "/api/v1/purchase-credits";
    private const string Order = """{"creditCount": 100}""";

    [Fact]
    public async Task A_closed_account_is_403_and_its_card_is_not_charged()
    {
        await using var host = await SalesHost.StartAsync();
        var (caller, _) = await host.SubscribeAsync();
        await SetStatusAsync(host, caller, AccountStatus.Closed);
        var answer = await caller.PostAsync(Path, Order);
        Assert.Equal((403, "account_closed"), (answer.Status, answer.Json.GetProperty("error").GetString()));
        Assert.Empty(await host.DocumentsAsync("sandbox-charge"));
    }

    [Fact]
    public async Task An_account_that_is_closed_while_its_card_is_charged_gets_its_credits_when_it_is_open_again()
    {
        await using var host = await SalesHost.StartAsync(ScriptedProvider.Add);
        var (caller, _) = await host.SubscribeAsync();
        ScriptedProvider.Of(host).BehindCharge = () => SetStatusAsync(host, caller, AccountStatus.Closed);
        Assert.Equal(503, (await caller.PostAsync(Path, Order)).Status);
        await host.WorkAsync();
        Assert.Equal("Charged", await StateAsync(host));
        await SetStatusAsync(host, caller, AccountStatus.Active);
        host.Clock.Advance(TimeSpan.FromMinutes(5));
        await host.WorkAsync();
        Assert.Equal("1100", (await caller.GetAsync("/v1/credits")).Remaining);
    }

    [Fact]
    public async Task A_refusal_of_a_repeated_charge_says_nothing_of_the_first_try()
    {
        await using var host = await SalesHost.StartAsync(ScriptedProvider.Add);
        var (caller, _) = await host.SubscribeAsync();
        var provider = ScriptedProvider.Of(host);
        provider.LosesRequests = true;
        Assert.Equal("outcome_unknown", await ErrorAsync(caller.PostAsync(Path, Order, "key-1")));
        (provider.LosesRequests, provider.RefusesCharges) = (false, true);
        Assert.Equal("outcome_unknown", await ErrorAsync(caller.PostAsync(Path, Order, "key-1")));
        Assert.Equal("Charging", await StateAsync(host));
        provider.RefusesCharges = false;
        Assert.Equal(200, (await caller.PostAsync(Path, Order, "key-1")).Status);
        Assert.Single(await host.DocumentsAsync("sandbox-charge"));
    }

    [Fact]
    public async Task A_refusal_of_the_first_try_says_that_nothing_was_charged()
    {
        await using var host = await SalesHost.StartAsync(ScriptedProvider.Add);
        var (caller, _) = await host.SubscribeAsync();
        ScriptedProvider.Of(host).RefusesCharges = true;
        Assert.Equal("payments_unavailable", await ErrorAsync(caller.PostAsync(Path, Order, "key-1")));
        Assert.Equal("Failed", await StateAsync(host));
    }

    [Fact]
    public async Task An_earlier_attempt_that_succeeds_after_a_later_one_was_declined_is_the_purchase()
    {
        await using var host = await SalesHost.StartAsync(ScriptedProvider.Add);
        var (caller, checkout) = await host.SubscribeAsync();
        ScriptedProvider.Of(host).LosesRequests = true;
        Assert.Equal("outcome_unknown", await ErrorAsync(caller.PostAsync(Path, Order, "key-1")));
        ScriptedProvider.Of(host).LosesRequests = false;
        host.Clock.Advance(CreditPurchase.LostAfter);
        await host.WorkAsync();
        Assert.Equal("Failed", await StateAsync(host));
        await host.PressAsync(checkout, "card-declines");
        Assert.Equal("card_declined", await ErrorAsync(caller.PostAsync(Path, Order, "key-1")));

        await SecondCharge.MakeAsync(host, isTold: true); // Its request was on its way all the time.
        Assert.Equal("Granted", await StateAsync(host));
        await host.PressAsync(checkout, "card-pays");
        var again = await caller.PostAsync(Path, Order, "key-1");
        Assert.Equal((200, true, "1100"), (again.Status, again.IsReplay, again.Remaining));
        Assert.Equal(2, (await host.DocumentsAsync("sandbox-charge")).Count);
    }

    [Fact]
    public async Task A_decline_of_an_earlier_attempt_does_not_end_a_later_one()
    {
        await using var host = await SalesHost.StartAsync(ScriptedProvider.Add);
        var (caller, url) = await host.SubscribeAsync();
        await host.PressAsync(url, "card-declines");
        Assert.Equal("card_declined", await ErrorAsync(caller.PostAsync(Path, Order, "key-1")));
        ScriptedProvider.Of(host).LosesRequests = true;
        Assert.Equal("outcome_unknown", await ErrorAsync(caller.PostAsync(Path, Order, "key-1")));
        host.Clock.Advance(CreditPurchase.SettlingTime);
        await host.WorkAsync();
        Assert.Equal("Charging", await StateAsync(host));
        host.Clock.Advance(CreditPurchase.LostAfter);
        await host.WorkAsync();
        Assert.Equal("Failed", await StateAsync(host));
    }

    [Fact]
    public void A_charge_is_lost_only_after_longer_than_it_may_last()
    {
        Assert.Equal(CreditPurchase.LostAfter, new PaymentOptions { Provider = PaymentProviderKind.Stripe }.LostAfter);
        var slow = new PaymentOptions { Provider = PaymentProviderKind.Stripe, Stripe = new() { Timeout = TimeSpan.FromMinutes(5), Retries = 10 } };
        Assert.True(slow.LostAfter > 4 * 11 * slow.Stripe.Timeout, $"{slow.LostAfter}");
    }

    [Fact]
    public async Task A_purchase_that_fails_is_not_in_the_way_of_those_behind_it()
    {
        await using var host = await SalesHost.StartAsync(ScriptedProvider.Add, ("SandboxWebhookUrl", "http://localhost/nowhere"));
        var (bad, _) = await host.PurchaseAsync("ann@example.com");
        host.Clock.Advance(TimeSpan.FromSeconds(1));
        await host.PurchaseAsync("bob@example.com");
        ScriptedProvider.Of(host).BadPage = bad[(bad.LastIndexOf('/') + 1)..];
        host.Clock.Advance(TimeSpan.FromHours(24));
        await host.WorkAsync();
        var states = (await host.DocumentsAsync("plan-purchase")).ToDictionary(purchase => purchase.GetProperty("email").GetString()!, purchase => purchase.GetProperty("state").GetString());
        Assert.Equal(("Open", "Expired"), (states["ann@example.com"], states["bob@example.com"]));
        Assert.Empty(await host.Store.ListDueAsync("plan-purchase", host.Clock.GetUtcNow(), 10));
    }

    private static async Task<string?> ErrorAsync(Task<Answer> asking) => (await asking).Json.GetProperty("error").GetString();

    private static async Task<string?> StateAsync(SalesHost host) => Assert.Single(await host.DocumentsAsync("credit-purchase")).GetProperty("state").GetString();

    private static async Task SetStatusAsync(SalesHost host, TestCaller caller, AccountStatus status) => Assert.True(
        (await host.Gateway.Meter.SetStatusAsync(caller.Account, new() { Status = status, Reason = status == AccountStatus.Active ? null : "Asked for." })).IsSuccess);
}
