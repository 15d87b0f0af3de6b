using Metering.Core;
using Metering.Engine;
using Microsoft.Extensions.Configuration;

namespace Metering.Gateway;

/// <summary>
/// Reads products and plans. A configured id that the base catalogue has changes only the settings that it names; another id adds a
/// product or a plan.
/// </summary>
internal static class CatalogueReader
{
    private static readonly string[] ProductSettings = ["Base", "PerUnit", "Unit", "BlockSize", "ChargedOnSuccessOnly", "CoveredBy", "Level"];
    private static readonly string[] PlanSettings = ["Name", "MonthlyCredits", "PeriodMonths", "Unlimited", "Level", "RequestsPerMinute", "RequestsPerDay"];
    private const int MaxLimit = 1_000_000_000;

    private static readonly string[] Levels = [.. Enum.GetValues<AccessLevel>().Select(level => level.ToName())];

    private static readonly Dictionary<string, PriceUnit> Units = new()
    {
        ["request"] = PriceUnit.Request,
        ["record"] = PriceUnit.Record,
        ["result_block"] = PriceUnit.ResultBlock,
    };

    public static Catalogue Read(IConfigurationSection metering, Catalogue defaults)
    {
        var products = defaults.Products.ToDictionary(StringComparer.Ordinal);
        foreach (var section in SectionsOf(metering, "Products", defaults.Products.Keys))
        {
            products[section.Key] = ReadProduct(section, products.GetValueOrDefault(section.Key));
        }

        CheckCovers(metering, products);
        var plans = defaults.Plans.ToDictionary(StringComparer.Ordinal);
        foreach (var section in SectionsOf(metering, "Plans", defaults.Plans.Keys))
        {
            plans[section.Key] = ReadPlan(section, plans.GetValueOrDefault(section.Key));
        }

        return new(products.Values, plans.Values);
    }

    /// <summary>Those of the base catalogue, configured or not, so that what is in force is read in one way; then the others.</summary>
    private static IEnumerable<IConfigurationSection> SectionsOf(IConfigurationSection metering, string name, IEnumerable<string> known)
    {
        var configured = new SettingReader(metering).ReadSections(name, "a section for each id");
        return known.Select(id => metering.GetSection(name).GetSection(id)).Concat(configured.Where(section => !known.Contains(section.Key, StringComparer.Ordinal)));
    }

    private static Product ReadProduct(IConfigurationSection section, Product? known)
    {
        CheckId(section);
        var settings = new SettingReader(section);
        settings.AllowOnly(ProductSettings);
        var unit = Units[settings.ReadChoice("Unit", [.. Units.Keys], Units.First(unit => unit.Value == (known?.Unit ?? PriceUnit.Request)).Key)];
        if (unit != PriceUnit.ResultBlock && settings.Has("BlockSize"))
        {
            throw new MeteringStartupException($"{section.Path}:BlockSize is \"{section["BlockSize"]}\", but only a product with Unit result_block has blocks; leave it out.");
        }

        return new()
        {
            Id = section.Key,
            Base = settings.ReadCredits("Base", known?.Base ?? Credits.Zero),
            PerUnit = settings.ReadCredits("PerUnit", known?.PerUnit ?? Credits.Zero),
            Unit = unit,
            BlockSize = unit == PriceUnit.ResultBlock ? (int)settings.ReadNumber("BlockSize", 1, int.MaxValue, known?.BlockSize ?? 1) : 1,
            ChargedOnSuccessOnly = settings.ReadFlag("ChargedOnSuccessOnly", known?.ChargedOnSuccessOnly ?? true),
            CoveredBy = settings.ReadOptionalText("CoveredBy", known?.CoveredBy),
            Level = ReadLevel(settings, known?.Level ?? AccessLevel.Trial),
        };
    }

    private static Plan ReadPlan(IConfigurationSection section, Plan? known)
    {
        CheckId(section);
        var settings = new SettingReader(section);
        settings.AllowOnly(PlanSettings);
        return new()
        {
            Id = section.Key,
            Name = settings.ReadText("Name", known?.Name ?? section.Key),
            MonthlyCredits = settings.ReadCredits("MonthlyCredits", known?.MonthlyCredits ?? Credits.Zero),
            PeriodMonths = settings.ReadChoice("PeriodMonths", ["1", "12"], known?.PeriodMonths == 12 ? "12" : "1") == "12" ? 12 : 1,
            Unlimited = settings.ReadFlag("Unlimited", known?.Unlimited ?? false),
            Level = ReadLevel(settings, known?.Level ?? AccessLevel.Platform),
            RequestsPerMinute = ReadLimit(settings, "RequestsPerMinute", known?.RequestsPerMinute),
            RequestsPerDay = ReadLimit(settings, "RequestsPerDay", known?.RequestsPerDay),
        };
    }

    /// <summary>A limit; 0 for none.</summary>
    private static int? ReadLimit(SettingReader settings, string name, int? known) =>
        (int)settings.ReadNumber(name, 0, MaxLimit, known ?? 0) is > 0 and var limit ? limit : null;

    private static void CheckCovers(IConfigurationSection metering, Dictionary<string, Product> products)
    {
        foreach (var product in products.Values)
        {
            if (product.CoveredBy is { } cover && !(products.TryGetValue(cover, out var covering) && covering.IsRecord))
            {
                var records = products.Values.Where(candidate => candidate.IsRecord).Select(candidate => candidate.Id);
                throw new MeteringStartupException(
                    $"{metering.Path}:Products:{product.Id}:CoveredBy is \"{cover}\"; a product with Unit record that nothing covers is allowed: {string.Join(", ", records)}.");
            }
        }
    }

    private static void CheckId(IConfigurationSection section)
    {
        if (CommandRules.CheckProduct("id", section.Key) is not null)
        {
            throw new MeteringStartupException($"{section.Path} is named \"{section.Key}\"; an id of 1 to 64 characters of a-z 0-9 . _ - is allowed.");
        }
    }

    private static AccessLevel ReadLevel(SettingReader settings, AccessLevel defaultLevel) =>
        AccessLevels.TryParse(settings.ReadChoice("Level", Levels, defaultLevel.ToName()), out var level) ? level : defaultLevel;
}
