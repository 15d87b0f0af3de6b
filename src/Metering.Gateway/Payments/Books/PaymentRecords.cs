using System.Text.Json.Serialization;

namespace Metering.Gateway.Payments;

/// <summary>How far a purchase of a plan is.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<PlanPurchaseState>))]
internal enum PlanPurchaseState
{
    /// <summary>Recorded; the provider's page is not open yet, or nobody knows.</summary>
    Recorded,

    /// <summary>The page waits for the customer.</summary>
    Open,

    /// <summary>Paid: the account and its key are being made. The key is kept, encrypted.</summary>
    Provisioning,

    /// <summary>The key works and waits to be claimed.</summary>
    Ready,

    /// <summary>The key was handed out.</summary>
    Claimed,

    /// <summary>Not paid in time, replaced by a later purchase, or never claimed; of the last, the key was mailed.</summary>
    Expired,
}

/// <summary>A purchase of a plan, from the first request to the claimed key (001).</summary>
internal sealed record PlanPurchase
{
    public const string Kind = "plan-purchase";

    /// <summary>How long a purchase may be paid and claimed.</summary>
    public static readonly TimeSpan Lifetime = TimeSpan.FromHours(24);

    /// <summary>"pur_" and 32 hex digits.</summary>
    public required string Id { get; init; }

    public required string Email { get; init; }

    public required string Plan { get; init; }

    /// <summary>The account that it pays for, chosen before anything is paid, so that provisioning twice makes one.</summary>
    public required string Account { get; init; }

    /// <summary>True where the account is there already: the purchase was begun with a key of it, and renews it.</summary>
    public bool Renews { get; init; }

    /// <summary>True where the address has another account, whose subscription has ended and which this purchase leaves alone.</summary>
    public bool LeavesEarlier { get; init; }

    /// <summary>SHA-256 of the claim token, hex.</summary>
    public required string TokenHash { get; init; }

    public required DateTimeOffset ExpiresAt { get; init; }

    public PlanPurchaseState State { get; init; }

    public string? SessionId { get; init; }

    /// <summary>The API key, encrypted; null before it is made and once it is claimed or too old.</summary>
    public string? ProtectedKey { get; init; }

    /// <summary>When the key was made.</summary>
    public DateTimeOffset? KeyMadeAt { get; init; }

    public static string TokenKey(string tokenHash) => $"token:{tokenHash}";
}

/// <summary>What an e-mail address has bought: the one place that purchases for it compete for.</summary>
/// <param name="Email">The address in lower case; the id.</param>
/// <param name="Account">Its account; null before the first purchase.</param>
/// <param name="OpenPurchase">The purchase that may be paid now; null for none.</param>
internal sealed record Subscriber(string Email, string? Account, string? OpenPurchase)
{
    public const string Kind = "subscriber";
}

/// <summary>How an account pays.</summary>
internal sealed record BillingAccount
{
    public const string Kind = "billing";

    public required string Account { get; init; }

    public required string Email { get; init; }

    public required string CustomerId { get; init; }

    public required string SubscriptionId { get; init; }

    public required string Plan { get; init; }

    /// <summary>The billing anchor that the account was opened with.</summary>
    public required DateTimeOffset Anchor { get; init; }

    public required DateTimeOffset PeriodEnd { get; init; }

    [JsonConverter(typeof(JsonStringEnumConverter<SubscriptionStatus>))]
    public required SubscriptionStatus Status { get; init; }

    public bool CancelsAtPeriodEnd { get; init; }

    /// <summary>Who is changing the subscription now; null for nobody.</summary>
    public SubscriptionClaim? Claim { get; init; }

    /// <summary>Since when the subscription is to be ended at the provider, because its account was closed; null where it is not.</summary>
    public DateTimeOffset? ClosingSince { get; init; }

    /// <summary>Subscriptions that ended before this one, whose payments may still be refunded; null for none.</summary>
    public IReadOnlyList<string>? EarlierSubscriptions { get; init; }

    public static string SubscriptionKey(string subscriptionId) => $"subscription:{subscriptionId}";

    /// <summary>A key of its own: what is told of an earlier subscription must not be followed as the present one.</summary>
    public static string EarlierKey(string subscriptionId) => $"earlier:{subscriptionId}";
}

/// <summary>
/// The right to change a subscription, at the provider and in the ledger: one holder at a time, in whatever process. Two changes side by side would
/// reach the ledger in another order than the provider, and grant what one of them alone is owed.
/// </summary>
internal sealed record SubscriptionClaim
{
    /// <summary>Names the holder.</summary>
    public required string Id { get; init; }

    /// <summary>From then on the holder is taken for dead, and whoever comes finishes its work.</summary>
    public required DateTimeOffset Until { get; init; }

    /// <summary>
    /// A planned plan whose price an upgrade has taken away, to be charged from what this period was paid at: put back where the upgrade does not come
    /// to pass. Null for none.
    /// </summary>
    public PlannedPrice? Restores { get; init; }

    /// <summary>Events that came meanwhile; the holder follows once more for them.</summary>
    public int Notes { get; init; }
}

/// <summary>The price of a planned plan that was taken away.</summary>
/// <param name="From">The plan whose price took its place.</param>
/// <param name="Planned">The planned plan.</param>
internal sealed record PlannedPrice(string From, string Planned);

