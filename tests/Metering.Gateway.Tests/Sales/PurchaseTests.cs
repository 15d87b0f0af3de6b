using System.Globalization;
using System.Text.RegularExpressions;
using Xunit;

namespace Metering.Gateway.Tests.Sales;

/// <summary>Dialect A (001): <c>POST /api/v1/purchase</c> and <c>POST /api/v1/claim-key</c>, with every status of the contract's table.</summary>
public sealed partial class PurchaseTests
{
    [Fact]
    public async Task A_purchase_is_a_page_to_pay_on_and_a_token_to_claim_with()
    {
        await using var host = await SalesHost.StartAsync();
        var answer = await host.PostAsync("/api/v1/purchase", """{"email": "Ann@Example.com", "plan": "growth", "unknown": 1}""");
        Assert.Equal(201, answer.Status);
        var data = answer.Json.GetProperty("data");
        Assert.Matches("^http://localhost/sandbox/checkout/cs_sandbox_[0-9a-f]{32}$", data.GetProperty("checkoutUrl").GetString());
        Assert.Matches("^claim_[0-9a-f]{64}$", data.GetProperty("claimToken").GetString());
        Assert.Equal("2026-05-02T00:00:00.000Z", data.GetProperty("expiresAt").GetString());
        Assert.Equal("growth", data.GetProperty("plan").GetString());
        Assert.NotEmpty(data.GetProperty("message").GetString()!);
        Assert.Equal(("5", "4", "3600"), (answer.Headers["RateLimit-Limit"], answer.Headers["RateLimit-Remaining"], answer.Headers["RateLimit-Reset"]));
        Assert.Equal("1777597200", answer.Headers["X-RateLimit-Reset"]);
    }

    [Fact]
    public async Task A_paid_purchase_opens_the_account_grants_the_first_month_and_hands_the_key_out_once()
    {
        await using var host = await SalesHost.StartAsync();
        var (url, token) = await host.PurchaseAsync();
        Assert.Equal(202, (await host.ClaimAsync(token)).Status);
        Assert.Equal(303, (await host.PressAsync(url, "pay")).Status);

        var claim = await host.ClaimAsync(token, "ANN@example.com");
        Assert.Equal(200, claim.Status);
        Assert.Equal("no-store", claim.Headers["Cache-Control"]);
        var data = claim.Json.GetProperty("data");
        Assert.Equal(("growth", "ann@example.com"), (data.GetProperty("plan").GetString(), data.GetProperty("email").GetString()));
        var caller = await host.CallerAsync(data.GetProperty("apiKey").GetString()!);
        var me = (await caller.GetAsync("/api/v1/me")).Json.GetProperty("data");
        Assert.Equal(("ann@example.com", "growth", "active"), (me.GetProperty("email").GetString(), me.GetProperty("plan").GetString(), me.GetProperty("subscriptionStatus").GetString()));
        Assert.Equal((1_000, 1_000), (me.GetProperty("monthlyCredits").GetInt32(), me.GetProperty("totalCreditsRemaining").GetInt32()));
        Assert.Equal("2026-06-01T00:00:00.000Z", me.GetProperty("currentPeriodEnd").GetString());

        var second = await host.ClaimAsync(token);
        Assert.Equal((409, "already_claimed"), (second.Status, second.Json.GetProperty("error").GetString()));
    }

