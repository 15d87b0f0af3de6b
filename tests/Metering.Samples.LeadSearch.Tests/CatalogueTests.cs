using Metering.Samples.LeadSearch.Companies;

namespace Metering.Samples.LeadSearch.Tests;

public sealed class CatalogueTests
{
    // The file as lines, read without the product's own reader.
    private static readonly string[][] Lines =
    [
        .. File.ReadLines(Path.Combine(RealCompanies.Folder, "companies.tsv")).Skip(1).Select(line => line.Split('\t')),
    ];

    [Fact]
    public void All_13_944_companies_are_there()
    {
        Assert.Equal(13_944, RealCompanies.Catalogue.Count);
        Assert.All(Lines, line => Assert.Equal(line[1], RealCompanies.Catalogue.Find(line[0])?.Name));
    }

    [Fact]
    public void The_licence_notice_lies_beside_the_data() =>
        Assert.Contains("BSD 3-Clause", File.ReadAllText(Path.Combine(RealCompanies.Folder, "companies.LICENSE.md")), StringComparison.Ordinal);

    [Theory]
    [InlineData("us")]
    [InlineData("de")]
    [InlineData("jp")]
    public void A_country_matches_itself_its_regions_and_the_whole_world(string country)
    {
        var expected = Lines
            .Where(line => line[4].Split('|').Any(area => area == country || area == "001" || area.StartsWith(country + "-", StringComparison.Ordinal)))
            .Select(line => line[0])
            .ToHashSet();
        var found = RealCompanies.Catalogue.In(RealCompanies.Catalogue.Countries.Find(country)!).Select(company => company.Id).ToHashSet();
        Assert.NotEmpty(expected);
        Assert.Subset(found, expected);

        // The rest is there by a continent or another group of countries.
        Assert.All(found.Except(expected), id =>
            Assert.Equal(AreaKind.Group, RealCompanies.Catalogue.Find(id)!.AreaIn(RealCompanies.Catalogue.Countries.Find(country)!)!.Kind));
    }

    [Fact]
    public void Restaurants_in_the_US_are_303()
    {
        var found = RealCompanies.Search("restaurant", "US");
        Assert.Equal(303, found.Total);
        Assert.All(found.Companies, company => Assert.Equal("restaurant", company.Category.Id));
    }

    [Fact]
    public void A_search_filters_alike_whichever_index_is_the_shorter()
    {
        var country = RealCompanies.Catalogue.Countries.Find("is")!;
        var category = RealCompanies.Catalogue.FindCategory("atm")!;
        var expected = RealCompanies.Catalogue.In(category).Count(company => company.AreaIn(country) is not null);
        Assert.True(RealCompanies.Catalogue.In(country).Count < RealCompanies.Catalogue.In(category).Count);
        Assert.Equal(expected, RealCompanies.Search("atm", "is").Total);
        Assert.True(expected > 0);
    }

    [Fact]
    public void A_limit_cuts_the_list_but_not_the_total()
    {
        var found = RealCompanies.Search("restaurant", "US", limit: 97);
        Assert.Equal(97, found.Companies.Count);
        Assert.Equal(303, found.Total);
        Assert.Equal(RealCompanies.Search("restaurant", "US").Companies.Take(97), found.Companies);
    }

    [Theory]
    [InlineData("CAFE COTON")]
    [InlineData("café coton")]
    [InlineData("Cafe\u0301 Coton")]
    [InlineData("  caf\u00e9   coton ")]
    public void Case_and_accents_do_not_matter(string text) =>
        Assert.Equal("Q105076734", Assert.Single(RealCompanies.Search(text: text).Companies).Id);

    [Fact]
    public void Apostrophes_may_be_left_out() =>
        Assert.Equal(RealCompanies.Search(text: "McDonald's").Companies, RealCompanies.Search(text: "mcdonalds").Companies);

