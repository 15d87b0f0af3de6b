using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace Metering.Gateway.Payments;

/// <summary>Dialect A (001): buys a plan and claims its key, without a key and without a human on this side.</summary>
internal static class PurchaseRoutes
{
    private static readonly Dictionary<string, string> PurchaseFields = new() { ["email"] = EmailAddress.Rule, ["plan"] = "a text: the id of a plan for sale" };

    private static readonly Dictionary<string, string> ClaimFields = new() { ["email"] = EmailAddress.Rule, ["claimToken"] = "a text: the claim token of the purchase" };

    public static IEndpointRouteBuilder MapPurchase(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("/api/v1").WithTags("Programmatic purchase");
        group.MapPost("purchase", Purchase)
            .Document("Begin the purchase of a plan: a page to pay on, and a token to claim the key with. With a key of an account whose subscription has ended, that account is renewed; else a new one is made", new()
            {
                RequestType = typeof(PurchaseBody),
                RequestExample = """{"email": "ann@example.com", "plan": "growth"}""",
                ResponseExample = """
                    {"data": {"checkoutUrl": "https://meter.example/sandbox/checkout/cs_sandbox_00000000000000000000000000000000",
                      "claimToken": "claim_0000000000000000000000000000000000000000000000000000000000000000",
                      "expiresAt": "2026-05-02T00:00:00.000Z", "plan": "growth",
                      "message": "Open checkoutUrl and pay; then claim the key with POST /api/v1/claim-key."}}
                    """,
                Changes = true,
            })
            .Produces<PurchaseAnswerBody>(StatusCodes.Status201Created)
            .ProducesErrors<PaymentErrorBody>(400, 401, 403, 409, 413, 415, 422, 429, 500, 503);
        group.MapPost("claim-key", ClaimKey)
            .Document("Claim the key of a paid purchase, once", new()
            {
                RequestType = typeof(ClaimKeyBody),
                RequestExample = """{"email": "ann@example.com", "claimToken": "claim_0000000000000000000000000000000000000000000000000000000000000000"}""",
                ResponseExample = """
                    {"data": {"apiKey": "mtr_0000000000000000000000000000000000000000000000000000000000000000", "plan": "growth", "email": "ann@example.com",
                      "message": "Keep this key: it is shown only now."}}
                    """,
                Changes = true,
                MoreExamples = new Dictionary<string, string>
                {
                    ["202"] = """{"data": {"status": "pending", "message": "The payment has not arrived yet; ask again in 5 to 10 seconds."}}""",
                },
            })
            .Produces<ClaimKeyAnswerBody>()
            .Produces<ClaimPendingAnswerBody>(StatusCodes.Status202Accepted)
            .ProducesErrors<PaymentErrorBody>(400, 403, 404, 409, 410, 413, 415, 422, 429, 500, 503);
        routes.MapGet("/checkout/done", (HttpContext context) => Page(context, "Paid. Claim your key with POST /api/v1/claim-key; it is also on its way by mail.\n")).ExcludeFromDescription();
        routes.MapGet("/checkout/cancelled", (HttpContext context) => Page(context, "Not paid. The page stays open until the purchase expires.\n")).ExcludeFromDescription();
        return routes;
    }

