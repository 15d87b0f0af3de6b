using System.Text.Json.Serialization;
using Metering.Core;
using Metering.Engine;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Metering.Gateway.Native;

/// <summary>Dialect E: spends credits.</summary>
internal static class DeductionRoutes
{
    private const string AmountRule = "a plain decimal number above 0 with at most 4 decimals and no exponent";

    private static readonly (string Field, string Rule)[] ItemFields =
    [
        ("amount", AmountRule),
        ("product", "a text of 1 to 64 characters of a-z 0-9 . _ -"),
        ("quantity", $"a whole number from 0 to {CommandRules.MaxQuantity}"),
        ("description", $"a text of at most {CommandRules.MaxDescription} characters"),
        ("reference", $"a text of at most {CommandRules.MaxReference} characters"),
    ];

    private static readonly Dictionary<string, string> DeductFields = ItemFields.ToDictionary(item => item.Field, item => item.Rule);

    private static readonly Dictionary<string, string> BatchFields = new(ItemFields.Select(item => KeyValuePair.Create("items[]." + item.Field, item.Rule)))
    {
        ["items"] = $"a list of 1 to {DeductBatchRequest.MaxItems} deductions",
        ["items[]"] = "an object",
    };

    public static IEndpointRouteBuilder MapDeductions(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("/v1/credits/deduct").WithTags("Spending");
        group.MapMeter(HttpMethods.Post, "", Deduct)
            .RequireMeteringKey(ApiKeyScopes.Spend)
            .Document("Spend credits: an amount, or a product at its price", new()
            {
                RequestType = typeof(DeductBody),
                RequestExample = """{"product": "lead.search", "quantity": 97, "description": "Lead search: Dentists in Austin, TX (97 results)"}""",
                ResponseExample = """{"transactionId": "txn_00000000000020fghjkmnpqrst", "charged": 12, "credits": 113, "burned": {"bonus": 12, "monthly": 0, "permanent": 0}}""",
                Spends = true,
            })
            .Produces<DeductionBody>()
            .ProducesProblems(400, 401, 402, 403, 404, 413, 415, 422, 429, 500, 503);
        group.MapPost("batch", DeductBatch)
            .RequireMeteringKey(ApiKeyScopes.Spend)
            .Document($"Spend credits several times (at most {DeductBatchRequest.MaxItems}), each item with an outcome of its own", new()
            {
                RequestType = typeof(DeductBatchBody),
                RequestExample = """{"items": [{"amount": 12}, {"product": "mobile", "quantity": 1000}]}""",
                ResponseExample = """
                    {"charged": 12, "credits": 113, "items": [
                      {"status": "charged", "transactionId": "txn_00000000000020fghjkmnpqrst", "charged": 12, "credits": 113, "burned": {"bonus": 12, "monthly": 0, "permanent": 0}},
                      {"status": "refused", "error": {"code": "insufficient_credits", "detail": "This costs 5000 credits; 113 are available.", "required": 5000, "available": 113}}]}
                    """,
                Spends = true,
            })
            .Produces<BatchDeductionBody>()
            .ProducesProblems(400, 401, 403, 404, 413, 415, 422, 429, 500, 503);
        return routes;
    }

    private static async Task Deduct(HttpContext context, ICreditMeter meter)
    {
        if (IdempotencyKeys.Read(context.Request, out var key) is { } invalid)
        {
            await invalid.ToResult().ExecuteAsync(context).ConfigureAwait(false);
            return;
        }

        var body = await JsonBody.ReadAsync(context, NativeJson.Default.DeductBody, DeductFields).ConfigureAwait(false);
        if (!body.TryGet(out var request, out var failure))
        {
            await failure.ToResult().ExecuteAsync(context).ConfigureAwait(false);
            return;
        }

        var outcome = await meter.DeductAsync(context.GetMeteringCaller().Account, request.ToRequest(key), context.RequestAborted).ConfigureAwait(false);
        if (!outcome.TryGet(out var deduction, out var refusal))
        {
            await Failure.Of(refusal).ToResult().ExecuteAsync(context).ConfigureAwait(false);
            return;
        }

        context.ReportCharge(deduction.Charged, deduction.Credits, outcome.IsReplay);
        await JsonAnswer.WriteAsync(context, DeductionBody.Of(deduction), NativeJson.Default.DeductionBody).ConfigureAwait(false);
    }

