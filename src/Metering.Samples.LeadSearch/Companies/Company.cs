namespace Metering.Samples.LeadSearch.Companies;

/// <summary>A category of companies.</summary>
/// <param name="Id">As the data has it ("fast_food").</param>
/// <param name="Plural">Its name for people, plural ("Fast food restaurants").</param>
public sealed record Category(string Id, string Plural)
{
    /// <summary>The plural within a sentence: "restaurants", but "ATMs" and "IT companies" keep their capitals.</summary>
    public string PluralInSentence { get; } =
        Plural.Length > 1 && char.IsLower(Plural[1]) ? char.ToLowerInvariant(Plural[0]) + Plural[1..] : Plural;
}

/// <summary>A company of the catalogue.</summary>
/// <param name="Id">Its Wikidata id ("Q38076"), unique.</param>
/// <param name="Name">Its name, in its own script.</param>
/// <param name="Kind">The kind of place that it runs ("shop", "amenity").</param>
/// <param name="Category">What it is.</param>
/// <param name="Areas">Where it is present; empty where the data does not say.</param>
public sealed record Company(string Id, string Name, string Kind, Category Category, IReadOnlyList<Area> Areas)
{
    /// <summary>The name as it is searched.</summary>
    public string FoldedName { get; } = TextFolding.Fold(Name);

    /// <summary>True where it is present in the whole world.</summary>
    public bool IsWorldwide { get; } = Areas.Any(area => area.Kind == AreaKind.Worldwide);

    /// <summary>The nearest area by which it is present in a country; null where it is not.</summary>
    /// <param name="country">The country.</param>
    public Area? AreaIn(Country country) => Areas.Where(area => area.Covers(country)).MinBy(area => area.Kind);
}
