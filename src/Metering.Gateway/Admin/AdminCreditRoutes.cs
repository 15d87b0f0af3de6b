using System.Text.Json.Serialization;
using Metering.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Metering.Gateway.Admin;

/// <summary>Operators' postings: grants, adjustments with a reason, payments.</summary>
internal static class AdminCreditRoutes
{
    private const string PostingExample = """{"transactionId": "txn_00000000000020fghjkmnpqrst", "type": "TOP_UP", "amount": 50, "credits": 150}""";

    private static readonly Dictionary<string, GrantSource> Sources = new()
    {
        ["bonus"] = GrantSource.Bonus,
        ["purchase"] = GrantSource.Purchase,
        ["top_up"] = GrantSource.TopUp,
    };

    private static readonly string SourceRule = "one of " + string.Join(", ", Sources.Keys);

    private static readonly Dictionary<string, string> GrantFields = new()
    {
        ["source"] = SourceRule,
        ["amount"] = AdminValues.AmountRule,
        ["expiresAt"] = AdminValues.InstantRule,
        ["description"] = $"a text of at most {CommandRules.MaxDescription} characters",
        ["externalReference"] = $"a text of 1 to {CommandRules.MaxReference} characters",
    };

    private static readonly Dictionary<string, string> AdjustFields = new()
    {
        ["amount"] = "a plain decimal number other than 0 with at most 4 decimals and no exponent",
        ["reason"] = $"a text of 1 to {CommandRules.MaxDescription} characters",
    };

    private static readonly Dictionary<string, string> PaymentFields = new()
    {
        ["paidThrough"] = AdminValues.InstantRule,
        ["externalReference"] = GrantFields["externalReference"],
    };

    public static void Map(RouteGroupBuilder admin)
    {
        var group = admin.MapGroup("accounts/{id}").WithTags("Administration: credits");
        group.MapPost("grants", Grant)
            .Document("Add credits: bonus, or permanent ones (purchase, top_up)", new()
            {
                RequestType = typeof(AdminGrantBody),
                RequestExample = """{"source": "top_up", "amount": 50, "description": "Goodwill", "externalReference": "ticket-4711"}""",
                ResponseExample = PostingExample,
                Changes = true,
            })
            .Produces<AdminPostingBody>()
            .ProducesProblems(400, 401, 403, 404, 409, 413, 415, 422, 500, 503);
        group.MapPost("adjustments", Adjust)
            .Document("Correct a balance, up or down, with a reason", new()
            {
                RequestType = typeof(AdminAdjustBody),
                RequestExample = """{"amount": -12.5, "reason": "Charged twice by the old system"}""",
                ResponseExample = """{"transactionId": "txn_00000000000020fghjkmnpqrst", "type": "ADJUSTMENT", "amount": -12.5, "credits": 87.5}""",
                Changes = true,
            })
            .Produces<AdminPostingBody>()
            .ProducesProblems(400, 401, 402, 403, 404, 413, 415, 422, 500, 503);
        group.MapPost("payments", Pay)
            .Document("Note that periods are paid up to an instant; a reference is used once for ever", new()
            {
                RequestType = typeof(AdminPaymentBody),
                RequestExample = """{"paidThrough": "2026-07-01T00:00:00Z", "externalReference": "invoice-2026-0042"}""",
                ResponseExample = """{"id": "acme", "paidThrough": "2026-07-01T00:00:00.000Z", "credits": 107}""",
                Changes = true,
            })
            .Produces<AdminPaidBody>()
            .ProducesProblems(400, 401, 403, 404, 409, 413, 415, 422, 500, 503);
    }

    private static async Task<IResult> Grant(string id, HttpContext context, AdminDesk desk, ICreditMeter meter)
    {
        var (account, key, failure) = ReadTarget(id, context);
        if (failure is not null)
        {
            return failure.ToResult();
        }

        var body = await JsonBody.ReadAsync(context, AdminJson.Default.AdminGrantBody, GrantFields).ConfigureAwait(false);
        if (!body.TryGet(out var wire, out failure) || (failure = Check(wire, out var request)) is not null)
        {
            return failure.ToResult();
        }

        return await desk.TakeAsync(
            context,
            new("account.grant", account, new() { ["source"] = wire.Source, ["amount"] = request.Amount.ToString(), ["expiresAt"] = request.ExpiresAt?.ToWire() }),
            async () => AnswerOf(await meter.GrantAsync(account, request with { IdempotencyKey = key }).ConfigureAwait(false))).ConfigureAwait(false);
    }

    private static async Task<IResult> Adjust(string id, HttpContext context, AdminDesk desk, ICreditMeter meter)
    {
        var (account, key, failure) = ReadTarget(id, context);
        if (failure is not null)
        {
            return failure.ToResult();
        }

        var body = await JsonBody.ReadAsync(context, AdminJson.Default.AdminAdjustBody, AdjustFields).ConfigureAwait(false);
        if (!body.TryGet(out var wire, out failure))
        {
            return failure.ToResult();
        }

        if (wire.Amount is not { } amount || string.IsNullOrEmpty(wire.Reason))
        {
            var field = wire.Amount is null ? "amount" : "reason";
            return Failure.Invalid(field, $"{field} must be {AdjustFields[field]}.").ToResult();
        }

        return await desk.TakeAsync(
            context,
            new("account.adjust", account, new() { ["amount"] = amount.ToString() }),
            async () => AnswerOf(await meter.AdjustAsync(account, new() { Amount = amount, Reason = wire.Reason, IdempotencyKey = key }).ConfigureAwait(false)))
            .ConfigureAwait(false);
    }