    private static async Task<IResult> DeductBatch(HttpContext context, ICreditMeter meter)
    {
        if (IdempotencyKeys.Read(context.Request, out var key) is { } invalid)
        {
            return invalid.ToResult();
        }

        var body = await JsonBody.ReadAsync(context, NativeJson.Default.DeductBatchBody, BatchFields).ConfigureAwait(false);
        if (!body.TryGet(out var request, out var failure))
        {
            return failure.ToResult();
        }

        var outcome = await meter.DeductBatchAsync(
            context.GetMeteringCaller().Account,
            new() { Items = [.. (request.Items ?? []).Select(item => item?.ToRequest()!)], IdempotencyKey = key },
            context.RequestAborted).ConfigureAwait(false);
        if (!outcome.TryGet(out var batch, out var refusal))
        {
            return Failure.Of(refusal).ToResult();
        }

        context.ReportCharge(batch.Charged, batch.Credits, outcome.IsReplay);
        return JsonAnswer.Of(BatchDeductionBody.Of(batch), NativeJson.Default.BatchDeductionBody);
    }
}

[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
internal sealed record DeductBody
{
    // Setters, not initializers: those are handed over as boxed arguments of a constructor, by the reader of source-generated JSON.
    public Credits? Amount { get; set; }

    public string? Product { get; set; }

    public long? Quantity { get; set; }

    public string? Description { get; set; }

    public string? Reference { get; set; }

    public DeductRequest ToRequest(string? idempotencyKey = null) => new()
    {
        Amount = Amount,
        Product = Product,
        Quantity = Quantity,
        Description = Description,
        Reference = Reference,
        IdempotencyKey = idempotencyKey,
    };
}

[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
internal sealed record DeductBatchBody
{
    public IReadOnlyList<DeductBody?>? Items { get; init; }
}

internal sealed record BurnedBody(Credits Bonus, Credits Monthly, Credits Permanent)
{
    public static BurnedBody Of(Burned burned) => new(burned.Bonus, burned.Monthly, burned.Permanent);
}

internal sealed record DeductionBody(string TransactionId, Credits Charged, Credits Credits, BurnedBody Burned)
{
    public static DeductionBody Of(Deduction deduction) =>
        new(deduction.TransactionId.ToString(), deduction.Charged, deduction.Credits, BurnedBody.Of(deduction.Burned));
}

internal sealed record BatchDeductionBody(Credits Charged, Credits Credits, IReadOnlyList<BatchItemBody> Items)
{
    public static BatchDeductionBody Of(BatchDeduction batch) => new(batch.Charged, batch.Credits, [.. batch.Items.Select(BatchItemBody.Of)]);
}

internal sealed record BatchItemBody
{
    public required string Status { get; init; }

    public string? TransactionId { get; init; }

    public Credits? Charged { get; init; }

    public Credits? Credits { get; init; }

    public BurnedBody? Burned { get; init; }

    public BatchErrorBody? Error { get; init; }

    public static BatchItemBody Of(Outcome<Deduction> outcome) => outcome.TryGet(out var deduction, out var refusal)
        ? new()
        {
            Status = "charged",
            TransactionId = deduction.TransactionId.ToString(),
            Charged = deduction.Charged,
            Credits = deduction.Credits,
            Burned = BurnedBody.Of(deduction.Burned),
        }
        : new() { Status = "refused", Error = BatchErrorBody.Of(Failure.Of(refusal)) };
}

internal sealed record BatchErrorBody
{
    public required string Code { get; init; }

    public required string Detail { get; init; }

    public string? Field { get; init; }

    public Credits? Required { get; init; }

    public Credits? Available { get; init; }

    public string? RequiredLevel { get; init; }

    public static BatchErrorBody Of(Failure failure) => new()
    {
        Code = failure.Code,
        Detail = failure.Message,
        Field = failure.Field,
        Required = failure.Refusal?.Required,
        Available = failure.Refusal?.Available,
        RequiredLevel = failure.Refusal?.RequiredLevel?.ToName(),
    };
}
