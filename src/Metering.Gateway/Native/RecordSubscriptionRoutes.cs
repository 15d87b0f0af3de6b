using System.Globalization;
using System.Text.Json.Serialization;
using Metering.Core;
using Metering.Engine;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Metering.Gateway.Native;

/// <summary>Dialect D (003): visits that start subscriptions by themselves, and the list of active subscriptions.</summary>
internal static class RecordSubscriptionRoutes
{
    private const int DefaultLimit = 50;
    private const int MaxDays = 400;

    private static readonly Dictionary<string, string> VisitFields = new()
    {
        ["companies"] = $"a list of 1 to {RecordVisitsRequest.MaxRecords} ids of companies",
        ["companies[]"] = $"a text of 1 to {CommandRules.MaxId} characters",
        ["seenAt"] = $"an instant with its offset (\"2026-05-01T10:00:00Z\"), at most {RecordVisitsRequest.MaxAge.Days} days back, or be left out for now",
    };

    public static IEndpointRouteBuilder MapRecordSubscriptions(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("/v1/records").WithTags("Records");
        group.MapPost("visits", Visit)
            .RequireMeteringKey(ApiKeyScopes.Spend)
            .Document("Report companies that visited the account's website: each gets a record subscription, free (level web_visitors or higher)", new()
            {
                RequestType = typeof(VisitsBody),
                RequestExample = """{"companies": ["acme.example", "globex.example"], "seenAt": "2026-05-01T10:00:00Z"}""",
                ResponseExample = """
                    {"charged": 0, "credits": 125, "companies": [
                      {"id": "acme.example", "status": "subscribed", "expiresAt": "2027-05-02T00:00:00.000Z"},
                      {"id": "globex.example", "status": "active", "expiresAt": "2027-02-11T00:00:00.000Z"}]}
                    """,
                Changes = true,
            })
            .Produces<VisitsAnswerBody>()
            .ProducesProblems(400, 401, 402, 403, 404, 413, 415, 422, 429, 500, 503);
        group.MapGet("", List)
            .RequireMeteringKey(ApiKeyScopes.Read)
            .Document("Active record subscriptions, in the order in which they began; a page may be short, or empty, before the last", new()
            {
                Query =
                [
                    new("limit", "How many at most.", 1, RecordQuery.MaxLimit, DefaultLimit),
                    new("cursor", "nextCursor of the page before.", Example: "42-0"),
                    new("type", "Only records of this type, for example company.", Example: "company"),
                    new("expiringWithinDays", "Only subscriptions that end within so many days.", 1, MaxDays, Example: "30"),
                ],
                ResponseExample = """
                    {"records": [{"type": "company", "id": "acme.example", "startedAt": "2026-05-01T10:00:00.000Z", "expiresAt": "2027-05-02T00:00:00.000Z"}],
                      "nextCursor": null}
                    """,
            })
            .Produces<RecordListBody>()
            .ProducesProblems(400, 401, 403, 404, 429, 500, 503);
        return routes;
    }

    private static async Task<IResult> Visit(HttpContext context, ICreditMeter meter)
    {
        if (IdempotencyKeys.Read(context.Request, out var key) is { } invalid)
        {
            return invalid.ToResult();
        }

        var body = await JsonBody.ReadAsync(context, NativeJson.Default.VisitsBody, VisitFields, ignoresOthers: true).ConfigureAwait(false);
        if (!body.TryGet(out var wire, out var failure) || (failure = Read(wire, key, out var request)) is not null)
        {
            return failure.ToResult();
        }

        var outcome = await meter.RecordVisitsAsync(context.GetMeteringCaller().Account, request, context.RequestAborted).ConfigureAwait(false);
        if (!outcome.TryGet(out var visits, out var refusal))
        {
            return Failure.Of(refusal).ToResult();
        }

        context.ReportCharge(visits.Charged, visits.Credits, outcome.IsReplay);
        return JsonAnswer.Of(VisitsAnswerBody.Of(visits), NativeJson.Default.VisitsAnswerBody);
    }

