using System.Net;
using Microsoft.Playwright;
using Xunit;

namespace Metering.Browser.Tests;

/// <summary>The sandbox's checkout as a person goes through it, with what the buttons do to the account behind it.</summary>
public sealed class CheckoutPageTests(Shop shop) : IClassFixture<Shop>
{
    [ChromiumFact]
    public async Task Whoever_pays_can_claim_a_key_that_works()
    {
        var order = await shop.PurchaseAsync();
        await shop.ClaimAsync(order, HttpStatusCode.Accepted);
        var page = await shop.OpenAsync(order.CheckoutUrl);
        Assert.Equal(["Sandbox checkout", "75.00 USD a month"], [await HeadingAsync(page), await page.Locator(".amount").InnerTextAsync()]);
        Assert.Equal(["Growth", "1000 a month", order.Email], (await page.Locator("dd").AllInnerTextsAsync()).Take(3));

        await Shop.PressAsync(page, "Pay 75.00 USD");
        Assert.Equal(("Sandbox: paid", order.CheckoutUrl), (await HeadingAsync(page), page.Url));
        Assert.Equal("Paid. The key can be claimed now.", await StatusAsync(page));
        var me = await shop.MeAsync(await shop.KeyOfAsync(order));
        Assert.Equal(("growth", 1_000, order.Email), (me.GetProperty("plan").GetString(), me.GetProperty("totalCreditsRemaining").GetInt32(), me.GetProperty("email").GetString()));
    }

    [ChromiumFact]
    public async Task A_declined_card_is_told_and_another_try_pays()
    {
        var order = await shop.PurchaseAsync();
        var page = await shop.OpenAsync(order.CheckoutUrl);
        await Shop.PressAsync(page, "Pay with a card that is declined");
        Assert.Equal("The card was declined. Nothing was charged; try again.", await StatusAsync(page));
        await shop.ClaimAsync(order, HttpStatusCode.Accepted);
        await Shop.PressAsync(page, "Pay 75.00 USD");
        Assert.Equal("Sandbox: paid", await HeadingAsync(page));
        await shop.KeyOfAsync(order);
    }

    [ChromiumFact]
    public async Task A_card_that_asks_for_authentication_pays_once_its_owner_was_there_and_so_for_each_later_charge()
    {
        var order = await shop.PurchaseAsync();
        var page = await shop.OpenAsync(order.CheckoutUrl);
        await Shop.PressAsync(page, "Authenticate and pay");
        Assert.Equal("Sandbox: paid", await HeadingAsync(page));
        var key = await shop.KeyOfAsync(order);

        var asked = await shop.CallAsync(HttpMethod.Post, "/api/v1/purchase-credits", new { creditCount = 100 }, HttpStatusCode.PaymentRequired, key);
        Assert.Equal("authentication_required", asked.GetProperty("error").GetString());
        Assert.Equal(0, (await shop.MeAsync(key)).GetProperty("permanentCredits").GetInt32());
        var payment = await shop.OpenAsync(asked.GetProperty("paymentUrl").GetString()!);
        Assert.Equal(["Sandbox authentication", "7.50 USD"], [await HeadingAsync(payment), await payment.Locator(".amount").InnerTextAsync()]);
        await Shop.PressAsync(payment, "Authenticate and pay");
        Assert.Equal(["Sandbox payment", "Paid."], [await HeadingAsync(payment), await StatusAsync(payment)]);
        Assert.Equal(100, (await shop.MeAsync(key)).GetProperty("permanentCredits").GetInt32());
    }

    [ChromiumFact]
    public async Task An_authentication_that_fails_charges_nothing()
    {
        var order = await shop.PurchaseAsync();
        await Shop.PressAsync(await shop.OpenAsync(order.CheckoutUrl), "Authenticate and pay");
        var key = await shop.KeyOfAsync(order);
        var asked = await shop.CallAsync(HttpMethod.Post, "/api/v1/purchase-credits", new { creditCount = 100 }, HttpStatusCode.PaymentRequired, key);
        var payment = await shop.OpenAsync(asked.GetProperty("paymentUrl").GetString()!);
        await Shop.PressAsync(payment, "Fail the authentication");
        Assert.Equal("Declined. Nothing was charged.", await StatusAsync(payment));
        Assert.Equal(0, await payment.Locator("button").CountAsync());
        Assert.Equal(0, (await shop.MeAsync(key)).GetProperty("permanentCredits").GetInt32());
    }

