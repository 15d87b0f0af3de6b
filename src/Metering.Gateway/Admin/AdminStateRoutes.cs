using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Metering.Core;
using Metering.Gateway.Payments;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Metering.Gateway.Admin;

/// <summary>What operators change about an account beside its credits: status, credit limit, plan, subscription.</summary>
internal static class AdminStateRoutes
{
    private static readonly Dictionary<string, string> StatusFields = new()
    {
        ["status"] = "one of active, suspended, closed",
        ["reason"] = $"a text of 1 to {CommandRules.MaxDescription} characters without personal data, which may be left out for active only",
    };

    private static readonly Dictionary<string, string> LimitFields = new() { ["limit"] = "a plain decimal number of 0 or more with at most 4 decimals and no exponent" };

    private static readonly Dictionary<string, string> PlanFields = new()
    {
        ["plan"] = "a plan of the catalogue",
        ["when"] = "now or period_end",
        ["allotment"] = "whole or prorated, for now only",
        ["paidThrough"] = AdminValues.InstantRule,
        ["externalReference"] = $"a text of 1 to {CommandRules.MaxReference} characters",
    };

    private static readonly Dictionary<string, string> TakeBackFields = new()
    {
        ["amount"] = AdminValues.AmountRule,
        ["reason"] = $"a text of 1 to {CommandRules.MaxDescription} characters",
        ["externalReference"] = $"a text of 1 to {CommandRules.MaxReference} characters",
        ["grantedBy"] = "the id of the transaction that granted them (\"txn_\" and 26 characters), or be left out",
    };

    public static void Map(RouteGroupBuilder admin)
    {
        var group = admin.MapGroup("accounts/{id}").WithTags("Administration: accounts");
        group.MapPost("status", SetStatus)
            .Document("Suspend (reads only, billing goes on), close (reads only, nothing grants, a subscription ends with its paid period) or reopen an account", new()
            {
                RequestType = typeof(AdminStatusBody),
                RequestExample = """{"status": "suspended", "reason": "Chargeback under review"}""",
                ResponseExample = AdminAccountRoutes.AccountExample,
                Changes = true,
            })
            .Produces<AdminAccountBody>()
            .ProducesProblems(400, 401, 403, 404, 413, 415, 422, 500, 503);
        group.MapPost("credit-limit", SetLimit)
            .Document("How far spending may go beyond the credits (postpaid); 0 for not at all", new()
            {
                RequestType = typeof(AdminLimitBody),
                RequestExample = """{"limit": 500}""",
                ResponseExample = AdminAccountRoutes.AccountExample,
                Changes = true,
            })
            .Produces<AdminAccountBody>()
            .ProducesProblems(400, 401, 403, 404, 413, 415, 422, 500, 503);
        group.MapPost("plan", ChangePlan)
            .Document("Put an account on another plan, or on the present version of its own, now or at the period's end", new()
            {
                RequestType = typeof(AdminPlanChangeBody),
                RequestExample = """{"plan": "growth", "when": "now", "allotment": "whole"}""",
                ResponseExample = """
                    {"previousPlan": "starter", "plan": "growth", "effectiveAt": "2026-05-05T10:01:00.000Z", "monthlyCredits": 1000, "creditsGranted": 1000, "permanentCreditsAdded": 82}
                    """,
                Changes = true,
            })
            .Produces<AdminPlanChangedBody>()
            .ProducesProblems(400, 401, 402, 403, 404, 409, 413, 415, 422, 500, 503);
        group.MapPost("take-back", TakeBack)
            .WithTags("Administration: credits")
            .Document("Take credits back whose payment was refunded or disputed; what is spent already is owed", new()
            {
                RequestType = typeof(AdminTakeBackBody),
                RequestExample = """{"amount": 100, "reason": "Dispute lost", "externalReference": "dispute-4711"}""",
                ResponseExample = """{"transactionId": "txn_00000000000020fghjkmnpqrst", "removed": 60, "addedToDebt": 40, "owed": 40, "credits": 0}""",
                Changes = true,
            })
            .Produces<AdminTakenBackBody>()
            .ProducesProblems(400, 401, 403, 404, 409, 413, 415, 422, 500, 503);
    }

