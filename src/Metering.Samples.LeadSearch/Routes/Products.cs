using Metering.Engine;

namespace Metering.Samples.LeadSearch.Routes;

/// <summary>The products that this service charges for.</summary>
internal static class Products
{
    public static IReadOnlyList<string> Needed { get; } = [SearchRoutes.Product, CompanyRoutes.Product, CompanyRoutes.SignalsProduct];

    /// <summary>Checks at start that a configured catalogue has what the routes charge for, so that no caller finds out.</summary>
    /// <exception cref="MeteringStartupException">A product is missing or priced in a way that the routes cannot use.</exception>
    public static void Check(Catalogue catalogue)
    {
        foreach (var id in Needed)
        {
            if (!catalogue.Products.ContainsKey(id))
            {
                throw new MeteringStartupException($"The product catalogue has no '{id}', which the lead search charges for; add it.");
            }
        }

        if (!catalogue.Products[CompanyRoutes.Product].IsRecord)
        {
            throw new MeteringStartupException($"The product '{CompanyRoutes.Product}' must be priced by the record.");
        }

        if (catalogue.Products[CompanyRoutes.SignalsProduct].CoveredBy != CompanyRoutes.Product)
        {
            throw new MeteringStartupException($"The product '{CompanyRoutes.SignalsProduct}' must be covered by '{CompanyRoutes.Product}'.");
        }
    }
}
