using System.Text.Json.Serialization;
using Metering.Engine;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Metering.Gateway.LeadCredits;

/// <summary>Dialect B (002): balance and transactions.</summary>
internal static class LeadCreditsRoutes
{
    private const int DefaultLimit = 50;
    private const int MaxLimit = 100;

    public static IEndpointRouteBuilder MapLeadCredits(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("/api/v1/credits").WithTags("Balance and transactions").WithMetadata(new WithoutRateLimit());
        group.MapGet("balance", GetBalance)
            .RequireMeteringKey(ApiKeyScopes.Read)
            .Document("The balance; availableCredits = monthlyCredits + bonusCredits - usedCredits", new()
            {
                ResponseExample = """
                    {"success": true, "data": {"monthlyCredits": 100, "bonusCredits": 25, "usedCredits": 43, "availableCredits": 82,
                      "resetDay": 1, "lastResetAt": "2026-05-01T00:00:00.000Z", "carriedPermanentCredits": 0}}
                    """,
            })
            .Produces<BalanceAnswerBody>()
            .ProducesErrors<LeadCreditsErrorBody>(400, 403, 404, 500, 503)
            .ProducesErrors<LeadCreditsUnauthorizedBody>(401);
        group.MapGet("transactions", ListTransactions)
            .RequireMeteringKey(ApiKeyScopes.Read)
            .Document("Deductions and top-ups, newest first", new()
            {
                Query =
                [
                    new("limit", "How many at most.", 1, MaxLimit, DefaultLimit),
                    new("offset", "How many of the newest to skip. Rows drift while new ones arrive; cursor does not.", 0, null, 0),
                    new("cursor", "The id of the last transaction that you have; goes on after it. Not together with offset.", Example: "txn_00000000000020fghjkmnpqrst"),
                ],
                ResponseExample = """
                    {"success": true, "data": [{"id": "txn_00000000000020fghjkmnpqrst", "type": "DEDUCTION", "amount": -12,
                      "description": "Lead search: Dentists in Austin, TX (97 results)", "createdAt": "2026-05-05T10:01:00.000Z"}],
                      "meta": {"total": 28, "limit": 50, "offset": 0}}
                    """,
            })
            .Produces<TransactionsAnswerBody>()
            .ProducesErrors<LeadCreditsErrorBody>(400, 403, 404, 500, 503)
            .ProducesErrors<LeadCreditsUnauthorizedBody>(401);
        return routes;
    }

    private static async Task<IResult> GetBalance(HttpContext context, ICreditMeter meter)
    {
        var outcome = await meter.GetBalanceAsync(context.GetMeteringCaller().Account, context.RequestAborted).ConfigureAwait(false);
        return outcome.TryGet(out var balance, out var refusal)
            ? JsonAnswer.Of(new BalanceAnswerBody(true, BalanceBody.Of(balance)), LeadCreditsJson.Default.BalanceAnswerBody)
            : Failure.Of(refusal).ToResult();
    }

    private static async Task<IResult> ListTransactions(HttpContext context, ICreditMeter meter)
    {
        var (offset, before) = (0L, (long?)null);
        if ((QueryValues.ReadNumber(context.Request, "limit", 1, MaxLimit, DefaultLimit, out var limit)
            ?? QueryValues.ReadNumber(context.Request, "offset", 0, long.MaxValue, 0, out offset)
            ?? QueryValues.ReadCursor(context.Request, out before)) is { } failure)
        {
            return failure.ToResult();
        }

        if (before is not null && offset > 0)
        {
            return Failure.Invalid("cursor", "cursor and offset exclude each other; send one of them.").ToResult();
        }

        var outcome = await meter.ListTransactionsAsync(
            context.GetMeteringCaller().Account, new() { Limit = (int)limit, Offset = offset, Before = before }, context.RequestAborted).ConfigureAwait(false);
        return outcome.TryGet(out var page, out var refusal)
            ? JsonAnswer.Of(
                new TransactionsAnswerBody(true, [.. page.Items.Select(TransactionRowBody.Of)], new(page.Total, (int)limit, offset)),
                LeadCreditsJson.Default.TransactionsAnswerBody)
            : Failure.Of(refusal).ToResult();
    }
}

internal sealed record BalanceAnswerBody(bool Success, BalanceBody Data);

internal sealed record BalanceBody
{
    public required Credits MonthlyCredits { get; init; }

    public required Credits BonusCredits { get; init; }

    public required Credits UsedCredits { get; init; }

    public required Credits AvailableCredits { get; init; }

    public required int ResetDay { get; init; }

    public required string LastResetAt { get; init; }

    public required Credits CarriedPermanentCredits { get; init; }

    /// <summary>
    /// The published formula holds literally: what is there and what was used add up to what there was. Held credits cannot be spent, so
    /// here they count as used (contract, dialect B, "Settled").
    /// </summary>
    public static BalanceBody Of(Balance balance) => new()
    {
        MonthlyCredits = balance.Monthly + balance.UsedMonthly,
        BonusCredits = balance.Bonus + balance.Permanent + balance.UsedCarried,
        UsedCredits = balance.UsedMonthly + balance.UsedCarried + balance.Held,
        AvailableCredits = balance.Available,
        ResetDay = balance.ResetDay,
        LastResetAt = balance.LastResetAt.ToWire(),
        CarriedPermanentCredits = balance.Permanent,
    };
}

internal sealed record TransactionsAnswerBody(bool Success, IReadOnlyList<TransactionRowBody> Data, PageBody Meta);

internal sealed record TransactionRowBody(string Id, string Type, Credits Amount, string Description, string CreatedAt)
{
    public static TransactionRowBody Of(Transaction transaction) => new(
        transaction.Id.ToString(), transaction.Type.ToName(), transaction.Amount, transaction.Description, transaction.CreatedAt.ToWire());
}

internal sealed record PageBody(long Total, int Limit, long Offset);

/// <summary>JSON of dialect B.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    AllowDuplicateProperties = false,
    MaxDepth = JsonBody.MaxDepth)]
[JsonSerializable(typeof(ApiKeyListBody))]
[JsonSerializable(typeof(ApiKeyRequestBody))]
[JsonSerializable(typeof(ApiKeyRotationBody))]
[JsonSerializable(typeof(NewApiKeyAnswerBody))]
[JsonSerializable(typeof(RevokedApiKeyAnswerBody))]
[JsonSerializable(typeof(BalanceAnswerBody))]
[JsonSerializable(typeof(TransactionsAnswerBody))]
[JsonSerializable(typeof(LeadCreditsErrorBody))]
[JsonSerializable(typeof(LeadCreditsUnauthorizedBody))]
internal sealed partial class LeadCreditsJson : JsonSerializerContext;