    [Fact]
    public void Other_scripts_are_found()
    {
        var name = RealCompanies.Catalogue.In(RealCompanies.Catalogue.Countries.Find("ua")!).First(company => company.Name.Contains('й', StringComparison.Ordinal)).Name;
        Assert.Contains(RealCompanies.Search(text: name.ToUpperInvariant()).Companies, company => company.Name == name);
    }

    [Fact]
    public void Equal_names_come_first_then_beginnings_then_words_then_the_rest()
    {
        var ranks = RealCompanies.Search(text: "star").Companies.Select(RankOf).ToArray();
        Assert.Equal(ranks.Order(), ranks);
        Assert.Contains(1, ranks);
        Assert.Contains(2, ranks);
        Assert.Contains(3, ranks);

        static int RankOf(Company company)
        {
            var name = company.FoldedName;
            return name == "star" ? 0
                : name.StartsWith("star", StringComparison.Ordinal) ? 1
                : name.Split(name.Where(character => !char.IsLetterOrDigit(character)).Distinct().ToArray()).Any(word => word.StartsWith("star", StringComparison.Ordinal)) ? 2
                : 3;
        }
    }

    [Fact]
    public void A_continent_covers_its_countries()
    {
        var motelOne = RealCompanies.Catalogue.Find("Q391080")!;
        Assert.Equal(AreaKind.Group, motelOne.AreaIn(RealCompanies.Catalogue.Countries.Find("DE")!)?.Kind);
        Assert.Equal(AreaKind.Region, motelOne.AreaIn(RealCompanies.Catalogue.Countries.Find("US")!)?.Kind);
        Assert.Null(motelOne.AreaIn(RealCompanies.Catalogue.Countries.Find("JP")!));
    }

    [Fact]
    public void Metropolitan_France_is_France()
    {
        var chausson = RealCompanies.Catalogue.Find("Q100701530")!;
        Assert.Equal("fx", Assert.Single(chausson.Areas).Code);
        Assert.Contains(chausson, RealCompanies.Search(country: "FR", text: chausson.Name).Companies);
    }

    [Theory]
    [InlineData("Q1\tName\tshop\tbakery", "line 2: 4 tab-separated fields, but 5 are needed")]
    [InlineData("X1\tName\tshop\tbakery\tde", "line 2: 'X1' is not a Wikidata id (Q and digits)")]
    [InlineData("Q1\t\tshop\tbakery\tde", "line 2: field 2 is empty")]
    [InlineData("Q1\tName\tshop\tunheard_of\tde", "line 2: category 'unheard_of' has no name in categories.tsv")]
    [InlineData("Q1\tName\tshop\tbakery\tde||fr", "line 2: field 5 has an empty part")]
    [InlineData("Q1\tName\tshop\tbakery\tde\nQ1\tName\tshop\tbakery\tde", "line 3: id 'Q1' was used in an earlier line")]
    [InlineData("Q1\tNa\u0007me\tshop\tbakery\tde", "line 2: a control character")]
    public void A_malformed_line_is_an_error_with_its_number(string lines, string message)
    {
        using var folder = new TemporaryFolder();
        File.Copy(Path.Combine(RealCompanies.Folder, "countries.tsv"), folder.File("countries.tsv"));
        File.Copy(Path.Combine(RealCompanies.Folder, "categories.tsv"), folder.File("categories.tsv"));
        File.WriteAllText(folder.File("companies.tsv"), $"wikidata\tname\tkind\tcategory\tcountries\n{lines}\n");

        var fault = Assert.Throws<DataFileException>(() => CompanyFile.Read(folder.Path));
        Assert.Equal($"{folder.File("companies.tsv")}, {message}.", fault.Message);
    }

    [Fact]
    public void A_missing_file_is_named()
    {
        using var folder = new TemporaryFolder();
        var fault = Assert.Throws<DataFileException>(() => CompanyFile.Read(folder.Path));
        Assert.StartsWith(folder.File("countries.tsv"), fault.Message, StringComparison.Ordinal);
    }
}
