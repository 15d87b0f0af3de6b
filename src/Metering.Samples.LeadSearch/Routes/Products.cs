using Metering.Engine;

namespace Metering.Samples.LeadSearch.Routes;

/// <summary>The products that this service charges for.</summary>
internal static class Products
{
    public static IReadOnlyList<string> Needed { get; } = [SearchRoutes.Product, CompanyRoutes.Product, CompanyRoutes.SignalsProduct];

    /// <summary>Checks at start that configured prices are of the kind that the routes charge, so that no caller finds out.</summary>
    /// <exception cref="MeteringStartupException">A product is priced in a way that the routes cannot use.</exception>
    public static void Check(Catalogue catalogue)
    {
        if (!catalogue.Products[CompanyRoutes.Product].IsRecord)
        {
            throw new MeteringStartupException($"The product '{CompanyRoutes.Product}' must be priced by the record (Unit record, no CoveredBy).");
        }

        if (catalogue.Products[CompanyRoutes.SignalsProduct].CoveredBy != CompanyRoutes.Product)
        {
            throw new MeteringStartupException($"The product '{CompanyRoutes.SignalsProduct}' must be covered by '{CompanyRoutes.Product}'.");
        }
    }
}
