using System.Text.Json.Serialization;

namespace Metering.Gateway.Payments.Sandbox;

/// <summary>What the sandbox's saved card does with later charges.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<SandboxCard>))]
internal enum SandboxCard
{
    /// <summary>Pays.</summary>
    Pays,

    /// <summary>Declines.</summary>
    Declines,

    /// <summary>Asks for its owner each time.</summary>
    Authenticates,
}

internal sealed record SandboxCustomer(string Id, string Email, SandboxCard Card)
{
    public const string Kind = "sandbox-customer";
}

internal sealed record SandboxPage
{
    public const string Kind = "sandbox-page";

    public required string Id { get; init; }

    public required string PurchaseId { get; init; }

    public required string Email { get; init; }

    public required string Plan { get; init; }

    public required long AmountCents { get; init; }

    public required string PublicUrl { get; init; }

    public required DateTimeOffset ExpiresAt { get; init; }

    /// <summary>The customer that it is for; null for a new one.</summary>
    public string? CustomerId { get; init; }

    /// <summary>When the first whole period begins; null for with the payment.</summary>
    public DateTimeOffset? WholeFrom { get; init; }

    [JsonConverter(typeof(JsonStringEnumConverter<CheckoutStatus>))]
    public CheckoutStatus Status { get; init; }

    public string? SubscriptionId { get; init; }

    /// <summary>What the last button did, for the person at the page.</summary>
    public string? Notice { get; init; }

    public string Url => $"{PublicUrl}/sandbox/checkout/{Id}";

    public CheckoutSession ToSession() => new(Id, Status == CheckoutStatus.Open ? Url : null, Status, PurchaseId, SubscriptionId);
}

internal sealed record SandboxSubscription
{
    public const string Kind = "sandbox-subscription";

    public required string Id { get; init; }

    public required string CustomerId { get; init; }

    public required string PurchaseId { get; init; }

    public required string Plan { get; init; }

    public required long AmountCents { get; init; }

    public required DateTimeOffset Anchor { get; init; }

    /// <summary>Whole periods paid before the current one; -1 in the part of a period before the anchor.</summary>
    public int Period { get; init; }

    /// <summary>When it began, where that is before the anchor; else null.</summary>
    public DateTimeOffset? BeganAt { get; init; }

    public required int PeriodMonths { get; init; }

    [JsonConverter(typeof(JsonStringEnumConverter<SubscriptionStatus>))]
    public SubscriptionStatus Status { get; init; }

    public bool CancelsAtPeriodEnd { get; init; }

    public string? LastInvoice { get; init; }

    /// <summary>Cents of all invoices that were paid.</summary>
    public long PaidCents { get; init; }

    public DateTimeOffset PeriodStart => Period < 0 ? BeganAt ?? Anchor : Anchor.AddMonths(Period * PeriodMonths);

    public DateTimeOffset PeriodEnd => Anchor.AddMonths((Period + 1) * PeriodMonths);

    public ProviderSubscription ToSubscription() => new()
    {
        Id = Id,
        CustomerId = CustomerId,
        PurchaseId = PurchaseId,
        Status = Status,
        PeriodStart = PeriodStart,
        PeriodEnd = PeriodEnd,
        CancelsAtPeriodEnd = CancelsAtPeriodEnd,
        Plan = Plan,
        LastInvoice = LastInvoice,
    };
}

internal sealed record SandboxCharge
{
    public const string Kind = "sandbox-charge";

    public required string Id { get; init; }

    public required string CustomerId { get; init; }

    public required string PurchaseId { get; init; }

    public int? Attempt { get; init; }

    public required long AmountCents { get; init; }

    public required string Description { get; init; }

    public required string PublicUrl { get; init; }

    public required string IdempotencyKey { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    [JsonConverter(typeof(JsonStringEnumConverter<ChargeStatus>))]
    public ChargeStatus Status { get; init; }

    public long RefundedCents { get; init; }

    /// <summary>True while a dispute holds what is not refunded.</summary>
    public bool IsDisputed { get; init; }

    public string Url => $"{PublicUrl}/sandbox/payments/{Id}";

    public Charge ToCharge() => new()
    {
        Id = Id,
        PurchaseId = PurchaseId,
        Attempt = Attempt,
        Status = Status,
        AmountCents = AmountCents,
        PaymentUrl = Status == ChargeStatus.AuthenticationRequired ? Url : null,
        ReversedCents = IsDisputed ? AmountCents : RefundedCents,
        DeclineMessage = Status == ChargeStatus.Declined ? "Your card was declined." : null,
    };
}

/// <summary>A paid invoice of a subscription, and the charge that paid it.</summary>
internal sealed record SandboxInvoice
{
    public const string Kind = "sandbox-invoice";

    public required string Id { get; init; }

    public required string ChargeId { get; init; }

    public required string CustomerId { get; init; }

    public required string SubscriptionId { get; init; }

    public required long AmountCents { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public required DateTimeOffset PeriodStart { get; init; }

    public required DateTimeOffset PeriodEnd { get; init; }

    public bool IsProration { get; init; }

    public long RefundedCents { get; init; }

    /// <summary>True while a dispute holds what is not refunded.</summary>
    public bool IsDisputed { get; init; }

    public PaidInvoice ToInvoice() => new()
    {
        Id = Id,
        SubscriptionId = SubscriptionId,
        CreatedAt = CreatedAt,
        AmountCents = AmountCents,
        PeriodStart = PeriodStart,
        PeriodEnd = PeriodEnd,
        IsProration = IsProration,
        ChargeId = ChargeId,
    };

    public Charge ToCharge() => new()
    {
        Id = ChargeId,
        PurchaseId = null,
        InvoiceId = Id,
        Status = ChargeStatus.Succeeded,
        AmountCents = AmountCents,
        ReversedCents = IsDisputed ? AmountCents : RefundedCents,
    };
}

/// <summary>An event that waits to be delivered.</summary>
internal sealed record SandboxEvent(string Id, string Body, int Attempts)
{
    public const string Kind = "sandbox-event";
}

/// <summary>JSON of what the sandbox stores.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, IgnoreReadOnlyProperties = true)]
[JsonSerializable(typeof(SandboxCustomer))]
[JsonSerializable(typeof(SandboxPage))]
[JsonSerializable(typeof(SandboxSubscription))]
[JsonSerializable(typeof(SandboxCharge))]
[JsonSerializable(typeof(SandboxInvoice))]
[JsonSerializable(typeof(SandboxEvent))]
internal sealed partial class SandboxJson : JsonSerializerContext;