    private static async Task<IResult> Purchase(HttpContext context, PlanSales sales, AddressLimits limits, PaymentOptions options, OnceRequests once)
    {
        if (IdempotencyKeys.Read(context.Request, out var key) is { } invalidKey)
        {
            return invalidKey.ToResult();
        }

        var (renewing, unknown) = await FindCallerAsync(context).ConfigureAwait(false);
        if (unknown is not null)
        {
            return unknown.ToResult();
        }

        var body = await JsonBody.ReadAsync(context, PaymentJson.Default.PurchaseBody, PurchaseFields, ignoresOthers: true).ConfigureAwait(false);
        if (!body.TryGet(out var request, out var failure))
        {
            return failure.ToResult();
        }

        string[] plans = [.. options.Plans.Where(plan => plan.Value.IsForSale).Select(plan => plan.Key)];
        var address = string.Empty;
        var invalid = !EmailAddress.IsValid(request.Email) ? Failure.Invalid("email", $"email must be {EmailAddress.Rule}.")
            : !plans.Contains(request.Plan, StringComparer.Ordinal) ? Failure.Invalid("plan", $"plan must be one of {string.Join(", ", plans)}.")
            : PublicAddress.Find(options, context.Request, out address) ?? await limits.CheckAsync(context, limits.Purchases).ConfigureAwait(false);
        if (invalid is not null)
        {
            return invalid.ToResult();
        }

        async Task<OnceOutcome> BeginAsync(bool isUnfinished)
        {
            var sale = await sales.BeginAsync(request.Email!, request.Plan!, renewing, address, context.RequestAborted).ConfigureAwait(false);
            if (sale.Purchase is not { } purchase)
            {
                return new(sale.Failure!.ToResult(), null, sale.Failure.Status >= StatusCodes.Status500InternalServerError);
            }

            var answer = new PurchaseResultBody(
                sale.CheckoutUrl, sale.ClaimToken, purchase.ExpiresAt.ToWire(), purchase.Plan, "Open checkoutUrl and pay; then claim the key with POST /api/v1/claim-key.");
            var kept = answer with { ClaimToken = null, Message = "This purchase was begun before; its claim token was told only then." };
            return new(
                Begun(context, answer),
                new(StatusCodes.Status201Created, JsonSerializer.Serialize(new(kept), PaymentJson.Default.PurchaseAnswerBody)),
                false);
        }

        return key is null
            ? (await BeginAsync(false).ConfigureAwait(false)).Result
            : await once.TakeAsync(
                context,
                OpenRequest(context, key, [EmailAddress.Normalize(request.Email!), request.Plan!, renewing?.Account.Value ?? string.Empty]),
                BeginAsync,
                kept =>
                {
                    context.Response.Headers[CreditsHeaders.Replayed] = "true";
                    return Begun(context, JsonSerializer.Deserialize(kept.Body, PaymentJson.Default.PurchaseAnswerBody)!.Data);
                }).ConfigureAwait(false);
    }

    /// <summary>Who calls, where the request has a key; the route is open, but a key that opens nothing must not buy a new account in silence.</summary>
    private static async ValueTask<(MeteringCaller? Caller, Failure? Failure)> FindCallerAsync(HttpContext context)
    {
        var presented = PresentedKey.Of(context.Request);
        if (presented.IsConflict)
        {
            return (null, Failure.Invalid("Authorization", "The request carries different API keys; send one key, in Authorization or in X-API-Key."));
        }

        if (presented.Key.IsEmpty)
        {
            return (null, null);
        }

        if (await context.RequestServices.GetRequiredService<CallerFinder>().FindAsync(presented.Key, context.RequestAborted).ConfigureAwait(false) is not { } caller)
        {
            return (null, Failure.Unauthenticated(isMissing: false));
        }

        MeteringKeyEndpoints.SetCaller(context, caller);
        return (caller, null);
    }

    private static IResult Begun(HttpContext context, PurchaseResultBody answer)
    {
        context.Response.StatusCode = StatusCodes.Status201Created;
        context.Response.Headers.CacheControl = "no-store";
        return JsonAnswer.Of(new(answer), PaymentJson.Default.PurchaseAnswerBody);
    }

    /// <summary>The key of a request to an open route, which it is scoped to.</summary>
    private static KeyedRequest OpenRequest(HttpContext context, string key, string[] body) => new(
        $"route:{context.Request.Path}".ToLowerInvariant(),
        SHA256.HashData(Encoding.ASCII.GetBytes(key)),
        KeyedRequest.HashOf(context.Request, Encoding.UTF8.GetBytes(string.Join('\n', body))));

