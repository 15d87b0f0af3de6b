namespace Metering.Samples.LeadSearch.Companies;

/// <summary>How wide an area is; the order is from near to wide.</summary>
public enum AreaKind
{
    /// <summary>A country ("us").</summary>
    Country,

    /// <summary>A part of a country ("us-ca", "gb-sct").</summary>
    Region,

    /// <summary>A continent or another group of countries by its M49 number ("150" is Europe).</summary>
    Group,

    /// <summary>The whole world ("001").</summary>
    Worldwide,

    /// <summary>An area that belongs to no country of the table, kept as the data has it ("northern cyprus").</summary>
    Other,
}

/// <summary>One area in which a company is present.</summary>
/// <param name="Code">As the data has it, without ".geojson".</param>
/// <param name="Kind">How wide it is.</param>
/// <param name="Countries">The countries that it is, lies in or contains; empty for the whole world, which stands for all of them, and for others.</param>
public sealed record Area(string Code, AreaKind Kind, IReadOnlyList<Country> Countries)
{
    private const string RegionFileEnding = ".geojson";
    private const string WorldCode = "001";

    /// <summary>Reads an area.</summary>
    /// <param name="text">A part of the data's countries field.</param>
    /// <param name="countries">The countries.</param>
    public static Area Parse(string text, CountryTable countries)
    {
        ArgumentNullException.ThrowIfNull(text);
        ArgumentNullException.ThrowIfNull(countries);
        var code = text.EndsWith(RegionFileEnding, StringComparison.Ordinal) ? text[..^RegionFileEnding.Length] : text;
        if (code == WorldCode)
        {
            return new(code, AreaKind.Worldwide, []);
        }

        if (countries.Find(code) is { } country)
        {
            return new(code, AreaKind.Country, [country]);
        }

        if (countries.InGroup(code) is { Count: > 0 } group)
        {
            return new(code, AreaKind.Group, group);
        }

        return code.Length > 3 && code[2] == '-' && countries.Find(code[..2]) is { } parent
            ? new(code, AreaKind.Region, [parent])
            : new(code, AreaKind.Other, []);
    }

    /// <summary>True where a company of this area is present in a country, everywhere or in part.</summary>
    /// <param name="country">The country.</param>
    public bool Covers(Country country) => Kind == AreaKind.Worldwide || Countries.Contains(country);
}
