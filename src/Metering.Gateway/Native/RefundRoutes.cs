using System.Text.Json.Serialization;
using Metering.Core;
using Metering.Engine;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Metering.Gateway.Native;

/// <summary>
/// Dialect E: gives spent credits back. It takes a scope of its own, because it is for the service that charged: a customer's key with it
/// could take back what the customer has used.
/// </summary>
internal static class RefundRoutes
{
    private static readonly Dictionary<string, string> Fields = new()
    {
        ["amount"] = "a plain decimal number above 0 with at most 4 decimals and no exponent, or be left out for all that is left of the charge",
        ["description"] = $"a text of at most {CommandRules.MaxDescription} characters",
    };

    public static IEndpointRouteBuilder MapRefunds(this IEndpointRouteBuilder routes)
    {
        routes.MapPost("/v1/transactions/{id}/refund", Refund)
            .RequireMeteringKey(ApiKeyScopes.Refund)
            .WithTags("Transactions")
            .Document("Give back a deduction, whole or in part, in sum never more than it charged; a whole refund ends the record subscriptions that it started", new()
            {
                RequestType = typeof(RefundBody),
                RequestExample = """{"amount": 5, "description": "Two of the results were outdated"}""",
                ResponseExample = """
                    {"transactionId": "txn_00000000000030fghjkmnpqrst", "refundOf": "txn_00000000000020fghjkmnpqrst", "refunded": 5, "credits": 93}
                    """,
                Changes = true,
            })
            .Produces<RefundAnswerBody>()
            .ProducesProblems(400, 401, 403, 404, 410, 413, 415, 422, 429, 500, 503);
        return routes;
    }

    private static async Task<IResult> Refund(string id, HttpContext context, ICreditMeter meter)
    {
        if (!TransactionId.TryParse(id, out var transaction))
        {
            return Failure.Invalid("id", TransactionRoutes.IdRule).ToResult();
        }

        if (IdempotencyKeys.Read(context.Request, out var key) is { } invalid)
        {
            return invalid.ToResult();
        }

        // Everything here has a default, so that the body may be left out.
        var body = JsonBody.IsSent(context) ? await JsonBody.ReadAsync(context, NativeJson.Default.RefundBody, Fields).ConfigureAwait(false) : new(new(), null);
        if (!body.TryGet(out var wire, out var failure))
        {
            return failure.ToResult();
        }

        var outcome = await meter.RefundAsync(
            context.GetMeteringCaller().Account,
            new() { TransactionId = transaction, Amount = wire.Amount, Description = wire.Description, IdempotencyKey = key },
            context.RequestAborted).ConfigureAwait(false);
        if (!outcome.TryGet(out var posting, out var refusal))
        {
            return Failure.Of(refusal).ToResult();
        }

        context.ReportCharge(Credits.Zero, posting.Credits, outcome.IsReplay);
        return JsonAnswer.Of(
            new RefundAnswerBody(posting.TransactionId.ToString(), transaction.ToString(), posting.Amount, posting.Credits), NativeJson.Default.RefundAnswerBody);
    }
}

[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
internal sealed record RefundBody
{
    public Credits? Amount { get; init; }

    public string? Description { get; init; }
}

internal sealed record RefundAnswerBody(string TransactionId, string RefundOf, Credits Refunded, Credits Credits);
