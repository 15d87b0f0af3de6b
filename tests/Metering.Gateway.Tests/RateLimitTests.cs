using Metering.Engine;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Metering.Gateway.Tests;

/// <summary>Limits a key: their headers, 429 with Retry-After, the routes that have none, and the mode that only reports.</summary>
public sealed class RateLimitTests
{
    private static readonly string[] Names =
        ["RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset", "X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"];

    [Fact]
    public async Task Every_answer_of_a_limited_route_tells_the_window()
    {
        await using var host = await StartAsync(("Plans:starter:RequestsPerMinute", "3"));
        var caller = await host.OpenAsync();
        var start = GatewayHost.Start.ToUnixTimeSeconds();
        Assert.Equal(["3", "2", "60", "3", "2", $"{start + 60}"], WindowOf(await caller.PostAsync("/v1/credits/deduct", """{"amount": 1}""")));
        host.Clock.Advance(TimeSpan.FromSeconds(10.5));
        var refused = await caller.PostAsync("/v1/credits/deduct", """{"amount": 1000}""");
        Assert.Equal(402, refused.Status);
        Assert.Equal(["3", "1", "50", "3", "1", $"{start + 60}"], WindowOf(refused));
    }

    [Fact]
    public async Task The_call_beyond_the_limit_is_429_and_changes_nothing_until_the_window_ends()
    {
        await using var host = await StartAsync(("Plans:starter:RequestsPerMinute", "2"));
        var caller = await host.OpenAsync();
        await caller.PostAsync("/v1/credits/deduct", """{"amount": 1}""");
        await caller.PostAsync("/v1/credits/deduct", """{"amount": 1}""");
        host.Clock.Advance(TimeSpan.FromSeconds(15));
        var limited = await caller.PostAsync("/v1/credits/deduct", """{"amount": 1}""");
        Assert.Equal(429, limited.Status);
        Assert.Equal("rate_limited", limited.Code);
        Assert.Equal("This API key has made the 2 requests a minute that plan starter allows; the next is possible in 45 s.", limited.Json.GetProperty("detail").GetString());
        Assert.Equal("45", limited.Headers["Retry-After"]);
        Assert.Equal(["2", "0", "45"], WindowOf(limited)[..3]);
        Assert.Equal("98", limited.Remaining);
        Assert.Null(limited.Cost);
        host.Clock.Advance(TimeSpan.FromSeconds(45));
        Assert.Equal(200, (await caller.PostAsync("/v1/credits/deduct", """{"amount": 1}""")).Status);
    }

    [Fact]
    public async Task A_429_has_the_shape_of_its_dialect()
    {
        await using var host = await StartAsync(("Plans:starter:RequestsPerMinute", "1"));
        var caller = await host.OpenAsync();
        await caller.GetAsync("/api/v1/me");
        var profile = await caller.GetAsync("/api/v1/me");
        Assert.Equal((429, "rate_limited"), (profile.Status, profile.Json.GetProperty("error").GetString()));
        var keys = await caller.GetAsync("/api/v1/api-keys");
        Assert.Equal(429, keys.Status);
        Assert.False(keys.Json.GetProperty("success").GetBoolean());
    }

