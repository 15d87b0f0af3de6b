namespace Metering.Gateway.Payments;

/// <summary>The provider that is set up.</summary>
/// <param name="Provider">The provider; null where nothing is for sale.</param>
internal sealed record Payments(IPaymentProvider? Provider)
{
    /// <summary>The provider, for what only a provider can have begun.</summary>
    /// <exception cref="PaymentProviderException">None is set up any more.</exception>
    public IPaymentProvider Required => Provider ?? throw new PaymentProviderException("No payment provider is set up.", isTransient: true);
}
