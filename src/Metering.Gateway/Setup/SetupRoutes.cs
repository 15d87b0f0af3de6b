using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Metering.Core;
using Metering.Engine;
using Metering.Gateway.Payments;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Metering.Gateway.Setup;

/// <summary>Dialect A (001, "Account Setup"): the lead database, and help with categories and keywords.</summary>
internal static class SetupRoutes
{
    private const int MostSuggestions = 20;
    private const int DefaultSuggestions = 5;
    private const int LongestDescription = 2_000;

    private static readonly CallLimit Limit = new("ai", 5, TimeSpan.FromMinutes(1));

    private static readonly string[] SmbTypes = ["home_improvement", "other"];

    private static readonly Dictionary<string, string> SwitchFields = new() { ["smbType"] = "a text: home_improvement or other" };

    private static readonly Dictionary<string, string> SuggestFields = new()
    {
        ["description"] = $"a text of 1 to {LongestDescription} characters",
        ["limit"] = $"a whole number from 1 to {MostSuggestions}",
    };

    public static IEndpointRouteBuilder MapSetup(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("/api/v1").WithTags("Account setup");
        group.MapGet("settings/database", GetDatabase)
            .RequireMeteringKey(ApiKeyScopes.Read)
            .Document("The lead database, and when it may be switched", new()
            {
                ResponseExample = """{"data": {"smbType": "other", "canSwitch": false, "daysRemaining": 12, "switchedAt": "2026-05-01T00:00:00.000Z"}}""",
            })
            .Produces<DatabaseAnswerBody>()
            .ProducesErrors<PaymentErrorBody>(400, 401, 403, 429, 500, 503);
        group.MapPost("settings/switch-database", SwitchDatabase)
            .RequireMeteringKey(ApiKeyScopes.Spend)
            .Document("Switch the lead database; the same one again changes nothing", new()
            {
                RequestType = typeof(SwitchDatabaseBody),
                RequestExample = """{"smbType": "home_improvement"}""",
                ResponseExample = """{"data": {"smbType": "home_improvement", "canSwitch": false, "daysRemaining": 30, "switchedAt": "2026-05-01T00:00:00.000Z"}}""",
                Changes = true,
            })
            .Produces<DatabaseAnswerBody>()
            .ProducesErrors<PaymentErrorBody>(400, 401, 403, 413, 415, 422, 429, 500, 503);
        group.MapPost("ai/suggest-categories", SuggestCategories)
            .RequireMeteringKey(ApiKeyScopes.Read)
            .Document("Categories that fit a description", new()
            {
                RequestType = typeof(SuggestBody),
                RequestExample = """{"description": "We sell roof tiles to roofers", "limit": 5}""",
                ResponseExample = """{"data": {"categories": [{"category": "roofer", "name": "Roofers", "score": 5.1}]}}""",
            })
            .Produces<CategoriesAnswerBody>()
            .ProducesErrors<PaymentErrorBody>(400, 401, 403, 413, 415, 429, 500, 503);
        group.MapPost("ai/generate-keywords", GenerateKeywords)
            .RequireMeteringKey(ApiKeyScopes.Read)
            .Document("Patterns that find such leads by their names; they replace earlier ones", new()
            {
                RequestType = typeof(SuggestBody),
                RequestExample = """{"description": "We sell roof tiles to roofers"}""",
                ResponseExample = """{"data": {"status": "ready", "keywords": ["*roofer*", "*roof*", "*tile*"], "generatedAt": "2026-05-01T00:00:00.000Z"}}""",
                Changes = true,
            })
            .Produces<KeywordsAnswerBody>()
            .ProducesErrors<PaymentErrorBody>(400, 401, 403, 413, 415, 422, 429, 500, 503);
        group.MapGet("ai/keyword-status", GetKeywords)
            .RequireMeteringKey(ApiKeyScopes.Read)
            .Document("The keywords that were generated last", new()
            {
                ResponseExample = """{"data": {"status": "ready", "keywords": ["*roofer*"], "generatedAt": "2026-05-01T00:00:00.000Z"}}""",
            })
            .Produces<KeywordsAnswerBody>()
            .ProducesErrors<PaymentErrorBody>(400, 401, 403, 429, 500, 503);
        return routes;
    }

