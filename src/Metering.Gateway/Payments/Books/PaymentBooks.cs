using System.Runtime.CompilerServices;
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
internal sealed class Book<T>(
    IPaymentStore store, UnreadableDocuments unreadable, string kind, JsonTypeInfo<T> type, Func<T, string> idOf, Func<T, IEnumerable<string?>> keysOf, Func<T, DateTimeOffset?> dueAt)
    where T : class
{
    private const int PageSize = 1_000;

    public async ValueTask<Stored<T>?> FindAsync(string id, CancellationToken cancellationToken) =>
        Read(await store.FindAsync(kind, id, cancellationToken).ConfigureAwait(false));

    public async ValueTask<Stored<T>?> FindByKeyAsync(string key, CancellationToken cancellationToken) =>
        Read(await store.FindByKeyAsync(kind, key, cancellationToken).ConfigureAwait(false));

    /// <summary>Records that are due. One that cannot be read is put off, so that it is not in the way of what is due behind it.</summary>
    public async ValueTask<IReadOnlyList<Stored<T>>> ListDueAsync(DateTimeOffset at, int limit, CancellationToken cancellationToken)
    {
        var found = new List<Stored<T>>();
        foreach (var document in await store.ListDueAsync(kind, at, limit, cancellationToken).ConfigureAwait(false))
        {
            if (TryRead(document) is { } stored)
            {
                found.Add(stored);
                continue;
            }

            var later = document with { DueAt = Milliseconds(at + UnreadableDocuments.LookAgain) };
            await store.SaveAsync([new(later)], cancellationToken).ConfigureAwait(false);
        }

        return found;
    }

    /// <summary>Records in the order of their ids after a given one; fewer than there are where some cannot be read.</summary>
    public async ValueTask<(IReadOnlyList<Stored<T>> Items, string? Next)> ListAsync(string? afterId, int limit, CancellationToken cancellationToken)
    {
        var page = await store.ListAsync(kind, afterId, limit, cancellationToken).ConfigureAwait(false);
        return ([.. page.Select(TryRead).OfType<Stored<T>>()], page.Count == limit ? page[^1].Id : null);
    }

    /// <summary>All records that can be read.</summary>
    public async IAsyncEnumerable<Stored<T>> AllAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        string? after = null;
        do
        {
            (var page, after) = await ListAsync(after, PageSize, cancellationToken).ConfigureAwait(false);
            foreach (var stored in page)
            {
                yield return stored;
            }
        }
        while (after is not null);
    }

    /// <summary>The ids of records that cannot be read.</summary>
    public async IAsyncEnumerable<string> UnreadableAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        for (IReadOnlyList<PaymentDocument> page = []; ;)
        {
            page = await store.ListAsync(kind, page.Count == 0 ? null : page[^1].Id, PageSize, cancellationToken).ConfigureAwait(false);
            foreach (var document in page.Where(document => TryRead(document) is null))
            {
                yield return document.Id;
            }

            if (page.Count < PageSize)
            {
                yield break;
            }
        }
    }

    /// <summary>The change from what is stored to a new value.</summary>
    public PaymentChange Change(T value, long version, DateTimeOffset? due = null) => new(new()
    {
        Kind = kind,
        Id = idOf(value),
        Version = version,
        Json = JsonSerializer.Serialize(value, type),
        Keys = [.. keysOf(value).OfType<string>()],
        DueAt = (due ?? dueAt(value)) is { } at ? Milliseconds(at) : null,
    });

    public PaymentChange Removal(Stored<T> stored) => Change(stored.Value, stored.Version) with { IsRemoval = true };

    private Stored<T>? Read(PaymentDocument? document) => document is null ? null
        : TryRead(document) ?? throw new LedgerUnavailableException($"The payment document {kind} {document.Id} cannot be read; an operator must mend it.");

    private Stored<T>? TryRead(PaymentDocument document)
    {
        try
        {
            return new(JsonSerializer.Deserialize(document.Json, type) ?? throw new JsonException("It is null."), document.Version);
        }
        catch (JsonException error)
        {
            unreadable.Tell(document, error);
            return null;
        }
    }

    private static DateTimeOffset Milliseconds(DateTimeOffset instant) => DateTimeOffset.FromUnixTimeMilliseconds(instant.ToUnixTimeMilliseconds());
}

/// <summary>Everything that buying remembers beside the ledger.</summary>
internal sealed class PaymentBooks(IPaymentStore store, PaymentOptions options, UnreadableDocuments unreadable)
{
    public Book<PlanPurchase> PlanPurchases { get; } = new(
        store,
        unreadable,
        PlanPurchase.Kind,
        PaymentRecordsJson.Default.PlanPurchase,
        purchase => purchase.Id,
        purchase => [PlanPurchase.TokenKey(purchase.TokenHash)],
        purchase => DueAt(purchase, options.Retention));

