using System.Text.Json.Serialization;
using Metering.Core;
using Metering.Gateway.Admin;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Metering.Gateway.Payments;

/// <summary>What operators see of payments: what waits for them, and what refunds and disputes took back.</summary>
internal static class PaymentAdminRoutes
{
    private const int MostProblems = 1_000;

    public static void Map(RouteGroupBuilder admin)
    {
        var group = admin.MapGroup("").WithTags("Administration: payments");
        group.MapGet("payments/problems", ListProblems)
            .Document("What waits for an operator: events that were given up, charges whose credits are not granted or taken back yet, documents that cannot be read; at most 1,000", new()
            {
                ResponseExample = """
                    {"problems": [{"kind": "event_given_up", "account": null, "subject": "evt_00000000000000",
                      "message": "invoice.paid was given up on 2026-05-03T00:00:00.000Z: The account is closed. Mend the cause, and retry it."}], "complete": true}
                    """,
            })
            .Produces<AdminProblemListBody>()
            .ProducesProblems(401, 403, 500, 503);
        group.MapPost("payments/events/{eventId}/retry", Retry)
            .Document("Try an event of the payment provider again that was given up", new() { ResponseExample = """{"event": "evt_00000000000000", "retried": true}""" })
            .Produces<AdminRetryBody>()
            .ProducesProblems(400, 401, 403, 404, 500, 503);
        group.MapGet("accounts/{id}/reversals", ListReversals)
            .Document("What refunds and disputes of an account's charges took back, and what of it was spent and became a debt", new()
            {
                Query = [.. AdminValues.ListParameters],
                ResponseExample = """
                    {"reversals": [{"charge": "pi_00000000000000", "paid": "crp_0123456789abcdef0123456789abcdef", "amountCents": 750, "reversedCents": 750, "granted": 100,
                      "takenBack": 100, "addedToDebt": 40, "pending": false, "changedAt": "2026-05-03T00:00:00.000Z"}], "nextCursor": null}
                    """,
            })
            .Produces<AdminReversalListBody>()
            .ProducesProblems(400, 401, 403, 404, 500, 503);
    }

    private static async Task<IResult> ListProblems(HttpContext context, PaymentProblems problems)
    {
        var found = await problems.FindAsync(context.RequestAborted).Take(MostProblems + 1)
            .Select(problem => new AdminProblemBody(problem.Kind, problem.Account, problem.Subject, problem.Message))
            .ToListAsync(context.RequestAborted).ConfigureAwait(false);
        return JsonAnswer.Of(new AdminProblemListBody([.. found.Take(MostProblems)], found.Count <= MostProblems), PaymentAdminJson.Default.AdminProblemListBody);
    }

    private static async Task<IResult> Retry(string eventId, HttpContext context, AdminDesk desk, EventInbox inbox, PaymentSignal signal)
    {
        if (CommandRules.CheckId("eventId", eventId) is { } refusal)
        {
            return Failure.Of(refusal).ToResult();
        }

        return await desk.TakeAsync(context, new("payment.event.retry", null, new() { ["event"] = eventId }), async () =>
        {
            if (!await inbox.TryAgainAsync(eventId, CancellationToken.None).ConfigureAwait(false))
            {
                return AdminAnswer.Of(new Failure(StatusCodes.Status404NotFound, "event_unknown", "There is no such event that was given up; GET /admin/v1/payments/problems lists them."));
            }

            signal.Set();
            return AdminAnswer.Of(new AdminRetryBody(eventId, true), PaymentAdminJson.Default.AdminRetryBody);
        }).ConfigureAwait(false);
    }

    private static async Task<IResult> ListReversals(string id, HttpContext context, PaymentBooks books, ICreditMeter meter)
    {
        var (limit, cursor) = (0, default(string));
        if ((AdminValues.ReadAccount(id, out var account) ?? AdminValues.ReadLimit(context.Request, out limit) ?? AdminValues.ReadText(context.Request, "cursor", out cursor)) is { } failure)
        {
            return failure.ToResult();
        }

        if (!(await meter.GetBalanceAsync(account, context.RequestAborted).ConfigureAwait(false)).TryGet(out _, out var refusal))
        {
            return Failure.Of(refusal).ToResult();
        }

        var prefix = ChargeReversal.IdPrefix(account.Value);
        var (page, next) = await books.Reversals.ListAsync(prefix + cursor, limit, context.RequestAborted).ConfigureAwait(false);
        ChargeReversal[] own = [.. page.Select(stored => stored.Value).Where(reversal => reversal.Account == account.Value)];
        var hasMore = next?.StartsWith(prefix, StringComparison.Ordinal) == true;
        return JsonAnswer.Of(
            new AdminReversalListBody([.. own.Select(AdminReversalBody.Of)], hasMore ? next![prefix.Length..] : null), PaymentAdminJson.Default.AdminReversalListBody);
    }
}

internal sealed record AdminProblemListBody(IReadOnlyList<AdminProblemBody> Problems, bool Complete);

internal sealed record AdminProblemBody(string Kind, string? Account, string Subject, string Message);

internal sealed record AdminRetryBody(string Event, bool Retried);

internal sealed record AdminReversalListBody(IReadOnlyList<AdminReversalBody> Reversals, string? NextCursor);

/// <summary>How far the credits of a charge are taken back.</summary>
internal sealed record AdminReversalBody
{
    public required string Charge { get; init; }

    public required string Paid { get; init; }

    public required long AmountCents { get; init; }

    public required long ReversedCents { get; init; }

    public required Credits Granted { get; init; }

    public required Credits TakenBack { get; init; }

    public required Credits AddedToDebt { get; init; }

    public required bool Pending { get; init; }

    public required string ChangedAt { get; init; }

    public static AdminReversalBody Of(ChargeReversal reversal) => new()
    {
        Charge = reversal.ChargeId,
        Paid = reversal.Paid,
        AmountCents = reversal.AmountCents,
        ReversedCents = reversal.ReversedCents,
        Granted = new(reversal.Granted),
        TakenBack = new(reversal.TakenBack),
        AddedToDebt = new(reversal.AddedToDebt),
        Pending = reversal.Begun is not null,
        ChangedAt = reversal.ChangedAt.ToWire(),
    };
}

/// <summary>JSON of what operators see of payments.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, AllowDuplicateProperties = false, MaxDepth = JsonBody.MaxDepth)]
[JsonSerializable(typeof(AdminProblemListBody))]
[JsonSerializable(typeof(AdminRetryBody))]
[JsonSerializable(typeof(AdminReversalListBody))]
internal sealed partial class PaymentAdminJson : JsonSerializerContext;
