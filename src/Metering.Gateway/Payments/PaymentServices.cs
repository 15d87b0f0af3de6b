using Metering.Gateway.Payments.Sandbox;
using Metering.Gateway.Payments.Stripe;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace Metering.Gateway.Payments;

/// <summary>Adds buying to a host.</summary>
internal static class PaymentServices
{
    /// <param name="services">The host's services.</param>
    /// <param name="metering">The section <c>Metering</c>; null for the defaults.</param>
    public static IServiceCollection AddPayments(this IServiceCollection services, IConfiguration? metering)
    {
        var options = PaymentConfiguration.Read(metering);
        services.AddSingleton(provider => PaymentStart.Sellable(options, provider.GetRequiredService<Catalogue>()));
        services.AddHttpClient();
        services.AddMetrics();
        services.AddSingleton<PaymentMetrics>();
        services.AddSingleton<UnreadableDocuments>();
        services.AddSingleton<PaymentBooks>();
        services.AddSingleton<PaymentSignal>();
        services.AddSingleton(_ => new KeyVault(options.KeyRing));
        services.AddSingleton<IMailSender>(provider => options.Smtp is { } smtp
            ? new SmtpMailSender(smtp)
            : new FolderMailSender(options.MailFolder, provider.GetRequiredService<TimeProvider>()));
        services.AddSingleton<Mailbox>();
        services.AddSingleton<AddressLimits>();
        services.AddSingleton<Renewals>();
        services.AddSingleton<PlanSales>();
        services.AddSingleton<Provisioning>();
        services.AddSingleton<Claims>();
        services.AddSingleton<CreditSales>();
        services.AddSingleton<Subscriptions>();
        services.AddTransient<Reconciliation>();
        services.AddSingleton<PaymentProblems>();
        services.AddSingleton<ChargedGrants>();
        services.AddSingleton<CreditReversals>();
        services.AddSingleton<SubscriptionClaims>();
        services.AddSingleton<SubscriptionFollowing>();
        services.AddSingleton<ClosedSubscriptions>();
        services.AddSingleton<EventHandling>();
        services.AddSingleton<EventInbox>();
        services.AddSingleton<PaymentWork>();
        services.AddHostedService(provider => provider.GetRequiredService<PaymentWork>());
        AddProvider(services, options);
        return services;
    }

    private static void AddProvider(IServiceCollection services, PaymentOptions options)
    {
        switch (options.Provider)
        {
            case PaymentProviderKind.None:
                services.AddSingleton(new Payments(null));
                services.AddSingleton(new WebhookSecrets([]));
                break;
            case PaymentProviderKind.Stripe:
                services.AddSingleton<StripeClient>();
                services.AddSingleton<StripeProvider>();
                services.AddSingleton(provider => new Payments(provider.GetRequiredService<StripeProvider>()));
                services.AddSingleton(new WebhookSecrets(options.Stripe.WebhookSecrets));
                break;
            case PaymentProviderKind.Sandbox:
                services.AddSingleton<SandboxBooks>();
                services.AddSingleton<SandboxEvents>();
                services.AddSingleton<SandboxDelivery>();
                services.AddSingleton<SandboxProvider>();
                services.AddSingleton<SandboxReversals>();
                services.AddSingleton<SandboxActions>();
                services.AddSingleton(provider => new Payments(provider.GetRequiredService<SandboxProvider>()));
                services.AddSingleton(provider => new WebhookSecrets([provider.GetRequiredService<SandboxDelivery>().Secret]));
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(options), options.Provider, "There is no such provider.");
        }
    }
}

/// <summary>The secrets of the webhook endpoint; none where there is no provider.</summary>
/// <param name="Secrets">The secrets.</param>
internal sealed record WebhookSecrets(IReadOnlyList<string> Secrets);
