using System.Net;
using System.Text.RegularExpressions;
using Microsoft.Playwright;
using Xunit;

namespace Metering.Browser.Tests;

/// <summary>What every page of the sandbox owes: to who cannot see or point, to a small screen, and to who must not get at it.</summary>
public sealed partial class PageQualityTests(Shop shop) : IClassFixture<Shop>
{
    /// <summary>The lowest contrast of a text with its ground (WCAG 2.2, 1.4.3), and that text.</summary>
    private const string LowestContrast = """
        () => {
          const channels = color => color.match(/[\d.]+/g).map(Number);
          const luminance = color => {
            const [r, g, b] = channels(color).map(value => value / 255).map(value => value <= 0.04045 ? value / 12.92 : Math.pow((value + 0.055) / 1.055, 2.4));
            return 0.2126 * r + 0.7152 * g + 0.0722 * b;
          };
          const ground = element => {
            for (let at = element; at; at = at.parentElement) {
              const color = getComputedStyle(at).backgroundColor;
              if (channels(color)[3] !== 0) return color;
            }
            return 'rgb(255, 255, 255)';
          };
          const texts = [...document.querySelectorAll('body *')].filter(element => [...element.childNodes].some(node => node.nodeType === 3 && node.data.trim()));
          const contrasts = texts.map(element => {
            const [a, b] = [luminance(getComputedStyle(element).color), luminance(ground(element))];
            return { text: element.textContent, ratio: (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05) };
          });
          const lowest = contrasts.reduce((low, next) => next.ratio < low.ratio ? next : low);
          return [String(contrasts.length), String(lowest.ratio), lowest.text];
        }
        """;

    [ChromiumFact]
    public async Task Every_page_has_a_language_a_title_one_heading_named_buttons_and_texts_that_can_be_read()
    {
        foreach (var scheme in new[] { ColorScheme.Light, ColorScheme.Dark })
        {
            foreach (var page in await EveryPageAsync(new() { ColorScheme = scheme }))
            {
                Assert.Equal("en", await page.Locator("html").GetAttributeAsync("lang"));
                Assert.StartsWith("Sandbox", await page.TitleAsync(), StringComparison.Ordinal);
                Assert.Equal(1, await page.GetByRole(AriaRole.Heading, new() { Level = 1 }).CountAsync());
                Assert.Equal(1, await page.GetByRole(AriaRole.Main).CountAsync());
                Assert.All(await page.Locator("button").AllInnerTextsAsync(), name => Assert.NotEmpty(name.Trim()));
                var lowest = await page.EvaluateAsync<string[]>(LowestContrast);
                Assert.True(int.Parse(lowest[0], null) >= 3, "There is too little text to have been measured.");
                Assert.True(double.Parse(lowest[1], null) >= 4.5, $"{page.Url} ({scheme}): \"{lowest[2]}\" has a contrast of {lowest[1]} to 1.");
            }
        }
    }

    [ChromiumFact]
    public async Task The_focus_can_be_seen()
    {
        var page = await shop.OpenAsync((await shop.PurchaseAsync()).CheckoutUrl);
        await page.Keyboard.PressAsync("Tab");
        Assert.Equal("solid 3px", await page.Locator("button:focus").EvaluateAsync<string>("button => getComputedStyle(button).outlineStyle + ' ' + getComputedStyle(button).outlineWidth"));
    }

    [ChromiumFact]
    public async Task On_a_narrow_screen_nothing_is_cut_off_and_buttons_can_be_hit()
    {
        var email = $"{new string('a', 30)}@{string.Join('.', Enumerable.Repeat(new string('b', 62), 2))}.example";
        foreach (var page in await EveryPageAsync(new() { ViewportSize = new() { Width = 360, Height = 640 } }, email))
        {
            Assert.True(await page.EvaluateAsync<bool>("() => document.documentElement.scrollWidth <= 360"), page.Url);
            Assert.All(
                await page.Locator("button").EvaluateAllAsync<double[]>("buttons => buttons.map(button => button.getBoundingClientRect().height)"),
                height => Assert.True(height >= 44, $"A button is {height} px high."));
        }
    }

    [ChromiumFact]
    public async Task The_browser_has_nothing_to_complain_about()
    {
        var said = new List<string>();
        var page = await shop.OpenAsync("about:blank");
        page.Console += (_, message) => said.Add(message.Text);
        page.PageError += (_, error) => said.Add(error);
        await page.GotoAsync((await shop.PurchaseAsync()).CheckoutUrl);
        await Shop.PressAsync(page, "Pay 75.00 USD");

        // The policy lets the style through, and no other.
        Assert.Equal("700", await page.Locator(".amount").EvaluateAsync<string>("amount => getComputedStyle(amount).fontWeight"));
        Assert.DoesNotContain(said, text => !text.Contains("favicon", StringComparison.Ordinal));
    }

