using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Metering.Engine;

namespace Metering.Gateway.Payments;

/// <summary>A record as it is stored, with the version that a change of it must name.</summary>
/// <param name="Value">The record.</param>
/// <param name="Version">0 where it is new.</param>
internal readonly record struct Stored<T>(T Value, long Version)
    where T : class;

/// <summary>
/// The records of one kind. All changes go through <see cref="Change"/> and <see cref="PaymentBooks.SaveAsync"/>, so that what is found by
/// which key, and when it is due, is said once, here.
/// </summary>
internal sealed class Book<T>(IPaymentStore store, string kind, JsonTypeInfo<T> type, Func<T, string> idOf, Func<T, IEnumerable<string?>> keysOf, Func<T, DateTimeOffset?> dueAt)
    where T : class
{
    public async ValueTask<Stored<T>?> FindAsync(string id, CancellationToken cancellationToken) =>
        Read(await store.FindAsync(kind, id, cancellationToken).ConfigureAwait(false));

    public async ValueTask<Stored<T>?> FindByKeyAsync(string key, CancellationToken cancellationToken) =>
        Read(await store.FindByKeyAsync(kind, key, cancellationToken).ConfigureAwait(false));

    public async ValueTask<IReadOnlyList<Stored<T>>> ListDueAsync(DateTimeOffset at, int limit, CancellationToken cancellationToken) =>
        [.. (await store.ListDueAsync(kind, at, limit, cancellationToken).ConfigureAwait(false)).Select(document => Read(document)!.Value)];

    public async ValueTask<IReadOnlyList<Stored<T>>> ListAsync(string? afterId, int limit, CancellationToken cancellationToken) =>
        [.. (await store.ListAsync(kind, afterId, limit, cancellationToken).ConfigureAwait(false)).Select(document => Read(document)!.Value)];

    /// <summary>The change from what is stored to a new value.</summary>
    public PaymentChange Change(T value, long version, DateTimeOffset? due = null) => new(new()
    {
        Kind = kind,
        Id = idOf(value),
        Version = version,
        Json = JsonSerializer.Serialize(value, type),
        Keys = [.. keysOf(value).OfType<string>()],
        DueAt = (due ?? dueAt(value)) is { } at ? DateTimeOffset.FromUnixTimeMilliseconds(at.ToUnixTimeMilliseconds()) : null,
    });

    public PaymentChange Removal(Stored<T> stored) => Change(stored.Value, stored.Version) with { IsRemoval = true };

    private Stored<T>? Read(PaymentDocument? document) =>
        document is null ? null : new(JsonSerializer.Deserialize(document.Json, type)!, document.Version);
}

/// <summary>Everything that buying remembers beside the ledger.</summary>
internal sealed class PaymentBooks(IPaymentStore store)
{
    public Book<PlanPurchase> PlanPurchases { get; } = new(
        store,
        PlanPurchase.Kind,
        PaymentRecordsJson.Default.PlanPurchase,
        purchase => purchase.Id,
        purchase => [PlanPurchase.TokenKey(purchase.TokenHash)],
        DueAt);

    public Book<Subscriber> Subscribers { get; } = new(
        store, Subscriber.Kind, PaymentRecordsJson.Default.Subscriber, subscriber => subscriber.Email, _ => [], _ => null);

    public Book<BillingAccount> Accounts { get; } = new(
        store,
        BillingAccount.Kind,
        PaymentRecordsJson.Default.BillingAccount,
        account => account.Account,
        account => [BillingAccount.SubscriptionKey(account.SubscriptionId)],

        // Whoever was changing it may have died.
        account => account.Claim?.Until ?? account.ClosingSince);

    public Book<CreditPurchase> CreditPurchases { get; } = new(
        store,
        CreditPurchase.Kind,
        PaymentRecordsJson.Default.CreditPurchase,
        purchase => purchase.Id,
        purchase =>
        [
            purchase.ChargeId is { } charge ? CreditPurchase.ChargeKey(charge) : null,
            purchase.IdempotencyKey is { } key ? CreditPurchase.IdempotencyKeyKey(purchase.Account, key[..64]) : null,
        ],
        DueAt);

    public Book<ReceivedEvent> Events { get; } = new(
        store, ReceivedEvent.Kind, PaymentRecordsJson.Default.ReceivedEvent, received => received.Id, _ => [], _ => null);

    public Book<QueuedMail> Mails { get; } = new(
        store, QueuedMail.Kind, PaymentRecordsJson.Default.QueuedMail, mail => mail.Id, _ => [], mail => mail.CreatedAt);

    public Book<CountedCalls> Calls { get; } = new(
        store, CountedCalls.Kind, PaymentRecordsJson.Default.CountedCalls, calls => calls.Id, _ => [], calls => calls.BeganAt + CountedCalls.Window);

    /// <summary>Saves changes, all or none; false where another was quicker: read again and decide again.</summary>
    public ValueTask<bool> SaveAsync(CancellationToken cancellationToken, params PaymentChange[] changes) => store.SaveAsync(changes, cancellationToken);

    private static DateTimeOffset? DueAt(PlanPurchase purchase) => purchase.State switch
    {
        PlanPurchaseState.Recorded or PlanPurchaseState.Open => purchase.ExpiresAt,

        // At once: whoever was making it may have died.
        PlanPurchaseState.Provisioning => purchase.KeyMadeAt,
        PlanPurchaseState.Ready => purchase.ExpiresAt,
        PlanPurchaseState.Claimed or PlanPurchaseState.Expired => null,
        _ => throw new ArgumentOutOfRangeException(nameof(purchase), purchase.State, "A state without a due time."),
    };

    private static DateTimeOffset? DueAt(CreditPurchase purchase) => purchase.State switch
    {
        CreditPurchaseState.Charging or CreditPurchaseState.AwaitingAuthentication => purchase.AttemptedAt + CreditPurchase.SettlingTime,
        CreditPurchaseState.Charged => purchase.AttemptedAt,
        CreditPurchaseState.Granted or CreditPurchaseState.Failed => null,
        _ => throw new ArgumentOutOfRangeException(nameof(purchase), purchase.State, "A state without a due time."),
    };
}
