using Metering.Engine;

namespace Metering.Gateway.Payments.Sandbox;

/// <summary>The sandbox's own memory: it is a provider of its own, so the gateway's records are none of its business.</summary>
internal sealed class SandboxBooks(IPaymentStore store, TimeProvider time)
{
    public Book<SandboxCustomer> Customers { get; } = new(
        store, SandboxCustomer.Kind, SandboxJson.Default.SandboxCustomer, customer => customer.Id, _ => [], _ => null);

    public Book<SandboxPage> Pages { get; } = new(
        store, SandboxPage.Kind, SandboxJson.Default.SandboxPage, page => page.Id, page => [page.PurchaseId], page => page.Status == CheckoutStatus.Open ? page.ExpiresAt : null);

    public Book<SandboxSubscription> Subscriptions { get; } = new(
        store, SandboxSubscription.Kind, SandboxJson.Default.SandboxSubscription, subscription => subscription.Id, _ => [], _ => null);

    public Book<SandboxCharge> Charges { get; } = new(
        store, SandboxCharge.Kind, SandboxJson.Default.SandboxCharge, charge => charge.Id, charge => [charge.IdempotencyKey], _ => null);

    public Book<SandboxEvent> Events { get; } = new(
        store, SandboxEvent.Kind, SandboxJson.Default.SandboxEvent, pending => pending.Id, _ => [], _ => time.GetUtcNow());

    /// <summary>Saves changes, all or none; false where another was quicker.</summary>
    public ValueTask<bool> SaveAsync(CancellationToken cancellationToken, params PaymentChange[] changes) => store.SaveAsync(changes, cancellationToken);
}
