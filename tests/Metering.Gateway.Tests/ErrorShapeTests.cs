using Metering.Engine;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Metering.Gateway.Tests;

/// <summary>Errors in the shape of their dialect, with their status and headers.</summary>
public sealed class ErrorShapeTests
{
    [Theory]
    [InlineData("GET", "/v1/nothing", 404, "problem")]
    [InlineData("GET", "/admin/v1/nothing", 404, "problem")]
    [InlineData("GET", "/nothing", 404, "problem")]
    [InlineData("GET", "/api/v1/credits/nothing", 404, "B")]
    [InlineData("GET", "/api/v1/api-keys/a/b/c", 404, "B")]
    [InlineData("GET", "/api/v1/nothing", 404, "A")]
    [InlineData("DELETE", "/v1/credits", 405, "problem")]
    [InlineData("GET", "/v1/credits/deduct", 405, "problem")]
    [InlineData("POST", "/api/v1/credits/balance", 405, "B")]
    [InlineData("PUT", "/api/v1/api-keys", 405, "B")]
    [InlineData("POST", "/api/v1/me", 405, "A")]
    public async Task Unknown_routes_and_wrong_methods_answer_in_their_dialect(string method, string path, int status, string dialect)
    {
        await using var host = await GatewayHost.StartAsync();
        var answer = await (await host.OpenAsync()).SendAsync(new(method), path);
        Assert.Equal(status, answer.Status);
        Assert.Equal("100", answer.Remaining);
        Assert.NotEmpty(answer.Headers["X-Request-Id"]);
        Assert.Equal(status == 405, answer.Headers.ContainsKey("Allow"));
        HasShape(answer, dialect);
    }

