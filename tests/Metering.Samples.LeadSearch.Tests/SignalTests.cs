using Metering.Samples.LeadSearch.Companies;

namespace Metering.Samples.LeadSearch.Tests;

public sealed class SignalTests
{
    private static Dictionary<string, Signal> Of(string id) =>
        CompanySignals.Of(RealCompanies.Catalogue.Find(id)!, RealCompanies.Catalogue).ToDictionary(signal => signal.Id);

    [Fact]
    public void Presence_names_the_countries_of_the_data()
    {
        // Wahlburgers: au|ca|de|nz|us
        var signals = Of("Q17032457");
        Assert.Equal(5, signals["presence"].Value);
        Assert.Equal(["AU", "CA", "DE", "NZ", "US"], signals["presence"].Parts.Select(part => part.Code));
        Assert.DoesNotContain("regional_focus", signals);
    }

    [Fact]
    public void Peers_are_the_others_of_the_category_in_each_country()
    {
        var peers = Of("Q17032457")["country_peers"];
        Assert.Equal(5, peers.Parts.Count);
        Assert.Equal(302, peers.Parts.Single(part => part.Code == "US").Value);
        Assert.Equal(peers.Parts.Max(part => part.Value), peers.Value);
        Assert.Equal(725, Of("Q17032457")["category_peers"].Value);
    }

    [Fact]
    public void A_worldwide_company_leads_by_reach()
    {
        // Budget, car rentals: 001
        var signals = Of("Q1001437");
        Assert.Equal("Present worldwide.", signals["presence"].Text);
        Assert.Equal(1, signals["reach_rank"].Value);
        Assert.DoesNotContain("country_peers", signals);
    }

    [Fact]
    public void Regions_are_a_signal_of_their_own()
    {
        // AOK Rheinland/Hamburg: de-hh.geojson|de-nw.geojson
        var signals = Of("Q1000317");
        Assert.Equal(["DE-HH", "DE-NW"], signals["regional_focus"].Parts.Select(part => part.Code));
        Assert.Equal(["DE"], signals["presence"].Parts.Select(part => part.Code));
    }

    [Fact]
    public void A_company_without_countries_says_so()
    {
        var signals = Of("Q100272713");
        Assert.Equal("The data names no country for it.", signals["presence"].Text);
        Assert.DoesNotContain("reach_rank", signals);
    }

    [Fact]
    public void Every_company_has_signals() =>
        Assert.All(
            RealCompanies.Catalogue.Categories.SelectMany(category => RealCompanies.Catalogue.In(category).Take(2)),
            company => Assert.True(CompanySignals.Of(company, RealCompanies.Catalogue).Count >= 2));
}
