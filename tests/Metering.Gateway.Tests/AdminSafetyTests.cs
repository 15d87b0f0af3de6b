using System.Security.Cryptography;
using System.Text;
using Metering.Engine;
using Metering.Gateway.Admin;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Metering.Gateway.Tests;

/// <summary>What operators' requests must not do: keep a secret, take somebody else's for their own, lose what is shown once.</summary>
public sealed class AdminSafetyTests : IAsyncLifetime
{
    private const string Accounts = "/admin/v1/accounts";
    private static readonly string Pasted = "mtr_" + new string('a', 64);

    private GatewayHost host = null!;
    private TestCaller admin = null!;

    public async Task InitializeAsync()
    {
        host = await GatewayHost.StartAsync();
        admin = await host.AddKeyAsync(new("operator"), ApiKeyScopes.Admin);
    }

    public async Task DisposeAsync() => await host.DisposeAsync();

    [Fact]
    public async Task A_key_pasted_in_place_of_an_id_or_a_plan_is_neither_logged_nor_repeated()
    {
        var account = (await host.OpenAsync()).Account;
        foreach (var (status, answer) in new[]
        {
            (404, await admin.DeleteAsync($"{Accounts}/{account}/keys/{Pasted}")),
            (404, await admin.DeleteAsync($"{Accounts}/{account}/keys/key_0123")),
            (400, await admin.DeleteAsync($"{Accounts}/{Pasted}/keys/key_{new string('0', 24)}")),
            (400, await admin.PostAsync(Accounts, $$"""{"id": "{{Pasted}}", "plan": "starter"}""")),
            (400, await admin.PostAsync(Accounts, $$"""{"plan": "{{Pasted}}"}""")),
            (400, await admin.PostAsync($"{Accounts}/{account}/plan", $$"""{"plan": "{{Pasted}}"}""")),
        })
        {
            Assert.Equal(status, answer.Status);
            Assert.DoesNotContain(Pasted, answer.Json.GetProperty("detail").GetString(), StringComparison.Ordinal);
        }

        Assert.Empty(await host.Services.GetRequiredService<IAuditLog>().ListAsync(new()));
    }

    [Fact]
    public async Task A_secret_that_is_shown_once_is_shown_although_the_answer_cannot_be_kept()
    {
        var isAway = false;
        await using var failing = await GatewayHost.StartAsync(services => services.Tamper<IAnswerStore>(
            (_, method, _) => isAway && method.Name == nameof(IAnswerStore.CompleteAsync) ? throw new LedgerUnavailableException("The disk is away.") : null));
        var operatorKey = await failing.AddKeyAsync(new("operator"), ApiKeyScopes.Admin);
        var account = (await failing.OpenAsync()).Account;
        isAway = true;
        var made = await operatorKey.PostAsync($"{Accounts}/{account}/keys", """{"name": "Second"}""", "key-1");
        Assert.Equal(201, made.Status);
        Assert.StartsWith("mtr_", made.Json.GetProperty("key").GetString(), StringComparison.Ordinal);

        isAway = false;
        failing.Clock.Advance(TimeSpan.FromMinutes(1));
        var retry = await operatorKey.PostAsync($"{Accounts}/{account}/keys", """{"name": "Second"}""", "key-1");
        Assert.Equal((201, made.Json.GetProperty("id").GetString()), (retry.Status, retry.Json.GetProperty("id").GetString()));
    }

    [Theory]
    [InlineData("""{"id":"acme","plan":"starter","email":"bob@other.example"}""", 409)]
    [InlineData("""{"id":"acme","plan":"growth","email":"ann@acme.example"}""", 409)]
    [InlineData("""{"id":"acme","plan":"starter","email":"ann@acme.example","key":{"name":"Theirs"}}""", 409)]
    [InlineData("""{"id":"acme","plan":"starter","email":"ann@acme.example"}""", 201)]
    public async Task A_retry_of_a_request_that_broke_off_takes_only_its_own_account_for_its_own(string present, int status)
    {
        await BreakOffAsync(
            "key-1",
            "POST /admin/v1/accounts\n"
            + """{"id":"acme","email":"ann@acme.example","firstName":null,"lastName":null,"companyName":null,"companyWebsite":null,"plan":"starter","anchor":null,"paidThrough":null,"key":null}""");
        Assert.Equal(201, (await admin.PostAsync(Accounts, present, "key-2")).Status);
        host.Clock.Advance(TimeSpan.FromMinutes(1));
        var retry = await admin.PostAsync(Accounts, """{"id":"acme","plan":"starter","email":"ann@acme.example"}""", "key-1");
        Assert.Equal(status, retry.Status);
        Assert.True(status == 201 || retry.Code == "account_exists");
    }