    private static async Task<IResult> ClaimKey(HttpContext context, Claims claims, AddressLimits limits, OnceRequests once)
    {
        if (IdempotencyKeys.Read(context.Request, out var key) is { } invalidKey)
        {
            return invalidKey.ToResult();
        }

        var body = await JsonBody.ReadAsync(context, PaymentJson.Default.ClaimKeyBody, ClaimFields, ignoresOthers: true).ConfigureAwait(false);
        if (!body.TryGet(out var request, out var failure))
        {
            return failure.ToResult();
        }

        if (request is not { Email: { } email, ClaimToken: { } token } || !EmailAddress.IsValid(email))
        {
            return (request.ClaimToken is null
                ? Failure.Invalid("claimToken", $"claimToken must be {ClaimFields["claimToken"]}.")
                : Failure.Invalid("email", $"email must be {EmailAddress.Rule}.")).ToResult();
        }

        // A pending answer for the right address and token is free, also where the limit is reached: 30 an hour cannot carry the poll that
        // is asked for. Nobody learns anything by it: the token has 256 random bits.
        var claim = await claims.LookAsync(email, token, context.RequestAborted).ConfigureAwait(false);
        if (!claim.IsFree && await limits.CheckAsync(context, limits.Claims).ConfigureAwait(false) is { } limited)
        {
            return limited.ToResult();
        }

        context.Response.Headers.CacheControl = "no-store";
        return key is null
            ? (await TakeAsync(false).ConfigureAwait(false)).Result
            : await once.TakeAsync(
                context,
                OpenRequest(context, key, [EmailAddress.Normalize(email), token]),
                TakeAsync,
                kept => OnceRequests.Replay(context, JsonSerializer.Deserialize(kept.Body, PaymentJson.Default.ClaimKeyAnswerBody)!, PaymentJson.Default.ClaimKeyAnswerBody))
                .ConfigureAwait(false);

        async Task<OnceOutcome> TakeAsync(bool isUnfinished)
        {
            var taken = await claims.TakeAsync(email, token, context.RequestAborted).ConfigureAwait(false);
            if (taken.Status != ClaimStatus.Handed)
            {
                // That it is pending is no end: the same key may have the real answer later.
                return new(taken.Status == ClaimStatus.Pending ? Pending(context) : FailureOf(taken.Status).ToResult(), null, false);
            }

            var answer = new ClaimKeyResultBody(taken.Key, taken.Purchase!.Plan, taken.Purchase.Email, "Keep this key: it is shown only now.");
            var kept = answer with { ApiKey = null, Message = "The key was claimed before, and told only then; it is also in the mail to this address." };
            return new(
                JsonAnswer.Of(new(answer), PaymentJson.Default.ClaimKeyAnswerBody),
                new(StatusCodes.Status200OK, JsonSerializer.Serialize(new(kept), PaymentJson.Default.ClaimKeyAnswerBody)),
                false);
        }
    }

    private static Failure FailureOf(ClaimStatus status) => status switch
    {
        ClaimStatus.Unknown => new(StatusCodes.Status404NotFound, "claim_unknown", "There is no purchase with this claim token."),
        ClaimStatus.WrongEmail => new(StatusCodes.Status403Forbidden, "email_mismatch", "The purchase is for another e-mail address."),
        ClaimStatus.Claimed => new(StatusCodes.Status409Conflict, "already_claimed", "The key was claimed before; it is also in the mail to this address."),
        ClaimStatus.Expired => new(StatusCodes.Status410Gone, "claim_expired", "The claim has expired: a purchase can be paid and claimed for 24 hours. If it was paid, the key is in the mail to this address."),
        ClaimStatus.Unreadable => new(StatusCodes.Status503ServiceUnavailable, "key_unreadable", "This server's key ring cannot decrypt the key; ask its operator to give all servers one key ring. The key is also in the mail to this address."),
        _ => throw new ArgumentOutOfRangeException(nameof(status), status, "That is no failure."),
    };

    private static IResult Pending(HttpContext context)
    {
        context.Response.StatusCode = StatusCodes.Status202Accepted;
        context.Response.Headers.RetryAfter = "5";
        return JsonAnswer.Of(new ClaimPendingAnswerBody(new("pending", "The payment has not arrived yet; ask again in 5 to 10 seconds.")), PaymentJson.Default.ClaimPendingAnswerBody);
    }

    /// <summary>A page for whoever comes back from the provider: a text, in nobody's frame, that no browser takes for anything else.</summary>
    private static IResult Page(HttpContext context, string text)
    {
        var headers = context.Response.Headers;
        headers.CacheControl = "no-store";
        headers.ContentSecurityPolicy = "default-src 'none'; frame-ancestors 'none'";
        headers.XContentTypeOptions = "nosniff";
        headers["Referrer-Policy"] = "no-referrer"; // The address that the provider sends people to may name its session.
        return Results.Text(text, "text/plain; charset=utf-8");
    }
}
