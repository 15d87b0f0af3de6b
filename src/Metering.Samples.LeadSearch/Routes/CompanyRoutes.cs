using Metering.Engine;
using Metering.Gateway;
using Metering.Samples.LeadSearch.Companies;

namespace Metering.Samples.LeadSearch.Routes;

/// <summary>A company's details, which start a subscription of twelve months, and its signals, which that subscription covers.</summary>
internal static class CompanyRoutes
{
    /// <summary>The record type and product of a company.</summary>
    public const string Product = "company";

    /// <summary>The product of a company's signals.</summary>
    public const string SignalsProduct = "company.signals";

    public static void MapCompanies(this IEndpointRouteBuilder routes)
    {
        var companies = routes.MapGroup("/companies/{id}").RequireMeteringKey(ApiKeyScopes.Spend);
        companies.MapGet("", GetCompanyAsync);
        companies.MapGet("/signals", GetSignalsAsync);
    }

    private static Task<IResult> GetCompanyAsync(string id, HttpContext context, CompanyCatalogue catalogue) =>
        AccessAsync(id, null, "Company", context, catalogue, (company, record) => Results.Json(
            CompanyAnswer.Of(company, catalogue, record), LeadSearchJson.Wire.CompanyAnswer));

    private static Task<IResult> GetSignalsAsync(string id, HttpContext context, CompanyCatalogue catalogue) =>
        AccessAsync(id, SignalsProduct, "Signals", context, catalogue, (company, record) => Results.Json(
            new SignalsAnswer(company.Id, company.Name, CompanySignals.Of(company, catalogue), record.Charged, record.ExpiresAt?.ToWire()),
            LeadSearchJson.Wire.SignalsAnswer));

    private static async Task<IResult> AccessAsync(
        string id, string? product, string what, HttpContext context, CompanyCatalogue catalogue, Func<Company, RecordOutcome, IResult> answer)
    {
        // The record's id is the catalogue's spelling, so that "q1" and "Q1" are one record and charge once.
        if (catalogue.Find(id) is not { } company)
        {
            return Problems.CompanyUnknown(context, id);
        }

        if (IdempotencyKeyHeader.TryRead(context.Request, out var idempotencyKey) is { } invalid)
        {
            return invalid.ToProblem();
        }

        var outcome = await context.RequestServices.GetRequiredService<ICreditMeter>().AccessRecordsAsync(
            context.GetMeteringCaller().Account,
            new()
            {
                Records = [new(Product, company.Id, product)],
                Description = $"{what}: {company.Name}",
                IdempotencyKey = idempotencyKey,
            },
            context.RequestAborted);
        if (!outcome.TryGet(out var access, out var refusal))
        {
            return refusal.ToProblem();
        }

        context.ReportCharge(access.Charged, access.Credits, outcome.IsReplay);
        return answer(company, access.Records[0]);
    }
}

/// <summary>All that the data has of a company.</summary>
/// <param name="Id">Its Wikidata id.</param>
/// <param name="Name">Its name.</param>
/// <param name="Kind">The kind of place that it runs.</param>
/// <param name="Category">Its category's id.</param>
/// <param name="CategoryName">Its category's name, plural.</param>
/// <param name="Worldwide">True where it is present in the whole world.</param>
/// <param name="Countries">The countries that it is present in, everywhere or in part; empty where it is worldwide or the data does not say.</param>
/// <param name="Areas">Its areas as the data has them.</param>
/// <param name="Wikidata">Where to read on.</param>
/// <param name="Charged">What this call charged; 0 under an active subscription.</param>
/// <param name="ExpiresAt">Until when the record costs nothing more.</param>
internal sealed record CompanyAnswer(
    string Id,
    string Name,
    string Kind,
    string Category,
    string CategoryName,
    bool Worldwide,
    IReadOnlyList<CountryAnswer> Countries,
    IReadOnlyList<AreaAnswer> Areas,
    string Wikidata,
    Credits Charged,
    string? ExpiresAt)
{
    public static CompanyAnswer Of(Company company, CompanyCatalogue catalogue, RecordOutcome record) => new(
        company.Id,
        company.Name,
        company.Kind,
        company.Category.Id,
        company.Category.Plural,
        company.IsWorldwide,
        company.IsWorldwide ? [] : [.. catalogue.CountriesOf(company).Select(country => CountryAnswer.Of(company, country))],
        [.. company.Areas.Select(area => new AreaAnswer(area.Code, area.Kind.ToName()))],
        $"https://www.wikidata.org/wiki/{company.Id}",
        record.Charged,
        record.ExpiresAt?.ToWire());
}

/// <summary>A country.</summary>
/// <param name="Code">Two letters, capitals.</param>
/// <param name="Name">Its name.</param>
/// <param name="Whole">False where only parts of the country are named.</param>
internal sealed record CountryAnswer(string Code, string Name, bool Whole)
{
    public static CountryAnswer Of(Company company, Country country) =>
        new(country.Code.ToUpperInvariant(), country.Name, company.AreaIn(country)?.Kind != AreaKind.Region);
}

/// <summary>An area of the data.</summary>
/// <param name="Code">As the data has it.</param>
/// <param name="Kind">country, region, group, worldwide or other.</param>
internal sealed record AreaAnswer(string Code, string Kind);

/// <summary>What the data says about a company by comparison.</summary>
/// <param name="Id">The company.</param>
/// <param name="Name">Its name.</param>
/// <param name="Signals">The signals.</param>
/// <param name="Charged">What this call charged; 0 under an active subscription of the company.</param>
/// <param name="ExpiresAt">The end of the subscription that covers it; null where there is none.</param>
internal sealed record SignalsAnswer(string Id, string Name, IReadOnlyList<Signal> Signals, Credits Charged, string? ExpiresAt);
