using Metering.Core;
using Metering.Engine;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Metering.Gateway.Admin;

/// <summary>Plans and their versions. Plans are configuration; a changed one is a new version, and who came under an older one keeps its terms.</summary>
internal static class AdminPlanRoutes
{
    private const string VersionExample = """
        {"plan": "starter", "version": 2, "name": "Starter", "monthlyCredits": 150, "periodMonths": 1, "unlimited": false, "accessLevel": "platform",
          "recordedAt": "2026-05-01T00:00:00.000Z"}
        """;

    public static void Map(RouteGroupBuilder admin)
    {
        var group = admin.MapGroup("plans").WithTags("Administration: plans");
        group.MapGet("", List)
            .Document("The configured plans, each with its version", new() { ResponseExample = $$"""{"plans": [{{VersionExample}}]}""" })
            .Produces<AdminPlanListBody>()
            .ProducesProblems(400, 401, 403, 500, 503);
        group.MapGet("{id}/versions", ListVersions)
            .Document("The versions of a plan, newest first; also of a plan that is no longer configured", new() { ResponseExample = $$"""{"versions": [{{VersionExample}}]}""" })
            .Produces<AdminPlanVersionListBody>()
            .ProducesProblems(400, 401, 403, 404, 500, 503);
    }

    private static async Task<IResult> List(HttpContext context, Catalogue catalogue, PlanVersionRecorder recorder, IPlanVersionStore versions)
    {
        await recorder.RecordAsync(context.RequestAborted).ConfigureAwait(false);
        var plans = new List<AdminPlanVersionBody>();
        foreach (var plan in catalogue.Plans.Keys.Order(StringComparer.Ordinal))
        {
            plans.Add(AdminPlanVersionBody.Of((await versions.ListAsync(plan, context.RequestAborted).ConfigureAwait(false))[0]));
        }

        return JsonAnswer.Of(new AdminPlanListBody(plans), AdminJson.Default.AdminPlanListBody);
    }

    private static async Task<IResult> ListVersions(string id, HttpContext context, PlanVersionRecorder recorder, IPlanVersionStore versions)
    {
        if (CommandRules.CheckProduct("id", id) is { } refusal)
        {
            return Failure.Of(refusal).ToResult();
        }

        await recorder.RecordAsync(context.RequestAborted).ConfigureAwait(false);
        var found = await versions.ListAsync(id, context.RequestAborted).ConfigureAwait(false);
        return found.Count == 0
            ? new Failure(StatusCodes.Status404NotFound, "plan_unknown", $"No plan {id} was ever configured here.").ToResult()
            : JsonAnswer.Of(new AdminPlanVersionListBody([.. found.Select(AdminPlanVersionBody.Of)]), AdminJson.Default.AdminPlanVersionListBody);
    }
}

internal sealed record AdminPlanListBody(IReadOnlyList<AdminPlanVersionBody> Plans);

internal sealed record AdminPlanVersionListBody(IReadOnlyList<AdminPlanVersionBody> Versions);

internal sealed record AdminPlanVersionBody
{
    public required string Plan { get; init; }

    public required int Version { get; init; }

    public required string Name { get; init; }

    public required Credits MonthlyCredits { get; init; }

    public required int PeriodMonths { get; init; }

    public required bool Unlimited { get; init; }

    public required string AccessLevel { get; init; }

    public required string RecordedAt { get; init; }

    public static AdminPlanVersionBody Of(PlanVersion version) => new()
    {
        Plan = version.Plan.Id,
        Version = version.Number,
        Name = version.Plan.Name,
        MonthlyCredits = version.Plan.MonthlyCredits,
        PeriodMonths = version.Plan.PeriodMonths,
        Unlimited = version.Plan.Unlimited,
        AccessLevel = version.Plan.Level.ToName(),
        RecordedAt = version.RecordedAt.ToWire(),
    };
}