    [ChromiumFact]
    public async Task An_abandoned_page_is_closed_and_so_is_the_claim()
    {
        var order = await shop.PurchaseAsync();
        var page = await shop.OpenAsync(order.CheckoutUrl);
        var left = await shop.OpenAsync(order.CheckoutUrl);
        await Shop.PressAsync(page, "Abandon the purchase");
        Assert.Equal(["Sandbox: closed", "The purchase was abandoned."], [await HeadingAsync(page), await StatusAsync(page)]);
        Assert.Equal(0, await page.Locator("button").CountAsync());
        await shop.ClaimAsync(order, HttpStatusCode.Gone);

        // In another window the page is still as it was; its button says what has become of it, in words for a person.
        await Shop.PressAsync(left, "Pay 75.00 USD");
        Assert.Equal("Sandbox: no such page", await HeadingAsync(left));
        await shop.ClaimAsync(order, HttpStatusCode.Gone);
    }

    [ChromiumFact]
    public async Task The_page_that_was_paid_renews_refunds_and_changes_the_card()
    {
        var order = await shop.PurchaseAsync();
        var page = await shop.OpenAsync(order.CheckoutUrl);
        await Shop.PressAsync(page, "Pay 75.00 USD");
        var key = await shop.KeyOfAsync(order);
        await Shop.PressAsync(page, "Refund the last purchase of credits");
        Assert.Equal("There is no purchase of credits to give back.", await StatusAsync(page));

        await shop.CallAsync(HttpMethod.Post, "/api/v1/purchase-credits", new { creditCount = 101 }, HttpStatusCode.OK, key);
        Assert.Equal(1_101, (await shop.MeAsync(key)).GetProperty("totalCreditsRemaining").GetInt32());
        await Shop.PressAsync(page, "Refund the last purchase of credits");
        Assert.Equal("The last purchase of credits was refunded.", await StatusAsync(page));
        Assert.Equal(1_000, (await shop.MeAsync(key)).GetProperty("totalCreditsRemaining").GetInt32());

        var before = (await shop.MeAsync(key)).GetProperty("currentPeriodEnd").GetDateTimeOffset();
        await Shop.PressAsync(page, "Renew: charge the next period");
        Assert.Equal("The next period was paid.", await StatusAsync(page));
        await Shop.PressAsync(page, "Let the saved card be declined");
        Assert.Equal("The saved card is declined from now on.", await StatusAsync(page));
        var declined = await shop.CallAsync(HttpMethod.Post, "/api/v1/purchase-credits", new { creditCount = 100 }, HttpStatusCode.PaymentRequired, key);
        Assert.Equal("card_declined", declined.GetProperty("error").GetString());

        // What is paid for reaches a month further than the period that goes on.
        var cancelled = await shop.CallAsync(HttpMethod.Post, "/api/v1/subscription/cancel", null, HttpStatusCode.OK, key);
        Assert.True(DateTimeOffset.FromUnixTimeSeconds(cancelled.GetProperty("currentPeriodEnd").GetInt64()) > before.AddDays(27));
    }

    [ChromiumFact]
    public async Task Whoever_pays_in_two_windows_pays_once_and_finds_it_paid_in_both()
    {
        var order = await shop.PurchaseAsync();
        var pages = new[] { await shop.OpenAsync(order.CheckoutUrl), await shop.OpenAsync(order.CheckoutUrl) };
        foreach (var page in pages)
        {
            await Shop.PressAsync(page, "Pay 75.00 USD");
            Assert.Equal("Sandbox: paid", await HeadingAsync(page));
        }

        Assert.Equal(1_000, (await shop.MeAsync(await shop.KeyOfAsync(order))).GetProperty("totalCreditsRemaining").GetInt32());
    }

    [ChromiumFact]
    public async Task Without_a_script_and_with_the_keyboard_alone_it_pays()
    {
        var order = await shop.PurchaseAsync();
        var page = await shop.OpenAsync(order.CheckoutUrl, new() { JavaScriptEnabled = false });
        var reached = new List<string>();
        for (var stop = 0; stop < 4; stop++)
        {
            await page.Keyboard.PressAsync("Tab");
            reached.Add(await page.Locator("button:focus").InnerTextAsync());
        }

        Assert.Equal(["Pay 75.00 USD", "Pay with a card that is declined", "Authenticate and pay", "Abandon the purchase"], reached);
        await page.Keyboard.PressAsync("Shift+Tab");
        await page.Keyboard.PressAsync("Shift+Tab");
        await Shop.LeaveAsync(page, () => page.Keyboard.PressAsync("Enter"));
        Assert.Equal("The card was declined. Nothing was charged; try again.", await page.Locator("[role=status]:focus").InnerTextAsync());
        await page.Keyboard.PressAsync("Tab");
        Assert.Equal("Pay 75.00 USD", await page.Locator("button:focus").InnerTextAsync());
        await Shop.LeaveAsync(page, () => page.Keyboard.PressAsync("Space"));
        Assert.Equal("Sandbox: paid", await HeadingAsync(page));
        await shop.KeyOfAsync(order);
    }

    private static Task<string> HeadingAsync(IPage page) => page.GetByRole(AriaRole.Heading, new() { Level = 1 }).InnerTextAsync();

    private static Task<string> StatusAsync(IPage page) => page.GetByRole(AriaRole.Status).InnerTextAsync();
}