    [Theory]
    [InlineData("/v1/credits/refresh", "problem")]
    [InlineData("/v1/credits/deduct", "problem")]
    public async Task A_fault_is_500_in_the_dialect_without_a_stack_trace(string path, string dialect)
    {
        await using var host = await StartBrokenAsync(() => throw new InvalidTimeZoneException("the secret inside"));
        var answer = await (await AddKeyAsync(host)).PostAsync(path, """{"amount": 1}""");
        Assert.Equal(500, answer.Status);
        HasShape(answer, dialect);
        Assert.DoesNotContain("secret", answer.Body, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", answer.Body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_fault_in_dialect_b_has_its_shape()
    {
        await using var host = await StartBrokenAsync(() => throw new InvalidTimeZoneException("the secret inside"));
        var answer = await (await AddKeyAsync(host)).GetAsync("/api/v1/credits/transactions");
        Assert.Equal(500, answer.Status);
        HasShape(answer, "B");
    }

    [Theory]
    [InlineData(RefusalReason.InvalidRequest, 400, "invalid_request")]
    [InlineData(RefusalReason.AccountUnknown, 404, "account_unknown")]
    [InlineData(RefusalReason.AccountExists, 409, "account_exists")]
    [InlineData(RefusalReason.IdempotencyKeyReused, 422, "idempotency_key_reused")]
    [InlineData(RefusalReason.ReferenceUsed, 409, "reference_used")]
    [InlineData(RefusalReason.TransactionUnknown, 404, "transaction_unknown")]
    [InlineData(RefusalReason.TransactionNotRefundable, 422, "transaction_not_refundable")]
    [InlineData(RefusalReason.RefundExceedsCharge, 422, "refund_exceeds_charge")]
    [InlineData(RefusalReason.AccountSuspended, 403, "account_suspended")]
    [InlineData(RefusalReason.AccountClosed, 403, "account_closed")]
    [InlineData(RefusalReason.AccessLevelTooLow, 403, "access_level_too_low")]
    [InlineData(RefusalReason.SubscriptionInactive, 402, "subscription_inactive")]
    [InlineData(RefusalReason.MaxCreditsExceeded, 402, "max_credits_exceeded")]
    [InlineData(RefusalReason.InsufficientCredits, 402, "insufficient_credits")]
    [InlineData(RefusalReason.BalanceTooLarge, 422, "balance_too_large")]
    [InlineData(RefusalReason.Overloaded, 503, "overloaded")]
    [InlineData(RefusalReason.LedgerUnavailable, 503, "ledger_unavailable")]
    [InlineData(RefusalReason.OutcomeUnknown, 503, "outcome_unknown")]
    public async Task Every_refusal_has_its_status_and_code(RefusalReason reason, int status, string code)
    {
        await using var host = await StartBrokenAsync(() => new(reason, "Why.") { TransactionId = new(5, 6), RetryAfter = reason == RefusalReason.Overloaded ? TimeSpan.FromSeconds(1.5) : null });
        var answer = await (await AddKeyAsync(host)).PostAsync("/v1/credits/deduct", """{"amount": 1}""");
        Assert.Equal(status, answer.Status);
        Assert.Equal(code, answer.Code);
        Assert.Equal("Why.", answer.Json.GetProperty("detail").GetString());
        Assert.Equal(status, answer.Json.GetProperty("status").GetInt32());
        Assert.Equal(new TransactionId(5, 6).ToString(), answer.Json.GetProperty("transactionId").GetString());
        Assert.Equal(status == 503 ? reason == RefusalReason.Overloaded ? "2" : "1" : null, answer.Headers.GetValueOrDefault("Retry-After"));
        Assert.Null(answer.Remaining);
    }

    [Fact]
    public void Every_reason_is_in_the_table() => Assert.All(Enum.GetValues<RefusalReason>(), reason => Assert.InRange(RefusalStatus.Of(reason).Status, 400, 503));

    [Fact]
    public async Task Keys_that_cannot_be_looked_up_now_are_503()
    {
        await using var host = await GatewayHost.StartAsync(services => services.AddSingleton<IDirectoryStore>(new UnavailableDirectory()).AddSingleton<IPaymentStore>(new MemoryPaymentStore()));
        using var request = new HttpRequestMessage(HttpMethod.Get, "/api/v1/me");
        request.Headers.Add("X-API-Key", ApiKeys.DefaultPrefix + new string('0', 64));
        var answer = await Answer.OfAsync(host.Client, request);
        Assert.Equal(503, answer.Status);
        Assert.Equal("1", answer.Headers["Retry-After"]);
        HasShape(answer, "A");
    }

    [Theory]
    [InlineData("abc-123", true)]
    [InlineData("has space", false)]
    [InlineData("", false)]
    public async Task A_valid_request_id_is_echoed_and_another_is_replaced(string sent, bool isEchoed)
    {
        await using var host = await GatewayHost.StartAsync();
        foreach (var path in (string[])["/v1/credits", "/health/live", "/nothing"])
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, path);
            request.Headers.TryAddWithoutValidation("X-Request-Id", sent);
            var id = (await Answer.OfAsync(host.Client, request)).Headers["X-Request-Id"];
            Assert.Equal(isEchoed, id == sent);
            Assert.InRange(id.Length, 1, 128);
        }
    }

