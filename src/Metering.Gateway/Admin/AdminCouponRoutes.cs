using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Metering.Core;
using Metering.Engine;
using Metering.Gateway.Coupons;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Metering.Gateway.Admin;

/// <summary>Operators' coupons. A coupon is never deleted, only deactivated: what was redeemed refers to it.</summary>
internal static class AdminCouponRoutes
{
    private const int MaxDays = 3_650;

    private const string CouponExample = """
        {"code": "SPRING-25", "amount": 25, "active": true, "expiresAt": "2026-07-01T00:00:00.000Z", "bonusDays": 30, "bonusExpiresAt": null,
          "maxRedemptions": 1000, "redeemed": 17, "plans": ["starter"], "createdAt": "2026-05-01T00:00:00.000Z", "deactivatedAt": null}
        """;

    private static readonly Dictionary<string, string> CreateFields = new()
    {
        ["code"] = $"a text of {CouponRedeemer.CodeRule}",
        ["amount"] = AdminValues.AmountRule,
        ["expiresAt"] = AdminValues.InstantRule,
        ["bonusDays"] = $"a whole number from 1 to {MaxDays}",
        ["bonusExpiresAt"] = AdminValues.InstantRule,
        ["maxRedemptions"] = "a whole number of 0 or more",
        ["plans"] = "a list of plans of the catalogue, or be left out for all",
        ["plans[]"] = "a plan of the catalogue",
    };

    private static readonly Dictionary<string, string> ChangeFields = new()
    {
        ["active"] = "true or false",
        ["expiresAt"] = AdminValues.InstantRule,
        ["maxRedemptions"] = CreateFields["maxRedemptions"],
    };

    public static void Map(RouteGroupBuilder admin)
    {
        var group = admin.MapGroup("coupons").WithTags("Administration: coupons");
        group.MapPost("", Create)
            .Document("Make a coupon", new()
            {
                RequestType = typeof(AdminCouponCreateBody),
                RequestExample = """{"code": "SPRING-25", "amount": 25, "expiresAt": "2026-07-01T00:00:00Z", "bonusDays": 30, "maxRedemptions": 1000, "plans": ["starter"]}""",
                ResponseExample = CouponExample,
                Changes = true,
            })
            .Produces<AdminCouponBody>(StatusCodes.Status201Created)
            .ProducesProblems(400, 401, 403, 409, 413, 415, 422, 500, 503);
        group.MapGet("", List)
            .Document("Coupons, by code", new() { Query = AdminValues.ListParameters, ResponseExample = $$"""{"coupons": [{{CouponExample}}], "nextCursor": null}""" })
            .Produces<AdminCouponListBody>()
            .ProducesProblems(400, 401, 403, 500, 503);
        group.MapGet("{code}", Get)
            .Document("A coupon", new() { ResponseExample = CouponExample })
            .Produces<AdminCouponBody>()
            .ProducesProblems(400, 401, 403, 404, 500, 503);
        group.MapPatch("{code}", Change)
            .Document("Deactivate or activate a coupon, or move its expiry or limit; what is left out stays", new()
            {
                RequestType = typeof(AdminCouponChangeBody),
                RequestExample = """{"active": false}""",
                ResponseExample = CouponExample,
            })
            .Produces<AdminCouponBody>()
            .ProducesProblems(400, 401, 403, 404, 409, 413, 415, 500, 503);
        group.MapGet("{code}/redemptions", ListRedemptions)
            .Document("Who redeemed a coupon, by account", new()
            {
                Query = AdminValues.ListParameters,
                ResponseExample = """
                    {"redemptions": [{"account": "acme", "amount": 25, "bonusExpiresAt": "2026-06-01T00:00:00.000Z", "takenAt": "2026-05-02T00:00:00.000Z",
                      "grantedAt": "2026-05-02T00:00:00.000Z"}], "nextCursor": null}
                    """,
            })
            .Produces<AdminRedemptionListBody>()
            .ProducesProblems(400, 401, 403, 404, 500, 503);
    }