    private static Failure? Read(VisitsBody body, string? key, out RecordVisitsRequest request)
    {
        request = new() { Records = [], IdempotencyKey = key };
        if (body.Companies is not { Count: > 0 and <= RecordVisitsRequest.MaxRecords } companies)
        {
            return Failure.Invalid("companies", $"companies has {body.Companies?.Count ?? 0} items; it must be {VisitFields["companies"]}.");
        }

        for (var index = 0; index < companies.Count; index++)
        {
            if (CommandRules.CheckId(string.Create(CultureInfo.InvariantCulture, $"companies[{index}]"), companies[index]) is { } refusal)
            {
                return Failure.Of(refusal);
            }
        }

        var seenAt = default(DateTimeOffset);
        if (body.SeenAt is not null && !WireTime.TryParse(body.SeenAt, out seenAt))
        {
            return Failure.Invalid("seenAt", $"seenAt must be {VisitFields["seenAt"]}.");
        }

        request = request with
        {
            Records = [.. companies.Select(id => new RecordRequest(RecordVisitsRequest.RecordType, id!))],
            SeenAt = body.SeenAt is null ? null : seenAt,
        };
        return null;
    }

    private static async Task<IResult> List(HttpContext context, ICreditMeter meter, TimeProvider time)
    {
        var (limit, days, cursor, type) = ((long)DefaultLimit, 0L, (string?)null, (string?)null);
        if ((QueryValues.ReadNumber(context.Request, "limit", 1, RecordQuery.MaxLimit, DefaultLimit, out limit)
            ?? QueryValues.ReadNumber(context.Request, "expiringWithinDays", 1, MaxDays, 0, out days)
            ?? QueryValues.ReadText(context.Request, "cursor", out cursor)
            ?? QueryValues.ReadText(context.Request, "type", out type)
            ?? (CommandRules.CheckProduct("type", type) is { } invalid ? Failure.Of(invalid) : null)) is { } failure)
        {
            return failure.ToResult();
        }

        var outcome = await meter.ListRecordsAsync(
            context.GetMeteringCaller().Account,
            new() { Limit = (int)limit, Cursor = cursor, Type = type, ExpiresBefore = days == 0 ? null : time.GetUtcNow().AddDays(days) },
            context.RequestAborted).ConfigureAwait(false);
        return outcome.TryGet(out var page, out var refusal)
            ? JsonAnswer.Of(RecordListBody.Of(page), NativeJson.Default.RecordListBody)
            : Failure.Of(refusal).ToResult();
    }
}

/// <summary>Visits. Fields that are not known are passed over, as everywhere in this dialect: nothing here can be charged.</summary>
internal sealed record VisitsBody
{
    public IReadOnlyList<string?>? Companies { get; init; }

    public string? SeenAt { get; init; }
}

internal sealed record VisitsAnswerBody(Credits Charged, Credits Credits, IReadOnlyList<VisitBody> Companies)
{
    public static VisitsAnswerBody Of(RecordAccess visits) => new(visits.Charged, visits.Credits, [.. visits.Records.Select(VisitBody.Of)]);
}

internal sealed record VisitBody(string Id, string Status, string? ExpiresAt)
{
    public static VisitBody Of(RecordOutcome outcome) => new(outcome.Record.Id, RecordOutcomeBody.NameOf(outcome.Status), outcome.ExpiresAt?.ToWire());
}

internal sealed record RecordListBody(
    IReadOnlyList<RecordSubscriptionBody> Records,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] string? NextCursor)
{
    public static RecordListBody Of(RecordPage page) =>
        new([.. page.Items.Select(item => new RecordSubscriptionBody(item.Type, item.Id, item.StartedAt.ToWire(), item.ExpiresAt.ToWire()))], page.NextCursor);
}

internal sealed record RecordSubscriptionBody(string Type, string Id, string StartedAt, string ExpiresAt);