    private static async Task<IResult> GetDatabase(HttpContext context, AccountSettingsBook book, TimeProvider time)
    {
        var settings = await book.FindAsync(context.GetMeteringCaller().Account, context.RequestAborted).ConfigureAwait(false);
        return JsonAnswer.Of(BodyOf(settings, book.FixedUntil(settings) - time.GetUtcNow()), SetupJson.Default.DatabaseAnswerBody);
    }

    private static async Task<IResult> SwitchDatabase(HttpContext context, AccountSettingsBook book, OnceRequests once, TimeProvider time)
    {
        if (IdempotencyKeys.Read(context.Request, out _) is { } malformed)
        {
            return malformed.ToResult();
        }

        var body = await JsonBody.ReadAsync(context, SetupJson.Default.SwitchDatabaseBody, SwitchFields, ignoresOthers: true).ConfigureAwait(false);
        if (!body.TryGet(out var request, out var failure))
        {
            return failure.ToResult();
        }

        if (request.SmbType is null || !SmbTypes.Contains(request.SmbType, StringComparer.Ordinal))
        {
            return Failure.Invalid("smbType", $"smbType must be one of {string.Join(", ", SmbTypes)}.").ToResult();
        }

        return await once.TakeAsync(
            context,
            JsonSerializer.SerializeToUtf8Bytes(request, SetupJson.Default.SwitchDatabaseBody),
            SetupJson.Default.DatabaseAnswerBody,
            async _ =>
            {
                var (isSwitched, settings) = await book.SwitchAsync(context.GetMeteringCaller().Account, request.SmbType, context.RequestAborted).ConfigureAwait(false);
                var left = book.FixedUntil(settings) - time.GetUtcNow();
                return isSwitched ? (BodyOf(settings, left), null) : (null, new Failure(
                    StatusCodes.Status403Forbidden, "switch_cooldown", $"The lead database was switched a short while ago; it may be switched again in {DaysOf(left)} days."));
            }).ConfigureAwait(false);
    }

    private static async Task<IResult> SuggestCategories(HttpContext context, ICategorySuggester suggester, ICallLimits limits, TimeProvider time)
    {
        var (request, failure) = await ReadAsync(context, limits, time).ConfigureAwait(false);
        if (request is null)
        {
            return failure!.ToResult();
        }

        var found = await suggester.SuggestAsync(request.Description!, request.Limit ?? DefaultSuggestions, context.RequestAborted).ConfigureAwait(false);
        return JsonAnswer.Of(
            new CategoriesAnswerBody(new([.. found.Select(suggestion => new CategoryBody(suggestion.Category, suggestion.Name, Math.Round(suggestion.Score, 3)))])),
            SetupJson.Default.CategoriesAnswerBody);
    }

    private static async Task<IResult> GenerateKeywords(HttpContext context, ICategorySuggester suggester, AccountSettingsBook book, OnceRequests once, ICallLimits limits, TimeProvider time)
    {
        var (request, failure) = await ReadAsync(context, limits, time).ConfigureAwait(false);
        if (request is null)
        {
            return failure!.ToResult();
        }

        var account = context.GetMeteringCaller().Account;
        return await once.TakeAsync(
            context,
            JsonSerializer.SerializeToUtf8Bytes(request, SetupJson.Default.SuggestBody),
            SetupJson.Default.KeywordsAnswerBody,
            async _ =>
            {
                var keywords = await suggester.GenerateKeywordsAsync(request.Description!, request.Limit ?? MostSuggestions, context.RequestAborted).ConfigureAwait(false);
                await book.KeepKeywordsAsync(account, keywords, context.RequestAborted).ConfigureAwait(false);
                return (BodyOf(await book.FindAsync(account, context.RequestAborted).ConfigureAwait(false)), null);
            }).ConfigureAwait(false);
    }

    private static async Task<IResult> GetKeywords(HttpContext context, AccountSettingsBook book, ICallLimits limits, TimeProvider time) =>
        await CountAsync(context, limits, time).ConfigureAwait(false) is { } limited
            ? limited.ToResult()
            : JsonAnswer.Of(BodyOf(await book.FindAsync(context.GetMeteringCaller().Account, context.RequestAborted).ConfigureAwait(false)), SetupJson.Default.KeywordsAnswerBody);