    public Book<Subscriber> Subscribers { get; } = new(
        store, unreadable, Subscriber.Kind, PaymentRecordsJson.Default.Subscriber, subscriber => subscriber.Email, _ => [], _ => null);

    public Book<BillingAccount> Accounts { get; } = new(
        store,
        unreadable,
        BillingAccount.Kind,
        PaymentRecordsJson.Default.BillingAccount,
        account => account.Account,
        account => [BillingAccount.SubscriptionKey(account.SubscriptionId), .. (account.EarlierSubscriptions ?? []).Select(BillingAccount.EarlierKey)],

        // Whoever was changing it may have died.
        account => account.Claim?.Until ?? account.ClosingSince);

    public Book<CreditPurchase> CreditPurchases { get; } = new(
        store,
        unreadable,
        CreditPurchase.Kind,
        PaymentRecordsJson.Default.CreditPurchase,
        purchase => purchase.Id,
        purchase =>
        [
            purchase.ChargeId is { } charge ? CreditPurchase.ChargeKey(charge) : null,
            purchase.IdempotencyKey is { } key ? CreditPurchase.IdempotencyKeyKey(purchase.Account, key[..64]) : null,
        ],
        DueAt);

    public Book<ChargeReversal> Reversals { get; } = new(
        store,
        unreadable,
        ChargeReversal.Kind,
        PaymentRecordsJson.Default.ChargeReversal,
        reversal => reversal.Id,
        reversal => [ChargeReversal.ChargeKey(reversal.ChargeId)],
        _ => null);

    public Book<GivenUpEvent> GivenUpEvents { get; } = new(
        store, unreadable, GivenUpEvent.Kind, PaymentRecordsJson.Default.GivenUpEvent, given => given.Id, _ => [], _ => null);

    public Book<ReceivedEvent> Events { get; } = new(
        store, unreadable, ReceivedEvent.Kind, PaymentRecordsJson.Default.ReceivedEvent, received => received.Id, _ => [], _ => null);

    public Book<QueuedMail> Mails { get; } = new(
        store, unreadable, QueuedMail.Kind, PaymentRecordsJson.Default.QueuedMail, mail => mail.Id, _ => [], mail => mail.CreatedAt);

    public Book<CountedCalls> Calls { get; } = new(
        store, unreadable, CountedCalls.Kind, PaymentRecordsJson.Default.CountedCalls, calls => calls.Id, _ => [], calls => calls.BeganAt + CountedCalls.Window);

    /// <summary>Saves changes, all or none; false where another was quicker: read again and decide again.</summary>
    public ValueTask<bool> SaveAsync(CancellationToken cancellationToken, params PaymentChange[] changes) => store.SaveAsync(changes, cancellationToken);

    /// <summary>The ids of all documents that cannot be read, with their kinds.</summary>
    public IAsyncEnumerable<(string Kind, string Id)> UnreadableAsync(CancellationToken cancellationToken)
    {
        IEnumerable<(string Kind, IAsyncEnumerable<string> Ids)> books =
        [
            (PlanPurchase.Kind, PlanPurchases.UnreadableAsync(cancellationToken)), (Subscriber.Kind, Subscribers.UnreadableAsync(cancellationToken)),
            (BillingAccount.Kind, Accounts.UnreadableAsync(cancellationToken)), (CreditPurchase.Kind, CreditPurchases.UnreadableAsync(cancellationToken)),
            (ChargeReversal.Kind, Reversals.UnreadableAsync(cancellationToken)), (ReceivedEvent.Kind, Events.UnreadableAsync(cancellationToken)),
            (GivenUpEvent.Kind, GivenUpEvents.UnreadableAsync(cancellationToken)), (QueuedMail.Kind, Mails.UnreadableAsync(cancellationToken)),
        ];
        return books.ToAsyncEnumerable().SelectMany(book => book.Ids.Select(id => (book.Kind, id)));
    }

    private static DateTimeOffset? DueAt(PlanPurchase purchase, TimeSpan retention) => purchase.State switch
    {
        PlanPurchaseState.Recorded or PlanPurchaseState.Open => purchase.ExpiresAt,

        // At once: whoever was making it may have died.
        PlanPurchaseState.Provisioning => purchase.KeyMadeAt,
        PlanPurchaseState.Ready => purchase.ExpiresAt,

        // To be forgotten: the account is known by its subscription from then on, and a page that was given up cannot be paid any more.
        PlanPurchaseState.Claimed or PlanPurchaseState.Expired => purchase.ExpiresAt + retention,
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
