using Metering.Engine;

namespace Metering.Gateway.Payments.Sandbox;

/// <summary>The sandbox's own memory: it is a provider of its own, so the gateway's records are none of its business.</summary>
internal sealed class SandboxBooks(IPaymentStore store, UnreadableDocuments unreadable, TimeProvider time)
{
    public Book<SandboxCustomer> Customers { get; } = new(
        store, unreadable, SandboxCustomer.Kind, SandboxJson.Default.SandboxCustomer, customer => customer.Id, _ => [], _ => null);

    public Book<SandboxPage> Pages { get; } = new(
        store, unreadable, SandboxPage.Kind, SandboxJson.Default.SandboxPage, page => page.Id, page => [page.PurchaseId], page => page.Status == CheckoutStatus.Open ? page.ExpiresAt : null);

    public Book<SandboxSubscription> Subscriptions { get; } = new(
        store, unreadable, SandboxSubscription.Kind, SandboxJson.Default.SandboxSubscription, subscription => subscription.Id, _ => [], _ => null);

    public Book<SandboxCharge> Charges { get; } = new(
        store, unreadable, SandboxCharge.Kind, SandboxJson.Default.SandboxCharge, charge => charge.Id, charge => [charge.IdempotencyKey], _ => null);

    public Book<SandboxInvoice> Invoices { get; } = new(
        store, unreadable, SandboxInvoice.Kind, SandboxJson.Default.SandboxInvoice, invoice => invoice.Id, invoice => [invoice.ChargeId], _ => null);

    public Book<SandboxEvent> Events { get; } = new(
        store, unreadable, SandboxEvent.Kind, SandboxJson.Default.SandboxEvent, pending => pending.Id, _ => [], _ => time.GetUtcNow());

    /// <summary>Saves changes, all or none; false where another was quicker.</summary>
    public ValueTask<bool> SaveAsync(CancellationToken cancellationToken, params PaymentChange[] changes) => store.SaveAsync(changes, cancellationToken);
}
