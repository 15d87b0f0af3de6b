using System.Text.Json.Serialization;
using Metering.Engine;
using Metering.Gateway.Setup;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Metering.Gateway.Profile;

/// <summary>Dialect A (000, 001): the profile with its credits.</summary>
internal static class ProfileRoutes
{
    private const string Example = """
            {"data": {"id": "demo", "email": "demo@example.com", "firstName": "Demo", "lastName": null, "companyName": null, "companyWebsite": null,
              "createdAt": "2026-05-01T00:00:00.000Z", "plan": "starter", "planName": "Starter", "accessLevel": "platform",
              "subscriptionStatus": "active", "currentPeriodEnd": "2026-06-01T00:00:00.000Z", "gracePeriodEnd": null, "unlimited": false,
              "monthlyCredits": 100, "monthlyCreditsRemaining": 82, "bonusCredits": 0, "permanentCredits": 0, "totalCreditsRemaining": 82,
              "settings": {"smbType": null}}}
        """;

    public static IEndpointRouteBuilder MapProfile(this IEndpointRouteBuilder routes)
    {
        routes.MapGet("/api/v1/me", GetMe)
            .RequireMeteringKey(ApiKeyScopes.Read)
            .WithTags("Credits and subscription")
            .Document("The profile, its plan and its credits", new()
            {
                ResponseExample = Example,
            })
            .Produces<ProfileAnswerBody>()
            .ProducesErrors<ProfileErrorBody>(400, 401, 403, 404, 429, 500, 503);
        routes.MapPatch("/api/v1/me", PatchMe)
            .RequireMeteringKey(ApiKeyScopes.Read | ApiKeyScopes.Spend)
            .WithTags("Credits and subscription")
            .Document("Change the profile: only what is sent changes, null empties a field", new()
            {
                RequestType = typeof(ProfilePatchBody),
                RequestExample = """{"companyName": "Example", "companyWebsite": "https://example.com"}""",
                ResponseExample = Example,
            })
            .Produces<ProfileAnswerBody>()
            .ProducesErrors<ProfileErrorBody>(400, 401, 403, 404, 413, 415, 429, 500, 503);
        return routes;
    }

    private static async Task<IResult> GetMe(HttpContext context, ICreditMeter meter, IDirectoryStore directory, Catalogue catalogue, AccountSettingsBook settings, TimeProvider time)
    {
        var account = context.GetMeteringCaller().Account;
        var outcome = await meter.GetBalanceAsync(account, context.RequestAborted).ConfigureAwait(false);
        if (!outcome.TryGet(out var balance, out var refusal))
        {
            return Failure.Of(refusal).ToResult();
        }

        // An account that an operator made may have no profile; its plan and credits are there all the same.
        var profile = await directory.FindProfileAsync(account, context.RequestAborted).ConfigureAwait(false);
        return Answer(account, profile, balance, await settings.FindAsync(account, context.RequestAborted).ConfigureAwait(false), catalogue, time);
    }

    private static async Task<IResult> PatchMe(HttpContext context, ICreditMeter meter, IDirectoryStore directory, Catalogue catalogue, AccountSettingsBook settings, TimeProvider time)
    {
        var body = await JsonBody.ReadAsync(context, ProfileJson.Default.ProfilePatchBody, ProfilePatch.Fields, ignoresOthers: true).ConfigureAwait(false);
        if (!body.TryGet(out var wire, out var failure) || (failure = ProfilePatch.Read(wire, out var change)) is not null)
        {
            return failure.ToResult();
        }

        var account = context.GetMeteringCaller().Account;
        var outcome = await meter.GetBalanceAsync(account, context.RequestAborted).ConfigureAwait(false);
        if (!outcome.TryGet(out var balance, out var refusal))
        {
            return Failure.Of(refusal).ToResult();
        }

        if (Failure.OfClosed(balance) is { } closed)
        {
            return closed.ToResult();
        }

        var profile = await directory.UpdateProfileAsync(account, change, context.RequestAborted).ConfigureAwait(false);
        if (profile is null)
        {
            // An account that an operator made. Where another call adds its profile in between, that one is changed.
            await directory.TryAddProfileAsync(
                new() { Account = account, Email = string.Empty, CreatedAt = DateTimeOffset.FromUnixTimeMilliseconds(time.GetUtcNow().ToUnixTimeMilliseconds()) },
                context.RequestAborted).ConfigureAwait(false);
            profile = await directory.UpdateProfileAsync(account, change, context.RequestAborted).ConfigureAwait(false);
        }

        return Answer(account, profile, balance, await settings.FindAsync(account, context.RequestAborted).ConfigureAwait(false), catalogue, time);
    }

