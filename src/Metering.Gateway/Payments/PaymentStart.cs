using Metering.Engine;

namespace Metering.Gateway.Payments;

/// <summary>What must hold before anything is sold.</summary>
internal static class PaymentStart
{
    /// <summary>
    /// The options with the plans that can be sold. A plan that was set up for sale and that the catalogue does not know is an error: it could be
    /// paid, and no account could be opened for it. A default one is only not for sale: a host may have a catalogue of its own.
    /// </summary>
    /// <exception cref="MeteringStartupException">A plan for sale is not known.</exception>
    public static PaymentOptions Sellable(PaymentOptions options, Catalogue catalogue)
    {
        string[] unknown = [.. options.Plans.Keys.Where(plan => !catalogue.Plans.ContainsKey(plan))];
        if (options.Provider != PaymentProviderKind.None
            && Array.Find(unknown, plan => options.Plans[plan].IsForSale && options.Plans[plan] != PaymentOptions.DefaultPlans.GetValueOrDefault(plan)) is { } wrong)
        {
            throw new MeteringStartupException(
                $"Metering:Payments:Plans:{wrong} is for sale, and the catalogue has no such plan; add Metering:Plans:{wrong}, or correct the id to one of {string.Join(", ", catalogue.Plans.Keys)}.");
        }

        return unknown.Length == 0 ? options : options with { Plans = options.Plans.Where(plan => !unknown.Contains(plan.Key)).ToDictionary() };
    }
}