    [Fact]
    public async Task The_key_is_mailed_once_and_lies_nowhere_in_plain_text()
    {
        await using var host = await SalesHost.StartAsync();
        var (url, token) = await host.PurchaseAsync();
        await host.PressAsync(url, "pay");
        var stored = string.Join('\n', (await host.DocumentsAsync("plan-purchase")).Concat(await host.DocumentsAsync("mail")));
        Assert.DoesNotContain("mtr_", stored, StringComparison.Ordinal);
        Assert.DoesNotContain(token, stored, StringComparison.Ordinal);
        Assert.Contains("protectedKey", stored, StringComparison.Ordinal);

        var key = (await host.ClaimAsync(token)).Json.GetProperty("data").GetProperty("apiKey").GetString()!;
        Assert.DoesNotContain("protectedKey", string.Join('\n', await host.DocumentsAsync("plan-purchase")), StringComparison.Ordinal);
        await host.WorkAsync();
        await host.WorkAsync();
        var mail = Assert.Single(host.Mails);
        Assert.Contains("To: ann@example.com", mail, StringComparison.Ordinal);
        Assert.Contains(key, mail, StringComparison.Ordinal);
        Assert.Empty(await host.DocumentsAsync("mail"));
        if (!OperatingSystem.IsWindows())
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(host.MailFolder));
        }
    }

    [Theory]
    [InlineData("""{"plan": "growth"}""", "email")]
    [InlineData("""{"email": "nobody", "plan": "growth"}""", "email")]
    [InlineData("""{"email": "a@b", "plan": "growth"}""", "email")]
    [InlineData("""{"email": "a b@example.com", "plan": "growth"}""", "email")]
    [InlineData("""{"email": "a@example.com\r\nBcc: x@example.com", "plan": "growth"}""", "email")]
    [InlineData("""{"email": 7, "plan": "growth"}""", "email")]
    [InlineData("""{"email": "ann@example.com"}""", "plan")]
    [InlineData("""{"email": "ann@example.com", "plan": "gold"}""", "plan")]
    [InlineData("""{"email": "ann@example.com", "plan": "Growth"}""", "plan")]
    [InlineData("""{"email": "ann@example.com", "plan": "growth", "plan": "scale"}""", "plan")]
    public async Task What_cannot_be_bought_is_400_and_does_not_count(string body, string field)
    {
        await using var host = await SalesHost.StartAsync();
        var answer = await host.PostAsync("/api/v1/purchase", body);
        Assert.Equal((400, "invalid_request"), (answer.Status, answer.Json.GetProperty("error").GetString()));
        Assert.Contains(field, answer.Json.GetProperty("message").GetString(), StringComparison.Ordinal);
        Assert.Empty(await host.DocumentsAsync("plan-purchase"));
        Assert.Empty(await host.DocumentsAsync("calls"));
    }

    [Theory]
    [InlineData("purchase", """{"x": 1, "email": 7}""", "email must be ")]
    [InlineData("claim-key", """{"x": 1, "claimToken": 7}""", "claimToken must be ")]
    [InlineData("purchase-credits", """{"x": 1, "creditCount": "7"}""", "creditCount must be ")]
    [InlineData("subscription/change-plan", """{"x": 1, "targetPlan": 7}""", "targetPlan must be ")]
    [InlineData("settings/switch-database", """{"x": 1, "smbType": 7}""", "smbType must be ")]
    [InlineData("ai/suggest-categories", """{"x": 1, "description": 7}""", "description must be ")]
    public async Task The_wrong_field_is_blamed_and_not_one_that_is_passed_over(string route, string body, string says)
    {
        await using var host = await SalesHost.StartAsync();
        var answer = await (await host.Gateway.OpenAsync()).PostAsync($"/api/v1/{route}", body);
        Assert.Equal(400, answer.Status);
        Assert.StartsWith(says, answer.Json.GetProperty("message").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_body_of_two_mebibytes_is_413()
    {
        await using var host = await SalesHost.StartAsync();
        var answer = await host.PostAsync("/api/v1/purchase", $$"""{"email": "ann@example.com", "plan": "growth", "x": "{{new string('x', 2 << 20)}}"}""");
        Assert.Equal(413, answer.Status);
    }

    [Fact]
    public async Task An_active_subscription_is_409_and_an_address_in_another_spelling_is_the_same()
    {
        await using var host = await SalesHost.StartAsync();
        await host.SubscribeAsync();
        var answer = await host.PostAsync("/api/v1/purchase", """{"email": "ANN@example.com", "plan": "scale"}""");
        Assert.Equal((409, "subscription_active"), (answer.Status, answer.Json.GetProperty("error").GetString()));
    }

    [Fact]
    public async Task A_second_purchase_closes_the_page_of_the_first()
    {
        await using var host = await SalesHost.StartAsync();
        var (firstUrl, firstToken) = await host.PurchaseAsync(plan: "starter");
        var (url, token) = await host.PurchaseAsync(plan: "growth");
        Assert.Equal(404, (await host.PressAsync(firstUrl, "pay")).Status);
        Assert.Equal(410, (await host.ClaimAsync(firstToken)).Status);
        Assert.Equal(303, (await host.PressAsync(url, "pay")).Status);
        Assert.Equal("growth", (await host.ClaimAsync(token)).Json.GetProperty("data").GetProperty("plan").GetString());
    }

    [Fact]
    public async Task Without_a_provider_nothing_is_for_sale()
    {
        await using var host = await SalesHost.StartAsync(null, ("Provider", "none"));
        var answer = await host.PostAsync("/api/v1/purchase", """{"email": "ann@example.com", "plan": "growth"}""");
        Assert.Equal((503, "payments_unavailable"), (answer.Status, answer.Json.GetProperty("error").GetString()));
    }

    [Fact]
    public async Task The_sixth_purchase_of_an_hour_is_429_and_another_address_is_not_meant()
    {
        await using var host = await SalesHost.StartAsync();
        for (var number = 0; number < 5; number++)
        {
            await host.PurchaseAsync($"a{number}@example.com");
            host.Clock.Advance(TimeSpan.FromMinutes(1));
        }

        var refused = await host.PostAsync("/api/v1/purchase", """{"email": "b@example.com", "plan": "growth"}""");
        Assert.Equal((429, "rate_limited"), (refused.Status, refused.Json.GetProperty("error").GetString()));
        Assert.Equal("3300", refused.Headers["Retry-After"]);
        host.Clock.Advance(TimeSpan.FromMinutes(55));
        await host.PurchaseAsync("b@example.com");
    }

    [Fact]
    public async Task Claims_say_what_is_wrong()
    {
        await using var host = await SalesHost.StartAsync();
        var (url, token) = await host.PurchaseAsync();
        var pending = await host.ClaimAsync(token);
        Assert.Equal((202, "5", "pending"), (pending.Status, pending.Headers["Retry-After"], pending.Json.GetProperty("data").GetProperty("status").GetString()));
        Assert.Equal(403, (await host.ClaimAsync(token, "bob@example.com")).Status);
        Assert.Equal(404, (await host.ClaimAsync("claim_" + new string('0', 64))).Status);
        Assert.Equal(404, (await host.ClaimAsync("nonsense")).Status);
        Assert.Equal(400, (await host.PostAsync("/api/v1/claim-key", """{"email": "ann@example.com"}""")).Status);
        Assert.Equal(400, (await host.PostAsync("/api/v1/claim-key", $$"""{"email": "ann", "claimToken": "{{token}}"}""")).Status);
        host.Clock.Advance(TimeSpan.FromHours(24));
        Assert.Equal(410, (await host.ClaimAsync(token)).Status);
        Assert.Equal(404, (await host.PressAsync(url, "pay")).Status);
    }

    [Fact]
    public async Task Pending_polls_do_not_count_and_wrong_ones_do()
    {
        await using var host = await SalesHost.StartAsync();
        var (url, token) = await host.PurchaseAsync();
        for (var poll = 0; poll < 100; poll++)
        {
            Assert.Equal(202, (await host.ClaimAsync(token)).Status);
        }

        for (var guess = 0; guess < 30; guess++)
        {
            Assert.Equal(404, (await host.ClaimAsync("claim_" + guess.ToString("x64", CultureInfo.InvariantCulture))).Status);
        }

        Assert.Equal(429, (await host.ClaimAsync("claim_" + new string('f', 64))).Status);
        Assert.Equal(202, (await host.ClaimAsync(token)).Status);
        await host.PressAsync(url, "pay");
        Assert.Equal(429, (await host.ClaimAsync(token)).Status);
        host.Clock.Advance(TimeSpan.FromHours(1));
        Assert.Equal(200, (await host.ClaimAsync(token)).Status);
    }

    [Fact]
    public async Task Of_claims_at_once_one_gets_the_key()
    {
        await using var host = await SalesHost.StartAsync();
        var (url, token) = await host.PurchaseAsync();
        await host.PressAsync(url, "pay");
        var answers = await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => host.ClaimAsync(token)));
        Assert.Single(answers, answer => answer.Status == 200);
        Assert.All(answers.Where(answer => answer.Status != 200), answer => Assert.Equal(409, answer.Status));
    }

    [Fact]
    public async Task A_key_that_is_never_claimed_is_gone_after_24_hours_and_was_mailed()
    {
        await using var host = await SalesHost.StartAsync();
        var (url, token) = await host.PurchaseAsync();
        await host.PressAsync(url, "pay");
        host.Clock.Advance(TimeSpan.FromHours(24));
        await host.WorkAsync();
        Assert.Equal(410, (await host.ClaimAsync(token)).Status);
        Assert.DoesNotContain("protectedKey", string.Join('\n', await host.DocumentsAsync("plan-purchase")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_same_idempotency_key_begins_one_purchase_and_tells_its_token_once()
    {
        await using var host = await SalesHost.StartAsync();
        const string Body = """{"email": "ann@example.com", "plan": "growth"}""";
        var first = await host.PostAsync("/api/v1/purchase", Body, "key-1");
        var second = await host.PostAsync("/api/v1/purchase", Body, "key-1");
        Assert.Equal((201, true), (second.Status, second.IsReplay));
        Assert.Equal(
            first.Json.GetProperty("data").GetProperty("checkoutUrl").GetString(), second.Json.GetProperty("data").GetProperty("checkoutUrl").GetString());
        Assert.Equal(System.Text.Json.JsonValueKind.Null, second.Json.GetProperty("data").GetProperty("claimToken").ValueKind);
        Assert.Equal(422, (await host.PostAsync("/api/v1/purchase", """{"email": "ann@example.com", "plan": "scale"}""", "key-1")).Status);
        Assert.Single(await host.DocumentsAsync("plan-purchase"));
    }

    [Fact]
    public async Task A_declined_card_leaves_the_page_open_and_an_abandoned_one_closes_it()
    {
        await using var host = await SalesHost.StartAsync();
        var (url, token) = await host.PurchaseAsync();
        Assert.Equal(303, (await host.PressAsync(url, "decline")).Status);
        Assert.Equal(202, (await host.ClaimAsync(token)).Status);
        Assert.Equal(303, (await host.PressAsync(url, "abandon")).Status);
        Assert.Equal(410, (await host.ClaimAsync(token)).Status);
        Assert.Equal(404, (await host.PressAsync(url, "pay")).Status);
        Assert.Equal(404, (await host.PressAsync("http://localhost/sandbox/checkout/cs_none", "pay")).Status);
    }

    [Fact]
    public async Task The_page_is_plain_accessible_html_without_anything_from_elsewhere()
    {
        await using var host = await SalesHost.StartAsync();
        var (url, _) = await host.PurchaseAsync();
        using var request = new HttpRequestMessage(HttpMethod.Get, url);
        var page = await Answer.OfAsync(host.Client, request);
        Assert.Equal((200, "text/html"), (page.Status, page.ContentType));
        Assert.StartsWith("default-src 'none'", page.Headers["Content-Security-Policy"], StringComparison.Ordinal);
        Assert.Contains("<html lang=\"en\">", page.Body, StringComparison.Ordinal);
        Assert.Contains("<h1>", page.Body, StringComparison.Ordinal);
        Assert.DoesNotContain("<script", page.Body, StringComparison.Ordinal);
        Assert.DoesNotContain("://", page.Body, StringComparison.Ordinal);
        Assert.Equal(
            ["pay", "decline", "authenticate", "abandon"],
            Actions().Matches(page.Body).Select(match => match.Groups[1].Value[(match.Groups[1].Value.LastIndexOf('/') + 1)..]));
    }

    [GeneratedRegex("action=\"([^\"]+)\"")]
    private static partial Regex Actions();
}
