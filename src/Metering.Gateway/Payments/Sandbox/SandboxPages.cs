using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Encodings.Web;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Metering.Gateway.Payments.Sandbox;

/// <summary>The sandbox's pages: plain forms, no script, nothing from elsewhere. Whoever has a page's address may press its buttons.</summary>
internal static class SandboxPages
{
    private const string Style = """
        :root { color-scheme: light dark; }
        body { font: 1rem/1.5 system-ui, sans-serif; max-width: 36rem; margin: 2rem auto; padding: 0 1rem; }
        button { font: inherit; padding: .6rem 1rem; min-width: 14rem; margin: .25rem 0; cursor: pointer; }
        button:focus-visible { outline: 3px solid Highlight; outline-offset: 2px; }
        dt { font-weight: 600; } dd { margin: 0 0 .5rem; }
        [role=status] { border-left: .3rem solid; padding: .5rem 1rem; }
        """;

    private static readonly string Policy =
        $"default-src 'none'; style-src 'sha256-{Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(Style)))}'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

    private static readonly (string Action, string Label)[] OpenButtons =
    [
        ("pay", "Pay"), ("decline", "Pay with a card that is declined"), ("authenticate", "Authenticate and pay"), ("abandon", "Abandon the purchase"),
    ];

    private static readonly (string Action, string Label)[] PaidButtons =
    [
        ("renew", "Renew: charge the next period"), ("refund", "Refund the last purchase of credits"), ("dispute", "Dispute the last purchase of credits"),
        ("refund-subscription", "Refund the last payment of the subscription"), ("dispute-subscription", "Dispute the last payment of the subscription"), ("win-dispute", "Win the dispute"),
        ("card-pays", "Saved card: pays"), ("card-declines", "Saved card: is declined"), ("card-authenticates", "Saved card: asks for authentication"),
    ];

    private static readonly (string Action, string Label)[] ChargeButtons = [("authenticate", "Authenticate and pay"), ("decline", "Fail the authentication")];

    public static IEndpointRouteBuilder MapSandbox(this IEndpointRouteBuilder routes)
    {
        // Pages for people, not part of the interface that the OpenAPI document describes.
        var group = routes.MapGroup("/sandbox").ExcludeFromDescription();
        group.MapGet("checkout/{id}", GetPage);
        group.MapPost("checkout/{id}/{button}", PressPage);
        group.MapGet("payments/{id}", GetCharge);
        group.MapPost("payments/{id}/{button}", PressCharge);
        return routes;
    }

    private static async Task<IResult> GetPage(string id, HttpContext context, SandboxActions actions) =>
        await actions.FindPageAsync(id, context.RequestAborted).ConfigureAwait(false) is { } stored ? Html(context, PageOf(stored.Value)) : Missing(context);

    private static async Task<IResult> PressPage(string id, string button, HttpContext context, SandboxActions actions, SandboxDelivery delivery) =>
        await actions.PressAsync(id, button, context.RequestAborted).ConfigureAwait(false) is null
            ? Missing(context)
            : await DeliverAsync(context, delivery, $"/sandbox/checkout/{id}").ConfigureAwait(false);

    private static async Task<IResult> GetCharge(string id, HttpContext context, SandboxBooks books) =>
        await books.Charges.FindAsync(id, context.RequestAborted).ConfigureAwait(false) is { } stored ? Html(context, PageOf(stored.Value)) : Missing(context);

    private static async Task<IResult> PressCharge(string id, string button, HttpContext context, SandboxActions actions, SandboxDelivery delivery) =>
        await actions.AuthenticateAsync(id, button, context.RequestAborted).ConfigureAwait(false) is null
            ? Missing(context)
            : await DeliverAsync(context, delivery, $"/sandbox/payments/{id}").ConfigureAwait(false);

    /// <summary>Tells the gateway at once, so that who comes back to it from here finds it done; then shows the page by GET.</summary>
    private static async Task<IResult> DeliverAsync(HttpContext context, SandboxDelivery delivery, string page)
    {
        await delivery.DeliverDueAsync(CancellationToken.None).ConfigureAwait(false);
        context.Response.Headers.Location = context.Request.PathBase + page;
        return Results.StatusCode(StatusCodes.Status303SeeOther);
    }

    private static string PageOf(SandboxPage page) => Document(
        page.Status switch { CheckoutStatus.Open => "Sandbox checkout", CheckoutStatus.Paid => "Sandbox: paid", _ => "Sandbox: closed" },
        page.Notice,
        [("Plan", page.Plan), ("E-mail", page.Email), ("Price", Dollars(page.AmountCents)), ("Open until", page.ExpiresAt.ToWire())],
        page.Status switch { CheckoutStatus.Open => OpenButtons, CheckoutStatus.Paid => PaidButtons, _ => [] },
        page.Url);

    private static string PageOf(SandboxCharge charge) => Document(
        charge.Status == ChargeStatus.AuthenticationRequired ? "Sandbox authentication" : "Sandbox payment",
        charge.Status switch { ChargeStatus.Succeeded => "Paid.", ChargeStatus.Declined => "Declined. Nothing was charged.", _ => null },
        [("For", charge.Description), ("Price", Dollars(charge.AmountCents))],
        charge.Status == ChargeStatus.AuthenticationRequired ? ChargeButtons : [],
        charge.Url);

    private static string Document(string title, string? notice, (string Name, string Value)[] facts, (string Action, string Label)[] buttons, string url)
    {
        var path = new Uri(url).AbsolutePath;
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><title>{Encode(title)}</title><style>{Style}</style></head>\n<body><main><h1>{Encode(title)}</h1>\n");
        text.Append("<p>This is a trial: no money is taken, and no card is asked for.</p>\n");
        if (notice is not null)
        {
            text.Append(CultureInfo.InvariantCulture, $"<p role=\"status\">{Encode(notice)}</p>\n");
        }

        text.Append("<dl>");
        foreach (var (name, value) in facts)
        {
            text.Append(CultureInfo.InvariantCulture, $"<dt>{Encode(name)}</dt><dd>{Encode(value)}</dd>");
        }

        text.Append("</dl>\n");
        foreach (var (action, label) in buttons)
        {
            text.Append(CultureInfo.InvariantCulture, $"<form method=\"post\" action=\"{Encode(path)}/{action}\"><button>{Encode(label)}</button></form>\n");
        }

        return text.Append("</main></body></html>\n").ToString();
    }

    private static IResult Html(HttpContext context, string html)
    {
        var headers = context.Response.Headers;
        headers.ContentSecurityPolicy = Policy;
        headers.XContentTypeOptions = "nosniff";
        headers["Referrer-Policy"] = "no-referrer"; // The address is what opens the page.
        headers.CacheControl = "no-store";
        return Results.Content(html, "text/html; charset=utf-8");
    }

    private static IResult Missing(HttpContext context) =>
        new Failure(StatusCodes.Status404NotFound, "page_unknown", $"There is no page {context.Request.Path}, or it does not take that any more.").ToResult();

    private static string Dollars(long cents) => string.Create(CultureInfo.InvariantCulture, $"{cents / 100m:0.00} USD");

    private static string Encode(string text) => HtmlEncoder.Default.Encode(text);
}
