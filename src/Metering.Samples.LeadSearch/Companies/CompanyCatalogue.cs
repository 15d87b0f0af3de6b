namespace Metering.Samples.LeadSearch.Companies;

/// <summary>What to search for; every part that is null is left open.</summary>
/// <param name="Category">Companies of this category.</param>
/// <param name="Country">Companies present in this country, in a part of it, or in the whole world.</param>
/// <param name="Text">Companies whose name contains this, whatever the case and the accents.</param>
public readonly record struct CompanyQuery(Category? Category, Country? Country, string? Text);

/// <summary>What a search found.</summary>
/// <param name="Companies">The best matches, at most as many as asked for.</param>
/// <param name="Total">All matches.</param>
public sealed record CompanySearchResult(IReadOnlyList<Company> Companies, int Total);

/// <summary>The companies, in memory, with an index per category and country. Immutable; safe for concurrent use.</summary>
public sealed class CompanyCatalogue
{
    // Equal, beginning, beginning of a word, anywhere.
    private const int Ranks = 4;

    private readonly Dictionary<string, Company> byId;
    private readonly Dictionary<string, Category> categories;
    private readonly Dictionary<Category, List<Company>> byCategory = [];
    private readonly Dictionary<Country, List<Company>> byCountry = [];
    private readonly Company[] byName;

    /// <summary>Makes the catalogue and its indexes.</summary>
    /// <param name="companies">The companies; ids are distinct.</param>
    /// <param name="categories">All categories of these companies; ids are distinct.</param>
    /// <param name="countries">The countries.</param>
    public CompanyCatalogue(IEnumerable<Company> companies, IEnumerable<Category> categories, CountryTable countries)
    {
        ArgumentNullException.ThrowIfNull(countries);
        Countries = countries;
        this.categories = categories.ToDictionary(category => category.Id, StringComparer.OrdinalIgnoreCase);
        byName = [.. companies.OrderBy(company => company.FoldedName, StringComparer.Ordinal).ThenBy(company => company.Id, StringComparer.Ordinal)];
        byId = byName.ToDictionary(company => company.Id, StringComparer.OrdinalIgnoreCase);
        foreach (var company in byName)
        {
            AddTo(byCategory, company.Category, company);
            foreach (var country in CountriesOf(company))
            {
                AddTo(byCountry, country, company);
            }
        }
    }

    /// <summary>The number of companies.</summary>
    public int Count => byName.Length;

    /// <summary>The countries.</summary>
    public CountryTable Countries { get; }

    /// <summary>The categories, by name.</summary>
    public IEnumerable<Category> Categories => categories.Values.OrderBy(category => category.Plural, StringComparer.OrdinalIgnoreCase);

    /// <summary>The category with an id, in any case; null for none.</summary>
    /// <param name="id">For example "restaurant".</param>
    public Category? FindCategory(string id) => categories.GetValueOrDefault(id);

    /// <summary>The company with an id, in any case; null for none.</summary>
    /// <param name="id">For example "Q38076".</param>
    public Company? Find(string id) => byId.GetValueOrDefault(id);

    /// <summary>The companies of a category, by name.</summary>
    /// <param name="category">The category.</param>
    public IReadOnlyList<Company> In(Category category) => byCategory.TryGetValue(category, out var companies) ? companies : [];

    /// <summary>The companies that are present in a country, by name.</summary>
    /// <param name="country">The country.</param>
    public IReadOnlyList<Company> In(Country country) => byCountry.TryGetValue(country, out var companies) ? companies : [];

    /// <summary>The countries in which a company is present, everywhere or in part, each once.</summary>
    /// <param name="company">The company.</param>
    public IEnumerable<Country> CountriesOf(Company company)
    {
        ArgumentNullException.ThrowIfNull(company);
        return company.IsWorldwide ? Countries.All : company.Areas.SelectMany(area => area.Countries).Distinct();
    }

    /// <summary>
    /// Searches. Names equal to the text come first, then names that begin with it, then names with a word that begins with it, then
    /// names that contain it; within these, and where there is no text, by name. The same query always gives the same answer.
    /// </summary>
    /// <param name="query">What to search for.</param>
    /// <param name="limit">The most companies of the answer, 1 or more.</param>
    public CompanySearchResult Search(CompanyQuery query, int limit)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(limit, 1);
        var text = query.Text is null ? string.Empty : TextFolding.Fold(query.Text);
        var ranks = new List<Company>[Ranks];
        var total = 0;
        foreach (var company in Candidates(query))
        {
            var rank = RankOf(company.FoldedName, text);
            if (rank < Ranks)
            {
                (ranks[rank] ??= []).Add(company);
                total++;
            }
        }

        return new([.. ranks.Where(rank => rank is not null).SelectMany(rank => rank).Take(limit)], total);
    }

    private static int RankOf(string name, string text)
    {
        var at = name.IndexOf(text, StringComparison.Ordinal);
        if (at <= 0)
        {
            return at < 0 ? Ranks : name.Length == text.Length ? 0 : 1;
        }

        for (; at >= 0; at = name.IndexOf(text, at + 1, StringComparison.Ordinal))
        {
            if (!char.IsLetterOrDigit(name[at - 1]))
            {
                return 2;
            }
        }

        return 3;
    }

    // The shorter index drives; the other filter is checked company by company.
    private IEnumerable<Company> Candidates(CompanyQuery query)
    {
        IReadOnlyList<Company>? ofCategory = query.Category is { } category ? In(category) : null;
        IReadOnlyList<Company>? ofCountry = query.Country is { } country ? In(country) : null;
        if (ofCategory is null || ofCountry is null)
        {
            return ofCategory ?? ofCountry ?? byName;
        }

        return ofCategory.Count <= ofCountry.Count
            ? ofCategory.Where(company => company.AreaIn(query.Country!) is not null)
            : ofCountry.Where(company => company.Category == query.Category);
    }

    private static void AddTo<TKey>(Dictionary<TKey, List<Company>> index, TKey key, Company company)
        where TKey : notnull
    {
        if (!index.TryGetValue(key, out var companies))
        {
            index.Add(key, companies = []);
        }

        companies.Add(company);
    }
}