    private static async Task<IResult> Create(HttpContext context, AdminDesk desk, ICouponStore coupons, Catalogue catalogue, TimeProvider time)
    {
        var body = await JsonBody.ReadAsync(context, AdminJson.Default.AdminCouponCreateBody, CreateFields).ConfigureAwait(false);
        if (!body.TryGet(out var request, out var failure) || (failure = Check(request, catalogue, time.GetUtcNow(), out var coupon)) is not null)
        {
            return failure.ToResult();
        }

        return await desk.TakeOnceAsync(context, new("coupon.create", null, SummaryOf(coupon)), request, AdminJson.Default.AdminCouponCreateBody, async once =>
        {
            // A request that broke off may have made it, and then it is what was asked for.
            var made = once is { IsUnfinished: true } && await coupons.FindAsync(coupon.Code).ConfigureAwait(false) is { } found && AreSame(found, coupon) ? found : null;
            if (made is null && CheckAt(coupon, time.GetUtcNow()) is { } late)
            {
                return AdminAnswer.Of(late);
            }

            return made is null && !await coupons.TryAddAsync(coupon).ConfigureAwait(false)
                ? AdminAnswer.Of(new Failure(StatusCodes.Status409Conflict, "coupon_exists", $"There is a coupon {coupon.Code} already; choose another code.") { Field = "code" })
                : AdminAnswer.Of(AdminCouponBody.Of(made ?? coupon), AdminJson.Default.AdminCouponBody, StatusCodes.Status201Created);
        }).ConfigureAwait(false);
    }

    /// <summary>Why a coupon cannot be made at an instant; null where it can. Not for a retry, which gets its first answer however late it comes.</summary>
    private static Failure? CheckAt(Coupon coupon, DateTimeOffset now) =>
        coupon.ExpiresAt <= now ? Failure.Invalid("expiresAt", "expiresAt must lie in the future.")
        : coupon.BonusExpiresAt <= now ? Failure.Invalid("bonusExpiresAt", "bonusExpiresAt must lie in the future.")
        : null;

    /// <summary>True where two coupons say the same, however often they were redeemed.</summary>
    private static bool AreSame(Coupon one, Coupon other) =>
        one with { CreatedAt = other.CreatedAt, Redeemed = other.Redeemed, Plans = other.Plans } == other && one.Plans.SequenceEqual(other.Plans);

    private static async Task<IResult> List(HttpContext context, ICouponStore coupons)
    {
        string? cursor = null;
        if ((AdminValues.ReadLimit(context.Request, out var limit) ?? AdminValues.ReadText(context.Request, "cursor", out cursor)) is { } failure)
        {
            return failure.ToResult();
        }

        var found = await coupons.ListAsync(cursor, limit, context.RequestAborted).ConfigureAwait(false);
        return JsonAnswer.Of(
            new AdminCouponListBody([.. found.Select(AdminCouponBody.Of)], found.Count == limit ? found[^1].Code : null), AdminJson.Default.AdminCouponListBody);
    }

    private static async Task<IResult> Get(string code, HttpContext context, ICouponStore coupons)
    {
        var (coupon, failure) = await FindAsync(code, coupons, context.RequestAborted).ConfigureAwait(false);
        return coupon is null ? failure!.ToResult() : JsonAnswer.Of(AdminCouponBody.Of(coupon), AdminJson.Default.AdminCouponBody);
    }