    private static async Task<IResult> SetStatus(string id, HttpContext context, AdminDesk desk, AdminAccounts accounts, ClosedSubscriptions subscriptions, ICreditMeter meter)
    {
        var (account, key, failure) = AdminCreditRoutes.ReadTarget(id, context);
        if (failure is not null)
        {
            return failure.ToResult();
        }

        var body = await JsonBody.ReadAsync(context, AdminJson.Default.AdminStatusBody, StatusFields).ConfigureAwait(false);
        if (!body.TryGet(out var wire, out failure))
        {
            return failure.ToResult();
        }

        var status = Enum.GetValues<AccountStatus>().Cast<AccountStatus?>().FirstOrDefault(candidate => candidate!.Value.ToName() == wire.Status);
        if (status is null)
        {
            return Failure.Invalid("status", $"status must be {StatusFields["status"]}.").ToResult();
        }

        // Noted first: whatever breaks off behind the closing, the subscription ends.
        var ends = status == AccountStatus.Closed && await subscriptions.NoteAsync(account, context.RequestAborted).ConfigureAwait(false);
        var summary = new JsonObject { ["status"] = wire.Status };
        if (ends)
        {
            summary["subscription"] = "ends_with_period";
        }

        return await desk.TakeAsync(
            context,
            new("account.status", account, summary),
            () => accounts.AnswerAsync(
                account,
                () => meter.SetStatusAsync(account, new() { Status = status.Value, Reason = wire.Reason, IdempotencyKey = key }),
                async () => status == AccountStatus.Closed ? await subscriptions.EndAsync(account, CancellationToken.None).ConfigureAwait(false) : null)).ConfigureAwait(false);
    }

    private static async Task<IResult> SetLimit(string id, HttpContext context, AdminDesk desk, AdminAccounts accounts, ICreditMeter meter)
    {
        var (account, key, failure) = AdminCreditRoutes.ReadTarget(id, context);
        if (failure is not null)
        {
            return failure.ToResult();
        }

        var body = await JsonBody.ReadAsync(context, AdminJson.Default.AdminLimitBody, LimitFields).ConfigureAwait(false);
        if (!body.TryGet(out var wire, out failure))
        {
            return failure.ToResult();
        }

        return wire.Limit is not { } limit
            ? Failure.Invalid("limit", $"limit must be {LimitFields["limit"]}.").ToResult()
            : await desk.TakeAsync(
                context,
                new("account.credit_limit", account, new() { ["limit"] = limit.ToString() }),
                () => accounts.AnswerAsync(account, () => meter.SetCreditLimitAsync(account, new() { Limit = limit, IdempotencyKey = key }))).ConfigureAwait(false);
    }

    private static async Task<IResult> ChangePlan(string id, HttpContext context, AdminDesk desk, ICreditMeter meter)
    {
        var (account, key, failure) = AdminCreditRoutes.ReadTarget(id, context);
        if (failure is not null)
        {
            return failure.ToResult();
        }

        var body = await JsonBody.ReadAsync(context, AdminJson.Default.AdminPlanChangeBody, PlanFields).ConfigureAwait(false);
        if (!body.TryGet(out var wire, out failure) || (failure = Check(wire, out var request)) is not null)
        {
            return failure.ToResult();
        }

        var summary = new JsonObject { ["plan"] = wire.Plan, ["when"] = wire.When, ["allotment"] = wire.Allotment, ["paidThrough"] = request.PaidThrough?.ToWire() };
        return await desk.TakeAsync(context, new("account.plan", account, summary), async () =>
        {
            var outcome = await meter.ChangePlanAsync(account, request with { IdempotencyKey = key }).ConfigureAwait(false);
            return outcome.TryGet(out var change, out var refusal)
                ? AdminAnswer.Of(AdminPlanChangedBody.Of(change), AdminJson.Default.AdminPlanChangedBody) with { IsReplay = outcome.IsReplay }
                : AdminAnswer.Of(refusal);
        }).ConfigureAwait(false);
    }