/// <summary>How far a purchase of credits is.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<CreditPurchaseState>))]
internal enum CreditPurchaseState
{
    /// <summary>Recorded before the card is charged; whether it was is for the provider to say.</summary>
    Charging,

    /// <summary>The customer must authenticate; the charge may still succeed.</summary>
    AwaitingAuthentication,

    /// <summary>Charged; the credits are being granted.</summary>
    Charged,

    /// <summary>Charged and granted.</summary>
    Granted,

    /// <summary>Nothing was charged, and nothing will be.</summary>
    Failed,
}

/// <summary>A purchase of credits by an account's saved card (000).</summary>
internal sealed record CreditPurchase
{
    public const string Kind = "credit-purchase";

    /// <summary>How long an attempt is its caller's own affair; then the reconciler asks the provider.</summary>
    public static readonly TimeSpan SettlingTime = TimeSpan.FromMinutes(5);

    /// <summary>After which, at the earliest, a charge that the provider does not know was never made; <see cref="PaymentOptions.LostAfter"/>.</summary>
    public static readonly TimeSpan LostAfter = TimeSpan.FromMinutes(15);

    /// <summary>"crp_" and 32 hex digits.</summary>
    public required string Id { get; init; }

    public required string Account { get; init; }

    public required string CustomerId { get; init; }

    public required long Credits { get; init; }

    public required long AmountCents { get; init; }

    /// <summary>Tenths of a cent.</summary>
    public required int PriceTenthCents { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public CreditPurchaseState State { get; init; }

    /// <summary>The attempt under way, from 1: each has an idempotency key of its own at the provider, because that keeps a decline, too.</summary>
    public int Attempt { get; init; } = 1;

    /// <summary>When the attempt began.</summary>
    public required DateTimeOffset AttemptedAt { get; init; }

    public string? ChargeId { get; init; }

    public string? PaymentUrl { get; init; }

    /// <summary>Digest of the caller's idempotency key, hex; null where there was none.</summary>
    public string? IdempotencyKey { get; init; }

    /// <summary>The permanent credits after the grant, in ten-thousandths, for the same answer to the same idempotency key.</summary>
    public long? PermanentAfter { get; init; }

    /// <summary>The transaction that granted the credits.</summary>
    public string? GrantedBy { get; init; }

    public string ProviderKey => $"{Id}-{Attempt}";

    public static string ChargeKey(string chargeId) => $"charge:{chargeId}";

    public static string IdempotencyKeyKey(string account, string key) => $"key:{account}:{key}";
}

/// <summary>An event of the provider as it was received.</summary>
/// <param name="Id">The provider's id of the event.</param>
/// <param name="Body">The body as received; empty once it is processed.</param>
/// <param name="Attempts">How often it was tried.</param>
/// <param name="Fault">Why the last attempt failed; null where none did.</param>
internal sealed record ReceivedEvent(string Id, string Body, int Attempts, string? Fault)
{
    public const string Kind = "event";

    /// <summary>True once nothing of it is left to do.</summary>
    public bool IsProcessed => Body.Length == 0;
}

/// <summary>An event that was tried for the last time: operators see it, and may have it tried again.</summary>
/// <param name="Id">The provider's id of the event.</param>
/// <param name="Type">What it tells.</param>
/// <param name="Fault">Why the last attempt failed.</param>
/// <param name="At">When it was given up.</param>
internal sealed record GivenUpEvent(string Id, string Type, string Fault, DateTimeOffset At)
{
    public const string Kind = "event-given-up";
}

/// <summary>A mail that waits.</summary>
/// <param name="Id">Its id.</param>
/// <param name="To">The address.</param>
/// <param name="Subject">The subject.</param>
/// <param name="ProtectedBody">The text, encrypted, because it may hold a key.</param>
/// <param name="CreatedAt">When it was queued.</param>
/// <param name="Attempts">How often it was tried.</param>
internal sealed record QueuedMail(string Id, string To, string Subject, string ProtectedBody, DateTimeOffset CreatedAt, int Attempts)
{
    public const string Kind = "mail";
}

/// <summary>A counted caller of an open route.</summary>
/// <param name="Id">The limit's name and the caller's address.</param>
/// <param name="BeganAt">When the window began.</param>
/// <param name="Taken">Calls counted in it.</param>
internal sealed record CountedCalls(string Id, DateTimeOffset BeganAt, int Taken)
{
    public const string Kind = "calls";

    /// <summary>How long the calls of open routes are counted together.</summary>
    public static readonly TimeSpan Window = TimeSpan.FromHours(1);
}

/// <summary>JSON of what is stored. Fields are only ever added.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, IgnoreReadOnlyProperties = true)]
[JsonSerializable(typeof(PlanPurchase))]
[JsonSerializable(typeof(Subscriber))]
[JsonSerializable(typeof(BillingAccount))]
[JsonSerializable(typeof(CreditPurchase))]
[JsonSerializable(typeof(ChargeReversal))]
[JsonSerializable(typeof(ReceivedEvent))]
[JsonSerializable(typeof(GivenUpEvent))]
[JsonSerializable(typeof(QueuedMail))]
[JsonSerializable(typeof(CountedCalls))]
internal sealed partial class PaymentRecordsJson : JsonSerializerContext;
