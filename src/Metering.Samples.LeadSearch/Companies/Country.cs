namespace Metering.Samples.LeadSearch.Companies;

/// <summary>A country or territory of ISO 3166-1 (and Kosovo).</summary>
/// <param name="Code">Its two-letter code in lower case, as the data writes it.</param>
/// <param name="Name">Its English name.</param>
/// <param name="Groups">The UN M49 areas that it lies in and that the data uses: "150" Europe, "142" Asia, "145" Western Asia and so on.</param>
public sealed record Country(string Code, string Name, IReadOnlyList<string> Groups);

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
