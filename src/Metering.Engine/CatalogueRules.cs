using Metering.Core;

namespace Metering.Engine;

/// <summary>What a catalogue must hold, whether it comes from configuration or from code.</summary>
internal static class CatalogueRules
{
    /// <exception cref="MeteringStartupException">A product or a plan is wrong; the message names it, the value and what is allowed.</exception>
    public static void Check(Catalogue catalogue)
    {
        foreach (var product in catalogue.Products.Values)
        {
            var setting = $"Products:{product.Id}";
            Require(CommandRules.CheckProduct("id", product.Id) is null, setting, "the id must be 1 to 64 characters of a-z 0-9 . _ -");
            Require(IsPrice(product.Base), $"{setting}:Base", $"is {product.Base}; 0 to {Credits.MaxAmount} are allowed.");
            Require(IsPrice(product.PerUnit), $"{setting}:PerUnit", $"is {product.PerUnit}; 0 to {Credits.MaxAmount} are allowed.");
            Require(product.BlockSize >= 1, $"{setting}:BlockSize", $"is {product.BlockSize}; 1 or more are allowed.");
            Require(!product.IsRecord || product.Base.IsZero, $"{setting}:Base", $"is {product.Base}; a record has a price per unit only.");
            Require(
                product.CoveredBy is null || (catalogue.Products.TryGetValue(product.CoveredBy, out var by) && by.IsRecord),
                $"{setting}:CoveredBy",
                $"is {product.CoveredBy}; a product that is priced by the record is allowed.");
        }

        foreach (var plan in catalogue.Plans.Values)
        {
            var setting = $"Plans:{plan.Id}";
            Require(CommandRules.CheckProduct("id", plan.Id) is null, setting, "the id must be 1 to 64 characters of a-z 0-9 . _ -");
            Require(IsPrice(plan.MonthlyCredits), $"{setting}:MonthlyCredits", $"is {plan.MonthlyCredits}; 0 to {Credits.MaxAmount} are allowed.");
            Require(plan.PeriodMonths is 1 or 12, $"{setting}:PeriodMonths", $"is {plan.PeriodMonths}; 1 or 12 is allowed.");
        }
    }

    private static bool IsPrice(Credits price) => !price.IsNegative && price <= Credits.MaxAmount;

    private static void Require(bool holds, string setting, string allowed)
    {
        if (!holds)
        {
            throw new MeteringStartupException($"{setting} {allowed}");
        }
    }
}