    private static async Task<IResult> Change(string code, HttpContext context, AdminDesk desk, ICouponStore coupons, TimeProvider time)
    {
        var body = await JsonBody.ReadAsync(context, AdminJson.Default.AdminCouponChangeBody, ChangeFields).ConfigureAwait(false);
        DateTimeOffset? expiresAt = null;
        if (!body.TryGet(out var request, out var failure) || (failure = AdminValues.ReadInstant("expiresAt", request.ExpiresAt, out expiresAt) ?? CheckLimit(request.MaxRedemptions)) is not null)
        {
            return failure.ToResult();
        }

        var (coupon, unknown) = await FindAsync(code, coupons, context.RequestAborted).ConfigureAwait(false);
        if (coupon is null)
        {
            return unknown!.ToResult();
        }

        var summary = new JsonObject { ["code"] = coupon.Code, ["active"] = request.Active, ["expiresAt"] = expiresAt?.ToWire(), ["maxRedemptions"] = request.MaxRedemptions };
        return await desk.TakeAsync(context, new("coupon.change", null, summary), async () =>
        {
            // On what the coupon is by then: another operator may change another field of it at the same time.
            var changed = await coupons.UpdateAsync(coupon.Code, present => present with
            {
                ExpiresAt = expiresAt ?? present.ExpiresAt,
                MaxRedemptions = request.MaxRedemptions ?? present.MaxRedemptions,
                DeactivatedAt = request.Active switch { null => present.DeactivatedAt, true => null, false => present.DeactivatedAt ?? time.GetUtcNow() },
            }).ConfigureAwait(false);
            return changed!.Redeemed > request.MaxRedemptions
                ? AdminAnswer.Of(new Failure(
                    StatusCodes.Status409Conflict, "limit_below_redemptions", $"{changed.Redeemed} accounts have redeemed {coupon.Code} already; a limit of {changed.Redeemed} or more is allowed.")
                    {
                        Field = "maxRedemptions",
                    })
                : AdminAnswer.Of(AdminCouponBody.Of(changed), AdminJson.Default.AdminCouponBody);
        }).ConfigureAwait(false);
    }

    private static async Task<IResult> ListRedemptions(string code, HttpContext context, ICouponStore coupons)
    {
        AccountId? cursor = null;
        if ((AdminValues.ReadLimit(context.Request, out var limit) ?? AdminValues.ReadAccount(context.Request, "cursor", out cursor)) is { } failure)
        {
            return failure.ToResult();
        }

        var (coupon, unknown) = await FindAsync(code, coupons, context.RequestAborted).ConfigureAwait(false);
        if (coupon is null)
        {
            return unknown!.ToResult();
        }

        var slots = await coupons.ListSlotsAsync(coupon.Code, cursor, limit, context.RequestAborted).ConfigureAwait(false);
        return JsonAnswer.Of(
            new AdminRedemptionListBody([.. slots.Select(AdminRedemptionBody.Of)], slots.Count == limit ? slots[^1].Account.Value : null),
            AdminJson.Default.AdminRedemptionListBody);
    }

    private static async ValueTask<(Coupon? Coupon, Failure? Failure)> FindAsync(string text, ICouponStore coupons, CancellationToken cancellationToken)
    {
        if (CouponRedeemer.Normalize(text) is not { } code)
        {
            return (null, Failure.Invalid("code", $"code must be {CreateFields["code"]}."));
        }

        var coupon = await coupons.FindAsync(code, cancellationToken).ConfigureAwait(false);
        return (coupon, coupon is null ? new(StatusCodes.Status404NotFound, "coupon_unknown", $"There is no coupon {code}.") : null);
    }

    private static Failure? Check(AdminCouponCreateBody request, Catalogue catalogue, DateTimeOffset now, out Coupon coupon)
    {
        (DateTimeOffset? expiresAt, DateTimeOffset? bonusExpiresAt) = (null, null);
        var code = CouponRedeemer.Normalize(request.Code);
        var failure = code is null ? Failure.Invalid("code", $"code must be {CreateFields["code"]}.") : null;
        failure ??= CommandRules.CheckAmount("amount", request.Amount ?? Credits.Zero) is { } refusal ? Failure.Of(refusal) : null;
        failure ??= AdminValues.ReadInstant("expiresAt", request.ExpiresAt, out expiresAt) ?? AdminValues.ReadInstant("bonusExpiresAt", request.BonusExpiresAt, out bonusExpiresAt);
        failure ??= request.BonusDays is < 1 or > MaxDays ? Failure.Invalid("bonusDays", $"bonusDays must be {CreateFields["bonusDays"]}.") : null;
        failure ??= request.BonusDays is not null && bonusExpiresAt is not null
            ? Failure.Invalid("bonusExpiresAt", "bonusDays and bonusExpiresAt exclude each other; send one of them, or neither for credits that do not end.")
            : null;
        failure ??= CheckLimit(request.MaxRedemptions);
        failure ??= (request.Plans ?? []).FirstOrDefault(plan => plan is null || !catalogue.Plans.ContainsKey(plan)) is { } other || (request.Plans?.Contains(null) ?? false)
            ? Failure.Invalid("plans", $"plans must hold plans of the catalogue: {string.Join(", ", catalogue.Plans.Keys)}.")
            : null;
        coupon = new()
        {
            Code = code ?? string.Empty,
            Amount = request.Amount ?? Credits.Zero,
            ExpiresAt = expiresAt,
            BonusDays = request.BonusDays,
            BonusExpiresAt = bonusExpiresAt,
            MaxRedemptions = request.MaxRedemptions,
            Plans = [.. (request.Plans ?? []).Distinct().Select(plan => plan ?? string.Empty)],
            CreatedAt = DateTimeOffset.FromUnixTimeMilliseconds(now.ToUnixTimeMilliseconds()),
        };
        return failure;
    }

