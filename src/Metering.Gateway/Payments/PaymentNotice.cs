using Microsoft.Extensions.DependencyInjection;

namespace Metering.Gateway.Payments;

/// <summary>Says at a start who takes money and where mails go.</summary>
internal static class PaymentNotice
{
    /// <summary>The line.</summary>
    public static string Of(IServiceProvider services)
    {
        var mails = services.GetRequiredService<Mailbox>().Description;
        return services.GetRequiredService<PaymentOptions>().Provider switch
        {
            PaymentProviderKind.None => "Nothing is for sale: no payment provider is set up.",
            PaymentProviderKind.Sandbox => $"Plans are sold by the sandbox, which takes no money; mails, keys among them, go to {mails}.",
            PaymentProviderKind.Stripe => $"Plans are sold through Stripe; mails, keys among them, go to {mails}.",
            var unknown => throw new InvalidOperationException($"There is no provider {unknown}."),
        };
    }
}
