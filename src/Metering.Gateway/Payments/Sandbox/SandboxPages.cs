using System.Globalization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Metering.Gateway.Payments.Sandbox;

/// <summary>The sandbox's pages: plain forms, no script, nothing from elsewhere. Whoever has a page's address may press its buttons.</summary>
internal static class SandboxPages
{
    private static readonly SandboxButtons[] PaidGroups =
    [
        new("What may happen later", ("renew", "Renew: charge the next period"), ("refund", "Refund the last purchase of credits"), ("dispute", "Dispute the last purchase of credits"),
            ("refund-subscription", "Refund the last payment of the subscription"), ("dispute-subscription", "Dispute the last payment of the subscription"), ("win-dispute", "Win the dispute")),
        new("What the saved card does from now on", ("card-pays", "Let the saved card pay"), ("card-declines", "Let the saved card be declined"), ("card-authenticates", "Let the saved card ask for authentication")),
    ];

    public static IEndpointRouteBuilder MapSandbox(this IEndpointRouteBuilder routes)
    {
        // Pages for people, not part of the interface that the OpenAPI document describes.
        var group = routes.MapGroup("/sandbox").ExcludeFromDescription().AddEndpointFilter(Guard);
        group.MapGet("checkout/{id}", GetPage);
        group.MapPost("checkout/{id}/{button}", PressPage);
        group.MapGet("payments/{id}", GetCharge);
        group.MapPost("payments/{id}/{button}", PressCharge);
        return routes;
    }

    private static async Task<IResult> GetPage(string id, HttpContext context, SandboxActions actions, Catalogue catalogue) =>
        await actions.FindPageAsync(id, context.RequestAborted).ConfigureAwait(false) is { } stored ? Html(PageOf(stored.Value, catalogue)) : Missing(context);

    private static async Task<IResult> PressPage(string id, string button, HttpContext context, SandboxActions actions, SandboxDelivery delivery) =>
        await actions.PressAsync(id, button, context.RequestAborted).ConfigureAwait(false) is null
            ? Missing(context)
            : await DeliverAsync(context, delivery, id).ConfigureAwait(false);

    private static async Task<IResult> GetCharge(string id, HttpContext context, SandboxBooks books) =>
        await books.Charges.FindAsync(id, context.RequestAborted).ConfigureAwait(false) is { } stored ? Html(PageOf(stored.Value)) : Missing(context);

    private static async Task<IResult> PressCharge(string id, string button, HttpContext context, SandboxActions actions, SandboxDelivery delivery) =>
        await actions.AuthenticateAsync(id, button, context.RequestAborted).ConfigureAwait(false) is null
            ? Missing(context)
            : await DeliverAsync(context, delivery, id).ConfigureAwait(false);

    /// <summary>The headers of every answer, also of those that say that there is no such page.</summary>
    private static ValueTask<object?> Guard(EndpointFilterInvocationContext invocation, EndpointFilterDelegate next)
    {
        var headers = invocation.HttpContext.Response.Headers;
        headers.ContentSecurityPolicy = SandboxDocument.Policy;
        headers.XContentTypeOptions = "nosniff";
        headers["Referrer-Policy"] = "no-referrer"; // The address is what opens the page.
        headers.CacheControl = "no-store";
        return next(invocation);
    }

    /// <summary>Tells the gateway at once, so that who comes back to it from here finds it done; then shows the page by GET.</summary>
    private static async Task<IResult> DeliverAsync(HttpContext context, SandboxDelivery delivery, string id)
    {
        await delivery.DeliverDueAsync(CancellationToken.None).ConfigureAwait(false);

        // Relative to the button's own address: a proxy may have put the gateway under a path of which it knows nothing.
        context.Response.Headers.Location = $"../{id}";
        return Results.StatusCode(StatusCodes.Status303SeeOther);
    }

    private static SandboxDocument PageOf(SandboxPage page, Catalogue catalogue)
    {
        var price = Dollars(page.AmountCents);
        var plan = catalogue.Plans.GetValueOrDefault(page.Plan);
        List<(string, string)> facts = [("Plan", plan?.Name ?? page.Plan), ("Credits", CreditsOf(plan)), ("E-mail", page.Email)];
        if (page.Status == CheckoutStatus.Open)
        {
            facts.Add(("Open until", page.ExpiresAt.UtcDateTime.ToString("yyyy-MM-dd HH:mm 'UTC'", CultureInfo.InvariantCulture)));
        }

        return new(
            page.Status switch { CheckoutStatus.Open => "Sandbox checkout", CheckoutStatus.Paid => "Sandbox: paid", _ => "Sandbox: closed" },
            $"{price} {PeriodOf(plan)}",
            page.Notice ?? (page.Status == CheckoutStatus.Expired ? "This page is not open any more. Nothing was charged; begin the purchase again." : null),
            facts,
            page.Status switch { CheckoutStatus.Open => OpenGroups(price), CheckoutStatus.Paid => PaidGroups, _ => [] },
            new Uri(page.Url).AbsolutePath);
    }

    private static SandboxButtons[] OpenGroups(string price) =>
    [
        new(null, ("pay", $"Pay {price}")),
        new("Or try what else may happen", ("decline", "Pay with a card that is declined"), ("authenticate", "Authenticate and pay"), ("abandon", "Abandon the purchase")),
    ];

    private static SandboxDocument PageOf(SandboxCharge charge)
    {
        var isOpen = charge.Status == ChargeStatus.AuthenticationRequired;
        return new(
            isOpen ? "Sandbox authentication" : "Sandbox payment",
            Dollars(charge.AmountCents),
            charge.Status switch { ChargeStatus.Succeeded => "Paid.", ChargeStatus.Declined => "Declined. Nothing was charged.", _ => null },
            [("For", charge.Description)],
            isOpen ? [new(null, ("authenticate", "Authenticate and pay")), new("Or try what else may happen", ("decline", "Fail the authentication"))] : [],
            new Uri(charge.Url).AbsolutePath);
    }

    private static string CreditsOf(Plan? plan) => plan switch
    {
        null => "not known",
        { Unlimited: true } => "unlimited",
        _ => $"{plan.MonthlyCredits} {PeriodOf(plan)}",
    };

    private static string PeriodOf(Plan? plan) => plan?.PeriodMonths switch
    {
        null or 1 => "a month",
        12 => "a year",
        { } months => $"in {months.ToString(CultureInfo.InvariantCulture)} months",
    };

    private static IResult Html(SandboxDocument document, int status = StatusCodes.Status200OK) => Results.Content(document.ToHtml(), "text/html; charset=utf-8", statusCode: status);

    /// <summary>For a person with a browser a page, for a script the error that every route has.</summary>
    private static IResult Missing(HttpContext context) => context.Request.Headers.Accept.ToString().Contains("text/html", StringComparison.OrdinalIgnoreCase)
        ? Html(new("Sandbox: no such page", null, "There is no such page, or it does not take that any more. Go back and load the page again.", [], [], string.Empty), StatusCodes.Status404NotFound)
        : new Failure(StatusCodes.Status404NotFound, "page_unknown", $"There is no page {context.Request.Path}, or it does not take that any more.").ToResult();

    private static string Dollars(long cents) => string.Create(CultureInfo.InvariantCulture, $"{cents / 100m:0.00} USD");
}