    [Theory]
    [InlineData("""{"code":"SPRING","amount":5}""", 409)]
    [InlineData("""{"code":"SPRING","amount":25,"plans":["starter"]}""", 409)]
    [InlineData("""{"code":"SPRING","amount":25}""", 201)]
    public async Task A_retry_of_a_request_that_broke_off_takes_only_its_own_coupon_for_its_own(string present, int status)
    {
        await BreakOffAsync(
            "key-1",
            "POST /admin/v1/coupons\n"
            + """{"code":"SPRING","amount":25,"expiresAt":null,"bonusDays":null,"bonusExpiresAt":null,"maxRedemptions":null,"plans":null}""");
        Assert.Equal(201, (await admin.PostAsync("/admin/v1/coupons", present, "key-2")).Status);
        host.Clock.Advance(TimeSpan.FromMinutes(1));
        var retry = await admin.PostAsync("/admin/v1/coupons", """{"code":"SPRING","amount":25}""", "key-1");
        Assert.Equal(status, retry.Status);
        Assert.True(status == 201 ? retry.Json.GetProperty("createdAt").GetString() == "2026-05-01T00:00:00.000Z" : retry.Code == "coupon_exists");
    }

    [Fact]
    public async Task A_coupon_that_has_ended_since_is_the_first_answer_again()
    {
        const string Body = """{"code": "SHORT", "amount": 5, "expiresAt": "2026-05-01T01:00:00Z", "bonusExpiresAt": "2026-05-01T02:00:00Z"}""";
        var first = await admin.PostAsync("/admin/v1/coupons", Body, "key-1");
        host.Clock.Advance(TimeSpan.FromHours(3));
        var retry = await admin.PostAsync("/admin/v1/coupons", Body, "key-1");
        Assert.Equal((201, first.Body, true), (retry.Status, retry.Body, retry.IsReplay));
        Assert.Equal((400, "expiresAt"), await admin.PostAsync("/admin/v1/coupons", Body, "key-2") is var late ? (late.Status, late.Field) : default);
    }

    [Fact]
    public async Task A_first_sandbox_key_beside_another_one_is_made_as_well()
    {
        var isStale = false;
        await using var racing = await GatewayHost.StartAsync(services => services.Tamper<ISandboxStore>((_, method, _) =>
        {
            // As it was asked before the other request noted the sandbox.
            var answer = isStale && method.Name == nameof(ISandboxStore.FindTwinAsync) ? (object)new ValueTask<AccountId?>((AccountId?)null) : null;
            isStale &= answer is null;
            return answer;
        }));
        var operatorKey = await racing.AddKeyAsync(new("operator"), ApiKeyScopes.Admin);
        var account = (await racing.OpenAsync()).Account;
        const string Body = """{"name": "Test", "sandbox": true}""";
        Assert.Equal(201, (await operatorKey.PostAsync($"{Accounts}/{account}/keys", Body)).Status);
        isStale = true;
        Assert.Equal(201, (await operatorKey.PostAsync($"{Accounts}/{account}/keys", Body)).Status);
        Assert.False(isStale);
    }

    [Theory]
    [InlineData("javascript:80/alert(1)", 400)]
    [InlineData("acme.example:8080/a", 201)]
    [InlineData("https://acme.example", 201)]
    public async Task A_website_is_one_that_can_be_shown_as_a_link(string website, int status) =>
        Assert.Equal(status, (await admin.PostAsync(Accounts, $$"""{"plan": "starter", "companyWebsite": "{{website}}"}""")).Status);

    [Theory]
    [InlineData("/api/v1/settings/switch-database", """{"smbType": "other"}""")]
    [InlineData("/api/v1/ai/generate-keywords", """{"description": "Roof tiles"}""")]
    [InlineData("/admin/v1/accounts/{0}/erase", null)]
    public async Task A_malformed_idempotency_key_is_400_also_where_none_is_needed(string path, string? body)
    {
        var account = (await host.OpenAsync()).Account;
        var caller = await host.AddKeyAsync(account, ApiKeyScopes.Read | ApiKeyScopes.Spend | ApiKeyScopes.Admin);
        Assert.Equal(400, (await caller.PostAsync(path.Replace("{0}", account.Value, StringComparison.Ordinal), body, new string('x', 256))).Status);
        Assert.Equal(200, (await caller.PostAsync(path.Replace("{0}", account.Value, StringComparison.Ordinal), body, "key-1")).Status);
    }

    [Fact]
    public async Task A_directory_of_the_hosts_own_has_profiles_and_keys_without_sandboxes_and_settings()
    {
        await using var own = await GatewayHost.StartAsync(services => services.Tamper<IDirectoryStore>((_, _, _) => null));
        var caller = await own.OpenAsync();
        Assert.Equal(200, (await caller.GetAsync("/api/v1/me")).Status);
        Assert.Equal(200, (await caller.GetAsync("/api/v1/api-keys")).Status);
        Assert.Equal(503, (await caller.PostAsync("/api/v1/settings/switch-database", """{"smbType": "other"}""")).Status);
    }

    private async Task BreakOffAsync(string key, string request)
    {
        var now = host.Clock.GetUtcNow();
        await host.Services.GetRequiredService<IAnswerStore>().BeginAsync(
            "admin:operator",
            OnceKey.HashOf("admin:operator", key),
            SHA256.HashData(Encoding.UTF8.GetBytes(request)).AsSpan(0, 16).ToArray(),
            now,
            now);
    }
}
