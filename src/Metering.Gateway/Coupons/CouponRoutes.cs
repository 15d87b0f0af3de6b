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
            })
            .Produces<CouponRedeemedBody>()
            .ProducesProblems(400, 401, 403, 404, 409, 410, 413, 415, 422, 500, 503);
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
