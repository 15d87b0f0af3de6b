using System.Text.Json.Serialization;
using Metering.Engine;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Metering.Gateway.Coupons;

/// <summary>Dialect E: redeems coupons.</summary>
internal static class CouponRoutes
{
    private static readonly Dictionary<string, string> Fields = new() { ["code"] = $"a text of {CouponRedeemer.CodeRule}" };

    public static IEndpointRouteBuilder MapCoupons(this IEndpointRouteBuilder routes)
    {
        routes.MapPost("/v1/coupons/redeem", Redeem)
            .RequireMeteringKey(ApiKeyScopes.Spend)
            .WithTags("Coupons")
            .Document("Redeem a coupon, once an account: it gives bonus credits", new()
            {
                RequestType = typeof(CouponRedeemBody),
                RequestExample = """{"code": "SPRING-25"}""",
                ResponseExample = """
                    {"code": "SPRING-25", "granted": 25, "credits": 125, "expiresAt": "2026-05-31T00:00:00.000Z", "transactionId": "txn_00000000000020fghjkmnpqrst"}
                    """,
                Changes = true,
                Errors =
                [
                    new(400, "invalid_request", $"code must be {Fields["code"]}."),
                    new(403, "scope_missing", "This route needs an API key with the scope spend; this key has read."),
                    new(403, "coupon_not_for_plan", "The coupon SPRING-25 is for the plans starter; this account is on scale."),
                    new(403, "sandbox_key", "A sandbox key cannot redeem coupons: it would use up a slot of a real customer. Use a key of the account itself."),
                    new(404, "coupon_unknown", "There is no coupon SPRING-25."),
                    new(409, "coupon_used_up", "The coupon SPRING-25 has been redeemed as often as it can be."),
                    new(409, "coupon_already_redeemed", "This account has redeemed SPRING-25 already; a coupon can be redeemed once by an account."),
                    new(410, "coupon_expired", "The coupon SPRING-25 can no longer be redeemed."),
                ],
            })
            .Produces<CouponRedeemedBody>()
            .ProducesProblems(400, 401, 403, 404, 409, 410, 413, 415, 422, 429, 500, 503);
        return routes;
    }

    private static async Task<IResult> Redeem(HttpContext context, CouponRedeemer redeemer)
    {
        if (IdempotencyKeys.Read(context.Request, out var key) is { } invalid)
        {
            return invalid.ToResult();
        }

        var body = await JsonBody.ReadAsync(context, CouponJson.Default.CouponRedeemBody, Fields).ConfigureAwait(false);
        if (!body.TryGet(out var request, out var failure))
        {
            return failure.ToResult();
        }

        if (CouponRedeemer.Normalize(request.Code) is not { } code)
        {
            return Failure.Invalid("code", $"code must be {Fields["code"]}.").ToResult();
        }

        var (redemption, refusal) = await redeemer.RedeemAsync(code, context.GetMeteringCaller().Account, key, context.RequestAborted).ConfigureAwait(false);
        if (redemption is null)
        {
            return refusal!.ToResult();
        }

        context.ReportCharge(Credits.Zero, redemption.Posting.Credits, redemption.IsReplay);
        return JsonAnswer.Of(CouponRedeemedBody.Of(redemption), CouponJson.Default.CouponRedeemedBody);
    }
}

[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
internal sealed record CouponRedeemBody
{
    public string? Code { get; init; }
}

/// <summary>A redeemed coupon.</summary>
/// <param name="Code">The coupon.</param>
/// <param name="Granted">The bonus credits that it gave.</param>
/// <param name="Credits">The balance after it.</param>
/// <param name="ExpiresAt">When those credits end; null for never.</param>
/// <param name="TransactionId">The transaction.</param>
internal sealed record CouponRedeemedBody(string Code, Credits Granted, Credits Credits, string? ExpiresAt, string TransactionId)
{
    public static CouponRedeemedBody Of(Redemption redemption) => new(
        redemption.Slot.Code,
        redemption.Slot.Amount,
        redemption.Posting.Credits,
        redemption.Slot.BonusExpiresAt?.ToWire(),
        redemption.Posting.TransactionId.ToString());
}

/// <summary>JSON of coupons.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, AllowDuplicateProperties = false, MaxDepth = JsonBody.MaxDepth)]
[JsonSerializable(typeof(CouponRedeemBody))]
[JsonSerializable(typeof(CouponRedeemedBody))]
internal sealed partial class CouponJson : JsonSerializerContext;