    [Fact]
    public async Task A_request_id_may_have_128_characters_and_no_more()
    {
        await using var host = await GatewayHost.StartAsync();
        foreach (var (length, isEchoed) in ((int, bool)[])[(128, true), (129, false)])
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, "/health/live");
            request.Headers.Add("X-Request-Id", new string('r', length));
            Assert.Equal(isEchoed, (await Answer.OfAsync(host.Client, request)).Headers["X-Request-Id"].Length == length);
        }
    }

    [Fact]
    public async Task Health_needs_no_key()
    {
        await using var host = await GatewayHost.StartAsync();
        foreach (var path in (string[])["/health/live", "/health/ready"])
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, path);
            var answer = await Answer.OfAsync(host.Client, request);
            Assert.Equal(200, answer.Status);
            answer.HasJson("""{"status": "ok"}""");
        }
    }

    [Fact]
    public async Task Another_service_in_the_process_can_stand_behind_keys_and_answer_with_refusals()
    {
        await using var host = await GatewayHost.StartAsync(map: app => app.MapGet("/search", (HttpContext context) =>
        {
            context.ReportCharge(Credits.Of(2), Credits.Of(98), isReplay: false);
            return new Refusal(RefusalReason.InsufficientCredits, context.GetMeteringCaller().Account.Value).ToProblem();
        }).RequireMeteringKey(ApiKeyScopes.Read));
        var caller = await host.OpenAsync();
        var answer = await caller.GetAsync("/search");
        Assert.Equal(402, answer.Status);
        Assert.Equal(caller.Account.Value, answer.Json.GetProperty("detail").GetString());
        Assert.Equal("98", answer.Remaining);
        Assert.Equal("2", answer.Cost);
        using var request = new HttpRequestMessage(HttpMethod.Get, "/search");
        Assert.Equal(401, (await Answer.OfAsync(host.Client, request)).Status);
    }

    [Fact]
    public async Task A_group_stands_behind_keys_before_anything_is_bound()
    {
        await using var host = await GatewayHost.StartAsync(map: app =>
            app.MapGroup("/group").RequireMeteringKey(ApiKeyScopes.Spend).MapGet("{number:int}", (int number, int needed) => number + needed));
        using var request = new HttpRequestMessage(HttpMethod.Get, "/group/7");
        Assert.Equal(401, (await Answer.OfAsync(host.Client, request)).Status);
        Assert.Equal("12", (await (await host.OpenAsync()).GetAsync("/group/7?needed=5")).Body);
    }

    private static Task<GatewayHost> StartBrokenAsync(Func<Refusal> answer) =>
        GatewayHost.StartAsync(services => services.AddSingleton<ICreditMeter>(new StubMeter(answer)));

    private static Task<TestCaller> AddKeyAsync(GatewayHost host) => host.AddKeyAsync(new("account"), ApiKeyScopes.Read | ApiKeyScopes.Spend);

    private static void HasShape(Answer answer, string dialect)
    {
        var names = answer.Json.EnumerateObject().Select(property => property.Name).ToArray();
        switch (dialect)
        {
            case "A":
                Assert.Equal("application/json", answer.ContentType);
                Assert.Equal(["error", "message"], names);
                break;
            case "B":
                Assert.Equal("application/json", answer.ContentType);
                Assert.Equal(["success", "error"], names);
                Assert.False(answer.Json.GetProperty("success").GetBoolean());
                break;
            default:
                Assert.Equal("application/problem+json", answer.ContentType);
                Assert.Equal(["type", "title", "status", "detail", "code", "requestId"], names);
                Assert.Equal(answer.Headers["X-Request-Id"], answer.Json.GetProperty("requestId").GetString());
                break;
        }
    }

    private sealed class UnavailableDirectory : IDirectoryStore
    {
        private static LedgerUnavailableException Unavailable => new("The disk is away.");

        public ValueTask<bool> TryAddProfileAsync(AccountProfile profile, CancellationToken cancellationToken = default) => throw Unavailable;

        public ValueTask<AccountProfile?> FindProfileAsync(AccountId account, CancellationToken cancellationToken = default) => throw Unavailable;

        public ValueTask<bool> IsEmptyAsync(CancellationToken cancellationToken = default) => throw Unavailable;

        public ValueTask<AccountProfile?> UpdateProfileAsync(AccountId account, ProfileChange change, CancellationToken cancellationToken = default) => throw Unavailable;

        public ValueTask<KeyAddition> MakeKeyAsync(KeyMaking making, CancellationToken cancellationToken = default) => throw Unavailable;

        public ValueTask<KeptAnswer?> FindAnswerAsync(AccountId account, ReadOnlyMemory<byte> key, CancellationToken cancellationToken = default) => throw Unavailable;

        public ValueTask AddKeyAsync(ApiKey key, CancellationToken cancellationToken = default) => throw Unavailable;

        public ValueTask<ApiKey?> FindKeyAsync(ReadOnlyMemory<byte> hash, CancellationToken cancellationToken = default) => throw Unavailable;

        public ValueTask<IReadOnlyList<ApiKey>> ListKeysAsync(AccountId account, CancellationToken cancellationToken = default) => throw Unavailable;

        public ValueTask<bool> RevokeKeyAsync(AccountId account, string id, DateTimeOffset at, CancellationToken cancellationToken = default) => throw Unavailable;

        public ValueTask<IReadOnlyList<AccountProfile>> ListProfilesAsync(AccountId? after, int limit, CancellationToken cancellationToken = default) => throw Unavailable;

        public ValueTask<IReadOnlyList<ApiKey>> ListAllKeysAsync(string? afterId, int limit, CancellationToken cancellationToken = default) => throw Unavailable;

        public ValueTask ImportAsync(IReadOnlyList<AccountProfile> profiles, IReadOnlyList<ApiKey> keys, CancellationToken cancellationToken = default) => throw Unavailable;

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
