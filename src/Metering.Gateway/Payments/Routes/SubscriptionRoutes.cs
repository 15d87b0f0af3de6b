using System.Text.Json;
using Metering.Engine;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Metering.Gateway.Payments;

/// <summary>Dialect A (000): buys credits with the saved card, and changes the subscription.</summary>
internal static class SubscriptionRoutes
{
    private static readonly Dictionary<string, string> PurchaseFields = new()
    {
        ["creditCount"] = $"a whole number of credits, at least {CreditSales.LeastCredits}",
        ["dollarAmount"] = "a plain decimal number of dollars with at most 2 decimals",
    };

    private static readonly Dictionary<string, string> ChangeFields = new() { ["targetPlan"] = "a text: the id of a plan with credits" };

    public static IEndpointRouteBuilder MapSubscription(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("/api/v1").WithTags("Credits and subscription");
        group.MapPost("purchase-credits", PurchaseCredits)
            .RequireMeteringKey(ApiKeyScopes.Spend)
            .Document("Buy permanent credits with the saved card", new()
            {
                RequestType = typeof(PurchaseCreditsBody),
                RequestExample = """{"creditCount": 101}""",
                ResponseExample = """
                    {"data": {"success": true, "creditsAdded": 101, "totalPermanentCredits": 101, "amountCharged": 7.58, "amountChargedCents": 758,
                      "pricePerCredit": 0.075, "stripePaymentIntentId": "pi_00000000000000"}}
                    """,
                Spends = true,
            })
            .Produces<PurchaseCreditsAnswerBody>()
            .ProducesErrors<PaymentErrorBody>(400, 401, 402, 403, 404, 413, 415, 422, 429, 500, 503);
        group.MapPost("subscription/cancel", Cancel)
            .RequireMeteringKey(ApiKeyScopes.Spend)
            .Document("Cancel the subscription at the end of the paid period", new()
            {
                ResponseExample = """
                    {"data": {"message": "The subscription ends with the paid period; access and credits stay until then.", "cancelAtPeriodEnd": true,
                      "currentPeriodEnd": 1780272000, "status": "active"}}
                    """,
                Changes = true,
            })
            .Produces<CancelAnswerBody>()
            .ProducesErrors<PaymentErrorBody>(400, 401, 403, 404, 422, 429, 500, 503);
        group.MapPost("subscription/change-plan", ChangePlan)
            .RequireMeteringKey(ApiKeyScopes.Spend)
            .Document("Change the plan: up at once, for a prorated price; down with the next period", new()
            {
                RequestType = typeof(ChangePlanBody),
                RequestExample = """{"targetPlan": "scale"}""",
                ResponseExample = """
                    {"data": {"message": "The plan was changed; its credits are there now.", "changeType": "upgrade", "previousPlan": "growth", "newPlan": "scale",
                      "newMonthlyCredits": 5000, "permanentCreditsAdded": 640}}
                    """,
                Changes = true,
            })
            .Produces<ChangePlanAnswerBody>()
            .ProducesErrors<PaymentErrorBody>(400, 401, 402, 403, 404, 413, 415, 422, 429, 500, 503);
        return routes;
    }

    private static async Task<IResult> PurchaseCredits(HttpContext context, CreditSales sales, PaymentOptions options)
    {
        if (IdempotencyKeys.Read(context.Request, out var key) is { } invalid)
        {
            return invalid.ToResult();
        }

        var body = await JsonBody.ReadAsync(context, PaymentJson.Default.PurchaseCreditsBody, PurchaseFields, ignoresOthers: true).ConfigureAwait(false);
        if (!body.TryGet(out var request, out var failure))
        {
            return failure.ToResult();
        }

        if (PublicAddress.Find(options, context.Request, out var address) is { } unreachable)
        {
            return unreachable.ToResult();
        }

        var sale = await sales.BuyAsync(
            context.GetMeteringCaller().Account,
            new(request.CreditCount, request.DollarAmount),
            key,
            address,
            context.RequestAborted).ConfigureAwait(false);
        if (sale.Failure is { } refused)
        {
            return new FailureResult(refused, sale.PaymentUrl is null ? null : (answer, told) => JsonAnswer.WriteAsync(
                answer, new PaymentErrorBody(told.Code, told.Message, sale.PaymentUrl), PaymentJson.Default.PaymentErrorBody));
        }

        if (sale.IsReplay)
        {
            context.Response.Headers[CreditsHeaders.Replayed] = "true";
        }

        return JsonAnswer.Of(new PurchaseCreditsAnswerBody(PurchaseCreditsResultBody.Of(sale.Purchase!)), PaymentJson.Default.PurchaseCreditsAnswerBody);
    }

    private static async Task<IResult> ChangePlan(HttpContext context, Subscriptions subscriptions, OnceRequests once)
    {
        var body = await JsonBody.ReadAsync(context, PaymentJson.Default.ChangePlanBody, ChangeFields, ignoresOthers: true).ConfigureAwait(false);
        if (!body.TryGet(out var request, out var failure))
        {
            return failure.ToResult();
        }

        var account = context.GetMeteringCaller().Account;
        return await once.TakeAsync(
            context,
            JsonSerializer.SerializeToUtf8Bytes(request, PaymentJson.Default.ChangePlanBody),
            PaymentJson.Default.ChangePlanAnswerBody,
            async isUnfinished =>
            {
                var (change, refused) = await subscriptions.ChangePlanAsync(account, request.TargetPlan, isUnfinished, context.RequestAborted).ConfigureAwait(false);
                return (change is null ? null : new(ChangePlanResultBody.Of(change)), refused);
            }).ConfigureAwait(false);
    }

    private static Task<IResult> Cancel(HttpContext context, Subscriptions subscriptions, OnceRequests once) => once.TakeAsync(
        context,
        [],
        PaymentJson.Default.CancelAnswerBody,
        async _ =>
        {
            var (billing, failure) = await subscriptions.CancelAsync(context.GetMeteringCaller().Account, context.RequestAborted).ConfigureAwait(false);
            return (billing is null ? null : new(CancelResultBody.Of(billing)), failure);
        });
}
