using Metering.Samples.LeadSearch.Companies;

namespace Metering.Samples.LeadSearch.Tests;

/// <summary>The catalogue that the product ships, read once for all tests.</summary>
internal static class RealCompanies
{
    public static string Folder { get; } = Path.Combine(AppContext.BaseDirectory, "Data");

    public static CompanyCatalogue Catalogue { get; } = CompanyFile.Read(Folder);

    public static CompanySearchResult Search(string? category = null, string? country = null, string? text = null, int limit = 1000) =>
        Catalogue.Search(
            new(
                category is null ? null : Catalogue.FindCategory(category)!,
                country is null ? null : Catalogue.Countries.Find(country)!,
                text),
            limit);
}