    [ChromiumFact]
    public async Task Every_answer_is_guarded_whatever_its_status()
    {
        var url = (await shop.PurchaseAsync()).CheckoutUrl;
        (HttpMethod Method, string Url, HttpStatusCode Status)[] calls =
        [
            (HttpMethod.Get, url, HttpStatusCode.OK), (HttpMethod.Post, $"{url}/decline", HttpStatusCode.SeeOther), (HttpMethod.Post, $"{url}/none", HttpStatusCode.NotFound),
            (HttpMethod.Get, $"{url}0", HttpStatusCode.NotFound), (HttpMethod.Get, "/sandbox/payments/none", HttpStatusCode.NotFound),
        ];
        foreach (var (method, called, status) in calls)
        {
            using var answer = await shop.AskAsync(method, called);
            Assert.Equal((called, status), (called, answer.StatusCode));
            string Header(string name) => Assert.Single(answer.Headers.GetValues(name));
            Assert.Matches("^default-src 'none'; style-src 'sha256-[^']+'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'$", Header("Content-Security-Policy"));
            Assert.Equal(["no-store", "no-referrer", "nosniff"], [Header("Cache-Control"), Header("Referrer-Policy"), Header("X-Content-Type-Options")]);
        }
    }

    [ChromiumFact]
    public async Task Nobody_can_put_a_frame_around_the_page()
    {
        var url = (await shop.PurchaseAsync()).CheckoutUrl;
        var other = new Uri(new Uri(url), "/health/live").ToString();
        var page = await shop.OpenAsync(other); // As near as a frame can come: a page of the same server around it.
        await page.SetContentAsync($"<iframe src=\"{url}\"></iframe><iframe src=\"{other}\"></iframe>");
        var framed = page.Frames.Select(frame => frame.Url).ToArray();
        Assert.DoesNotContain(url, framed);
        Assert.Contains(other, framed); // It is the page that refuses, not the browser.
    }

    [ChromiumFact]
    public async Task Other_peoples_pages_cannot_be_guessed_or_listed()
    {
        var ids = new[] { await shop.PurchaseAsync("bob@example.com"), await shop.PurchaseAsync("eve@example.com") }.Select(order => order.CheckoutUrl.Split('/')[^1]).ToArray();
        Assert.All(ids, id => Assert.Matches(PageId(), id)); // 128 bits of a cryptographic source.
        Assert.NotEqual(ids[0][..20], ids[1][..20]);
        string[] guesses = [string.Empty, "/", $"/{ids[0][..^1]}", $"/{ids[0].ToUpperInvariant()}", $"/{ids[0]}%00", "/..%2fcheckout", $"/%25", "/*"];
        foreach (var guess in guesses)
        {
            using var answer = await shop.AskAsync(HttpMethod.Get, $"/sandbox/checkout{guess}");
            Assert.True(answer.StatusCode is HttpStatusCode.NotFound or HttpStatusCode.BadRequest, $"{guess}: {answer.StatusCode}");
            Assert.DoesNotContain("@example.com", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        }
    }

    /// <summary>Entities without a semicolon are the only markup that an allowed address can hold.</summary>
    [ChromiumFact]
    public async Task An_address_is_shown_as_it_is_whatever_it_would_mean_in_html()
    {
        var order = await shop.PurchaseAsync("&ltimg/src=x&gt'&quot&amp@example.com");
        var page = await shop.OpenAsync(order.CheckoutUrl);
        Assert.Equal(order.Email, await page.Locator("dd").Nth(2).InnerTextAsync());
        Assert.Equal(0, await page.Locator("img").CountAsync());
        var refused = await shop.CallAsync(HttpMethod.Post, "/api/v1/purchase", new { email = "<img/src=x>@example.com", plan = "growth" }, HttpStatusCode.BadRequest);
        Assert.StartsWith("email must be", refused.GetProperty("message").GetString(), StringComparison.Ordinal);
    }

    /// <summary>A page of every kind: open, declined, paid, abandoned, authentication, authenticated, and none.</summary>
    private async Task<List<IPage>> EveryPageAsync(BrowserNewContextOptions options, string email = "ann@example.com")
    {
        async Task<IPage> PressedAsync(string url, string action)
        {
            using var answer = await shop.AskAsync(HttpMethod.Post, $"{url}/{action}");
            Assert.Equal(HttpStatusCode.SeeOther, answer.StatusCode);
            return await shop.OpenAsync(url, options);
        }

        var (open, paid) = (await shop.PurchaseAsync(email), await shop.PurchaseAsync(email));
        List<IPage> pages =
        [
            await shop.OpenAsync(open.CheckoutUrl, options), await PressedAsync(open.CheckoutUrl, "decline"), await PressedAsync(open.CheckoutUrl, "abandon"),
            await PressedAsync(paid.CheckoutUrl, "authenticate"), await shop.OpenAsync(open.CheckoutUrl + "0", options),
        ];
        var asked = await shop.CallAsync(HttpMethod.Post, "/api/v1/purchase-credits", new { creditCount = 100 }, HttpStatusCode.PaymentRequired, await shop.KeyOfAsync(paid));
        var payment = asked.GetProperty("paymentUrl").GetString()!;
        pages.AddRange([await shop.OpenAsync(payment, options), await PressedAsync(payment, "authenticate")]);
        return pages;
    }

    [GeneratedRegex("^cs_sandbox_[0-9a-f]{32}$")]
    private static partial Regex PageId();
}
