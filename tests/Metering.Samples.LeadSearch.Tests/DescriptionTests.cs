using Metering.Samples.LeadSearch.Routes;

namespace Metering.Samples.LeadSearch.Tests;

public sealed class DescriptionTests
{
    [Theory]
    [InlineData("restaurant", "us", null, 97, "Lead search: Restaurants in US (97 results)")]
    [InlineData("restaurant", null, null, 1, "Lead search: Restaurants (1 result)")]
    [InlineData("fast_food", "de", null, 0, "Lead search: Fast food restaurants in DE (0 results)")]
    [InlineData("pharmacy", "fr", null, 10, "Lead search: Pharmacies in FR (10 results)")]
    [InlineData(null, "us", null, 500, "Lead search: Companies in US (500 results)")]
    [InlineData(null, null, null, 500, "Lead search: Companies (500 results)")]
    [InlineData("restaurant", "us", "burger", 3, "Lead search: \"burger\" restaurants in US (3 results)")]
    [InlineData("atm", "us", "first", 12, "Lead search: \"first\" ATMs in US (12 results)")]
    [InlineData(null, null, "café", 2, "Lead search: \"café\" companies (2 results)")]
    public void A_search_reads_as_a_person_would_say_it(string? category, string? country, string? text, int results, string description)
    {
        var query = new LeadQuery(
            category is null ? null : RealCompanies.Catalogue.FindCategory(category)!,
            country is null ? null : RealCompanies.Catalogue.Countries.Find(country)!,
            text,
            LeadQuery.DefaultLimit);
        Assert.Equal(description, query.Describe(results));
    }

    [Fact]
    public void Every_reference_of_a_search_fits_into_the_ledger() =>
        Assert.All(RealCompanies.Catalogue.Categories, category =>
            Assert.InRange(new LeadQuery(category, RealCompanies.Catalogue.Countries.Find("us"), new('x', LeadQuery.MaxText), LeadQuery.MaxLimit).ToReference().Length, 1, 200));
}
