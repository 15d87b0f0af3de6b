namespace Metering.Samples.LeadSearch.Companies;

/// <summary>A part of a signal, such as one country's share of it.</summary>
/// <param name="Code">A country's code in capitals, an area's code, or a company's id.</param>
/// <param name="Name">Its name for people.</param>
/// <param name="Value">The figure; null where the part is only named.</param>
public sealed record SignalPart(string Code, string Name, long? Value);

/// <summary>Something that the data says about a company.</summary>
/// <param name="Id">Which signal.</param>
/// <param name="Text">A sentence for people.</param>
/// <param name="Value">The figure.</param>
/// <param name="Parts">What it is made of; empty where it has no parts.</param>
public sealed record Signal(string Id, string Text, long Value, IReadOnlyList<SignalPart> Parts);

/// <summary>Computes signals from the catalogue alone: where a company is present, how that compares, and who its peers are.</summary>
public static class CompanySignals
{
    // Countries that the sentence on presence names; more are only counted there.
    private const int MostNamed = 3;

    /// <summary>The signals of a company.</summary>
    /// <param name="company">The company.</param>
    /// <param name="catalogue">The catalogue that it is in.</param>
    public static IReadOnlyList<Signal> Of(Company company, CompanyCatalogue catalogue)
    {
        ArgumentNullException.ThrowIfNull(company);
        ArgumentNullException.ThrowIfNull(catalogue);
        var countries = catalogue.CountriesOf(company).OrderBy(country => country.Name, StringComparer.Ordinal).ToArray();
        var signals = new List<Signal> { Presence(company, countries) };
        if (Regions(company) is { } regions)
        {
            signals.Add(regions);
        }

        if (countries.Length > 0)
        {
            signals.Add(Reach(company, countries.Length, catalogue));
        }

        signals.Add(Peers(company, catalogue));
        if (!company.IsWorldwide && countries.Length > 0)
        {
            signals.Add(PeersByCountry(company, countries, catalogue));
        }

        if (Namesakes(company, catalogue) is { } namesakes)
        {
            signals.Add(namesakes);
        }

        return signals;
    }

    private static Signal Presence(Company company, Country[] countries)
    {
        var names = countries.Length <= MostNamed ? ": " + string.Join(", ", countries.Select(country => country.Name)) : string.Empty;
        var text = company.IsWorldwide ? "Present worldwide."
            : countries.Length == 0 ? "The data names no country for it."
            : $"Present in {Count(countries.Length, "country", "countries")}{names}.";
        var parts = company.IsWorldwide ? [] : countries.Select(country => new SignalPart(country.Code.ToUpperInvariant(), country.Name, null));
        return new("presence", text, countries.Length, [.. parts]);
    }

    private static Signal? Regions(Company company)
    {
        var regions = company.Areas.Where(area => area.Kind == AreaKind.Region).ToArray();
        return regions.Length == 0
            ? null
            : new(
                "regional_focus",
                $"Regional: {regions.Length} of its {Count(company.Areas.Count, "area", "areas")} {(regions.Length == 1 ? "is a part" : "are parts")} of a country, not a whole one.",
                regions.Length,
                [.. regions.Select(region => new SignalPart(region.Code.ToUpperInvariant(), region.Countries[0].Name, null))]);
    }

    private static Signal Reach(Company company, int countries, CompanyCatalogue catalogue)
    {
        var peers = catalogue.In(company.Category);
        var wider = peers.Count(peer => catalogue.CountriesOf(peer).Count() > countries);
        return new("reach_rank", $"Rank {wider + 1} of {peers.Count} {company.Category.PluralInSentence} by number of countries.", wider + 1, []);
    }

    private static Signal Peers(Company company, CompanyCatalogue catalogue)
    {
        var peers = catalogue.In(company.Category).Count - 1;
        return new("category_peers", $"{peers} other {company.Category.PluralInSentence} in the catalogue.", peers, []);
    }

    private static Signal PeersByCountry(Company company, Country[] countries, CompanyCatalogue catalogue)
    {
        var counts = countries.ToDictionary(country => country, _ => 0L);
        foreach (var country in catalogue.In(company.Category).Where(peer => peer != company).SelectMany(catalogue.CountriesOf))
        {
            if (counts.TryGetValue(country, out var count))
            {
                counts[country] = count + 1;
            }
        }

        var parts = counts
            .OrderByDescending(pair => pair.Value)
            .ThenBy(pair => pair.Key.Name, StringComparer.Ordinal)
            .Select(pair => new SignalPart(pair.Key.Code.ToUpperInvariant(), pair.Key.Name, pair.Value))
            .ToArray();
        return new("country_peers", $"Most competition in {parts[0].Name}: {parts[0].Value} other {company.Category.PluralInSentence}.", parts[0].Value ?? 0, parts);
    }

    private static Signal? Namesakes(Company company, CompanyCatalogue catalogue)
    {
        var found = catalogue.Search(new(null, null, company.Name), catalogue.Count).Companies
            .Where(other => other.FoldedName == company.FoldedName && other != company)
            .Select(other => new SignalPart(other.Id, other.Category.Plural, null))
            .ToArray();
        return found.Length == 0
            ? null
            : new("same_name", $"{Count(found.Length, "other entry has", "other entries have")} the same name.", found.Length, found);
    }

    private static string Count(int count, string one, string many) => $"{count} {(count == 1 ? one : many)}";
}
