using Metering.Samples.LeadSearch.Companies;

namespace Metering.Samples.LeadSearch.Routes;

/// <summary>What a caller can search for and what it costs: open and free.</summary>
internal static class ListRoutes
{
    public static void MapLists(this IEndpointRouteBuilder routes)
    {
        routes.MapGet("/categories", (CompanyCatalogue catalogue) => Results.Json(
            catalogue.Categories.Select(category => new ChoiceAnswer(category.Id, category.Plural, catalogue.In(category).Count)).ToArray(),
            LeadSearchJson.Wire.ChoiceAnswerArray));
        routes.MapGet("/countries", (CompanyCatalogue catalogue) => Results.Json(
            catalogue.Countries.All
                .OrderBy(country => TextFolding.Fold(country.Name), StringComparer.Ordinal)
                .Select(country => new ChoiceAnswer(country.Code.ToUpperInvariant(), country.Name, catalogue.In(country).Count))
                .ToArray(),
            LeadSearchJson.Wire.ChoiceAnswerArray));
        routes.MapGet("/prices", (Catalogue products) => Results.Json(
            Products.Needed.Select(id => PriceAnswer.Of(products.Products[id])).ToArray(),
            LeadSearchJson.Wire.PriceAnswerArray));
    }
}

/// <summary>A category or a country.</summary>
/// <param name="Id">What to send.</param>
/// <param name="Name">Its name.</param>
/// <param name="Companies">How many companies it has.</param>
internal sealed record ChoiceAnswer(string Id, string Name, int Companies);

/// <summary>The price of a product.</summary>
/// <param name="Product">The product.</param>
/// <param name="Base">Charged a call.</param>
/// <param name="PerUnit">Charged a unit.</param>
/// <param name="BlockSize">Results of a unit; 1 where the unit is a record or a request.</param>
/// <param name="CoveredBy">The record whose subscription makes it free; null for none.</param>
internal sealed record PriceAnswer(string Product, Credits Base, Credits PerUnit, int BlockSize, string? CoveredBy)
{
    public static PriceAnswer Of(Product product) => new(
        product.Id, product.Base, product.PerUnit, product.Unit == PriceUnit.ResultBlock ? product.BlockSize : 1, product.CoveredBy);
}
