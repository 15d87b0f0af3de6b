using System.Text.Json.Serialization;
using Metering.Core;
using Metering.Engine;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Metering.Gateway.Native;

/// <summary>Dialect E over dialect D (003): pays for records that have no active subscription.</summary>
internal static class RecordRoutes
{
    private static readonly Dictionary<string, string> Fields = new()
    {
        ["records"] = $"a list of 1 to {RecordAccessRequest.MaxRecords} records",
        ["records[]"] = "an object",
        ["records[].type"] = "a text that names a record product (\"company\", \"contact\")",
        ["records[].id"] = $"a text of 1 to {CommandRules.MaxId} characters",
        ["records[].product"] = "a text that names a product covered by the record's type, or be left out",
        ["mode"] = "all_or_nothing or up_to",
        ["maxCredits"] = "a plain decimal number of 0 or more with at most 4 decimals and no exponent",
        ["description"] = $"a text of at most {CommandRules.MaxDescription} characters",
        ["reference"] = $"a text of at most {CommandRules.MaxReference} characters",
    };

    public static IEndpointRouteBuilder MapRecords(this IEndpointRouteBuilder routes)
    {
        routes.MapPost("/v1/records/access", Access)
            .RequireMeteringKey(ApiKeyScopes.Spend)
            .WithTags("Records")
            .Document($"Pay for records (at most {RecordAccessRequest.MaxRecords}); each is free for twelve months after", new()
            {
                RequestType = typeof(RecordAccessBody),
                RequestExample = """{"records": [{"type": "company", "id": "acme.example"}], "mode": "up_to", "maxCredits": 10}""",
                ResponseExample = """
                    {"transactionId": "txn_00000000000020fghjkmnpqrst", "charged": 1, "credits": 124, "records": [
                      {"type": "company", "id": "acme.example", "status": "subscribed", "charged": 1, "expiresAt": "2027-05-06T00:00:00.000Z"}]}
                    """,
                Spends = true,
            })
            .Produces<RecordAccessAnswerBody>()
            .ProducesProblems(400, 401, 402, 403, 404, 413, 415, 422, 429, 500, 503);
        return routes;
    }

    private static async Task<IResult> Access(HttpContext context, ICreditMeter meter)
    {
        if (IdempotencyKeys.Read(context.Request, out var key) is { } invalid)
        {
            return invalid.ToResult();
        }

        var body = await JsonBody.ReadAsync(context, NativeJson.Default.RecordAccessBody, Fields).ConfigureAwait(false);
        if (!body.TryGet(out var wire, out var failure) || (failure = ReadMode(wire.Mode, out var mode)) is not null)
        {
            return failure.ToResult();
        }

        var outcome = await meter.AccessRecordsAsync(context.GetMeteringCaller().Account, wire.ToRequest(mode) with { IdempotencyKey = key }, context.RequestAborted)
            .ConfigureAwait(false);
        if (!outcome.TryGet(out var access, out var refusal))
        {
            return Failure.Of(refusal).ToResult();
        }

        context.ReportCharge(access.Charged, access.Credits, outcome.IsReplay);
        return JsonAnswer.Of(RecordAccessAnswerBody.Of(access), NativeJson.Default.RecordAccessAnswerBody);
    }

    private static Failure? ReadMode(string? text, out AccessMode mode)
    {
        mode = text == "up_to" ? AccessMode.UpTo : AccessMode.AllOrNothing;
        return text is null or "up_to" or "all_or_nothing" ? null : Failure.Invalid("mode", $"mode must be {Fields["mode"]}.");
    }
}

[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
internal sealed record RecordAccessBody
{
    public IReadOnlyList<RecordBody?>? Records { get; init; }

    public string? Mode { get; init; }

    public Credits? MaxCredits { get; init; }

    public string? Description { get; init; }

    public string? Reference { get; init; }

    public RecordAccessRequest ToRequest(AccessMode mode) => new()
    {
        Records = [.. (Records ?? []).Select(record => record is null ? null! : new RecordRequest(record.Type!, record.Id!, record.Product))],
        Mode = mode,
        MaxCredits = MaxCredits,
        Description = Description,
        Reference = Reference,
    };
}

[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
internal sealed record RecordBody
{
    public string? Type { get; init; }

    public string? Id { get; init; }

    public string? Product { get; init; }
}

internal sealed record RecordAccessAnswerBody(
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] string? TransactionId,
    Credits Charged,
    Credits Credits,
    IReadOnlyList<RecordOutcomeBody> Records)
{
    public static RecordAccessAnswerBody Of(RecordAccess access) =>
        new(access.TransactionId?.ToString(), access.Charged, access.Credits, [.. access.Records.Select(RecordOutcomeBody.Of)]);
}

internal sealed record RecordOutcomeBody
{
    public required string Type { get; init; }

    public required string Id { get; init; }

    public string? Product { get; init; }

    public required string Status { get; init; }

    public required Credits Charged { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public required string? ExpiresAt { get; init; }

    public static RecordOutcomeBody Of(RecordOutcome outcome) => new()
    {
        Type = outcome.Record.Type,
        Id = outcome.Record.Id,
        Product = outcome.Record.Product,
        Status = NameOf(outcome.Status),
        Charged = outcome.Charged,
        ExpiresAt = outcome.ExpiresAt?.ToWire(),
    };

    public static string NameOf(RecordStatus status) => status switch
    {
        RecordStatus.Active => "active",
        RecordStatus.Subscribed => "subscribed",
        RecordStatus.Refused => "refused",
        _ => throw new ArgumentOutOfRangeException(nameof(status), status, "Not a record status."),
    };
}
