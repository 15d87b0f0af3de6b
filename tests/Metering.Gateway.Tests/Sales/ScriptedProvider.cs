using Metering.Gateway.Payments;
using Metering.Gateway.Payments.Sandbox;
using Microsoft.Extensions.DependencyInjection;

namespace Metering.Gateway.Tests.Sales;

/// <summary>The sandbox, with faults between it and the gateway.</summary>
internal sealed class ScriptedProvider(IPaymentProvider inner) : IPaymentProvider
{
    public static readonly PaymentProviderException Unreachable = new("The provider cannot be reached.", isTransient: true);

    public string Name => inner.Name;

    /// <summary>Nothing reaches the provider.</summary>
    public bool IsDown { get; set; }

    /// <summary>Charges reach the provider, and their answers are lost.</summary>
    public bool LosesAnswers { get; set; }

    /// <summary>Charges are lost on their way to the provider, and nothing else is.</summary>
    public bool LosesRequests { get; set; }

    /// <summary>Charges are refused for good before they reach the provider.</summary>
    public bool RefusesCharges { get; set; }

    /// <summary>The provider knows no subscription any more.</summary>
    public bool HasEnded { get; set; }

    /// <summary>A page that makes whoever asks for it fail in a way that nobody foresaw.</summary>
    public string? BadPage { get; set; }

    /// <summary>What happens between a charge and its answer.</summary>
    public Func<Task>? BehindCharge { get; set; }

    /// <summary>What happens between a change of plan and its answer; it is told the plan.</summary>
    public Func<string, Task>? BehindChange { get; set; }

    /// <summary>What happens to a change of plan on its way to the provider; it is told the plan.</summary>
    public Action<string>? BeforeChange { get; set; }

    /// <summary>Charges that the provider was asked for.</summary>
    public int Charges { get; private set; }

    /// <summary>Puts it in front of the sandbox.</summary>
    public static void Add(IServiceCollection services) => services.AddSingleton(
        provider => new Metering.Gateway.Payments.Payments(new ScriptedProvider(provider.GetRequiredService<SandboxProvider>())));

    public static ScriptedProvider Of(SalesHost host) => (ScriptedProvider)host.Gateway.Services.GetRequiredService<Metering.Gateway.Payments.Payments>().Provider!;

    public ValueTask<CheckoutSession> CreateCheckoutAsync(CheckoutRequest request, CancellationToken cancellationToken = default) => Up().CreateCheckoutAsync(request, cancellationToken);

    public ValueTask<CheckoutSession?> ExpireCheckoutAsync(string sessionId, CancellationToken cancellationToken = default) => Up().ExpireCheckoutAsync(sessionId, cancellationToken);

    public ValueTask<CheckoutSession?> FindCheckoutAsync(string sessionId, CancellationToken cancellationToken = default) =>
        sessionId == BadPage ? throw new InvalidOperationException("A bug.") : Up().FindCheckoutAsync(sessionId, cancellationToken);

    public ValueTask<ProviderSubscription?> FindSubscriptionAsync(string subscriptionId, CancellationToken cancellationToken = default) =>
        HasEnded ? new((ProviderSubscription?)null) : Up().FindSubscriptionAsync(subscriptionId, cancellationToken);

    public ValueTask<ProviderSubscription> CancelAtPeriodEndAsync(string subscriptionId, string idempotencyKey, CancellationToken cancellationToken = default) =>
        HasEnded
            ? throw new PaymentProviderException("There is no such subscription.", isTransient: false)
            : Up().CancelAtPeriodEndAsync(subscriptionId, idempotencyKey, cancellationToken);

    public async ValueTask<ProviderSubscription?> ChangePlanAsync(PlanPriceChange change, CancellationToken cancellationToken = default)
    {
        BeforeChange?.Invoke(change.Plan);
        var changed = await Up().ChangePlanAsync(change, cancellationToken);
        await (BehindChange?.Invoke(change.Plan) ?? Task.CompletedTask);
        return changed;
    }

    public async ValueTask<Charge> ChargeAsync(ChargeRequest request, CancellationToken cancellationToken = default)
    {
        Charges++;
        if (RefusesCharges || LosesRequests)
        {
            throw RefusesCharges ? new PaymentProviderException("The key of the API was revoked.", isTransient: false) : Unreachable;
        }

        var charge = await Up().ChargeAsync(request, cancellationToken);
        await (BehindCharge?.Invoke() ?? Task.CompletedTask);
        return LosesAnswers ? throw Unreachable : charge;
    }

    public ValueTask<Charge?> FindChargeAsync(string chargeId, CancellationToken cancellationToken = default) => Up().FindChargeAsync(chargeId, cancellationToken);

    public ValueTask<IReadOnlyList<Charge>> ListChargesAsync(string customerId, DateTimeOffset since, CancellationToken cancellationToken = default) =>
        Up().ListChargesAsync(customerId, since, cancellationToken);

    public ValueTask<Charge?> CancelChargeAsync(string chargeId, CancellationToken cancellationToken = default) => Up().CancelChargeAsync(chargeId, cancellationToken);

    public ValueTask<PaidInvoice?> FindInvoiceAsync(string invoiceId, CancellationToken cancellationToken = default) => Up().FindInvoiceAsync(invoiceId, cancellationToken);

    public ValueTask<IReadOnlyList<PaidInvoice>> ListInvoicesAsync(string customerId, CancellationToken cancellationToken = default) => Up().ListInvoicesAsync(customerId, cancellationToken);

    private IPaymentProvider Up() => IsDown ? throw Unreachable : inner;
}
