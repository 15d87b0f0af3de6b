using Metering.Engine;
using Xunit;

namespace Metering.Gateway.Tests.Sales;

/// <summary>The section <c>Metering:Payments</c>: what a start refuses, in a sentence.</summary>
public sealed class PaymentStartTests
{
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
