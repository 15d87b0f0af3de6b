using System.Text.Json;
using System.Text.Json.Serialization;
using Metering.Engine;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Metering.Gateway.CheckCredits;

/// <summary>Dialect C (004): check credits. Free, never rate limited, never written to the ledger.</summary>
internal static class CheckCreditsRoutes
{
    public static IEndpointRouteBuilder MapCheckCredits(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("/v1/credits").WithTags("Check credits").WithMetadata(new WithoutRateLimit());
        group.MapMeter(HttpMethods.Get, "", GetCredits)
            .RequireMeteringKey(ApiKeyScopes.Read)
            .Document("The current credit balance", new() { ResponseExample = """{"credits": 15432.50}""" })
            .Produces<CreditBalanceBody>()
            .ProducesProblems(400, 401, 403, 404, 500, 503);
        group.MapMeter(HttpMethods.Post, "refresh", Refresh)
            .RequireMeteringKey(ApiKeyScopes.Read)
            .Document("The balance, read anew from the database", new() { ResponseExample = """{"credits": 2200}""" })
            .Produces<CreditBalanceBody>()
            .ProducesProblems(400, 401, 403, 404, 500, 503);
        group.MapGet("health", GetHealth)
            .RequireMeteringKey(ApiKeyScopes.None)
            .Document("Whether the API key works, and for what", new()
            {
                ResponseExample = """{"valid": true, "account": "demo", "plan": "starter", "subscriptionStatus": "active", "keyExpiresAt": null, "scopes": ["read", "spend"]}""",
            })
            .Produces<KeyHealthBody>()
            .ProducesProblems(400, 401, 404, 500, 503);
        return routes;
    }

    private static async Task GetCredits(HttpContext context, ICreditMeter meter)
    {
        var outcome = await meter.GetBalanceAsync(context.GetMeteringCaller().Account, context.RequestAborted).ConfigureAwait(false);
        await AnswerAsync(context, outcome).ConfigureAwait(false);
    }

    private static async Task Refresh(HttpContext context, ICreditMeter meter)
    {
        var outcome = await meter.RefreshAsync(context.GetMeteringCaller().Account, context.RequestAborted).ConfigureAwait(false);
        await AnswerAsync(context, outcome).ConfigureAwait(false);
    }

    private static async Task<IResult> GetHealth(HttpContext context, ICreditMeter meter, TimeProvider time)
    {
        var caller = context.GetMeteringCaller();
        var outcome = await meter.GetBalanceAsync(caller.Account, context.RequestAborted).ConfigureAwait(false);
        return outcome.TryGet(out var balance, out var refusal)
            ? JsonAnswer.Of(
                new KeyHealthBody
                {
                    Valid = true,
                    Account = caller.Account.Value,
                    Plan = balance.Plan,
                    SubscriptionStatus = balance.SubscriptionAt(time.GetUtcNow()).ToName(),
                    KeyExpiresAt = caller.Key.ExpiresAt?.ToWire(),
                    Scopes = caller.Key.Scopes.ToNames(),
                },
                CheckCreditsJson.Default.KeyHealthBody)
            : Failure.Of(refusal).ToResult();
    }

    private static Task AnswerAsync(HttpContext context, Outcome<Balance> outcome)
    {
        if (!outcome.TryGet(out var balance, out var refusal))
        {
            return Failure.Of(refusal).ToResult().ExecuteAsync(context);
        }

        context.ReportBalance(balance);
        return JsonAnswer.WriteAsync(context, new CreditBalanceBody { Credits = balance.Available }, CheckCreditsJson.Default.CreditBalanceBody);
    }
}

internal sealed record CreditBalanceBody
{
    [JsonConverter(typeof(DisplayedCreditsConverter))]
    public required Credits Credits { get; init; }
}

internal sealed record KeyHealthBody
{
    public required bool Valid { get; init; }

    public required string Account { get; init; }

    public required string Plan { get; init; }

    /// <summary><c>active</c>; <c>past_due</c>: unpaid, spending goes on for a grace period; <c>inactive</c>: it does not.</summary>
    public required string SubscriptionStatus { get; init; }

    public required string? KeyExpiresAt { get; init; }

    public required string[] Scopes { get; init; }
}

/// <summary>Writes credits as the document prints them: whole amounts bare (2200), others with at least two decimals (15432.50).</summary>
internal sealed class DisplayedCreditsConverter : JsonConverter<Credits>
{
    private const long TenthsOnly = Credits.Scale / 10;

    public override Credits Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        throw new NotSupportedException("Displayed credits are only written.");

    public override void Write(Utf8JsonWriter writer, Credits value, JsonSerializerOptions options)
    {
        var text = value.ToString();
        var hasOneDecimal = value.TenThousandths % Credits.Scale != 0 && value.TenThousandths % TenthsOnly == 0;
        writer.WriteRawValue(hasOneDecimal ? text + "0" : text, skipInputValidation: true);
    }
}

/// <summary>JSON of dialect C.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(CreditBalanceBody))]
[JsonSerializable(typeof(KeyHealthBody))]
internal sealed partial class CheckCreditsJson : JsonSerializerContext;