    private static async Task<IResult> TakeBack(string id, HttpContext context, AdminDesk desk, ICreditMeter meter)
    {
        var (account, key, failure) = AdminCreditRoutes.ReadTarget(id, context);
        if (failure is not null)
        {
            return failure.ToResult();
        }

        var body = await JsonBody.ReadAsync(context, AdminJson.Default.AdminTakeBackBody, TakeBackFields).ConfigureAwait(false);
        TransactionId grantedBy = default;
        if (!body.TryGet(out var wire, out failure))
        {
            return failure.ToResult();
        }

        var field = wire.Amount is null ? "amount" : string.IsNullOrEmpty(wire.Reason) ? "reason" : string.IsNullOrEmpty(wire.ExternalReference) ? "externalReference"
            : wire.GrantedBy is not null && !TransactionId.TryParse(wire.GrantedBy, out grantedBy) ? "grantedBy" : null;
        if (field is not null)
        {
            return Failure.Invalid(field, $"{field} must be {TakeBackFields[field]}.").ToResult();
        }

        var request = new TakeBackRequest
        {
            Amount = wire.Amount!.Value,
            Reason = wire.Reason!,
            ExternalReference = wire.ExternalReference!,
            GrantedBy = wire.GrantedBy is null ? null : grantedBy,
            IdempotencyKey = key,
        };
        return await desk.TakeAsync(context, new("account.take_back", account, new() { ["amount"] = request.Amount.ToString(), ["grantedBy"] = wire.GrantedBy }), async () =>
        {
            var outcome = await meter.TakeBackAsync(account, request).ConfigureAwait(false);
            return outcome.TryGet(out var taken, out var refusal)
                ? AdminAnswer.Of(AdminTakenBackBody.Of(taken), AdminJson.Default.AdminTakenBackBody) with { IsReplay = outcome.IsReplay }
                : AdminAnswer.Of(refusal);
        }).ConfigureAwait(false);
    }

    private static Failure? Check(AdminPlanChangeBody wire, out ChangePlanRequest request)
    {
        request = new() { Plan = wire.Plan ?? string.Empty };
        DateTimeOffset? paidThrough = null;
        var field = wire.When is not (null or "now" or "period_end") ? "when" : wire.Allotment is not (null or "whole" or "prorated") ? "allotment" : null;
        var failure = AdminValues.CheckPlan(wire.Plan);
        failure ??= field is null ? null : Failure.Invalid(field, $"{field} must be {PlanFields[field]}.");
        failure ??= AdminValues.ReadInstant("paidThrough", wire.PaidThrough, out paidThrough);
        if (failure is not null)
        {
            return failure;
        }

        request = new()
        {
            Plan = wire.Plan!,
            When = wire.When == "period_end" ? PlanChangeTime.PeriodEnd : PlanChangeTime.Now,
            Allotment = wire.Allotment == "prorated" ? PlanAllotment.Prorated : PlanAllotment.Whole,
            PaidThrough = paidThrough,
            ExternalReference = wire.ExternalReference,
        };
        return null;
    }
}

[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
internal sealed record AdminStatusBody
{
    public string? Status { get; init; }

    public string? Reason { get; init; }
}

[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
internal sealed record AdminLimitBody
{
    public Credits? Limit { get; init; }
}

[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
internal sealed record AdminPlanChangeBody
{
    public string? Plan { get; init; }

    public string? When { get; init; }

    public string? Allotment { get; init; }

    public string? PaidThrough { get; init; }

    public string? ExternalReference { get; init; }
}

[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
internal sealed record AdminTakeBackBody
{
    public Credits? Amount { get; init; }

    public string? Reason { get; init; }

    public string? ExternalReference { get; init; }

    public string? GrantedBy { get; init; }
}

internal sealed record AdminPlanChangedBody(
    string PreviousPlan, string Plan, string EffectiveAt, Credits MonthlyCredits, Credits CreditsGranted, Credits PermanentCreditsAdded)
{
    public static AdminPlanChangedBody Of(PlanChange change) => new(
        change.PreviousPlan, change.Plan, change.EffectiveAt.ToWire(), change.MonthlyCredits, change.CreditsGranted, change.PermanentCreditsAdded);
}

internal sealed record AdminTakenBackBody(string TransactionId, Credits Removed, Credits AddedToDebt, Credits Owed, Credits Credits)
{
    public static AdminTakenBackBody Of(TakenBack taken) => new(taken.TransactionId.ToString(), taken.Removed, taken.AddedToDebt, taken.Owed, taken.Credits);
}