    [Fact]
    public async Task The_day_counts_beside_the_minute_and_the_narrower_window_is_told()
    {
        await using var host = await StartAsync(("Plans:starter:RequestsPerMinute", "2"), ("Plans:starter:RequestsPerDay", "3"));
        var caller = await host.OpenAsync();
        Assert.Equal(["2", "1"], WindowOf(await caller.GetAsync("/v1/transactions"))[..2]);
        Assert.Equal(["2", "0"], WindowOf(await caller.GetAsync("/v1/transactions"))[..2]);
        Assert.Equal(429, (await caller.GetAsync("/v1/transactions")).Status);
        host.Clock.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(["3", "0", "86340"], WindowOf(await caller.GetAsync("/v1/transactions"))[..3]);
        var limited = await caller.GetAsync("/v1/transactions");
        Assert.Equal(429, limited.Status);
        Assert.Equal("86340", limited.Headers["Retry-After"]);
        Assert.Contains("3 requests a day", limited.Json.GetProperty("detail").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Credits_and_health_are_never_limited_and_tell_no_window()
    {
        await using var host = await StartAsync(("Plans:starter:RequestsPerMinute", "1"));
        var caller = await host.OpenAsync();
        for (var round = 0; round < 3; round++)
        {
            foreach (var answer in new[]
            {
                await caller.GetAsync("/v1/credits"), await caller.PostAsync("/v1/credits/refresh"), await caller.GetAsync("/v1/credits/health"),
                await caller.GetAsync("/api/v1/credits/balance"), await caller.GetAsync("/api/v1/credits/transactions"), await caller.GetAsync("/health/live"),
            })
            {
                Assert.Equal(200, answer.Status);
                Assert.DoesNotContain(Names, answer.Headers.ContainsKey);
            }
        }

        Assert.Equal(200, (await caller.GetAsync("/v1/transactions")).Status);
    }

    [Fact]
    public async Task Each_key_has_a_window_of_its_own_and_a_plan_without_limits_none()
    {
        await using var host = await StartAsync(("Plans:starter:RequestsPerMinute", "1"));
        var caller = await host.OpenAsync();
        var sibling = await host.AddKeyAsync(caller.Account, ApiKeyScopes.Read);
        Assert.Equal(200, (await caller.GetAsync("/v1/transactions")).Status);
        Assert.Equal(200, (await sibling.GetAsync("/v1/transactions")).Status);
        Assert.Equal(429, (await sibling.GetAsync("/v1/transactions")).Status);
        var free = await host.OpenAsync("scale");
        for (var call = 0; call < 3; call++)
        {
            var answer = await free.GetAsync("/v1/transactions");
            Assert.Equal(200, answer.Status);
            Assert.DoesNotContain(Names, answer.Headers.ContainsKey);
        }
    }

    [Fact]
    public async Task Calls_that_are_refused_for_their_scope_count_and_strangers_do_not()
    {
        await using var host = await StartAsync(("Plans:starter:RequestsPerMinute", "1"));
        var reader = await host.OpenAsync(scopes: ApiKeyScopes.Read);
        var refused = await reader.PostAsync("/v1/credits/deduct", """{"amount": 1}""");
        Assert.Equal(403, refused.Status);
        Assert.Equal("0", refused.Headers["RateLimit-Remaining"]);
        Assert.Equal(429, (await reader.GetAsync("/v1/transactions")).Status);
        using var request = new HttpRequestMessage(HttpMethod.Get, "/v1/transactions");
        var stranger = await Answer.OfAsync(host.Client, request);
        Assert.Equal(401, stranger.Status);
        Assert.DoesNotContain(Names, stranger.Headers.ContainsKey);
    }

    [Fact]
    public async Task The_mode_that_reports_serves_every_call()
    {
        await using var host = await StartAsync(("Plans:starter:RequestsPerMinute", "1"), ("RateLimits:Mode", "report"));
        var caller = await host.OpenAsync();
        for (var call = 0; call < 3; call++)
        {
            var answer = await caller.PostAsync("/v1/credits/deduct", """{"amount": 1}""");
            Assert.Equal(200, answer.Status);
            Assert.Equal(["1", "0"], WindowOf(answer)[..2]);
            Assert.False(answer.Headers.ContainsKey("Retry-After"));
        }
    }

    [Fact]
    public async Task Without_limits_nothing_is_counted()
    {
        var counting = new CountingLimits();
        await using var host = await GatewayHost.StartAsync(services => services.AddSingleton<ICallLimits>(counting));
        var caller = await host.OpenAsync();
        var answer = await caller.PostAsync("/v1/credits/deduct", """{"amount": 1}""");
        Assert.Equal(200, answer.Status);
        Assert.DoesNotContain(Names, answer.Headers.ContainsKey);
        Assert.Equal(0, counting.Calls);
    }

    [Fact]
    public async Task A_fault_of_the_service_tells_the_window_too()
    {
        await using var host = await StartAsync(
            [("Plans:starter:RequestsPerMinute", "5")],
            services => services.AddSingleton<ICreditMeter>(provider => new FaultyMeter(provider.GetRequiredService<EmbeddedCreditMeter>())));
        var answer = await (await host.OpenAsync()).PostAsync("/v1/credits/deduct", """{"amount": 1}""");
        Assert.Equal(500, answer.Status);
        Assert.Equal(["5", "4"], WindowOf(answer)[..2]);
    }

    [Fact]
    public async Task A_route_with_a_limit_of_its_own_tells_that_one()
    {
        await using var host = await StartAsync(("Plans:starter:RequestsPerMinute", "60"));
        var caller = await host.OpenAsync();
        var answer = await caller.PostAsync("/api/v1/ai/suggest-categories", """{"description": "Roof tiles for roofers"}""");
        Assert.Equal(200, answer.Status);
        Assert.Equal(["5", "4"], WindowOf(answer)[..2]);
        Assert.Equal(["5", "4"], WindowOf(answer)[3..5]);
        Assert.Equal(["60", "58"], WindowOf(await caller.GetAsync("/v1/transactions"))[..2]);
    }

    private static Task<GatewayHost> StartAsync(params (string Setting, string Value)[] settings) => StartAsync(settings, null);

    private static Task<GatewayHost> StartAsync((string Setting, string Value)[] settings, Action<IServiceCollection>? services) =>
        GatewayHost.StartAsync(services, settings: settings.ToDictionary(setting => "Metering:" + setting.Setting, setting => (string?)setting.Value));

    private static string[] WindowOf(Answer answer) => [.. Names.Select(name => answer.Headers[name])];

    private sealed class CountingLimits : ICallLimits
    {
        public int Calls { get; private set; }

        public ValueTask<LimitVerdict> TakeAsync(CallLimit limit, string subject, CancellationToken cancellationToken = default)
        {
            Calls++;
            return new(new LimitVerdict(true, limit.Permits, limit.Window));
        }
    }

    /// <summary>A meter that throws where credits are spent.</summary>
    private sealed class FaultyMeter(ICreditMeter inner) : DelegatingMeter(inner)
    {
        public override ValueTask<Outcome<Deduction>> DeductAsync(AccountId account, DeductRequest request, CancellationToken cancellationToken = default) =>
            throw new InvalidTimeZoneException();
    }
}
