using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

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
            .Document("Begin the purchase of a plan: a page to pay on, and a token to claim the key with", new()
            {
                RequestType = typeof(PurchaseBody),
                RequestExample = """{"email": "ann@example.com", "plan": "growth"}""",
                ResponseExample = """
                    {"data": {"checkoutUrl": "https://meter.example/sandbox/checkout/cs_sandbox_00000000000000000000000000000000",
                      "claimToken": "claim_0000000000000000000000000000000000000000000000000000000000000000",
                      "expiresAt": "2026-05-02T00:00:00.000Z", "plan": "growth",
                      "message": "Open checkoutUrl and pay; then claim the key with POST /api/v1/claim-key."}}
                    """,
            })
            .Produces<PurchaseAnswerBody>(StatusCodes.Status201Created)
            .ProducesErrors<PaymentErrorBody>(400, 409, 413, 415, 422, 429, 500, 503);
        group.MapPost("claim-key", ClaimKey)
            .Document("Claim the key of a paid purchase, once", new()
            {
                RequestType = typeof(ClaimKeyBody),
                RequestExample = """{"email": "ann@example.com", "claimToken": "claim_0000000000000000000000000000000000000000000000000000000000000000"}""",
                ResponseExample = """
                    {"data": {"apiKey": "mtr_0000000000000000000000000000000000000000000000000000000000000000", "plan": "growth", "email": "ann@example.com",
                      "message": "Keep this key: it is shown only now."}}
                    """,
                MoreExamples = new Dictionary<string, string>
                {
                    ["202"] = """{"data": {"status": "pending", "message": "The payment has not arrived yet; ask again in 5 to 10 seconds."}}""",
                },
            })
            .Produces<ClaimKeyAnswerBody>()
            .Produces<ClaimPendingAnswerBody>(StatusCodes.Status202Accepted)
            .ProducesErrors<PaymentErrorBody>(400, 403, 404, 409, 410, 413, 415, 429, 500, 503);
        routes.MapGet("/checkout/done", () => "Paid. Claim your key with POST /api/v1/claim-key; it is also on its way by mail.\n").ExcludeFromDescription();
        routes.MapGet("/checkout/cancelled", () => "Not paid. The page stays open until the purchase expires.\n").ExcludeFromDescription();
        return routes;
    }

    private static async Task<IResult> Purchase(HttpContext context, PlanSales sales, AddressLimits limits, PaymentOptions options)
    {
        if (IdempotencyKeys.Read(context.Request, out var key) is { } invalidKey)
        {
            return invalidKey.ToResult();
        }

        var body = await JsonBody.ReadAsync(context, PaymentJson.Default.PurchaseBody, PurchaseFields, ignoresOthers: true).ConfigureAwait(false);
        if (!body.TryGet(out var request, out var failure))
        {
            return failure.ToResult();
        }

        var invalid = !EmailAddress.IsValid(request.Email) ? Failure.Invalid("email", $"email must be {EmailAddress.Rule}.")
            : request.Plan is null || !options.Plans.ContainsKey(request.Plan) ? Failure.Invalid("plan", $"plan must be one of {string.Join(", ", options.Plans.Keys)}.")
            : await limits.CheckAsync(context, limits.Purchases).ConfigureAwait(false);
        if (invalid is not null)
        {
            return invalid.ToResult();
        }

        var sale = await sales.BeginAsync(request.Email!, request.Plan!, key, PublicUrlOf(context.Request), context.RequestAborted).ConfigureAwait(false);
        if (sale.Purchase is not { } purchase)
        {
            return sale.Failure!.ToResult();
        }

        var message = "Open checkoutUrl and pay; then claim the key with POST /api/v1/claim-key.";
        if (sale.ClaimToken is null)
        {
            context.Response.Headers[CreditsHeaders.Replayed] = "true";
            message = "This purchase was begun before; its claim token was told only then.";
        }

        context.Response.StatusCode = StatusCodes.Status201Created;
        context.Response.Headers.CacheControl = "no-store";
        return JsonAnswer.Of(
            new PurchaseAnswerBody(new(sale.CheckoutUrl, sale.ClaimToken, purchase.ExpiresAt.ToWire(), purchase.Plan, message)), PaymentJson.Default.PurchaseAnswerBody);
    }

    private static async Task<IResult> ClaimKey(HttpContext context, Claims claims, AddressLimits limits)
    {
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

        claim = await claims.TakeAsync(email, token, context.RequestAborted).ConfigureAwait(false);
        context.Response.Headers.CacheControl = "no-store";
        return claim.Status switch
        {
            ClaimStatus.Handed => JsonAnswer.Of(
                new ClaimKeyAnswerBody(new(claim.Key!, claim.Purchase!.Plan, claim.Purchase.Email, "Keep this key: it is shown only now.")), PaymentJson.Default.ClaimKeyAnswerBody),
            ClaimStatus.Pending => Pending(context),
            ClaimStatus.Unknown => new Failure(StatusCodes.Status404NotFound, "claim_unknown", "There is no purchase with this claim token.").ToResult(),
            ClaimStatus.WrongEmail => new Failure(StatusCodes.Status403Forbidden, "email_mismatch", "The purchase is for another e-mail address.").ToResult(),
            ClaimStatus.Claimed => new Failure(StatusCodes.Status409Conflict, "already_claimed", "The key was claimed before; it is also in the mail to this address.").ToResult(),
            ClaimStatus.Expired => new Failure(StatusCodes.Status410Gone, "claim_expired", "The claim has expired: a purchase can be paid and claimed for 24 hours. If it was paid, the key is in the mail to this address.").ToResult(),
            ClaimStatus.Unreadable => new Failure(StatusCodes.Status503ServiceUnavailable, "key_unreadable", "This server's key ring cannot decrypt the key; ask its operator to give all servers one key ring. The key is also in the mail to this address.").ToResult(),
            _ => throw new InvalidOperationException($"There is no status {claim.Status}."),
        };
    }

    private static IResult Pending(HttpContext context)
    {
        context.Response.StatusCode = StatusCodes.Status202Accepted;
        context.Response.Headers.RetryAfter = "5";
        return JsonAnswer.Of(new ClaimPendingAnswerBody(new("pending", "The payment has not arrived yet; ask again in 5 to 10 seconds.")), PaymentJson.Default.ClaimPendingAnswerBody);
    }

    /// <summary>Where this request reached the gateway.</summary>
    internal static string PublicUrlOf(HttpRequest request) => $"{request.Scheme}://{request.Host}{request.PathBase}";
}
