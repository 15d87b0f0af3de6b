using System.Text.Json.Serialization;

namespace Metering.Gateway.Payments;

internal sealed record PurchaseBody
{
    public string? Email { get; init; }

    public string? Plan { get; init; }
}

internal sealed record PurchaseAnswerBody(PurchaseResultBody Data);

/// <summary>A purchase that was begun.</summary>
/// <param name="CheckoutUrl">Where to pay.</param>
/// <param name="ClaimToken">What the key is claimed with; told once, so null in a replay.</param>
/// <param name="ExpiresAt">Until when it may be paid and claimed.</param>
/// <param name="Plan">The plan.</param>
/// <param name="Message">What to do next.</param>
internal sealed record PurchaseResultBody(string? CheckoutUrl, string? ClaimToken, string ExpiresAt, string Plan, string Message);

internal sealed record ClaimKeyBody
{
    public string? Email { get; init; }

    public string? ClaimToken { get; init; }
}

internal sealed record ClaimKeyAnswerBody(ClaimKeyResultBody Data);

/// <summary>A claimed key.</summary>
/// <param name="ApiKey">The key; told once, so null in a replay.</param>
/// <param name="Plan">The plan.</param>
/// <param name="Email">The address that it was bought for.</param>
/// <param name="Message">For people.</param>
internal sealed record ClaimKeyResultBody(string? ApiKey, string Plan, string Email, string Message);

internal sealed record ClaimPendingAnswerBody(ClaimPendingResultBody Data);

internal sealed record ClaimPendingResultBody(string Status, string Message);

internal sealed record PurchaseCreditsBody
{
    public long? CreditCount { get; init; }

    public decimal? DollarAmount { get; init; }
}

internal sealed record PurchaseCreditsAnswerBody(PurchaseCreditsResultBody Data);

/// <summary>Credits that were bought.</summary>
/// <param name="Success">True.</param>
/// <param name="CreditsAdded">The permanent credits added.</param>
/// <param name="TotalPermanentCredits">The permanent credits after it.</param>
/// <param name="AmountCharged">Dollars.</param>
/// <param name="AmountChargedCents">The same in cents.</param>
/// <param name="PricePerCredit">Dollars a credit.</param>
/// <param name="StripePaymentIntentId">The charge at the provider.</param>
internal sealed record PurchaseCreditsResultBody(
    bool Success, long CreditsAdded, Credits TotalPermanentCredits, decimal AmountCharged, long AmountChargedCents, decimal PricePerCredit, string StripePaymentIntentId)
{
    public static PurchaseCreditsResultBody Of(CreditPurchase purchase) => new(
        true,
        purchase.Credits,
        new(purchase.PermanentAfter ?? 0),
        purchase.AmountCents / 100m,
        purchase.AmountCents,
        purchase.PriceTenthCents / 1_000m,
        purchase.ChargeId!);
}

internal sealed record CancelAnswerBody(CancelResultBody Data);

/// <summary>A cancelled subscription.</summary>
/// <param name="Message">What happens now.</param>
/// <param name="CancelAtPeriodEnd">True.</param>
/// <param name="CurrentPeriodEnd">Unix seconds.</param>
/// <param name="Status">As the provider has it: <c>active</c> or <c>past_due</c>.</param>
internal sealed record CancelResultBody(string Message, bool CancelAtPeriodEnd, long CurrentPeriodEnd, string Status)
{
    public static CancelResultBody Of(BillingAccount billing) => new(
        billing.Status == SubscriptionStatus.Active
            ? "The subscription ends with the paid period; access and credits stay until then."
            : "The subscription is cancelled. Its last invoice is not paid, so there is no grace period any more: reads go on, spending does not.",
        billing.CancelsAtPeriodEnd,
        billing.PeriodEnd.ToUnixTimeSeconds(),
        billing.Status == SubscriptionStatus.Active ? "active" : "past_due");
}

internal sealed record ChangePlanBody
{
    public string? TargetPlan { get; init; }
}

internal sealed record ChangePlanAnswerBody(ChangePlanResultBody Data);

/// <summary>A change of plan.</summary>
/// <param name="Message">What happens now.</param>
/// <param name="ChangeType"><c>upgrade</c>: now; <c>downgrade</c>: with the next period; <c>unchanged</c>: a planned change was withdrawn.</param>
/// <param name="PreviousPlan">The plan before.</param>
/// <param name="NewPlan">The new plan.</param>
/// <param name="NewMonthlyCredits">Its allotment a period.</param>
/// <param name="PermanentCreditsAdded">Unused credits of the old allotment that stay for good.</param>
internal sealed record ChangePlanResultBody(
    string Message, string ChangeType, string PreviousPlan, string NewPlan, Credits NewMonthlyCredits, Credits PermanentCreditsAdded)
{
    public static ChangePlanResultBody Of(ChangedPlan change) => new(
        change.ChangeType switch
        {
            "upgrade" => "The plan was changed; its credits are there now.",
            "downgrade" => "The plan changes with the next period.",
            _ => "The planned change was withdrawn.",
        },
        change.ChangeType,
        change.PreviousPlan,
        change.NewPlan,
        change.NewMonthlyCredits,
        change.PermanentCreditsAdded);
}

/// <summary>An error of buying, in dialect A's shape.</summary>
/// <param name="Error">snake_case, for programs.</param>
/// <param name="Message">For people.</param>
/// <param name="PaymentUrl">Where the customer authenticates; absent where that is not the matter.</param>
internal sealed record PaymentErrorBody(
    string Error, string Message, [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? PaymentUrl = null);

internal sealed record WebhookAnswerBody(bool Received);

/// <summary>JSON of buying.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, AllowDuplicateProperties = false, MaxDepth = JsonBody.MaxDepth)]
[JsonSerializable(typeof(PurchaseBody))]
[JsonSerializable(typeof(PurchaseAnswerBody))]
[JsonSerializable(typeof(ClaimKeyBody))]
[JsonSerializable(typeof(ClaimKeyAnswerBody))]
[JsonSerializable(typeof(ClaimPendingAnswerBody))]
[JsonSerializable(typeof(PurchaseCreditsBody))]
[JsonSerializable(typeof(PurchaseCreditsAnswerBody))]
[JsonSerializable(typeof(CancelAnswerBody))]
[JsonSerializable(typeof(ChangePlanBody))]
[JsonSerializable(typeof(ChangePlanAnswerBody))]
[JsonSerializable(typeof(PaymentErrorBody))]
[JsonSerializable(typeof(WebhookAnswerBody))]
internal sealed partial class PaymentJson : JsonSerializerContext;