    private static Failure? CheckLimit(long? limit) => limit < 0 ? Failure.Invalid("maxRedemptions", $"maxRedemptions must be {CreateFields["maxRedemptions"]}.") : null;

    private static JsonObject SummaryOf(Coupon coupon) => new()
    {
        ["code"] = coupon.Code,
        ["amount"] = coupon.Amount.ToString(),
        ["expiresAt"] = coupon.ExpiresAt?.ToWire(),
        ["bonusDays"] = coupon.BonusDays,
        ["bonusExpiresAt"] = coupon.BonusExpiresAt?.ToWire(),
        ["maxRedemptions"] = coupon.MaxRedemptions,
        ["plans"] = string.Join(", ", coupon.Plans),
    };
}

[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
internal sealed record AdminCouponCreateBody
{
    public string? Code { get; init; }

    public Credits? Amount { get; init; }

    public string? ExpiresAt { get; init; }

    public int? BonusDays { get; init; }

    public string? BonusExpiresAt { get; init; }

    public long? MaxRedemptions { get; init; }

    public IReadOnlyList<string?>? Plans { get; init; }
}

[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
internal sealed record AdminCouponChangeBody
{
    public bool? Active { get; init; }

    public string? ExpiresAt { get; init; }

    public long? MaxRedemptions { get; init; }
}

internal sealed record AdminCouponListBody(IReadOnlyList<AdminCouponBody> Coupons, string? NextCursor);

internal sealed record AdminCouponBody
{
    public required string Code { get; init; }

    public required Credits Amount { get; init; }

    public required bool Active { get; init; }

    public required string? ExpiresAt { get; init; }

    public required int? BonusDays { get; init; }

    public required string? BonusExpiresAt { get; init; }

    public required long? MaxRedemptions { get; init; }

    public required long Redeemed { get; init; }

    public required IReadOnlyList<string> Plans { get; init; }

    public required string CreatedAt { get; init; }

    public required string? DeactivatedAt { get; init; }

    public static AdminCouponBody Of(Coupon coupon) => new()
    {
        Code = coupon.Code,
        Amount = coupon.Amount,
        Active = coupon.DeactivatedAt is null,
        ExpiresAt = coupon.ExpiresAt?.ToWire(),
        BonusDays = coupon.BonusDays,
        BonusExpiresAt = coupon.BonusExpiresAt?.ToWire(),
        MaxRedemptions = coupon.MaxRedemptions,
        Redeemed = coupon.Redeemed,
        Plans = coupon.Plans,
        CreatedAt = coupon.CreatedAt.ToWire(),
        DeactivatedAt = coupon.DeactivatedAt?.ToWire(),
    };
}

internal sealed record AdminRedemptionListBody(IReadOnlyList<AdminRedemptionBody> Redemptions, string? NextCursor);

internal sealed record AdminRedemptionBody(string Account, Credits Amount, string? BonusExpiresAt, string TakenAt, string? GrantedAt)
{
    public static AdminRedemptionBody Of(CouponSlot slot) =>
        new(slot.Account.Value, slot.Amount, slot.BonusExpiresAt?.ToWire(), slot.TakenAt.ToWire(), slot.GrantedAt?.ToWire());
}