    private static async Task<IResult> Pay(string id, HttpContext context, AdminDesk desk, ICreditMeter meter)
    {
        var failure = AdminValues.ReadAccount(id, out var account);
        if (failure is not null)
        {
            return failure.ToResult();
        }

        var body = await JsonBody.ReadAsync(context, AdminJson.Default.AdminPaymentBody, PaymentFields).ConfigureAwait(false);
        DateTimeOffset? paidThrough = null;
        if (!body.TryGet(out var wire, out failure) || (failure = AdminValues.ReadInstant("paidThrough", wire.PaidThrough, out paidThrough)) is not null)
        {
            return failure.ToResult();
        }

        if (paidThrough is null || string.IsNullOrEmpty(wire.ExternalReference))
        {
            var field = paidThrough is null ? "paidThrough" : "externalReference";
            return Failure.Invalid(field, $"{field} must be {PaymentFields[field]}.").ToResult();
        }

        var payment = new PaymentRequest { PaidThrough = paidThrough.Value, ExternalReference = wire.ExternalReference };
        return await desk.TakeOnceAsync(
            context,
            new("account.payment", account, new() { ["paidThrough"] = paidThrough.Value.ToWire() }),
            wire,
            AdminJson.Default.AdminPaymentBody,
            once => PayAsync(meter, account, payment, once)).ConfigureAwait(false);
    }

    private static async Task<AdminAnswer> PayAsync(ICreditMeter meter, AccountId account, PaymentRequest payment, OnceKey? once)
    {
        var outcome = await meter.RecordPaymentAsync(account, payment).ConfigureAwait(false);
        if (once is { IsUnfinished: true } && outcome.Refusal is { Reason: RefusalReason.ReferenceUsed } used)
        {
            // By the request that broke off, where the account is paid as far as it asked for; else by another one.
            var present = await meter.GetBalanceAsync(account).ConfigureAwait(false);
            outcome = present.IsSuccess && present.Value.PaidThrough >= payment.PaidThrough ? present : used;
        }

        return outcome.TryGet(out var balance, out var refusal)
            ? AdminAnswer.Of(new AdminPaidBody(account.Value, balance.PaidThrough?.ToWire(), balance.Available), AdminJson.Default.AdminPaidBody)
            : AdminAnswer.Of(refusal);
    }

    /// <summary>The account of the path, and the request's idempotency key as the ledger gets it.</summary>
    public static (AccountId Account, string? LedgerKey, Failure? Failure) ReadTarget(string id, HttpContext context)
    {
        string? key = null;
        var failure = AdminValues.ReadAccount(id, out var account) ?? IdempotencyKeys.Read(context.Request, out key);
        return (account, AdminDesk.LedgerKey(key), failure);
    }

    private static Failure? Check(AdminGrantBody wire, out GrantRequest request)
    {
        request = new() { Source = GrantSource.Bonus, Amount = wire.Amount ?? Credits.Zero };
        if (wire.Source is null || !Sources.TryGetValue(wire.Source, out var source))
        {
            return Failure.Invalid("source", $"source must be {SourceRule}.");
        }

        if (wire.Amount is not { } amount)
        {
            return Failure.Invalid("amount", $"amount must be {AdminValues.AmountRule}.");
        }

        var failure = AdminValues.ReadInstant("expiresAt", wire.ExpiresAt, out var expiresAt);
        request = new() { Source = source, Amount = amount, ExpiresAt = expiresAt, Description = wire.Description, ExternalReference = wire.ExternalReference };
        return failure;
    }

    private static AdminAnswer AnswerOf(Outcome<Posting> outcome) => outcome.TryGet(out var posting, out var refusal)
        ? AdminAnswer.Of(AdminPostingBody.Of(posting), AdminJson.Default.AdminPostingBody) with { IsReplay = outcome.IsReplay }
        : AdminAnswer.Of(refusal);
}

[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
internal sealed record AdminGrantBody
{
    public string? Source { get; init; }

    public Credits? Amount { get; init; }

    public string? ExpiresAt { get; init; }

    public string? Description { get; init; }

    public string? ExternalReference { get; init; }
}

[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
internal sealed record AdminAdjustBody
{
    public Credits? Amount { get; init; }

    public string? Reason { get; init; }
}

[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
internal sealed record AdminPaymentBody
{
    public string? PaidThrough { get; init; }

    public string? ExternalReference { get; init; }
}

internal sealed record AdminPaidBody(string Id, string? PaidThrough, Credits Credits);

internal sealed record AdminPostingBody(string TransactionId, string Type, Credits Amount, Credits Credits)
{
    public static AdminPostingBody Of(Posting posting) => new(posting.TransactionId.ToString(), posting.Type.ToName(), posting.Amount, posting.Credits);
}
