using Metering.Engine;
using Xunit;

namespace Metering.Gateway.Tests.Sales;

/// <summary>The section <c>Metering:Payments</c>: what a start refuses, in a sentence.</summary>
public sealed class PaymentStartTests
{
    private static readonly string[] Plans = ["starter", "growth", "scale", "platinum", "enterprise"];

    [Theory]
    [InlineData("Stripe:WebhookSecrets:0", "whsec_1", "Metering:Payments:Stripe:ApiKey is not")]
    [InlineData("Plans:growth:StripePrice", "price_1", "Metering:Payments:Stripe:ApiKey is not")]
    [InlineData("Plans:gold:AmountCents", "100", "Metering:Payments:Plans:gold is for sale, and the catalogue has no such plan")]
    public async Task What_would_sell_wrongly_is_refused(string setting, string value, string says)
    {
        var error = await Assert.ThrowsAsync<MeteringStartupException>(() => StartAsync((setting, value)));
        Assert.Contains(says, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(value == "100" ? "\n" : value, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Stripe_without_an_address_to_send_customers_back_to_is_refused()
    {
        (string, string)[] stripe = [("Stripe:ApiKey", "sk_test_1"), ("Stripe:WebhookSecrets:0", "whsec_1"), .. Plans.Select(plan => ($"Plans:{plan}:StripePrice", $"price_{plan}"))];
        var error = await Assert.ThrowsAsync<MeteringStartupException>(() => StartAsync(stripe));
        Assert.StartsWith("Metering:Payments:PublicUrl is not set; set it to the address", error.Message, StringComparison.Ordinal);
        await using var host = await StartAsync([.. stripe, ("PublicUrl", "https://meter.example/")]);
    }

    [Fact]
    public async Task What_is_not_for_sale_needs_no_price_and_is_sold_to_nobody_new()
    {
        await using var host = await SalesHost.StartAsync(null, ("Plans:growth:ForSale", "false"));
        var answer = await host.PostAsync("/api/v1/purchase", """{"email": "ann@example.com", "plan": "growth"}""");
        Assert.Equal(400, answer.Status);
        Assert.Equal("plan must be one of starter, scale, platinum, enterprise.", answer.Json.GetProperty("message").GetString());
    }

    [Fact]
    public async Task Parts_of_Stripe_beside_a_provider_that_is_named_are_as_they_are_meant()
    {
        await using var host = await StartAsync(("Plans:growth:StripePrice", "price_1"), ("Provider", "sandbox"));
    }

    [Fact]
    public async Task A_plan_for_sale_may_be_the_catalogues_own()
    {
        var settings = new Dictionary<string, string?> { ["Metering:Payments:Plans:gold:AmountCents"] = "100", ["Metering:Plans:gold:MonthlyCredits"] = "10" };
        await using var host = await GatewayHost.StartAsync(settings: settings);
    }

    [Fact]
    public async Task A_key_ring_that_cannot_be_opened_is_refused_where_something_is_sold()
    {
        var file = Path.GetTempFileName();
        try
        {
            var error = await Assert.ThrowsAsync<MeteringStartupException>(() => StartAsync(("KeyRing", file)));
            Assert.StartsWith("Metering:Payments:KeyRing, the folder ", error.Message, StringComparison.Ordinal);
            await using var host = await StartAsync(("KeyRing", file), ("Provider", "none"));
        }
        finally
        {
            File.Delete(file);
        }
    }

    private static Task<GatewayHost> StartAsync(params (string Name, string Value)[] settings) =>
        GatewayHost.StartAsync(settings: settings.ToDictionary(setting => $"Metering:Payments:{setting.Name}", setting => (string?)setting.Value));
}
