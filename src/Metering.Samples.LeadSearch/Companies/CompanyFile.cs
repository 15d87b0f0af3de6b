using System.Text.RegularExpressions;

namespace Metering.Samples.LeadSearch.Companies;

/// <summary>Reads the catalogue's files: countries, the names of categories, and the companies.</summary>
public static partial class CompanyFile
{
    /// <summary>The companies' file.</summary>
    public const string CompaniesFileName = "companies.tsv";

    /// <summary>The countries' file.</summary>
    public const string CountriesFileName = "countries.tsv";

    /// <summary>The file of categories and their names.</summary>
    public const string CategoriesFileName = "categories.tsv";

    private const string CompaniesHeader = "wikidata\tname\tkind\tcategory\tcountries";
    private const string CategoriesHeader = "category\tplural";

    /// <summary>Reads all three files of a folder.</summary>
    /// <param name="folder">The folder.</param>
    /// <exception cref="DataFileException">A file is missing or a line is malformed; the message names both.</exception>
    public static CompanyCatalogue Read(string folder)
    {
        var countries = CountryTable.Read(Path.Combine(folder, CountriesFileName));
        var categories = ReadCategories(Path.Combine(folder, CategoriesFileName));
        var companies = ReadCompanies(Path.Combine(folder, CompaniesFileName), countries, categories);
        return new(companies, categories.Values, countries);
    }

    private static Dictionary<string, Category> ReadCategories(string path)
    {
        var categories = new Dictionary<string, Category>(StringComparer.Ordinal);
        foreach (var line in DataFile.Read(path, CategoriesHeader))
        {
            if (!categories.TryAdd(line.Field(0), new(line.Field(0), line.Field(1))))
            {
                throw line.Error($"category '{line.Field(0)}' was used in an earlier line");
            }
        }

        return categories;
    }

    private static List<Company> ReadCompanies(string path, CountryTable countries, Dictionary<string, Category> categories)
    {
        var companies = new List<Company>();
        var ids = new HashSet<string>(StringComparer.Ordinal);
        var areas = new Dictionary<string, Area>(StringComparer.Ordinal);
        foreach (var line in DataFile.Read(path, CompaniesHeader))
        {
            var id = line.Field(0);
            if (!WikidataId().IsMatch(id))
            {
                throw line.Error($"'{id}' is not a Wikidata id (Q and digits)");
            }

            if (!ids.Add(id))
            {
                throw line.Error($"id '{id}' was used in an earlier line");
            }

            if (!categories.TryGetValue(line.Field(3), out var category))
            {
                throw line.Error($"category '{line.Field(3)}' has no name in {CategoriesFileName}");
            }

            companies.Add(new(id, line.Field(1), line.Field(2), category, [.. line.List(4).Select(text => AreaOf(text, areas, countries))]));
        }

        return companies;
    }

    // A few hundred areas serve all companies.
    private static Area AreaOf(string text, Dictionary<string, Area> areas, CountryTable countries)
    {
        if (!areas.TryGetValue(text, out var area))
        {
            areas.Add(text, area = Area.Parse(text, countries));
        }

        return area;
    }

    [GeneratedRegex("^Q[1-9][0-9]{0,17}$")]
    private static partial Regex WikidataId();
}
