namespace Metering.Core.Tests;

public class CatalogueTests
{
    [Theory]
    [InlineData("lead.search", 0, "0")]
    [InlineData("lead.search", 1, "3")]
    [InlineData("lead.search", 10, "3")]
    [InlineData("lead.search", 11, "4")]
    [InlineData("lead.search", 97, "12")]
    [InlineData("lead.search", 100, "12")]
    [InlineData("lead.search", 101, "13")]
    [InlineData("lead.query", 1, "1")]
    [InlineData("lead.export", 40, "40")]
    [InlineData("company", 1, "1")]
    [InlineData("contact", 3, "3")]
    [InlineData("company.news", 1, "1")]
    [InlineData("email.enrichment", 0, "0")]
    [InlineData("email.validation", 1, "0.25")]
    [InlineData("email.validation", 3, "0.75")]
    [InlineData("mobile", 2, "10")]
    public void The_default_catalogue_prices_as_documented(string product, long quantity, string price) =>
        Assert.Equal(price, Catalogue.Default.Products[product].PriceOf(quantity).ToString());

    [Theory]
    [InlineData("company.signals")]
    [InlineData("company.financials")]
    [InlineData("company.news")]
    public void What_a_company_subscription_covers_starts_none(string product)
    {
        Assert.Equal("company", Catalogue.Default.Products[product].CoveredBy);
        Assert.False(Catalogue.Default.Products[product].IsRecord);
        Assert.True(Catalogue.Default.Products["company"].IsRecord);
    }

    [Fact]
    public void Starter_growth_and_scale_are_credit_based_and_platinum_and_enterprise_are_not()
    {
        var unlimited = Catalogue.Default.Plans.Values.Where(plan => plan.Unlimited).Select(plan => plan.Id);
        Assert.Equal(["enterprise", "platinum"], unlimited.Order(StringComparer.Ordinal));
        Assert.Equal(Credits.Of(100), Catalogue.Default.Plans["starter"].MonthlyCredits);
    }

    [Fact]
    public void A_product_that_is_not_charged_on_success_only_costs_its_base_price_for_nothing_found()
    {
        var product = new Product { Id = "p", Base = Credits.Of(2), PerUnit = Credits.Of(1), ChargedOnSuccessOnly = false };
        Assert.Equal(Credits.Of(2), product.PriceOf(0));
    }

    [Fact]
    public void A_price_above_the_largest_amount_is_none_whatever_the_quantity()
    {
        var block = new Product { Id = "p", PerUnit = Credits.Of(1), Unit = PriceUnit.ResultBlock, BlockSize = 10 };
        Assert.Null(block.PriceOf(long.MaxValue));
        var dear = new Product { Id = "p", PerUnit = Credits.MaxAmount };
        Assert.Equal(Credits.MaxAmount, dear.PriceOf(1));
        Assert.Null(dear.PriceOf(2));
        Assert.Null(dear.PriceOf(long.MaxValue));
    }

    [Fact]
    public void There_is_no_price_of_a_negative_quantity() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => Catalogue.Default.Products["mobile"].PriceOf(-1));
}
