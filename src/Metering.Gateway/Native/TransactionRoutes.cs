using System.Text.Json.Serialization;
using Metering.Engine;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Metering.Gateway.Native;

/// <summary>Dialect E: the ledger's transactions.</summary>
internal static class TransactionRoutes
{
    /// <summary>What is said of an id that is none.</summary>
    internal const string IdRule = "id must be the id of a transaction (\"txn_\" and 26 characters).";

    /// <summary>An example of <see cref="ListAsync"/>'s answer.</summary>
    internal const string ListExample = """
        {"transactions": [{"id": "txn_00000000000020fghjkmnpqrst", "number": 2, "type": "DEDUCTION", "amount": -12, "credits": 88,
          "description": "Lead search: Dentists in Austin, TX (97 results)", "product": "lead.search", "quantity": 97,
          "buckets": {"bonus": 0, "monthly": 12, "permanent": 0},
          "createdAt": "2026-05-05T10:01:00.000Z", "appliedAt": "2026-05-05T10:01:00.000Z"}], "total": 2, "nextCursor": null}
        """;

    private const int DefaultLimit = 50;
    private const int MaxLimit = 100;

    /// <summary>The parameters that <see cref="ListAsync"/> reads.</summary>
    internal static QueryParameter[] ListParameters { get; } =
    [
        new("limit", "How many at most.", 1, MaxLimit, DefaultLimit),
        new("cursor", "nextCursor of the page before: the id of its last transaction.", Example: "txn_00000000000020fghjkmnpqrst"),
    ];

    public static IEndpointRouteBuilder MapTransactions(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("/v1/transactions").WithTags("Transactions");
        group.MapGet("", List)
            .RequireMeteringKey(ApiKeyScopes.Read)
            .Document("Transactions, newest first", new() { Query = ListParameters, ResponseExample = ListExample })
            .Produces<TransactionListBody>()
            .ProducesProblems(400, 401, 403, 404, 429, 500, 503);
        group.MapGet("{id}", Get)
            .RequireMeteringKey(ApiKeyScopes.Read)
            .Document("What became of a transaction id: charged, not_charged, archived, or still unknown (ask again after Retry-After)", new()
            {
                ResponseExample = """{"id": "txn_00000000000020fghjkmnpqrst", "status": "not_charged"}""",
            })
            .Produces<TransactionStatusBody>()
            .ProducesProblems(400, 401, 403, 404, 429, 500, 503);
        return routes;
    }

    /// <summary>A page of an account's transactions, as the request's query asks for it.</summary>
    internal static async Task<IResult> ListAsync(AccountId account, HttpContext context, ICreditMeter meter)
    {
        long? before = null;
        if ((QueryValues.ReadNumber(context.Request, "limit", 1, MaxLimit, DefaultLimit, out var limit)
            ?? QueryValues.ReadCursor(context.Request, out before)) is { } failure)
        {
            return failure.ToResult();
        }

        var outcome = await meter.ListTransactionsAsync(
            account, new() { Limit = (int)limit, Before = before }, context.RequestAborted).ConfigureAwait(false);
        return outcome.TryGet(out var page, out var refusal)
            ? JsonAnswer.Of(TransactionListBody.Of(page), NativeJson.Default.TransactionListBody)
            : Failure.Of(refusal).ToResult();
    }

    private static Task<IResult> List(HttpContext context, ICreditMeter meter) => ListAsync(context.GetMeteringCaller().Account, context, meter);

    private static async Task<IResult> Get(string id, HttpContext context, ICreditMeter meter)
    {
        if (!TransactionId.TryParse(id, out var transaction))
        {
            return Failure.Invalid("id", IdRule).ToResult();
        }

        var outcome = await meter.GetTransactionAsync(context.GetMeteringCaller().Account, transaction, context.RequestAborted).ConfigureAwait(false);
        if (!outcome.TryGet(out var status, out var refusal))
        {
            return Failure.Of(refusal).ToResult();
        }

        if (status.State == TransactionState.Unknown)
        {
            context.Response.Headers.RetryAfter = "1";
        }

        return JsonAnswer.Of(TransactionStatusBody.Of(transaction, status), NativeJson.Default.TransactionStatusBody);
    }
}

internal sealed record TransactionListBody(
    IReadOnlyList<TransactionBody> Transactions,
    long Total,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] string? NextCursor)
{
    public static TransactionListBody Of(TransactionPage page) =>
        new([.. page.Items.Select(TransactionBody.Of)], page.Total, page.NextBefore is null ? null : page.Items[^1].Id.ToString());
}

internal sealed record TransactionBody
{
    public required string Id { get; init; }

    public required long Number { get; init; }

    public required string Type { get; init; }

    public required Credits Amount { get; init; }

    public required Credits Credits { get; init; }

    public required string Description { get; init; }

    public string? Reference { get; init; }

    public string? Product { get; init; }

    public long? Quantity { get; init; }

    public required BurnedBody Buckets { get; init; }

    public long? RefundOfNumber { get; init; }

    public required string CreatedAt { get; init; }

    public required string AppliedAt { get; init; }

    public static TransactionBody Of(Transaction transaction) => new()
    {
        Id = transaction.Id.ToString(),
        Number = transaction.Id.Number,
        Type = transaction.Type.ToName(),
        Amount = transaction.Amount,
        Credits = transaction.Credits,
        Description = transaction.Description,
        Reference = transaction.Reference,
        Product = transaction.Product,
        Quantity = transaction.Quantity,
        Buckets = BurnedBody.Of(transaction.Buckets),
        RefundOfNumber = transaction.RefundOfNumber,
        CreatedAt = transaction.CreatedAt.ToWire(),
        AppliedAt = transaction.AppliedAt.ToWire(),
    };
}

internal sealed record TransactionStatusBody
{
    public required string Id { get; init; }

    public required string Status { get; init; }

    public TransactionBody? Transaction { get; init; }

    public static TransactionStatusBody Of(TransactionId id, TransactionStatus status) => new()
    {
        Id = id.ToString(),
        Status = status.State switch
        {
            TransactionState.Charged => "charged",
            TransactionState.NotCharged => "not_charged",
            TransactionState.Unknown => "unknown",
            TransactionState.Archived => "archived",
            _ => throw new ArgumentOutOfRangeException(nameof(status), status.State, "Not a transaction state."),
        },
        Transaction = status.Transaction is null ? null : TransactionBody.Of(status.Transaction),
    };
}
