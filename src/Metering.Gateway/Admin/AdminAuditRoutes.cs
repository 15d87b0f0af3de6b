using System.Globalization;
using System.Text.Json;
using Metering.Engine;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Metering.Gateway.Admin;

/// <summary>The audit log.</summary>
internal static class AdminAuditRoutes
{
    public static void Map(RouteGroupBuilder admin) => admin.MapGet("audit", List)
        .WithTags("Administration: audit")
        .Document("Who did what, newest first; an entry without an outcome was begun and not ended", new()
        {
            Query =
            [
                new("account", "Only actions about this account.", Example: "acme"),
                new("actor", "Only actions of keys of this account.", Example: "operator"),
                new("action", "Only this action, for example account.grant.", Example: "account.grant"),
                .. AdminValues.ListParameters,
            ],
            ResponseExample = """
                {"entries": [{"number": 42, "at": "2026-05-01T00:00:00.000Z", "actor": "operator", "keyId": "key_0123456789abcdef01234567", "action": "account.grant",
                  "account": "acme", "request": {"source": "top_up", "amount": "50"}, "requestId": "req_0123456789abcdef0123456789abcdef",
                  "outcome": {"status": 200, "code": null, "finishedAt": "2026-05-01T00:00:00.012Z"}}], "nextCursor": null}
                """,
        })
        .Produces<AdminAuditListBody>()
        .ProducesProblems(400, 401, 403, 500, 503);

    private static async Task<IResult> List(HttpContext context, IAuditLog audit)
    {
        var request = context.Request;
        (AccountId? account, AccountId? actor, string? action, int limit, long before) = (null, null, null, 0, 0);
        if ((AdminValues.ReadAccount(request, "account", out account) ?? AdminValues.ReadAccount(request, "actor", out actor)
            ?? AdminValues.ReadText(request, "action", out action) ?? AdminValues.ReadLimit(request, out limit)
            ?? QueryValues.ReadNumber(request, "cursor", 1, long.MaxValue, long.MaxValue, out before)) is { } failure)
        {
            return failure.ToResult();
        }

        var entries = await audit.ListAsync(new() { Target = account, Actor = actor, Action = action, Before = before, Limit = limit }, context.RequestAborted).ConfigureAwait(false);
        return JsonAnswer.Of(
            new AdminAuditListBody(
                [.. entries.Select(AdminAuditBody.Of)], entries.Count == limit ? entries[^1].Number.ToString(CultureInfo.InvariantCulture) : null),
            AdminJson.Default.AdminAuditListBody);
    }
}

internal sealed record AdminAuditListBody(IReadOnlyList<AdminAuditBody> Entries, string? NextCursor);

internal sealed record AdminOutcomeBody(int Status, string? Code, string FinishedAt);

internal sealed record AdminAuditBody
{
    public required long Number { get; init; }

    public required string At { get; init; }

    public required string Actor { get; init; }

    public required string KeyId { get; init; }

    public required string Action { get; init; }

    public required string? Account { get; init; }

    public required JsonElement Request { get; init; }

    public required string RequestId { get; init; }

    public required AdminOutcomeBody? Outcome { get; init; }

    public static AdminAuditBody Of(AuditEntry entry) => new()
    {
        Number = entry.Number,
        At = entry.Action.At.ToWire(),
        Actor = entry.Action.Actor.Value,
        KeyId = entry.Action.KeyId,
        Action = entry.Action.Action,
        Account = entry.Action.Target?.Value,
        Request = JsonElement.Parse(entry.Action.Summary),
        RequestId = entry.Action.RequestId,
        Outcome = entry.Outcome is { } outcome ? new(outcome.Status, outcome.Code, outcome.FinishedAt.ToWire()) : null,
    };
}