    private static IResult Answer(AccountId account, AccountProfile? profile, Balance balance, AccountSettings settings, Catalogue catalogue, TimeProvider time) =>
        JsonAnswer.Of(
            new ProfileAnswerBody(ProfileBody.Of(account, profile, balance, catalogue, time.GetUtcNow()) with { Settings = new(settings.SmbType) }),
            ProfileJson.Default.ProfileAnswerBody);
}

internal sealed record ProfileAnswerBody(ProfileBody Data);

internal sealed record ProfileBody
{
    public required string Id { get; init; }

    public required string? Email { get; init; }

    public required string? FirstName { get; init; }

    public required string? LastName { get; init; }

    public required string? CompanyName { get; init; }

    public required string? CompanyWebsite { get; init; }

    public required string? CreatedAt { get; init; }

    public required string Plan { get; init; }

    public required string PlanName { get; init; }

    public required string AccessLevel { get; init; }

    public required string SubscriptionStatus { get; init; }

    public required string CurrentPeriodEnd { get; init; }

    /// <summary>Until when the unpaid subscription goes on; null unless it is past due.</summary>
    public required string? GracePeriodEnd { get; init; }

    public required bool Unlimited { get; init; }

    public required Credits MonthlyCredits { get; init; }

    public required Credits MonthlyCreditsRemaining { get; init; }

    public required Credits BonusCredits { get; init; }

    public required Credits PermanentCredits { get; init; }

    public required Credits TotalCreditsRemaining { get; init; }

    public required ProfileSettingsBody Settings { get; init; }

    public static ProfileBody Of(AccountId account, AccountProfile? profile, Balance balance, Catalogue catalogue, DateTimeOffset now) => new()
    {
        Id = account.Value,
        Email = string.IsNullOrEmpty(profile?.Email) ? null : profile.Email,
        FirstName = profile?.FirstName,
        LastName = profile?.LastName,
        CompanyName = profile?.CompanyName,
        CompanyWebsite = profile?.CompanyWebsite,
        CreatedAt = profile?.CreatedAt.ToWire(),
        Plan = balance.Plan,
        PlanName = catalogue.Plans.TryGetValue(balance.Plan, out var plan) ? plan.Name : balance.Plan, // A plan may have left the configuration.
        AccessLevel = balance.Level.ToName(),
        SubscriptionStatus = balance.SubscriptionAt(now).ToName(),
        CurrentPeriodEnd = balance.PeriodEnd.ToWire(),
        GracePeriodEnd = balance.SubscriptionAt(now) == SubscriptionState.PastDue ? balance.GraceEndsAt?.ToWire() : null,
        Unlimited = balance.Unlimited,
        MonthlyCredits = balance.MonthlyAllotment,
        MonthlyCreditsRemaining = balance.Monthly,
        BonusCredits = balance.Bonus,
        PermanentCredits = balance.Permanent,
        TotalCreditsRemaining = balance.Monthly + balance.Bonus + balance.Permanent,
        Settings = new(SmbType: null),
    };
}

/// <summary>What the account has chosen.</summary>
/// <param name="SmbType">The lead database: null until one is chosen.</param>
internal sealed record ProfileSettingsBody(string? SmbType);

/// <summary>JSON of dialect A.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    AllowDuplicateProperties = false,
    MaxDepth = JsonBody.MaxDepth)]
[JsonSerializable(typeof(ProfilePatchBody))]
[JsonSerializable(typeof(ProfileAnswerBody))]
[JsonSerializable(typeof(ProfileErrorBody))]
internal sealed partial class ProfileJson : JsonSerializerContext;
