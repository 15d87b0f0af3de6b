using System.Net;

namespace Metering.Gateway.Payments;

/// <summary>Who takes the money.</summary>
internal enum PaymentProviderKind
{
    /// <summary>Nobody: nothing is for sale.</summary>
    None,

    /// <summary>The embedded sandbox: a page that takes no money.</summary>
    Sandbox,

    /// <summary>Stripe, or a server that speaks its API.</summary>
    Stripe,
}

/// <summary>What a plan costs.</summary>
/// <param name="AmountCents">A period, in the sandbox; Stripe has prices of its own.</param>
/// <param name="StripePrice">The id of Stripe's price; null where it is not sold through Stripe.</param>
/// <param name="CreditTenthCents">A further credit, in tenths of a cent; null where the plan cannot buy credits.</param>
internal sealed record PlanPrice(long AmountCents, string? StripePrice, int? CreditTenthCents)
{
    /// <summary>False for a plan that nobody new may buy; whoever is on it stays on it, buys credits and withdraws a planned change.</summary>
    public bool IsForSale { get; init; } = true;
}

/// <summary>How buying works (section <c>Metering:Payments</c>).</summary>
internal sealed record PaymentOptions
{
    /// <summary>Who takes the money; default Stripe where it has a key, else the sandbox.</summary>
    public PaymentProviderKind Provider { get; init; } = PaymentProviderKind.Sandbox;

    /// <summary>Prices by plan; of these plans, those are for sale that say so.</summary>
    public IReadOnlyDictionary<string, PlanPrice> Plans { get; init; } = DefaultPlans;

    /// <summary>
    /// Where customers reach this gateway, without a slash at its end; always set with Stripe. Null in the sandbox, to take it from requests to this
    /// very machine: anybody can write any other name into a request, and it would become the address of a page to pay on.
    /// </summary>
    public string? PublicUrl { get; init; }

    /// <summary>Where the sandbox sends its events; null for this process's own first address.</summary>
    public string? SandboxWebhookUrl { get; init; }

    /// <summary>The folder of the key ring; null to keep it in memory.</summary>
    public string? KeyRing { get; init; }

    /// <summary>The folder that mails are put into where no SMTP server is set.</summary>
    public string MailFolder { get; init; } = Path.Combine(MeteringConfiguration.DefaultData, "mail");

    /// <summary>Proxies whose <c>X-Forwarded-For</c> is believed.</summary>
    public IReadOnlyList<IPNetwork> TrustedProxies { get; init; } = [];

    /// <summary>Purchases an hour and address.</summary>
    public int PurchasesAnHour { get; init; } = 5;

    /// <summary>Claims an hour and address; a pending answer does not count.</summary>
    public int ClaimsAnHour { get; init; } = 30;

    /// <summary>
    /// How much of the new plan's allotment an upgrade grants; default as much of it as there is left of the period, because its price is
    /// prorated too: all of it for a price near nothing would be there for whoever upgrades right before a renewal.
    /// </summary>
    public PlanAllotment UpgradeAllotment { get; init; } = PlanAllotment.Prorated;

    /// <summary>After which a charge that the provider does not know was never made: longer than an attempt and all its retries may last.</summary>
    public TimeSpan LostAfter => Provider == PaymentProviderKind.Stripe && Stripe.LongestCharge + CreditPurchase.SettlingTime is var longest && longest > CreditPurchase.LostAfter
        ? longest
        : CreditPurchase.LostAfter;

    /// <summary>
    /// How long processed events and purchases of plans that are over are kept; 30 days to 10 years. Longer than a provider repeats its events; the ledger's
    /// own references make one that comes later still harmless.
    /// </summary>
    public TimeSpan Retention { get; init; } = TimeSpan.FromDays(90);

    /// <summary>After which a change of a subscription that has not ended is taken for dead: longer than its calls and all their retries may last.</summary>
    public TimeSpan ChangeLease => Provider == PaymentProviderKind.Stripe && Stripe.LongestCharge > TimeSpan.FromMinutes(1) ? Stripe.LongestCharge : TimeSpan.FromMinutes(1);

    /// <summary>How Stripe is called.</summary>
    public StripeOptions Stripe { get; init; } = new();

    /// <summary>How mails are sent; null for the folder.</summary>
    public SmtpOptions? Smtp { get; init; }

    /// <summary>
    /// Credits at 10, 7.5 and 5 cents (000). What a period costs is not said there; it is as much as its credits would.
    /// </summary>
    public static IReadOnlyDictionary<string, PlanPrice> DefaultPlans { get; } = new Dictionary<string, PlanPrice>
    {
        ["starter"] = new(1_000, null, 100),
        ["growth"] = new(7_500, null, 75),
        ["scale"] = new(25_000, null, 50),
        ["platinum"] = new(100_000, null, null),
        ["enterprise"] = new(250_000, null, null),
    };
}

/// <summary>How Stripe is called (section <c>Metering:Payments:Stripe</c>).</summary>
internal sealed record StripeOptions
{
    /// <summary>The secret key; null where Stripe is not used.</summary>
    public string? ApiKey { get; init; }

    /// <summary>Where its API is, without a slash at its end.</summary>
    public string ApiBase { get; init; } = "https://api.stripe.com";

    /// <summary>Secrets of webhook endpoints; several while one is replaced by another.</summary>
    public IReadOnlyList<string> WebhookSecrets { get; init; } = [];

    /// <summary>How long one call may take, 1 to 300 s.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>How often a call is made again that may succeed later, 0 to 10.</summary>
    public int Retries { get; init; } = 3;

    /// <summary>How long the first of them waits; each further one twice as long.</summary>
    public TimeSpan FirstRetry { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>How long a call waits at most before it is made again.</summary>
    public static TimeSpan LongestWait { get; } = TimeSpan.FromSeconds(8);

    /// <summary>How long a charge may last: the customer, the card, the payment intent and its confirmation, each with all its retries.</summary>
    public TimeSpan LongestCharge => 4 * (Retries + 1) * (Timeout + LongestWait);
}

/// <summary>A mail server (section <c>Metering:Payments:Smtp</c>).</summary>
/// <param name="Host">Its name.</param>
/// <param name="Port">Its port; default 587.</param>
/// <param name="From">The sender's address.</param>
/// <param name="UserName">The user; null for none.</param>
/// <param name="Password">The password; null for none.</param>
/// <param name="UsesStartTls">False only for a server on this machine.</param>
internal sealed record SmtpOptions(string Host, int Port, string From, string? UserName, string? Password, bool UsesStartTls);
