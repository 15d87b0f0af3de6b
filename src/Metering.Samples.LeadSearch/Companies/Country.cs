namespace Metering.Samples.LeadSearch.Companies;

/// <summary>A country or territory of ISO 3166-1 (and Kosovo). There is one instance of each; it is compared by identity.</summary>
/// <param name="code">Its code.</param>
/// <param name="name">Its name.</param>
/// <param name="groups">Its groups.</param>
public sealed class Country(string code, string name, IReadOnlyList<string> groups)
{
    /// <summary>Its two-letter code in lower case, as the data writes it.</summary>
    public string Code { get; } = code;

    /// <summary>Its English name.</summary>
    public string Name { get; } = name;

    /// <summary>The UN M49 areas that it lies in and that the data uses: "150" Europe, "142" Asia, "145" Western Asia and so on.</summary>
    public IReadOnlyList<string> Groups { get; } = groups;
}

/// <summary>The countries, by code and by the other codes that the data uses for them ("fx" for metropolitan France).</summary>
public sealed class CountryTable
{
    private const string Header = "code\tname\tgroups\taliases";

    private readonly Dictionary<string, Country> byCode = new(StringComparer.OrdinalIgnoreCase);
    private readonly Dictionary<string, List<Country>> byGroup = new(StringComparer.Ordinal);

    private CountryTable(IReadOnlyList<Country> all) => All = all;

    /// <summary>All countries, by code.</summary>
    public IReadOnlyList<Country> All { get; }

    /// <summary>Reads the table.</summary>
    /// <param name="path">A file of tab-separated lines: code, name, groups and aliases, the last two separated by "|" and often empty.</param>
    /// <exception cref="DataFileException">The file cannot be read or a line is malformed.</exception>
    public static CountryTable Read(string path)
    {
        var all = new List<Country>();
        var table = new CountryTable(all);
        foreach (var line in DataFile.Read(path, Header))
        {
            var country = new Country(line.Field(0), line.Field(1), line.List(2));
            if (country.Code.Length != 2)
            {
                throw line.Error($"code '{country.Code}' is not two letters");
            }

            all.Add(country);
            foreach (var code in line.List(3).Prepend(country.Code))
            {
                if (!table.byCode.TryAdd(code, country))
                {
                    throw line.Error($"code '{code}' was used in an earlier line");
                }
            }

            foreach (var group in country.Groups)
            {
                table.AddToGroup(group, country);
            }
        }

        return table;
    }

    /// <summary>The country with a code; null for none.</summary>
    /// <param name="code">Two letters, or another code of the data; in any case.</param>
    public Country? Find(string code) => byCode.GetValueOrDefault(code);

    /// <summary>The countries of an M49 area; empty where the code names none.</summary>
    /// <param name="code">Three digits.</param>
    public IReadOnlyList<Country> InGroup(string code) => byGroup.TryGetValue(code, out var countries) ? countries : [];

    private void AddToGroup(string group, Country country)
    {
        if (!byGroup.TryGetValue(group, out var countries))
        {
            byGroup.Add(group, countries = []);
        }

        countries.Add(country);
    }
}
