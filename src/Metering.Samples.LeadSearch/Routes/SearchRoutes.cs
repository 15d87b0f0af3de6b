using Metering.Engine;
using Metering.Gateway;
using Metering.Samples.LeadSearch.Companies;

namespace Metering.Samples.LeadSearch.Routes;

/// <summary>Search for companies, priced by started blocks of results. Results are answered only when they are charged.</summary>
internal static class SearchRoutes
{
    /// <summary>The product of a search.</summary>
    public const string Product = "lead.search";

    public static void MapSearch(this IEndpointRouteBuilder routes) =>
        routes.MapGet("/leads/search", SearchAsync).RequireMeteringKey(ApiKeyScopes.Spend);

    private static async Task<IResult> SearchAsync(HttpContext context, CompanyCatalogue catalogue, ICreditMeter meter)
    {
        if (!LeadQuery.Read(context.Request.Query, catalogue).TryGet(out var query, out var refusal))
        {
            return refusal.ToProblem();
        }

        if (IdempotencyKeyHeader.TryRead(context.Request, out var idempotencyKey) is { } invalid)
        {
            return invalid.ToProblem();
        }

        var found = catalogue.Search(new(query.Category, query.Country, query.Text), query.Limit);
        var description = query.Describe(found.Companies.Count);
        var outcome = await meter.DeductAsync(
            context.GetMeteringCaller().Account,
            new()
            {
                Product = Product,
                Quantity = found.Companies.Count,
                Description = description,
                Reference = query.ToReference(),
                IdempotencyKey = idempotencyKey,
            },
            context.RequestAborted);
        if (!outcome.TryGet(out var deduction, out refusal))
        {
            return refusal.ToProblem();
        }

        context.ReportCharge(deduction.Charged, deduction.Credits, outcome.IsReplay);
        return Results.Json(
            new SearchAnswer(
                [.. found.Companies.Select(company => LeadAnswer.Of(company, query.Country))],
                found.Companies.Count,
                found.Total,
                description,
                deduction.Charged,
                deduction.TransactionId.ToString()),
            LeadSearchJson.Wire.SearchAnswer);
    }
}

/// <summary>The answer to a search.</summary>
/// <param name="Results">The best matches.</param>
/// <param name="Count">How many they are; this was charged.</param>
/// <param name="Total">How many match in all.</param>
/// <param name="Description">What the list of transactions says.</param>
/// <param name="Charged">The price.</param>
/// <param name="TransactionId">The charge.</param>
internal sealed record SearchAnswer(
    IReadOnlyList<LeadAnswer> Results, int Count, int Total, string Description, Credits Charged, string TransactionId);

/// <summary>One company in a list.</summary>
/// <param name="Id">Its id; GET /companies/{id} tells more.</param>
/// <param name="Name">Its name.</param>
/// <param name="Category">Its category's id.</param>
/// <param name="CategoryName">Its category's name, plural.</param>
/// <param name="CountryMatch">How it matched the country: country, region, group or worldwide; null where no country was asked for.</param>
/// <param name="MatchedArea">The area of the data that matched ("us-ca"); null where no country was asked for.</param>
internal sealed record LeadAnswer(string Id, string Name, string Category, string CategoryName, string? CountryMatch, string? MatchedArea)
{
    public static LeadAnswer Of(Company company, Country? country)
    {
        var area = country is null ? null : company.AreaIn(country);
        return new(company.Id, company.Name, company.Category.Id, company.Category.Plural, area?.Kind.ToName(), area?.Code);
    }
}