    private static async ValueTask<(SuggestBody? Request, Failure? Failure)> ReadAsync(HttpContext context, ICallLimits limits, TimeProvider time)
    {
        if (IdempotencyKeys.Read(context.Request, out _) is { } malformed)
        {
            return (null, malformed);
        }

        var body = await JsonBody.ReadAsync(context, SetupJson.Default.SuggestBody, SuggestFields, ignoresOthers: true).ConfigureAwait(false);
        if (!body.TryGet(out var request, out var failure))
        {
            return (null, failure);
        }

        var invalid = string.IsNullOrWhiteSpace(request.Description) ? Failure.Invalid("description", $"description must be {SuggestFields["description"]}.")
            : CommandRules.CheckText("description", request.Description, LongestDescription) is { } refusal ? Failure.Of(refusal)
            : request.Limit is < 1 or > MostSuggestions ? Failure.Invalid("limit", $"limit is {request.Limit}; {SuggestFields["limit"]} is allowed.")
            : await CountAsync(context, limits, time).ConfigureAwait(false);
        return invalid is null ? (request, null) : (null, invalid);
    }

    private static async ValueTask<Failure?> CountAsync(HttpContext context, ICallLimits limits, TimeProvider time)
    {
        var verdict = await limits.TakeAsync(Limit, context.GetMeteringCaller().Key.Id, context.RequestAborted).ConfigureAwait(false);
        LimitHeaders.Tell(context, Limit, verdict, time.GetUtcNow());
        return verdict.IsAllowed ? null : LimitHeaders.Refusal(string.Create(CultureInfo.InvariantCulture, $"At most {Limit.Permits} calls a minute of these routes are allowed."), verdict);
    }

    private static DatabaseAnswerBody BodyOf(AccountSettings settings, TimeSpan? left) => new(new(settings.SmbType, left is null, DaysOf(left), settings.SwitchedAt?.ToWire()));

    private static KeywordsAnswerBody BodyOf(AccountSettings settings) => new(new(settings.KeywordsAt is null ? "none" : "ready", settings.Keywords, settings.KeywordsAt?.ToWire()));

    private static int DaysOf(TimeSpan? left) => left is { } time ? (int)Math.Ceiling(time.TotalDays) : 0;
}

internal sealed record SwitchDatabaseBody
{
    public string? SmbType { get; init; }
}

internal sealed record DatabaseAnswerBody(DatabaseBody Data);

/// <summary>The lead database of an account.</summary>
/// <param name="SmbType"><c>home_improvement</c>, <c>other</c>, or null until one is chosen.</param>
/// <param name="CanSwitch">True where it may be switched now.</param>
/// <param name="DaysRemaining">Days until then, rounded up; 0 where it may.</param>
/// <param name="SwitchedAt">When it was chosen; null where it was not.</param>
internal sealed record DatabaseBody(string? SmbType, bool CanSwitch, int DaysRemaining, string? SwitchedAt);

internal sealed record SuggestBody
{
    public string? Description { get; init; }

    public int? Limit { get; init; }
}

internal sealed record CategoriesAnswerBody(CategoriesBody Data);

internal sealed record CategoriesBody(IReadOnlyList<CategoryBody> Categories);

internal sealed record CategoryBody(string Category, string Name, double Score);

internal sealed record KeywordsAnswerBody(KeywordsBody Data);

/// <summary>Generated keywords.</summary>
/// <param name="Status"><c>ready</c>, or <c>none</c> where none were generated yet.</param>
/// <param name="Keywords">Patterns.</param>
/// <param name="GeneratedAt">When; null where none were.</param>
internal sealed record KeywordsBody(string Status, IReadOnlyList<string> Keywords, string? GeneratedAt);

/// <summary>JSON of the account-setup routes.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, AllowDuplicateProperties = false, MaxDepth = JsonBody.MaxDepth)]
[JsonSerializable(typeof(SwitchDatabaseBody))]
[JsonSerializable(typeof(DatabaseAnswerBody))]
[JsonSerializable(typeof(SuggestBody))]
[JsonSerializable(typeof(CategoriesAnswerBody))]
[JsonSerializable(typeof(KeywordsAnswerBody))]
internal sealed partial class SetupJson : JsonSerializerContext;
